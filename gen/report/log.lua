-- log.lua - the files of a run folder: what log.jsonl and eval.json have to hold, and reading them.
--
-- A folder may come from anywhere, so nothing of it reaches a view unchecked: the tables below say
-- what each event holds (report.c and log.c of runtime/train and probe.c of runtime/inspect write
-- them, examine.c there eval.json), and what is left of a line is a copy that fits. Fields
-- and events that no view reads are passed over.
--
-- Logs may be longer than memory: they are read piece by piece, and of epochs and looks no more are
-- kept than a plot can show.

local layers <const> = require("language/layers")
local look <const> = require("report/look")
local schema <const> = require("report/schema")

local log <const> = {}

local MAX_COUNT <const> = 1 << 53 -- of whatever is counted
local MAX_BATCH <const> = 1 << 20 -- as runtime/train/settings.c allows
local MAX_SIDE <const> = 4096 -- of an image, as host.png takes it
local MAX_CLASSES <const> = 256 -- a label is a byte
local LARGE <const> = 1e100 -- beyond what floats add up to; its square is still a double
local PIECE <const> = 1 << 20 -- bytes that are read at once
local MAX_LINE <const>, MAX_EVALUATION <const> = 4 << 20, 16 << 20 -- bytes that are taken apart
-- Kept of a log, up to twice as many of each: epochs, looks, and looks with all that their norms
-- hold.
local MAX_EPOCHS <const>, MAX_LOOKS <const>, MAX_INSIDE <const> = 1000, 250, 4
local MAX_MAP <const> = 64 -- pixels of a side, as runtime/inspect/maps.h has it

local list <const>, object <const>, optional <const> = schema.list, schema.object, schema.optional
local text <const>, integer <const>, number <const> = schema.text(), schema.integer, schema.number
local count <const>, positive <const> = integer(0, MAX_COUNT), integer(1, MAX_COUNT)
local size <const>, percent <const> = number(0, LARGE), number(0, 100)
local any_number <const> = schema.number_or_null(-LARGE, LARGE)
local any_size <const> = schema.number_or_null(0, LARGE)

-- -- Events --------------------------------------------------------------------------------------

local function is_norm(word)
    local kind <const>, part <const> = layers.split_norm(word)
    for _, known in ipairs(layers.norms) do
        if kind == known then
            return not part or part >= 1 and part <= layers.max_norm_number
        end
    end
    return false
end

-- Batch norms need nothing; other norms cut their channels into groups.
local function check_layer(layer)
    if layer.kind:find(" norm$") and layer.kind ~= "batch norm" then
        local channels <const> = layer.shape[1]
        if not layer.groups or layer.groups > channels or channels % layer.groups ~= 0 then
            return "groups", schema.show(layer.groups or false),
                ("a divisor of its %d channels"):format(channels)
        end
    end
end

local function check_start(event)
    if not is_norm(event.norm) then
        return "norm", schema.show(event.norm), table.concat(layers.norms, ", ")
            .. (", bn1 to bn%d or gn1 to gn%d"):format(layers.max_norm_number,
                layers.max_norm_number)
    end
    local batch <const> = event.settings.batch and event.settings.batch.value
    if math.type(batch) ~= "integer" or batch < 1 or batch > MAX_BATCH then
        return "settings.batch", batch == nil and "missing" or schema.show(batch),
            ("an integer from 1 to %d as its value"):format(MAX_BATCH)
    end
end

local function check_epoch(event)
    for _, what in ipairs({ "loss", "acc" }) do
        if not event["test_" .. what] and not event["val_" .. what] then
            return "test_" .. what, "missing", "this or val_" .. what
        end
    end
end

