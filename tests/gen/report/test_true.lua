-- Runs that do not do what one expects: whatever a page says of them has to be so.

local test <const> = ...
local made <const> = load(assert(host.read_file(test.dir .. "/support/report_runs.lua")),
    "@report_runs.lua")()

local batch <const> = require("report/views/batch")
local curves <const> = require("report/views/curves")
local evaluation <const> = require("report/views/evaluation")
local mistakes <const> = require("report/views/mistakes")
local opening <const> = require("report/views/opening")
local runs <const> = require("report/runs")
local smooth <const> = require("report/views/smooth")
local stat <const> = require("report/stat")
local values <const> = require("report/views/values")

local GUESSING <const> = 2.3 -- about the logarithm of ten classes

local tests <const> = {}

-- Groups of runs { norm = ..., acc = ..., ... }, one folder each.
local function groups_of(list, files)
    local logs <const>, folders <const> = {}, {}
    for i, options in ipairs(list) do
        folders[i] = "r" .. i
        logs[folders[i]] = made.log(options)
    end
    made.install(logs, files)
    return runs.groups(stat.map(folders, runs.read))
end

local function verdict_of(list)
    local groups <const> = groups_of(list)
    local main <const> = stat.map(groups, function(group)
        return not group.norm:find("^bn%d") and group or nil
    end)
    return opening.of(groups, main).verdict
end

-- -- Who is highest ------------------------------------------------------------------------------

function tests.a_ghost_that_wins_is_the_highest()
    local lines <const> = verdict_of({
        { norm = "bn", acc = { 70 } }, { norm = "bn4", acc = { 72.5 } },
        { norm = "gn", acc = { 65 } },
    }).lines
    test.equal(lines[2], "Highest with a norm: batch norm over 4 images, 72.50 % test accuracy; "
        .. "it ends 2.50 points above batch norm, which without more seeds of both may be chance.")
end

function tests.the_network_without_a_norm_may_win()
    local lines <const> = verdict_of({
        { norm = "none", acc = { 80 } }, { norm = "bn", acc = { 70 } },
    }).lines
    test.equal(lines[1], "Without a norm: 80.00 % test accuracy, and no norm ends higher here.")
    test.equal(lines[2], "Highest with a norm: batch norm, 70.00 % test accuracy.")
end

function tests.ties_are_level()
    local lines <const> = verdict_of({
        { norm = "bn", seed = 1, acc = { 60 } }, { norm = "bn", seed = 2, acc = { 60 } },
        { norm = "gn", seed = 1, acc = { 60 } }, { norm = "gn", seed = 2, acc = { 60 } },
    }).lines
    test.equal(lines[2], "Highest with a norm: batch norm, 60.00 ± 0.00 % test accuracy; it ends "
        .. "level with group norm.")
    local first <const> = curves.view(groups_of({
        { norm = "bn", acc = { 40.01, 50 } }, { norm = "gn", acc = { 40.02, 60 } },
    })).sentences[1]
    test.equal(first, "After the first epoch all stand at 40.0 % test accuracy.")
end

