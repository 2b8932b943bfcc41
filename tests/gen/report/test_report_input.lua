-- What a run folder may hold: every field of every event and of eval.json, spoilt in every way,
-- gives a page or one message that names file and line, and never a traceback.

local test <const> = ...
local made <const> = load(assert(host.read_file(test.dir .. "/support/report_runs.lua")),
    "@report_runs.lua")()

local curves <const> = require("report/views/curves")
local page <const> = require("report/page")
local runs <const> = require("report/runs")

local tests <const> = {}

-- What a value becomes, as JSON; false takes it away.
local SPOILT <const> = {
    false, "null", "true", '"abc"', '""', "-1", "0", "1.5", "1e300", "-1e300", "1e400", "-1e400",
    "1e-320", "[]", "{}", '[[1],"x"]', '{"a":{"b":[1]}}',
}

-- What may be absent.
local OPTIONAL <const> = {
    memory_mb = true, data = true, groups = true, after = true, update = true, seed = true,
    lr = "settings", schedule = true, dropout = true, program = true, date = true,
    train_images = true, source = "settings", outside = true, maps = "%.maps$",
    pixels = true,
}

-- -- JSON ----------------------------------------------------------------------------------------

local function sorted(value)
    local keys <const> = {}
    for key in pairs(value) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

