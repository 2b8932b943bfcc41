-- The views of the report: their numbers, their pictures, and what they say of ordinary runs.

local test <const> = ...
local made <const> = load(assert(host.read_file(test.dir .. "/support/report_runs.lua")),
    "@report_runs.lua")()

local batch <const> = require("report/views/batch")
local chart <const> = require("report/chart")
local curves <const> = require("report/views/curves")
local evaluation <const> = require("report/views/evaluation")
local gradients <const> = require("report/views/gradients")
local image <const> = require("report/views/image")
local independence <const> = require("report/views/independence")
local looked <const> = require("report/looked")
local mistakes <const> = require("report/views/mistakes")
local opening <const> = require("report/views/opening")
local results <const> = require("report/views/results")
local runs <const> = require("report/runs")
local sharing <const> = require("report/views/sharing")
local smooth <const> = require("report/views/smooth")
local stat <const> = require("report/stat")
local values <const> = require("report/views/values")

local tests <const> = {}

local function groups_of(logs, folders)
    made.install(logs)
    return runs.groups(stat.map(folders, runs.read))
end

local function two_norms()
    return groups_of({
        a1 = made.log({ norm = "bn", seed = 1, acc = { 40, 50, 60.5 } }),
        a2 = made.log({ norm = "bn", seed = 2, acc = { 42, 54, 61.5 } }),
        b1 = made.log({ norm = "gn", seed = 1, acc = { 30, 47, 58 } }),
    }, { "a1", "b1", "a2/" })
end

local function expect_drawn(figure)
    made.expect_drawn(test, chart, figure)
end

-- -- Which numbers share a mean ------------------------------------------------------------------