function tests.seeds_that_differ_more_than_norms_are_chance()
    local function second_line(a, b)
        local list <const> = {}
        for seed = 1, 3 do
            list[#list + 1] = { norm = "bn", seed = seed, acc = { a[seed] } }
            list[#list + 1] = { norm = "gn", seed = seed, acc = { b[seed] } }
        end
        return verdict_of(list).lines[2]
    end
    local chance <const> = second_line({ 60, 65, 70 }, { 59, 64, 69 })
    assert(chance:find("1.00 points above group norm, ± 4.08: seeds differ so much that it may be "
        .. "chance.", 1, true), chance)
    local sure <const> = second_line({ 70, 70.1, 70.2 }, { 60, 60.1, 60.2 })
    assert(sure:find("10.00 points above group norm, ± 0.08: more than chance among seeds "
        .. "explains.", 1, true), sure)
end

function tests.one_seed_has_no_error_bars()
    test.equal(verdict_of({ { norm = "bn", acc = { 70 } }, { norm = "gn", acc = { 65 } } }).note,
        "One seed each, so there are no error bars: differences may be chance.")
    local note <const> = verdict_of({ { norm = "bn", acc = { 70 } },
        { norm = "bn", seed = 2, acc = { 71 } }, { norm = "gn", acc = { 65 } } }).note
    assert(note:find("over the seeds, 1 to 2 each", 1, true), note)
end

-- -- What learned nothing ------------------------------------------------------------------------

local CHANCE <const> = { norm = "none", acc = { 10, 10 }, loss = GUESSING }

function tests.what_learned_nothing_is_said_and_not_drawn()
    local verdict <const> = verdict_of({ CHANCE, { norm = "bn", acc = { 60, 70 } } })
    test.equal(verdict.lines[1], "Without a norm: 10.00 % test accuracy; it learns nothing in "
        .. "these epochs.")
    local _, off <const> = verdict.svg:gsub("off the scale", "")
    test.equal(off, 1)
    local view <const> = curves.view(groups_of({ CHANCE, { norm = "bn", acc = { 60, 70 } } }))
    test.equal(stat.map(view.picture.figures[1].series, function(series) return series.label end),
        { "batch norm, test", "batch norm, train" })
    assert(view.picture.figures[1].caption:find("Not drawn: no norm, which learned nothing.", 1,
        true))
    test.equal(view.sentences[#view.sentences], "no norm ends at a training loss of 2.300, where "
        .. "guessing among 10 classes has 2.303: nothing is learned.")
end

-- A network at chance would press the others together on any axis that it shares with them.
function tests.what_learned_nothing_stretches_no_axis()
    local verdict <const> = verdict_of({ CHANCE, { norm = "bn", acc = { 70 } },
        { norm = "gn", acc = { 71 } } })
    local dots <const> = {}
    for title in verdict.svg:gmatch('<path class="dot".-<title>(.-)</title>') do
        dots[#dots + 1] = title
    end
    test.equal(dots, { "group norm: 71.00 %", "batch norm: 70.00 %" })
    assert(verdict.svg:find(">no norm<", 1, true) and verdict.svg:find(">10.0<", 1, true))
    local look <const> = made.look(1, { 0, 0.5, 0.25 }, 2, "1.5,1.75", "0.05,0.2")
    local view <const> = values.view(groups_of({
        { norm = "none", acc = { 10 }, loss = GUESSING, extra = { look } },
        { norm = "bn", acc = { 70 }, extra = { look } } }))
    test.equal(stat.map(view.picture.columns, function(column) return column.title end),
        { "batch norm, norm1" })
    assert(view.picture.caption:find("Not drawn: no norm, which learned nothing.", 1, true))
end

function tests.where_nothing_learns_nothing_is_praised()
    local lines <const> = verdict_of({ CHANCE,
        { norm = "bn", acc = { 10, 10 }, loss = GUESSING } }).lines
    test.equal(lines[2], "With a norm: none of these runs learned anything.")
    local view <const> = curves.view(groups_of({ CHANCE }))
    test.equal(#view.picture.figures[1].series, 2) -- there is nothing else to draw
    for _, sentence in ipairs(view.sentences) do
        assert(not sentence:find("training accuracy ends", 1, true), sentence)
    end
end

function tests.a_run_at_chance_does_not_flatten_batch_sizes()
    local view <const> = batch.view(groups_of({
        { norm = "bn", acc = { 70 } }, { norm = "bn4", acc = { 68 } },
        { norm = "bn2", acc = { 10 }, loss = GUESSING }, CHANCE, { norm = "gn", acc = { 65 } },
    }))
    local figure <const> = view.picture.figures[1]
    test.equal(stat.map(figure.series[1].points, function(point) return point[1] end), { 4, 16 })
    test.equal(#figure.series, 2)
    assert(figure.caption:find("Not drawn: batch norm over 2 images and no norm", 1, true))
    test.equal(view.sentences[2], "It ends above group norm with each of them.")
end

-- An untrained network says one class of everything, each time with a confidence of one in ten.
function tests.mistakes_are_those_of_networks_that_learned()
    local good <const> = made.evaluation({ 0, 1, 1, 1 }, { 0, 0, 0 }, { 75, 75 })
    local idle <const>, pixels <const> = made.evaluation({ 1, 1, 1, 1 }, { 0, 0, 0 }, { 50, 50 })
    local part <const> = mistakes.part(groups_of({ { norm = "bn", acc = { 75 } }, CHANCE }, {
        ["r1/eval.json"] = good, ["r2/eval.json"] = idle, ["r2/eval_images.bin"] = pixels,
    }))
    test.equal(part.sentences, {
        "dog is recognised best (100 %) and cat worst (50 %); the most frequent mistake is to take "
            .. "cat for dog, 50 % of the time.",
        "no norm learned nothing and is left out of this.",
    })
    for _, block in ipairs(part.blocks) do
        assert(block.kind ~= "pictures", "a gallery of an untrained network")
    end
    local alike <const> = mistakes.part(groups_of({ { norm = "bn", acc = { 75 } } }, {
        ["r1/eval.json"] = made.evaluation({ 0, 0, 1, 1 }, { 0, 0, 0 }, { 75, 75 }),
    }))
    test.equal(alike.sentences[1], "every class is recognised alike, 100 % of the time.")
end

function tests.evaluation_of_batch_norm_needs_one_that_learned()
    local files <const> = {
        ["r1/eval.json"] = made.evaluation({ 1, 1, 1, 1 }, { 0, 0, 0 }, { 50, 50 }),
    }
    local view <const> = evaluation.view(groups_of({
        { norm = "bn", acc = { 10 }, loss = GUESSING } }, files))
    test.equal(view.sentences, { "No batch norm that learned something is among these runs." })
    local steady <const> = made.evaluation({ 1, 1, 1, 1 }, { 0, 0, 0 }, { 75, 75 })
    local same <const> = evaluation.view(groups_of({ { norm = "bn", acc = { 75 } } },
        { ["r1/eval.json"] = steady }))
    test.equal(same.sentences[2], "batch norm recognises 75.0 % with the statistics of batches of "
        .. "any size and with its running averages alike.")
end

-- -- Training beside test ------------------------------------------------------------------------

function tests.training_accuracy_is_where_it_is()
    local function sentence(train, test_acc)
        return curves.view(groups_of({
            { norm = "bn", acc = { test_acc }, train = { train } } })).sentences[2]
    end
    assert(sentence(50, 60):find("ends 10.0 points below test accuracy", 1, true))
    test.equal(sentence(65, 60), "Under batch norm training accuracy ends 5.0 points above test "
        .. "accuracy.")
    test.equal(sentence(60.01, 60), "Under batch norm training accuracy ends level with test "
        .. "accuracy.")
    local two <const> = curves.view(groups_of({
        { norm = "bn", acc = { 60 }, train = { 70 } },
        { norm = "gn", acc = { 60 }, train = { 65 } } })).sentences[2]
    test.equal(two, "Under group norm training accuracy ends 5.0 points above test accuracy; "
        .. "nowhere is it less.")
end

-- -- Smoothness ----------------------------------------------------------------------------------

function tests.what_has_learned_nothing_is_no_baseline()
    local look <const> = made.look(1, { 0, 0.5, 0.25 }, 2, "1.5,1.75", "0.05,0.2")
    local function third(none)
        none.norm, none.extra = "none", { look }
        local rough <const> = made.look(1, { 0, 0, 0 }, 2, "1,1", "0.1,0.4")
        return smooth.view(groups_of({
            { norm = "bn", acc = { 50 }, extra = { rough } }, none })).sentences[3]
    end
    test.equal(third({ acc = { 10 }, loss = GUESSING }), "Without a norm nothing was learned, and "
        .. "a loss that stays where it began has no smoothness to compare with.")
    test.equal(third({ acc = { 50 } }),
        "By this measure the loss is not smoother under batch norm than without a norm.")
end

return tests