-- The JSON of a value; what stands at `target` = { table, key } becomes `text`, or goes for false.
local function encode(value, target, text)
    if type(value) == "string" then
        return '"' .. value .. '"'
    elseif type(value) ~= "table" then
        return value and tostring(value) or "null"
    end
    local parts <const>, is_list <const> = {}, #value > 0 or next(value) == nil
    for _, key in ipairs(sorted(value)) do
        local spoilt <const> = target and target[1] == value and target[2] == key
        local words <const> = not spoilt and encode(value[key], target, text) or text
        parts[#parts + 1] = words and (is_list and "" or '"' .. key .. '":') .. words or nil
    end
    return (is_list and "[%s]" or "{%s}"):format(table.concat(parts, ","))
end

-- Calls f(table, key, path) for every value in a table; of lists, the first two entries.
local function each_value(value, f, path)
    for _, key in ipairs(sorted(value)) do
        if key ~= "event" and (not math.type(key) or key <= 2) then
            local deeper <const> = path .. "." .. key
            f(value, key, deeper)
            if type(value[key]) == "table" then
                each_value(value[key], f, deeper)
            end
        end
    end
end

-- -- Reports -------------------------------------------------------------------------------------

-- gnuplot would take minutes; what it is told must be finite.
local function without_gnuplot()
    rawset(host, "gnuplot", function(script)
        assert(not script:find("%f[%w]nan%f[%W]") and not script:find("%f[%w]inf%f[%W]"), script)
        return '<g id="gnuplot_canvas">\n</g>\n</svg>'
    end)
end

-- nil when a page of folder a comes about, or the message; raises where that is no message.
local function report(log, evaluation, pixels)
    made.install({ a = log }, { ["a/eval.json"] = evaluation, ["a/eval_images.bin"] = pixels })
    local ok <const>, problem <const> = pcall(page.text, { "a" })
    if ok then
        assert(not problem:find('[dxy]="[^"]*%f[%w][ni][an][nf]'), "a coordinate that is no number")
        return nil
    end
    assert(type(problem) == "table" and problem.kind == "failed" and #problem.messages == 1,
        problem)
    return problem.messages[1]
end

local EVALUATION <const>, PIXELS <const> =
    made.evaluation({ 0, 1, 1, 1 }, { 0.5, 0, 1 }, { 25, 50 })

local function whole_log()
    return made.log({ norm = "gn", acc = { 50, 60 }, synthetic = true, extra = {
        made.look(1, { 0, 0.5, 0.25 }, 2, "1.5,1.75", "0.05,0.2"),
        '{"event":"step","step":1,"loss":2.25}', '{"event":"of later","x":1}',
        made.look(9, { 0.125, 0.5, 0.5 }, 1, "0.9,null", "0.05,null"),
    } })
end

-- Spoils every value of one JSON text but its "event"; rest(text) makes a log and an evaluation of
-- it. Each answer that is a message begins with `where`. unread: patterns of the paths that no view
-- reads, so that anything may stand there.
local function spoil(json, where, unread_paths, rest)
    without_gnuplot()
    local value <const> = host.json(json)
    local count = 0
    each_value(value, function(of, key, path)
        local unread = false
        for _, pattern in ipairs(unread_paths) do
            unread = unread or path:find(pattern) ~= nil
        end
        for _, text in ipairs(SPOILT) do
            local log <const>, evaluation <const> = rest(encode(value, { of, key }, text))
            local ok <const>, message <const> = pcall(report, log, evaluation, PIXELS)
            local what <const> = ("%s = %s: %s"):format(path, text, tostring(message))
            assert(ok, what)
            assert(not message or message:sub(1, #where) == where, what)
            local wrong <const> = text and text:find('"a"', 1, true)
            local needed <const> = text == false and math.type(key) == nil
                and not (OPTIONAL[key] and (OPTIONAL[key] == true or path:find(OPTIONAL[key])))
            if unread then
                assert(not message, what)
            elseif wrong or needed then
                assert(message and message:find(": expected ", 1, true), what)
            end
            count = count + 1
        end
    end, "")
    assert(count > 100, "hardly anything was spoilt")
end

-- Spoils the n-th line of the log; messages name it, unless `where` is what they begin with.
local function spoil_line(n, unread, where)
    local lines <const> = {}
    for line in whole_log():gmatch("[^\n]+") do
        lines[#lines + 1] = line
    end
    spoil(lines[n], where or ("a/log.jsonl:%d: "):format(n), unread, function(json)
        local kept <const> = lines[n]
        lines[n] = json
        local log <const> = table.concat(lines, "\n") .. "\n"
        lines[n] = kept
        return log, EVALUATION
    end)
end

-- -- Tests ---------------------------------------------------------------------------------------

function tests.nothing_in_a_start_is_a_traceback()
    spoil_line(1, { "%.inputs" })
end

function tests.nothing_in_an_epoch_is_a_traceback()
    spoil_line(2, { "^%.images_per_s$", "^%.data$" })
end

-- Where the looks then differ in their norms, it is the later one that does not fit.
function tests.nothing_in_a_first_look_is_a_traceback()
    spoil_line(4, { "^%.images$", "%.kind$" }, "a/log.jsonl:")
end

function tests.nothing_in_a_later_look_is_a_traceback()
    spoil_line(7, { "^%.images$", "%.kind$" })
end

function tests.nothing_in_an_evaluation_is_a_traceback()
    spoil(EVALUATION, "a/eval", { "^%.independence%.images$" }, function(json)
        return whole_log(), json
    end)
end

function tests.mistakes_are_told_by_line_and_field()
    without_gnuplot()
    local function refused(from, to)
        local log <const>, count <const> = whole_log():gsub(from, to, 1)
        test.equal(count, 1, from)
        return report(log, EVALUATION, PIXELS)
    end
    for _, case in ipairs({
        { '"lr":0.1,', '"lr":"abc",', '2: epoch: lr: "abc": expected a number from 0 to 1e+100' },
        { '"norm":"gn"', '"norm":"xn"', '1: start: norm: "xn": expected bn, gn, ln, in, cn, rms, '
            .. "none, bn1 to bn9999 or gn1 to gn9999" },
        { '"groups":4', '"groups":3', "1: start: layers[2].groups: 3: expected a divisor of its 8 "
            .. "channels" },
        { '"batch":{"value":16}', '"batch":{"value":"x"}', '1: start: settings.batch: "x": '
            .. "expected an integer from 1 to 1048576 as its value" },
        { '"losses":%[1.5,1.75%]', '"losses":[1.5]', "4: probe: walk.losses: a list of 1: expected "
            .. "as many as lengths, 2" },
        { '"weights":%[(.-)%]', '"weights":[]', "7: probe: weights: a list of 2: expected 0, as in "
            .. "the first look" },
        { '"reason":"finished"', '"reason":7', "8: end: reason: 7: expected a text" },
        { '"event":"end"', '"event":["end"]', "8: no event: expected an event of a log" },
        { '{"event":"step"', "[1", "5: not JSON: expected an event of a log" },
    }) do
        test.equal(refused(case[1], case[2]), "a/log.jsonl:" .. case[3])
    end
    for _, case in ipairs({
        { '"labels":%[0', '"labels":[2', "labels[1]: 2: expected less than 2" },
        { '"predictions":%[0,', '"predictions":[', "predictions: a list of 3: expected one of 4" },
        { '"shape":%[1', '"shape":[0', "pictures.shape[1]: 0: expected an integer from 1 to "
            .. "4096" },
        { '"indices":%[1', '"indices":[9', "pictures.indices[1]: 9: expected less than 4" },
        { '"pixels":%[16', '"pixels":[16,16', "maps.pixels: a list of 2: expected one of 1" },
        { '"before":%[0,2', '"before":[0', "maps.layers[1].maps[1].before: a list of 1: expected "
            .. "one of 2" },
        { "^.*$", "[", "not JSON: expected what `eval --out` writes" },
    }) do
        local json <const>, count <const> = EVALUATION:gsub(case[1], case[2], 1)
        test.equal(count, 1, case[1])
        test.equal(report(whole_log(), json, PIXELS), "a/eval.json: " .. case[3])
    end
    test.equal(report(whole_log(), EVALUATION, PIXELS .. "x"), "a/eval_images.bin: more bytes: "
        .. "expected 1, 1 images of 1 x 1 x 1")
    test.equal(report(whole_log(), EVALUATION, PIXELS), nil)
    -- What an evaluation says image by image may be left out, all of it.
    local bare <const> = EVALUATION:gsub('"labels".-"batches"', '"batches"')
        :gsub('"pixels":%[16%],', "")
    test.equal(report(whole_log(), bare), nil)
    test.equal(report(whole_log(), (EVALUATION:gsub('"labels":%b[],', ""))),
        "a/eval.json: labels: missing: expected it, as other answers are there")
    for channels = 2, 5 do -- a picture shows three of them, or the first
        local json <const> = EVALUATION:gsub('"shape":%[1', '"shape":[' .. channels)
            :gsub('"pixels":%[16', '"pixels":[16' .. (",16"):rep(channels - 1))
        test.equal(report(whole_log(), json, PIXELS:rep(channels)), nil)
    end
end

-- Evaluations of other classes, or of so few images that there is nothing to compare.
function tests.evaluations_that_do_not_fit_together_are_left_apart()
    without_gnuplot()
    local three <const> = EVALUATION:gsub('"cat"', '"cow","cat"'):gsub("0,0,1,1", "2,0,1,1", 1)
    local log <const> = made.log({ norm = "gn", acc = { 50 } })
    made.install({ a = log, b = log }, {
        ["a/eval.json"] = EVALUATION, ["a/eval_images.bin"] = PIXELS,
        ["b/eval.json"] = three, ["b/eval_images.bin"] = PIXELS,
    })
    assert(page.text({ "a", "b" }):find("evaluated on different test images", 1, true))
    local few <const> = EVALUATION:gsub('"changes":%[.-%]', '"changes":[]')
        :gsub('"sizes":%[.-%]', '"sizes":[]'):gsub('"acc":%[.-%]', '"acc":[]')
    test.equal(report(log, few, PIXELS), nil)
end

-- A log is read in pieces, and its epochs and looks are thinned out: both ends stay.
function tests.long_logs_are_thinned()
    without_gnuplot()
    local look <const> = made.look(1, { 0, 0.5, 0.25 }, 2, "1.5,1.75", "0.05,0.2")
    local acc <const>, extra <const> = {}, {}
    for i = 1, 5000 do
        acc[i] = 90 * i / 5000
    end
    for i = 1, 1200 do
        extra[i] = look:gsub('"step":1,', ('"step":%d,'):format(i))
    end
    made.install({ a = made.log({ norm = "bn", acc = acc, extra = extra }) })
    local run <const> = runs.read("a")
    test.equal(run.seen, { epochs = 5000, probes = 1200 })
    assert(#run.epochs > 1000 and #run.epochs <= 2001, #run.epochs)
    assert(#run.probes > 250 and #run.probes <= 501, #run.probes)
    test.equal({ run.epochs[1].epoch, runs.last(run).epoch, run.epochs[1].test_acc },
        { 1, 5000, 0.018 })
    for i = 2, #run.epochs - 2 do
        test.equal(run.epochs[i + 1].epoch - run.epochs[i].epoch, 4)
    end
    test.equal({ run.probes[1].step, run.probes[#run.probes].step }, { 1, 1200 })
    assert(#run.inside > 4 and #run.inside <= 9, #run.inside)
    test.equal({ run.inside[1].step, run.inside[#run.inside].step }, { 1, 1200 })
    local sentences <const> = curves.view(runs.groups({ run })).sentences
    test.equal(sentences[#sentences], ("Of the 5,000 epochs of a, %s are shown, evenly spread.")
        :format(#run.epochs == 1251 and "1,251" or #run.epochs))
    assert(page.text({ "a" }):find("Of the 1,200 looks of a", 1, true))
end

function tests.lines_have_an_end()
    local long <const> = '{"event":"step","x":"' .. ("x"):rep((5 << 20)) .. '"}'
    made.install({ a = made.log({ norm = "bn", acc = { 1 } }) .. long })
    test.raises({ "a/log.jsonl:4: more than 4194304 bytes: expected an event of a log" }, runs.read,
        "a")
end

return tests
