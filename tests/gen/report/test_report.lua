-- The report: reading runs, grouping seeds, charts, and the page as a whole.

local test <const> = ...
local made <const> = load(assert(host.read_file(test.dir .. "/support/report_runs.lua")),
    "@report_runs.lua")()

local chart <const> = require("report/chart")
local norms <const> = require("report/norms")
local page <const> = require("report/page")
local runs <const> = require("report/runs")
local stat <const> = require("report/stat")
local svg <const> = require("report/svg")

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

-- -- Charts --------------------------------------------------------------------------------------

function tests.axes_show_points_and_bands()
    local points <const> = { x = {}, y = {}, series = { { points = { { 1, 2 }, { 3, 4 } } } } }
    test.equal({ chart.ranges(points) }, { 1, 3, 1.9, 4.1 })
    local band <const> = { x = {}, y = {}, series = {
        { points = { { 1, 2, 1, 3 }, { 3, 4, 3, 5 } } },
    } }
    test.equal({ chart.ranges(band) }, { 1, 3, 0.8, 5.2 })
    local narrow <const> = { x = {}, y = { log = true }, series = { { points = { { 1, 1 } } } } }
    test.equal({ select(3, chart.ranges(narrow)) }, { 1 / 10 ^ 0.5, 10 ^ 0.5 })
end

-- Whole epochs stand at whole numbers; all ticks of an axis have as many digits.
function tests.ticks_are_where_they_should_be()
    local function texts(axis, low, high, most)
        return stat.map(chart.ticks(axis, low, high, most), function(tick) return tick[2] end)
    end
    test.equal(texts({ whole = true }, 0, 2, 5), { "0", "1", "2" })
    test.equal(texts({}, 0, 2, 5), { "0.0", "0.5", "1.0", "1.5", "2.0" })
    test.equal(texts({}, -1, 1, 4), { "−1.0", "−0.5", "0.0", "0.5", "1.0" })
    test.equal(texts({ log = true }, 0.04, 3, 6), { "0.1", "1" })
    test.equal(texts({ log = true }, 0.4, 3, 6), { "0.5", "1", "2" })
    test.equal(texts({ ticks = { { 1, "a" } } }, 0, 2, 5), { "a" })
end

function tests.scales_and_notes_keep_their_places()
    made.expect_drawn(test, chart, {
        id = "logarithms", title = "t", x = { label = "x", log = true },
        y = { label = "it's `y`", log = true },
        series = {
            { label = "a", color = 1, note = "a", points = { { 1, 1e-5 }, { 10, 2 }, { 100, 3 } } },
            { label = "b", color = 2, note = "b", points = { { 2, 0.5, 0.4, 0.7 }, { 50, 2.9 } } },
        },
    })
end