local function check_walk(walk)
    for _, name in ipairs({ "losses", "changes" }) do
        if #walk[name] ~= #walk.lengths then
            return name, ("a list of %d"):format(#walk[name]),
                ("as many as lengths, %d"):format(#walk.lengths)
        end
    end
end

local layer <const> = object({
    { "name", text }, { "kind", text }, { "shape", list(integer(1, 1 << 16), 3, 3) },
    { "parameters", count }, { "groups", optional(positive) }, { "ghost", optional(positive) },
}, check_layer)

local part <const> = list(any_number, 4, 4)
local side <const> = object {
    { "mean", any_number }, { "deviation", any_size }, { "low", any_number },
    { "high", any_number }, { "histogram", list(count) }, { "outside", optional(count) },
    { "channel", part }, { "group", part }, { "image", part },
}

local EVENTS <const> = {
    start = object({
        { "program", optional(text) }, { "date", optional(text) },
        { "model", text }, { "norm", text }, { "isa", text }, { "cpu", text },
        { "threads", positive }, { "parameters", count }, { "memory_mb", optional(size) },
        { "source", text }, { "data", optional(text) }, { "train_images", optional(positive) },
        { "test_images", optional(count) }, { "val_images", optional(count) },
        { "layers", list(layer, 1) },
        { "settings", schema.map(object {
            { "value", schema.scalar() }, { "source", optional(text) },
        }) },
    }, check_start),
    epoch = object({
        { "epoch", positive }, { "lr", size }, { "train_loss", size }, { "train_acc", percent },
        { "test_loss", optional(size) }, { "test_acc", optional(percent) },
        { "val_loss", optional(size) }, { "val_acc", optional(percent) }, { "seconds", size },
    }, check_epoch),
    probe = object {
        { "step", positive }, { "loss", any_size },
        { "norms", list(object {
            { "layer", text }, { "before", side }, { "after", optional(side) },
        }) },
        { "weights", list(object {
            { "name", text }, { "gradient", any_size }, { "weight", any_size },
            { "update", optional(any_size) },
        }) },
        { "walk", object({
            { "gradient", any_size }, { "lengths", list(size, 1) }, { "losses", list(any_size) },
            { "changes", list(any_size) },
        }, check_walk) },
    },
    training_set = object { { "images", positive }, { "loss", any_size }, { "acc", percent } },
    ["end"] = object { { "reason", text } },
}

-- -- Evaluations ---------------------------------------------------------------------------------

-- Each of the arrays `names` of a table has `n` entries; of those in `below`, numbers less than so
-- many.
local function check_arrays(of, n, names, below)
    for _, name in ipairs(names) do
        if #of[name] ~= n then
            return name, ("a list of %d"):format(#of[name]), ("one of %d"):format(n)
        end
        for i, value in ipairs(below[name] and of[name] or {}) do
            if value >= below[name] then
                return ("%s[%d]"):format(name, i), schema.show(value),
                    ("less than %d"):format(below[name])
            end
        end
    end
end

-- What an evaluation says image by image, which may be left out where data sets must not be given
-- away: all of it or nothing.
local ANSWERS <const> = { "labels", "predictions", "confidences", "pictures" }

local function check_evaluation(evaluation)
    local some, lacking
    for _, name in ipairs(ANSWERS) do
        some = some or evaluation[name] ~= nil
        lacking = lacking or evaluation[name] == nil and name
    end
    if lacking then
        return some and lacking, "missing", "it, as other answers are there"
    end
    local classes <const> = #evaluation.classes
    local images <const> = #evaluation.labels
    local wrong <const>, found <const>, expected <const> = check_arrays(evaluation, images,
        { "labels", "predictions", "confidences" }, { labels = classes, predictions = classes })
    if wrong then
        return wrong, found, expected
    end
    local pictures <const> = evaluation.pictures
    if pictures.below > images then
        return "pictures.below", schema.show(pictures.below), ("at most %d"):format(images)
    end
    local which <const>, value <const>, limit <const> = check_arrays(pictures, #pictures.indices,
        { "indices" }, { indices = images })
    if which then
        return "pictures." .. which, value, limit
    end
    local shape <const>, maps <const> = pictures.shape, evaluation.maps
    local pixels <const> = shape[1] * shape[2] * shape[3]
    if maps and maps.pixels and #maps.pixels ~= pixels then
        return "maps.pixels", ("a list of %d"):format(#maps.pixels), ("one of %d"):format(pixels)
    end
end

local function check_maps(of)
    for i, map in ipairs(of.maps) do
        local wrong <const>, found <const>, expected <const> =
            check_arrays(map, of.h * of.w, { "before", "after" }, {})
        if wrong then
            return ("maps[%d].%s"):format(i, wrong), found, expected
        end
    end
end

local function check_batches(batches)
    return check_arrays(batches, #batches.sizes, { "acc" }, {})
end

local changes <const> = object { { "changes", list(size) }, { "flips", count } }

local EVALUATION <const> = object({
    { "classes", list(text, 2, MAX_CLASSES) }, { "labels", optional(list(count, 1)) },
    { "predictions", optional(list(count)) }, { "confidences", optional(list(number(0, 1))) },
    { "pictures", optional(object {
        { "shape", list(integer(1, MAX_SIDE), 3, 3) }, { "below", count },
        { "indices", list(count) },
    }) },
    { "batches", object({
        { "images", positive }, { "running_acc", percent }, { "sizes", list(positive) },
        { "acc", list(percent) },
    }, check_batches) },
    { "independence", object {
        { "deviation", size }, { "training", changes }, { "evaluation", changes },
    } },
    { "maps", optional(object {
        { "images", positive }, { "pixels", optional(list(integer(0, 255))) },
        { "layers", list(object({
            { "layer", text }, { "h", integer(1, MAX_MAP) }, { "w", integer(1, MAX_MAP) },
            { "maps", list(object {
                { "channel", count }, { "before", list(any_number) }, { "after", list(any_number) },
            }, 1) },
        }, check_maps)) },
    }) },
}, check_evaluation)

-- -- Reading -------------------------------------------------------------------------------------

local function fail(...)
    error({ kind = "failed", messages = { (...):format(select(2, ...)) } }, 0)
end

-- Calls f(line, number) with each whole line of a file. A last line without an end is still being
-- written.
local function each_line(path, f)
    local from, number_of_line, rest = 0, 0, ""
    while true do
        local piece <const>, problem <const> = host.read_file(path, PIECE, from)
        if not piece then
            fail("%s: expected a run folder, which `train` writes", problem)
        elseif piece == "" then
            return
        end
        from = from + #piece
        local chunk <const> = rest .. piece
        local at = 1
        for stop in chunk:gmatch("()\n") do
            number_of_line = number_of_line + 1
            f(chunk:sub(at, stop - 1), number_of_line)
            at = stop + 1
        end
        rest = chunk:sub(at)
        if #rest > MAX_LINE then
            fail("%s:%d: more than %d bytes: expected an event of a log", path, number_of_line + 1,
                MAX_LINE)
        end
    end
end

-- The event of a line, checked; nil for one that no view reads.
local function read_event(line, path, number_of_line)
    local event <const>, wrong <const> = host.json(line)
    if not event then
        fail("%s:%d: %s: expected an event of a log", path, number_of_line, wrong or "null")
    elseif type(event) ~= "table" or type(event.event) ~= "string" then
        fail("%s:%d: no event: expected an event of a log", path, number_of_line)
    end
    local spec <const> = EVENTS[event.event]
    if not spec then
        return nil
    end
    local good <const>, mistake <const> = schema.read(event, spec)
    if not good then
        fail("%s:%d: %s: %s", path, number_of_line, event.event, mistake)
    end
    return good, event.event
end

-- A list that keeps at most 2 * most of what is added to it, evenly spread, the first among them;
-- ends with the last.
local function new_series(most)
    local series <const> = { kept = {}, seen = 0 }
    local stride = 1
    function series.add(value)
        local kept <const> = series.kept
        if series.seen % stride == 0 then
            kept[#kept + 1] = value
        end
        series.seen = series.seen + 1
        series.last = value
        if #kept == 2 * most then
            for i = 1, most do
                kept[i] = kept[2 * i - 1]
            end
            for i = 2 * most, most + 1, -1 do
                kept[i] = nil
            end
            stride = 2 * stride
        end
    end
    function series.values()
        local kept <const> = series.kept
        if kept[#kept] ~= series.last then
            kept[#kept + 1] = series.last
        end
        return kept
    end
    return series
end

-- Adds the look of a probe event to the looks, and its norms to those of a few.
local function add_look(probes, inside, event, path, number_of_line)
    local first <const> = inside.kept[1]
    for _, name in ipairs({ "norms", "weights" }) do
        if first and #event[name] ~= #first[name] then
            fail("%s:%d: probe: %s: a list of %d: expected %d, as in the first look", path,
                number_of_line, name, #event[name], #first[name])
        end
    end
    probes.add(look.of(event))
    inside.add({ step = event.step, norms = event.norms, weights = event.weights })
end

--- The events of a log: { start = (the last), epochs = { ... }, probes = (looks),
--- inside = { { step, norms, weights }, ... } (of a few looks, the first and the last among them),
--- training_set = (the last) or nil, finish = (the last end) or nil,
--- seen = { epochs = 3, probes = 0 } }. Where more were seen than kept, the kept ones are spread
--- evenly. test_loss and test_acc are those of the held-out images where there are any.
function log.read(path)
    local epochs <const>, probes <const> = new_series(MAX_EPOCHS), new_series(MAX_LOOKS)
    local inside <const> = new_series(MAX_INSIDE)
    local out <const> = {}
    each_line(path, function(line, number_of_line)
        local event <const>, name <const> = read_event(line, path, number_of_line)
        if name == "start" then
            out.start = event
        elseif name == "epoch" then
            event.test_loss = event.test_loss or event.val_loss
            event.test_acc = event.test_acc or event.val_acc
            epochs.add(event)
        elseif name == "probe" then
            add_look(probes, inside, event, path, number_of_line)
        elseif name == "training_set" then
            out.training_set = event
        elseif name == "end" then
            out.finish = event
        end
    end)
    out.epochs, out.probes, out.inside = epochs.values(), probes.values(), inside.values()
    out.seen = { epochs = epochs.seen, probes = probes.seen }
    if not out.start or #out.epochs == 0 then
        fail("%s: no whole epoch: expected a run of at least one", path)
    end
    return out
end

--- The evaluation of a run folder as the table of eval.json, or nil where there is none.
function log.read_evaluation(folder)
    local path <const> = folder .. "/eval.json"
    local contents <const>, problem <const>, absent <const> =
        host.read_file(path, MAX_EVALUATION + 1)
    if absent then
        return nil
    elseif contents and #contents > MAX_EVALUATION then
        fail("%s: more than %d bytes: expected what `eval --out` writes", path, MAX_EVALUATION)
    end
    local evaluation <const>, wrong <const> = host.json(contents or fail("%s", problem))
    if not evaluation then
        fail("%s: %s: expected what `eval --out` writes", path, wrong or "null")
    end
    local good <const>, mistake <const> = schema.read(evaluation, EVALUATION)
    if not good then
        fail("%s: %s", path, mistake)
    end
    return good
end

--- The pixels of the pictures of an evaluation, picture by picture; nil where they were not kept.
function log.read_pixels(folder, evaluation)
    local path <const> = folder .. "/eval_images.bin"
    local shape <const> = evaluation.pictures.shape
    local wanted <const> = #evaluation.pictures.indices * shape[1] * shape[2] * shape[3]
    local pixels <const>, problem <const>, absent <const> = host.read_file(path, wanted + 1)
    if absent then
        return nil
    elseif not pixels then
        fail("%s", problem)
    elseif #pixels ~= wanted then
        fail("%s: %s bytes: expected %d, %d images of %d x %d x %d", path,
            #pixels < wanted and #pixels or "more", wanted, #evaluation.pictures.indices,
            shape[1], shape[2], shape[3])
    end
    return pixels
end

return log
