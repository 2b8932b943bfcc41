-- The report: reading runs, grouping seeds, views, and that a picture shows what the log says.

local test <const> = ...
local made <const> = load(assert(host.read_file(test.dir .. "/support/report_runs.lua")),
    "@report_runs.lua")()

local batch <const> = require("report/batch")
local chart <const> = require("report/chart")
local looks <const> = require("report/looks")
local mistakes <const> = require("report/mistakes")
local norms <const> = require("report/norms")
local page <const> = require("report/page")
local runs <const> = require("report/runs")
local stat <const> = require("report/stat")
local training <const> = require("report/training")

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

-- Fails unless every drawn point is where the figure's points are, to the hundredth of a pixel.
local function expect_drawn(figure)
    local svg <const> = chart.svg(figure, function(text) return text end)
    assert(not svg:find("black") and svg:find("var(--ink)", 1, true), "axes keep their colour")
    local _, _, y_low <const>, y_high <const> = chart.ranges(figure)
    for k, series in ipairs(figure.series) do
        local points <const> = made.drawn(chart, figure, svg, k)
        test.equal(#points, #series.points, figure.id .. " series " .. k)
        for i, point in ipairs(points) do
            local wanted <const> = series.points[i]
            local step <const> = figure.y.log and 0.001 * wanted[2] or (y_high - y_low) / 5000
            if math.abs(point[2] - wanted[2]) > step then
                error(("%s series %d point %d: drawn at %g, expected %g"):format(figure.id, k, i,
                    point[2], wanted[2]))
            end
        end
    end
end

-- An axis shows all of a bar, from end to end of its width, and all of a band.
function tests.axes_show_bars_and_bands()
    local bars <const> = { x = {}, y = {}, series = {
        { style = "bars", width = 0.5, points = { { 1, 2 }, { 3, 4 } } },
    } }
    test.equal({ chart.ranges(bars) }, { 0.75, 3.25, 1.9, 4.1 })
    local band <const> = { x = {}, y = {}, series = {
        { points = { { 1, 2, 1, 3 }, { 3, 4, 3, 5 } } },
    } }
    test.equal({ chart.ranges(band) }, { 1, 3, 0.8, 5.2 })
end

-- -- Reading -------------------------------------------------------------------------------------

function tests.wrong_folders_are_told()
    made.install({ broken = made.log({ norm = "bn", acc = { 1 } }) .. "{\n" })
    test.raises({ "nowhere/log.jsonl: cannot be read: No such file or directory: expected a run "
        .. "folder, which `train` writes" }, runs.read, "nowhere")
    test.raises({ "broken/log.jsonl:4: not JSON: expected an event of a log" },
        runs.read, "broken")
    made.install({ empty = made.log({ norm = "bn", acc = {} }) })
    test.raises({ "empty/log.jsonl: no whole epoch: expected a run of at least one" }, runs.read,
        "empty")
end

function tests.a_run_named_twice_is_no_second_seed()
    local log <const> = made.log({ norm = "bn", acc = { 40 } })
    test.raises({ "a: named twice: expected each run once" }, groups_of, { a = log, b = log },
        { "a", "b", "a/" })
end

function tests.half_a_line_is_still_being_written()
    made.install({ a = made.log({ norm = "bn", acc = { 10, 20 } }) .. '{"event":"ep' })
    test.equal(#runs.read("a").epochs, 2)
end

function tests.seeds_make_a_group_and_recipes_do_not()
    local groups <const> = groups_of({
        a = made.log({ norm = "bn", seed = 1, acc = { 1 } }),
        b = made.log({ norm = "bn", seed = 2, acc = { 1 } }),
        c = made.log({ norm = "bn", seed = 1, lr = "0.2", acc = { 1 } }),
        d = made.log({ norm = "bn", seed = 1, acc = { 1 }, synthetic = true }),
        e = made.log({ norm = "ln", seed = 1, acc = { 1 } }),
    }, { "a", "b", "c", "d", "e" })
    test.equal(stat.map(groups, function(group) return group.label end), {
        "batch norm, lr 0.1, real data", "batch norm, lr 0.2, real data",
        "batch norm, SYNTHETIC", "layer norm, real data",
    })
    test.equal(stat.map(groups, function(group) return #group.runs end), { 2, 1, 1, 1 })
end

function tests.points_are_means_with_a_deviation()
    local groups <const> = two_norms()
    local function accuracy(run)
        return stat.map(run.epochs, function(epoch) return { epoch.epoch, epoch.test_acc } end)
    end
    local points <const> = runs.points(groups[1], accuracy)
    test.equal(#points, 3)
    test.equal({ points[2][1], points[2][2] }, { 2, 52.0 })
    assert(math.abs(points[2][4] - 52 - 8 ^ 0.5) < 1e-12 and points[2][3] + points[2][4] == 104)
    test.equal(runs.points(groups[2], accuracy)[1], { 1, 30.0 })
end

-- -- Views ---------------------------------------------------------------------------------------

function tests.partitions_cover_the_block_once()
    for _, case in ipairs({
        { { kind = "batch norm", shape = { 8, 4, 4 } }, { images = 16, channels = 1, count = 8 } },
        { { kind = "batch norm", shape = { 8, 4, 4 }, ghost = 2 },
            { images = 2, channels = 1, count = 64 } },
        { { kind = "group norm", shape = { 8, 4, 4 }, groups = 4 },
            { images = 1, channels = 2, count = 64 } },
        { { kind = "group norm", shape = { 8, 4, 4 }, groups = 1 },
            { images = 1, channels = 8, count = 16 } },
    }) do
        local part <const> = norms.partition(case[1], 16)
        test.equal(part, case[2])
        test.equal(part.images * part.channels * part.count, 16 * 8)
    end
end

function tests.norms_are_counted_and_worked_through()
    local view <const> = norms.view(two_norms())
    test.equal(view.blocks[2].rows, {
        { "batch norm", "16 x 1 x 4 x 4 = 256", "8", "16", "16", "16" },
        { "group norm", "1 x 2 x 4 x 4 = 32", "64", "128", "16", "0" },
    })
    test.equal(view.blocks[3].rows, {
        { "batch norm", "1 3 3 5", "3.000", "1.414", "(1 − 3.000) / 1.414 = -1.414" },
        { "group norm (here in 2 groups)", "1 3 5 7", "4.000", "2.236",
            "(1 − 4.000) / 2.236 = -1.342" },
    })
    test.equal(view.sentences[2]:sub(1, 17), "Under batch norm ")
    -- Cells lie in a grid, channels across and images down, with a line between two.
    test.equal(#view.blocks[1].pictures, 2)
    for _, block in ipairs(view.blocks[1].pictures) do
        local columns <const> = block.width // 11
        test.equal(#block.cells, columns * (block.height // 11))
        for i, cell in ipairs(block.cells) do
            test.equal({ cell.x, cell.y, cell.size },
                { (i - 1) % columns * 11, (i - 1) // columns * 11, 10 })
        end
    end
    local none <const> = norms.view(groups_of({ a = made.log({ norm = "none", acc = { 1 } }) },
        { "a" }))
    test.equal(none.blocks[1].rows[1][2], "no norm layers")
end

function tests.curves_are_drawn_as_logged()
    local view <const> = training.curves(two_norms())
    for _, figure in ipairs(view.blocks[1].figures) do
        expect_drawn(figure)
    end
    local accuracy <const> = view.blocks[1].figures[1]
    test.equal(accuracy.marks, { { 2.5, "rate 0.02" } })
    test.equal(accuracy.series[2].points, { { 1, 30.0 }, { 2, 47.0 }, { 3, 58.0 } })
    test.equal(accuracy.series[4].points[3], { 3, 56.75 })
    test.equal({ view.sentences[1], view.sentences[2] }, {
        "After the first epoch batch norm leads with 41.0 % test accuracy; group norm has 30.0 %.",
        "batch norm ends highest, at 61.00 % test accuracy.",
    })
end

function tests.scales_and_notes_keep_their_places()
    expect_drawn({
        id = "logarithms", title = "t", x = { label = "x", log = true },
        y = { label = "it's `y`", log = true },
        series = {
            { label = "a", color = 1, note = "a", points = { { 1, 1e-5 }, { 10, 2 }, { 100, 3 } } },
            { label = "b", color = 2, note = "b", points = { { 2, 0.5, 0.4, 0.7 }, { 50, 2.9 } } },
        },
    })
end

function tests.table_is_sorted_and_says_what_it_can()
    local view <const> = training.table(two_norms())
    local rows <const> = view.blocks[1].rows
    test.equal({ rows[1][1], rows[1][4], rows[2][1], rows[2][4] },
        { "batch norm", "61.00 ± 0.71", "group norm", "58.00" })
    test.equal(view.sentences[1], "batch norm stands 3.00 points above group norm, which without "
        .. "more seeds on both sides may be chance.")
    local sure <const> = training.table(groups_of({
        a1 = made.log({ norm = "bn", seed = 1, acc = { 60 } }),
        a2 = made.log({ norm = "bn", seed = 2, acc = { 61 } }),
        b1 = made.log({ norm = "gn", seed = 1, acc = { 50 } }),
        b2 = made.log({ norm = "gn", seed = 2, acc = { 51 } }),
    }, { "a1", "a2", "b1", "b2" })).sentences[1]
    assert(sure:find("14.1 times the standard error", 1, true), sure)
end

-- Two evaluated norms and one that is not.
local function evaluated()
    local bn <const>, bn_pixels <const> = made.evaluation({ 0, 1, 1, 1 }, { 0.5, 0, 1 }, { 25, 50 })
    local gn <const>, gn_pixels <const> = made.evaluation({ 1, 1, 1, 1 }, { 0, 0, 0 }, { 75, 75 })
    local files <const> = {
        ["a/eval.json"] = bn, ["a/eval_images.bin"] = bn_pixels,
        ["b/eval.json"] = gn, ["b/eval_images.bin"] = gn_pixels,
    }
    made.install({
        a = made.log({ norm = "bn", acc = { 50 } }), b = made.log({ norm = "gn", acc = { 60 } }),
        c = made.log({ norm = "ln", acc = { 40 } }),
    }, files)
    return runs.groups({ runs.read("a"), runs.read("b"), runs.read("c") })
end

function tests.mistakes_are_counted_and_shown()
    local view <const> = mistakes.view(evaluated())
    test.equal(view.sentences, {
        "On average dog is recognised best (100 %) and cat worst (25 %); the most frequent mistake "
            .. "is to take cat for dog, 75 % of the time.",
        "On 25.0 % of the test images the first runs of these 2 do not all give the same answer; "
            .. "25.0 % are wrong under every one of them.",
        "Without an evaluation: 1 run. `build/net_ln eval --model c/last.safetensors --out c` "
            .. "makes one.",
    })
    local figure <const>, matrices <const> = view.blocks[1].figures[1], view.blocks[2].matrices
    test.equal({ figure.series[1].points[1][2], figure.series[1].points[2][2] }, { 50.0, 100.0 })
    test.equal(stat.map(matrices[2].rows[1].cells, function(cell) return cell.text end),
        { "0", "100" })
    test.equal(view.blocks[4].pictures, {
        { png = host.png("\16", 1, 1, 1), lines = { "true cat", "says dog 0.90" } },
        { png = host.png("\32", 1, 1, 1), lines = { "true cat", "says dog 0.80" } },
    })
    test.equal(view.blocks[5].pictures, { {
        png = host.png("\16", 1, 1, 1),
        lines = { "true cat", "batch norm: cat 0.90", "group norm: dog 0.90" },
    } })
end

function tests.independence_is_in_deviations()
    local view <const> = batch.independence_view(evaluated())
    test.equal(view.blocks[1].figures[1].series[1].points, { { 1, 0.5 }, { 2, 0.25 }, { 3, 0.0 } })
    expect_drawn(view.blocks[1].figures[1])
    test.equal(view.blocks[2].rows[1],
        { "batch norm", "2 of 3", "0.250", "0.500", "0", "0 of 3", "0", "0", "0" })
    test.equal({ view.sentences[1], view.sentences[2], view.sentences[3] }, {
        "Replacing one image of a batch moves the logits of 2 of the 3 others under batch norm, by "
            .. "up to 0.500 standard deviations; no prediction changes.",
        "Under group norm no other image moves at all.",
        "At evaluation no image moves another under any of them.",
    })
end

function tests.batch_sizes_are_told_apart()
    local view <const> = batch.size_view(evaluated())
    local figure <const> = view.blocks[1].figures[1]
    test.equal(figure.series[1].points, { { 2, 25.0 }, { 4, 50.0 } })
    expect_drawn(figure)
    test.equal(view.sentences[3], "For group norm no batch size changes anything.")
    local ghosts <const> = batch.size_view(groups_of({
        a = made.log({ norm = "bn", acc = { 70 } }), b = made.log({ norm = "bn2", acc = { 50 } }),
        c = made.log({ norm = "bn8", acc = { 65 } }), d = made.log({ norm = "gn", acc = { 60 } }),
    }, { "a", "b", "c", "d" }))
    local lines <const> = ghosts.blocks[1].figures[1].series
    test.equal(stat.map(lines[1].points, function(point) return point[1] end), { 2, 8, 16 })
    test.equal(stat.map(lines[1].points, function(point) return point[2] end), { 50.0, 65.0, 70.0 })
    test.equal(lines[2].points, { { 2, 60.0 }, { 16, 60.0 } })
    test.equal(ghosts.sentences[1], "With statistics over 2 images batch norm ends at 50.00 %, "
        .. "over 16 at 70.00 %; it falls behind group norm with 2.")
    expect_drawn(ghosts.blocks[1].figures[1])
end

-- A batch norm with two looks, a network without norms with one, and a run without looks.
local function looked_into(none_loss)
    return groups_of({
        a = made.log({ norm = "bn", acc = { 50 }, extra = {
            made.look(1, { 0, 0.5, 0.25 }, 2, "1.5,1.75", "0.05,0.2"),
            made.look(9, { 0.125, 0.5, 0.5 }, 1, "0.9,null", "0.05,null"),
        } }),
        b = made.log({ norm = "none", acc = { 40 }, loss = none_loss, extra = {
            made.look(1, { 0.5, 0.5, 0.5 }, 2, "1,4", "0.2,0.3", true),
        } }),
        c = made.log({ norm = "gn", acc = { 40 } }),
    }, { "a", "b", "c" })
end

function tests.activations_are_those_of_the_looks()
    local view <const> = looks.inside_view(looked_into())
    test.equal({ view.sentences[1], view.sentences[2], view.sentences[3] }, {
        "Behind batch norm the means of channels are alike at step 0; the others scatter: groups "
            .. "of channels of an image by 0.50 and images by 0.25 deviations. At step 8, with "
            .. "learned scales and shifts, what was alike scatters: channels by 0.12 deviations.",
        "Under no norm no means are alike at step 0; they scatter: channels by 0.50, groups of "
            .. "channels of an image by 0.50 and images by 0.50 deviations.",
        "At the first look the gradient norms of the weight tensors reach from 0.250 to 0.500 "
            .. "under batch norm and 0.250 to 0.500 under no norm.",
    })
    test.equal(view.sentences[#view.sentences]:sub(1, 32), "Without a look inside: 1 run. `b")
    local histogram <const> = view.blocks[1].figures[1]
    test.equal(histogram.series[1].points, { { -0.75, 0.25 }, { 0.25, 0.75 }, { 0.75, 1.0 } })
    test.equal(#view.blocks[1].figures[2].series, 2)
    local scatter <const> = view.blocks[2].figures[1]
    test.equal(scatter.series[1].points, { { 0, 0.0 }, { 8, 0.125 } })
    test.equal(view.blocks[4].figures[2].series[1].points,
        { { 1, 0.025, 0.025, 0.025 }, { 2, 0.1, 0.1, 0.1 } })
    for _, block in ipairs(view.blocks) do
        for _, figure in ipairs(block.figures) do
            expect_drawn(figure)
        end
    end
end

function tests.smoothness_is_measured_along_the_walk()
    local view <const> = looks.smooth_view(looked_into())
    local figures <const> = view.blocks[1].figures
    test.equal(figures[1].series[1].points, { { 0, 2, 1.5, 2 }, { 8, 1, 0.9, 1 } })
    test.equal(figures[2].series[2].points, { { 0, 3.0 } })
    test.equal(figures[3].series[1].points, { { 0, 2.0 }, { 8, 1.0 } })
    test.equal({ view.sentences[1], view.sentences[2], view.sentences[3] }, {
        "For each unit of length along the gradient the gradient changes by a median of 1.00 under "
            .. "batch norm and 4.00 under no norm.",
        "By this measure the loss is smoother under batch norm than without a norm.",
        "At 1 place along the walks the loss was no finite number, which is left out.",
    })
    for _, figure in ipairs(figures) do
        expect_drawn(figure)
    end
end

function tests.what_has_learned_nothing_is_no_baseline()
    local found <const> = looked_into(2.3) -- that of guessing among 10
    test.equal(looks.smooth_view(found).sentences[2], "Without a norm nothing was learned here: "
        .. "the plateau where it began is flat, and no baseline.")
    test.equal(training.curves(found).sentences[3], "Under no norm nothing is learned: the "
        .. "training loss stays at 2.303, that of guessing.")
end

-- -- The page ------------------------------------------------------------------------------------

-- Small batch norms would crowd the views that compare norms.
function tests.ghosts_have_views_of_their_own()
    made.install({
        a = made.log({ norm = "bn", acc = { 70 } }), b = made.log({ norm = "bn4", acc = { 50 } }),
    })
    local text <const> = page.text({ "a", "b" })
    local function section(id)
        return text:match('<section id="' .. id .. '">(.-)</section>')
    end
    for id, shown in pairs({ norms = true, curves = false, ["table"] = true, inside = false }) do
        test.equal(section(id):find("batch norm over 4 images") ~= nil, shown, id)
    end
    assert(section("batch"):find("With statistics over 4 images batch norm ends at 50.00", 1, true))
    assert(page.text({ "b" }):find("batch norm over 4 images, test", 1, true))
end

function tests.page_escapes_and_marks()
    made.install({
        ["a & <b>"] = made.log({ norm = "bn", acc = { 40, 50 }, synthetic = true }),
    })
    local text <const> = page.text({ "a & <b>" })
    for _, part in ipairs({ "a &amp; &lt;b&gt;", "a &lt;cpu&gt;", "<title>SYNTHETIC: What ",
        '<p class="warning">SYNTHETIC' }) do
        assert(text:find(part, 1, true), "no " .. part)
    end
    test.equal(page.text({ "a & <b>" }), text)
end

function tests.held_out_images_are_told()
    made.install({
        a = made.log({ norm = "bn", acc = { 40, 50 } }),
        b = made.log({ norm = "gn", acc = { 40, 55 }, validates = true }),
    })
    local note <const> = '<p class="warning">Runs made with --validate'
    local text <const> = page.text({ "a", "b" })
    assert(text:find(note, 1, true) and text:find("<td>55.00</td>", 1, true))
    assert(not page.text({ "a" }):find(note, 1, true))
end

return tests