function tests.the_example_is_worked_through_for_every_norm()
    local worked <const> = {}
    for _, kind in ipairs(sharing.KINDS) do
        local one <const> = sharing.worked(kind)
        worked[kind.norm] = { #one.values, one.mean, one.variance, one.result }
    end
    test.equal(worked, {
        bn = { 8, 2.5, 2.25, -1.0 }, ghost = { 4, 3.0, 2.0, -2 / 2 ^ 0.5 },
        gn = { 4, 4.0, 5.0, -3 / 5 ^ 0.5 }, ln = { 8, 4.5, 5.25, -3.5 / 5.25 ^ 0.5 },
        ["in"] = { 2, 2.0, 1.0, -1.0 },
    })
    local view <const> = sharing.view(two_norms())
    local panels <const> = view.picture.panels
    test.equal(stat.map(panels, function(panel) return panel.title end), { "batch norm",
        "batch norm over ghosts", "group norm", "layer norm", "instance norm" })
    test.equal(panels[1].lines, { "over one channel of all images of the batch",
        "mean = (1 + 3 + 3 + 5 + 0 + 2 + 2 + 4) / 8 = 2.5", "var = 2.25",
        "1 becomes (1 − 2.5) / √2.25 = −1" })
    -- As many cells are tinted as the first as there are in a set.
    test.equal(stat.map(panels, function(panel)
        return select(2, panel.svg:gsub('class="cell first"', ""))
    end), { 4, 2, 2, 4, 1 })
    for _, panel in ipairs(panels) do
        assert(panel.svg:find(">channels →<", 1, true) and panel.svg:find(">images →<", 1, true))
    end
end

function tests.norms_are_counted_in_this_network()
    local view <const> = sharing.view(two_norms())
    test.equal(view.numbers[1].rows, {
        { "batch norm", "16 x 1 x 4 x 4 = 256", "8", "16", "16", "16" },
        { "group norm", "1 x 2 x 4 x 4 = 32", "64", "128", "16", "0" },
    })
    test.equal({ view.sentences[2], view.sentences[3] }, {
        "In norm1 of this network, with 8 channels of 4 x 4 pixels, one mean is over 256 numbers "
            .. "under batch norm and 32 numbers under group norm.",
        "Under batch norm an image's result depends on the other images of its batch; under group "
            .. "norm every image is alone.",
    })
    local none <const> = sharing.view(groups_of({ a = made.log({ norm = "none", acc = { 1 } }) },
        { "a" }))
    test.equal({ none.numbers[1].rows[1][2], #none.sentences }, { "no norm layers", 1 })
end

-- -- Evaluations ---------------------------------------------------------------------------------

-- Two evaluated norms and one that is not.
local function evaluated()
    local bn <const>, bn_pixels <const> = made.evaluation({ 0, 1, 1, 1 }, { 0.5, 0, 1 }, { 25, 50 })
    local gn <const>, gn_pixels <const> = made.evaluation({ 1, 1, 1, 1 }, { 0, 0, 0 }, { 75, 75 })
    made.install({
        a = made.log({ norm = "bn", acc = { 50 } }), b = made.log({ norm = "gn", acc = { 60 } }),
        c = made.log({ norm = "ln", acc = { 40 } }),
    }, {
        ["a/eval.json"] = bn, ["a/eval_images.bin"] = bn_pixels,
        ["b/eval.json"] = gn, ["b/eval_images.bin"] = gn_pixels,
    })
    return runs.groups({ runs.read("a"), runs.read("b"), runs.read("c") })
end

-- Zero is white, the ends of the scale are full blue and red, in every map alike.
function tests.maps_have_one_scale()
    local view <const> = image.view(evaluated())
    local layer <const> = view.picture.layers[1]
    test.equal({ layer.title, layer.channels, view.picture.scale }, { "norm1", { 0, 4 }, "4.00" })
    local row <const> = layer.rows[2]
    test.equal(row.label, "group norm")
    test.equal({ row.sides[1].cells[2].text, row.sides[2].cells[1].text }, { "2.00", "0.00" })
    test.equal(row.sides[1].cells[2].png,
        host.png("\247\178" .. "\247\24" .. "\247\43", 3, 1, 2)) -- 0 and 4
    test.equal(row.sides[1].cells[2].alt, "group norm, channel 4 before norm1: mean 2.00")
    test.equal(view.sentences[2], "A norm moves the middle of the values to about zero: of these "
        .. "maps of norm1, 0 % before and 50 % behind batch norm and 0 % before and 50 % behind "
        .. "group norm are below zero (blue).")
end

function tests.mistakes_are_counted_and_shown()
    local part <const> = mistakes.part(evaluated())
    test.equal(part.sentences, {
        "On average over batch norm and group norm dog is recognised best (100 %) and cat worst "
            .. "(25 %); the most frequent mistake is to take cat for dog, 75 % of the time.",
        "On 25.0 % of the test images the first runs of these 2 do not all give the same answer; "
            .. "25.0 % are wrong under every one of them.",
    })
    test.equal(part.blocks[1].rows, { { "cat", "50.0", "0.0" }, { "dog", "100.0", "100.0" } })
    test.equal(stat.map(part.blocks[2].matrices[2].rows[1].cells, function(cell)
        return cell.text
    end), { "0", "100" })
    test.equal(part.blocks[4].pictures, {
        { png = host.png("\16", 1, 1, 1), lines = { "true cat", "says dog 0.90" } },
        { png = host.png("\32", 1, 1, 1), lines = { "true cat", "says dog 0.80" } },
    })
    test.equal(part.blocks[5].pictures, { {
        png = host.png("\16", 1, 1, 1),
        lines = { "true cat", "batch norm: cat 0.90", "group norm: dog 0.90" },
    } })
end

function tests.independence_is_in_deviations()
    local view <const> = independence.view(evaluated())
    local figure <const> = view.picture.figures[1]
    test.equal(figure.series[1].points, { { 1, 0.5 }, { 2, 0.25 }, { 3, 0.0 } })
    expect_drawn(figure)
    test.equal(view.numbers[1].rows[1],
        { "batch norm", "2 of 3", "0.250", "0.500", "0", "0 of 3", "0", "0", "0" })
    test.equal(view.sentences, {
        "Under batch norm one replaced image moves the outputs of 2 of the 3 others, by up to "
            .. "0.500 standard deviations; no prediction changes.",
        "Under group norm no other image moves at all.",
        "At evaluation no image moves another under any of them.",
    })
end

function tests.evaluation_is_measured()
    local view <const> = evaluation.view(evaluated())
    local figure <const> = view.picture.figures[1]
    test.equal(figure.series[1].points, { { 2, 25.0 }, { 4, 50.0 } })
    test.equal(figure.series[2].points, { { 2, 75.0 }, { 4, 75.0 } })
    expect_drawn(figure)
    test.equal({ view.sentences[2], view.sentences[3] }, {
        "With the statistics of batches of 2 batch norm recognises 25.0 %, of batches of 4 50.0 %, "
            .. "and with its running averages 75.0 %.",
        "For group norm no batch size changes anything.",
    })
end

function tests.batch_sizes_are_one_line()
    local view <const> = batch.view(groups_of({
        a = made.log({ norm = "bn", acc = { 70 } }), b = made.log({ norm = "bn2", acc = { 50 } }),
        c = made.log({ norm = "bn8", acc = { 65 } }), d = made.log({ norm = "gn", acc = { 60 } }),
    }, { "a", "b", "c", "d" }))
    local series <const> = view.picture.figures[1].series
    test.equal(stat.map(series[1].points, function(point) return point[1] end), { 2, 8, 16 })
    test.equal(stat.map(series[1].points, function(point) return point[2] end),
        { 50.0, 65.0, 70.0 })
    test.equal(series[2].points, { { 2, 60.0 }, { 16, 60.0 } })
    test.equal(view.sentences, {
        "With statistics over so many images batch norm ends at 50.0 % over 2, 65.0 % over 8 and "
            .. "70.0 % over 16; the highest is over 16.",
        "It ends below group norm (60.0 %) with 2.",
    })
    expect_drawn(view.picture.figures[1])
end

-- -- Trainings -----------------------------------------------------------------------------------

function tests.curves_are_drawn_as_logged()
    local view <const> = curves.view(two_norms())
    local accuracy <const> = view.picture.figures[1]
    expect_drawn(accuracy)
    expect_drawn(view.numbers[1].figures[1])
    test.equal(accuracy.marks, { { 2.5, "rate 0.02" } })
    test.equal(accuracy.series[2].points, { { 1, 30.0 }, { 2, 47.0 }, { 3, 58.0 } })
    test.equal(accuracy.series[4].points[3], { 3, 56.75 })
    test.equal(accuracy.series[1].note, "batch norm 61.0")
    test.equal(view.sentences, {
        "After the first epoch batch norm leads with 41.0 % test accuracy; group norm has 30.0 %.",
        "Under batch norm training accuracy ends 1.2 points below test accuracy. It is counted "
            .. "during the epoch, while the parameters still move; nothing of this happens to test "
            .. "images.",
    })
end

function tests.training_images_as_test_images()
    local view <const> = curves.view(groups_of({
        a = made.log({ norm = "bn", acc = { 60 }, extra = {
            '{"event":"training_set","step":4,"images":100,"loss":1,"acc":62.5}' } }),
    }, { "a" }))
    test.equal(view.sentences[3], "Treated as test images are, training images reach 62.5 % under "
        .. "batch norm, 2.5 points above test accuracy.")
end

function tests.results_are_sorted()
    local groups <const> = two_norms()
    local rows <const> = results.table(groups).rows
    test.equal({ rows[1][1], rows[1][4], rows[2][1], rows[2][4] },
        { "batch norm", "61.00 ± 0.71", "group norm", "58.00" })
    test.equal(results.distance(groups[2], groups[1]), "group norm ends 3.00 points below batch "
        .. "norm, which without more seeds of both may be chance")
end

function tests.commands_are_those_that_were_typed()
    local run <const> = two_norms()[1].runs[2]
    run.start.settings.shuffle = { value = false, source = "option" }
    run.start.settings.max_steps = { value = 7, source = "option" }
    run.start.settings.out = { value = "a2", source = "option" }
    test.equal((opening.command(run)), "build/net_bn train --max-steps 7 --seed 2 --no-shuffle")
end

-- -- Looks ---------------------------------------------------------------------------------------

-- A batch norm with two looks, a network without norms with one, and a run without looks.
local function looked_into()
    return groups_of({
        a = made.log({ norm = "bn", acc = { 50 }, images = 64, extra = {
            made.look(1, { 0, 0.5, 0.25 }, 2, "1.5,1.75", "0.05,0.2"),
            made.look(9, { 0.125, 0.5, 0.5 }, 1, "0.9,null", "0.05,null"),
        } }),
        b = made.log({ norm = "none", acc = { 40 }, images = 64, extra = {
            made.look(1, { 0.5, 0.5, 0.5 }, 2, "1,4", "0.2,0.3", true),
        } }),
        c = made.log({ norm = "gn", acc = { 40 } }),
    }, { "a", "b", "c" })
end

function tests.values_are_those_of_the_looks()
    local view <const> = values.view(looked_into())
    test.equal(stat.map(view.picture.columns, function(column) return column.title end),
        { "batch norm, norm1", "no norm, norm1" })
    test.equal(view.sentences, {
        "Values that go into the middle norm, norm1 (grey) and come out of it (coloured), on the "
            .. "same axes.",
        "Under batch norm their deviation is 1.00 before the first step and 1.00 after 2 epochs.",
    })
    test.equal(view.numbers[1].rows[4],
        { "batch norm", "after 2 epochs", "behind it", "0.00", "1.00", "10" })
    test.equal(view.numbers[2].rows[1],
        { "batch norm", "channels", "0.00", "0.12", "0.25", "0.25" })
    -- An empty bin is drawn on the axis, the fullest the highest: 4 of 10 values in 0.5 units.
    local path <const> = view.picture.columns[1].svg:match('class="behind" d="([^"]*)"')
    local heights <const> = {}
    for y in path:gmatch("L[%d.]+,([%d.]+)") do
        heights[#heights + 1] = tonumber(y)
    end
    test.equal({ heights[3], heights[7] }, { 80, 6 })
    assert(math.abs((80 - heights[1]) / (80 - heights[7]) - 0.5) < 0.01) -- 1 beside 4, as roots
end

function tests.gradients_stand_at_their_tensors()
    local found <const> = looked.of(looked_into())
    local figures <const> = gradients.figures(found)
    test.equal(figures[2].series[1].points, { { 1, 0.025 }, { 2, 0.1 } })
    test.equal(stat.map(figures[1].series, function(series) return series.style end),
        { "points", "points" })
    test.equal(gradients.sentence(found), "At the first look the gradient norms of the weight "
        .. "tensors reach from 0.250 to 0.500 under batch norm and 0.250 to 0.500 under no norm.")
end

function tests.smoothness_is_measured_along_the_walk()
    local view <const> = smooth.view(looked_into())
    local change <const>, more <const> = view.picture.figures[1], view.numbers[1].figures
    test.equal(change.series[1].points, { { 0.0, 2.0 }, { 2.0, 1.0 } })
    test.equal(more[1].series[1].points, { { 0.0, 2, 1.5, 2 }, { 2.0, 1, 0.9, 1 } })
    test.equal(more[2].series[2].points, { { 0.0, 3.0 } })
    test.equal(change.x.label, "epochs")
    test.equal({ view.sentences[2], view.sentences[3], view.sentences[4] }, {
        "For each unit of length it changes by a median of 1.00 under batch norm and 4.00 under no "
            .. "norm.",
        "By this measure the loss is smoother under batch norm than without a norm.",
        "At 1 place along the walks the loss was no finite number, which is left out.",
    })
    for _, figure in ipairs({ change, more[1], more[2] }) do
        expect_drawn(figure)
    end
end

return tests