-- Names stand at the ends of their lines, whole, and none on another; where they have no room there
-- is a legend. Points have tooltips.
function tests.series_are_named_on_the_chart()
    local function figure_of(names)
        return { id = "f", title = "t", x = { label = "x" }, y = { label = "y" },
            series = stat.map(names, function(name)
                return { label = name, note = name, color = 1, points = { { 0, 1 }, { 1, 2 } } }
            end) }
    end
    local long <const> = "a name of a norm that is longer than any line <of it>"
    local drawn <const> = chart.svg(figure_of({ "one", "two", long }))
    local at <const>, words <const> = {}, {}
    for y, text in drawn:gmatch('<text class="note" x="[^"]*" y="([^"]*)"[^>]*>([^<]*)</text>') do
        at[#at + 1] = tonumber(y)
        words[#words + 1] = text
    end
    table.sort(at)
    for i = 2, #at do
        assert(at[i] - at[i - 1] >= 13.9, "notes " .. at[i - 1] .. " and " .. at[i])
    end
    local all <const> = table.concat(words, " ")
    assert(all:find(svg.escape(long), 1, true) and all:find("two", 1, true), all)
    assert(drawn:find("<title>two, x 1.00: 2.00</title>", 1, true), "no tooltip")
    assert(chart.names_itself(figure_of({ "one" })))
    local many <const> = figure_of({ long, long, long, long, long, long })
    assert(not chart.names_itself(many) and not chart.svg(many):find('class="note"', 1, true))
end

-- More lines than colours could not be told apart: the later ones are named, not drawn.
function tests.no_chart_has_more_series_than_colours()
    local series <const> = {}
    for i = 1, 8 do
        series[i] = { label = "n" .. i, color = i, points = { { 1, i } } }
    end
    local figure <const> = chart.drawable({ { x = {}, y = {}, series = series } })[1]
    test.equal({ #figure.series, figure.left_out }, { 6, { "n7", "n8" } })
end

function tests.numbers_of_a_figure_have_no_gaps()
    local axis <const> = { label = "x", names = { [1] = "one" } }
    test.equal(chart.rows({ x = axis, y = { label = "y" }, series = {
        { label = "a", points = { { 1, 5 }, { 2, 6 } } },
        { label = "b", points = { { 1, 7 }, { 2, 8 } } },
    } }), { { "x", "a", "b" }, { "one", "5", "7" }, { "2", "6", "8" } })
    test.equal(chart.rows({ x = axis, y = { label = "y" }, series = {
        { label = "a", points = { { 1, 5 }, { 2, 6 } } },
        { label = "b", points = { { 3, 7 } } },
        { label = "c", level = true, points = { { 1, 9 }, { 3, 9 } } },
    } }), { { "series", "x", "y" }, { "a", "one", "5" }, { "a", "2", "6" }, { "b", "3", "7" },
        { "c", "any", "9" } })
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

-- -- The page ------------------------------------------------------------------------------------

function tests.partitions_cover_the_block_once()
    for _, case in ipairs({
        { { kind = "batch norm", shape = { 8, 4, 4 } },
            { images = 16, channels = 1, h = 4, w = 4, count = 8 } },
        { { kind = "batch norm", shape = { 8, 4, 4 }, ghost = 2 },
            { images = 2, channels = 1, h = 4, w = 4, count = 64 } },
        { { kind = "batch norm", shape = { 8, 4, 4 }, ghost = 32 },
            { images = 16, channels = 1, h = 4, w = 4, count = 8 } },
        { { kind = "group norm", shape = { 8, 4, 4 }, groups = 4 },
            { images = 1, channels = 2, h = 4, w = 4, count = 64 } },
        { { kind = "group norm", shape = { 8, 4, 4 }, groups = 1 },
            { images = 1, channels = 8, h = 4, w = 4, count = 16 } },
        { { kind = "layer norm", shape = { 8, 4, 4 }, groups = 1 },
            { images = 1, channels = 8, h = 1, w = 1, count = 256 } },
        { { kind = "RMS norm", shape = { 8, 4, 4 }, groups = 1 },
            { images = 1, channels = 8, h = 1, w = 1, count = 256 } },
        { { kind = "image RMS norm", shape = { 8, 4, 4 }, groups = 1 },
            { images = 1, channels = 8, h = 4, w = 4, count = 16 } },
    }) do
        local part <const> = norms.partition(case[1], 16)
        test.equal(part, case[2])
        test.equal(part.images * part.channels * part.h * part.w * part.count, 16 * 8 * 16)
    end
end

-- What the seeds say: chance is the answer unless Student's t has another.
function tests.differences_are_weighed_by_their_seeds()
    local function compared(a, b)
        local logs <const>, folders <const> = {}, {}
        for norm, list in pairs({ bn = a, gn = b }) do
            for seed, acc in ipairs(list) do
                logs[norm .. seed] = made.log({ norm = norm, seed = seed, acc = { acc } })
                folders[#folders + 1] = norm .. seed
            end
        end
        table.sort(folders)
        local groups <const> = groups_of(logs, folders)
        return runs.compare(groups[1], groups[2], runs.final_accuracy)
    end
    test.equal(compared({ 60 }, { 50, 51 }), { apart = 9.5, known = false, sure = false })
    test.equal(compared({ 60, 61 }, { 50, 51 }).sure, true) -- 14 standard errors, of 12.7
    test.equal(compared({ 60, 62 }, { 50, 52 }).sure, false) -- 7 of them
    test.equal(compared({ 60, 61, 62 }, { 57, 58, 59 }).sure, false) -- 3.7, of 4.3
    test.equal(compared({ 60, 60 }, { 60, 60 }).sure, false)
end

-- Small batch norms would crowd the views that compare norms.
function tests.ghosts_have_views_of_their_own()
    made.install({
        a = made.log({ norm = "bn", acc = { 70 } }), b = made.log({ norm = "bn4", acc = { 50 } }),
    })
    local text <const> = page.text({ "a", "b" })
    local function section(id)
        return text:match('<section id="' .. id .. '".->(.-)</section>')
    end
    for id, shown in pairs({ curves = false, ["table"] = true, smooth = false, verdict = true }) do
        test.equal(section(id):find("batch norm over 4 images") ~= nil, shown, id)
    end
    assert(section("batch"):find("ends at 50.0 % over 4 and 70.0 % over 16", 1, true))
    assert(page.text({ "b" }):find("batch norm over 4 images, test, epoch 1", 1, true))
end

-- The eight views are there whatever was measured; what is missing is said, with what to type.
function tests.a_lesson_has_eight_views_and_a_head()
    made.install({ a = made.log({ norm = "gn", acc = { 40, 50 } }) })
    local text <const> = page.text({ "a" })
    local ids <const> = {}
    for id in text:gmatch('<section id="(.-)"') do
        ids[#ids + 1] = id
    end
    test.equal(ids, { "why", "verdict", "what", "sharing", "image", "values", "curves",
        "evaluation", "batch", "independence_view", "smooth", "table" })
    for _, part in ipairs({ "y = γ (x − mean) / √(var + ε) + β", "eval --model a/last.safetensors",
        "train --probe auto", "build/net_gn train --seed 1", "<dd>2026-01-01</dd>",
        "<dd>burin 1; c, a &lt;cpu&gt;</dd>",
        '<li class="norm" title="group norm, 8 x 4 x 4">norm1<small>8 x 4 x 4</small></li>',
        '<div id="tool" class="tool" hidden="hidden">' }) do
        assert(text:find(part, 1, true), "no " .. part)
    end
    assert(not text:find("<details open", 1, true))
    assert(page.text({ "a" }, true):find('<details open="open">', 1, true))
end

-- Two networks, or one norm with two recipes, are no lesson about norms.
function tests.unrelated_runs_are_compared_soberly()
    local function page_of(first, second)
        made.install({ a = made.log(first), b = made.log(second) })
        return page.text({ "a", "b" })
    end
    for _, other in ipairs({
        { norm = "gn", acc = { 60 }, model = "other" },
        { norm = "bn", acc = { 60 }, lr = "0.2" },
        { norm = "gn", acc = { 60 }, synthetic = true },
    }) do
        local text <const> = page_of({ norm = "bn", acc = { 50 } }, other)
        assert(text:find("A comparison of 2 runs", 1, true))
        for _, id in ipairs({ "sharing", "verdict", "smooth" }) do
            assert(not text:find('<section id="' .. id, 1, true), id)
        end
        for _, id in ipairs({ "table", "curves", "settings" }) do
            assert(text:find('<section id="' .. id, 1, true), id)
        end
    end
    local text <const> = page_of({ norm = "bn", acc = { 50 } },
        { norm = "bn", acc = { 60 }, lr = "0.2" })
    local cells <const> = text:gsub(' data%-name="[^"]*"', "")
    assert(cells:find("<td>lr</td>\n<td>0.1</td>\n<td>0.2</td>", 1, true), "no differing rate")
    assert(not cells:find("<td>batch</td>", 1, true), "a setting in which they agree")
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
    assert(text:find(note, 1, true) and text:find(">55.00</td>", 1, true))
    assert(not page.text({ "a" }):find(note, 1, true))
end

return tests
