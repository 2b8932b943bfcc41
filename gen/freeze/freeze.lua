-- freeze.lua - a graph with the tensors of a trained model becomes C that stands alone.
--
--     freeze.files(graph, file, { isa, samples = file or nil, remake = command,
--                                 weights = their path from the folder; nil: arrays of the C })
--         -> { { name, text } }, the texts that make up the weights' file or nil
--
-- The sibling of emit/program.lua: the plan of an evaluation and the same kernels, of an
-- instruction set or in plain loops; but weights are arrays of the C, or lie in a file of their
-- own, and pixels and probabilities are all that its caller knows.
-- graph: language/graph.lua's; file: onnx/safetensors.lua's, checked by onnx/export.lua.

local apart <const> = require "freeze/apart"
local arrays <const> = require "freeze/arrays"
local c <const> = require "emit/c"
local calls <const> = require "plan/calls"
local functions <const> = require "emit/functions"
local forward <const> = require "freeze/forward"
local fuse <const> = require "plan/fuse"
local inference <const> = require "freeze/inference"
local isa <const> = require "emit/isa"
local layout <const> = require "ops/layout"
local memory <const> = require "plan/memory"
local norm <const> = require "ops/norm"
local numbers <const> = require "freeze/numbers"
local ops <const> = require "ops/ops"
local phases <const> = require "plan/phases"
local place <const> = require "plan/place"
local plain <const> = require "ops/plain"
local safetensors <const> = require "onnx/safetensors"
local samples <const> = require "freeze/samples"
local shapes <const> = require "ops/shapes"
local template <const> = require "emit/template"
local weights <const> = require "freeze/weights"
local wrap <const> = require "emit/wrap"

local freeze <const> = {}

-- -- The plan ------------------------------------------------------------------------------------

-- A batch norm that nothing has taken applies its running statistics: nobody needs its sums.
local function without_batch_sums(fused)
    local steps <const> = {}
    local function is_batch(node)
        return node ~= nil and norm.is_batch(node)
    end
    for _, step in ipairs(fused.steps) do
        if is_batch(step.stats) then
            step.stats = nil
        end
        if not (ops[step.op].makes_no_value and is_batch(step.norm)) then
            steps[#steps + 1] = step
        end
    end
    fused.steps = steps
    return fused
end

-- Images that go through together: weights are read once for them. Plain loops gain nothing.
local MICRO_BATCH <const> = 1

-- The plan of an evaluation and its memory. set: the instruction set
local function plan_of(graph, set)
    local fused <const> = without_batch_sums(fuse.steps(graph))
    local planned <const> = {
        graph = graph, set = set, fused = fused, layouts = place.layouts(fused, set),
    }
    local plan <const> = calls.plan(phases.eval(fused), true, false, planned,
        { algorithm = "frozen", micro_batch = set.plain and 1 or MICRO_BATCH })
    return plan, memory.place(plan)
end

-- -- The functions -------------------------------------------------------------------------------

local function kernel_texts(plan, set, all)
    local list <const>, loops <const> = all.new_list(), all.new_list()
    local named <const> = shapes.new()
    for _, spec in ipairs(plan.kernels) do
        if not all:is_made(spec.name, spec, "layer") then
            local file <const>, params <const>, shares <const> =
                (set.plain and plain or ops[spec.op]).params(spec, set, {})
            named:add_kernel(spec, params)
            for _, one in ipairs(shares or {}) do
                one.params.name = one.name
                all:add(loops, one.name, one.template, one.params)
            end
            all:append(list, file, params)
        end
    end
    return list, loops, named
end

local function norm_texts(graph, plan, set, all, list)
    local layers <const> = {}
    for _, call in ipairs(plan.phases[1].calls) do
        layers[call.kind == "coef" and call.note or ""] = true
    end
    norm.forward_texts(graph, set, layers, function(...)
        all:add(list, ...)
    end)
end

-- -- Files ---------------------------------------------------------------------------------------

local function doubles(list)
    local words <const> = {}
    for i, x in ipairs(list) do
        words[i] = c.double(x)
    end
    return words
end

-- The names of the classes: those of the data, or their numbers.
local function class_names(file, count)
    local names = file.metadata.classes and host.json(file.metadata.classes)
    local list <const> = {}
    for i = 1, count do
        local known <const> = type(names) == "table" and #names == count and names[i]
        list[i] = type(known) == "string" and known or tostring(i - 1)
    end
    return numbers.strings(list)
end

local function total_of(list)
    local count = 0
    for _, array in ipairs(list) do
        count = count + array.count
    end
    return count
end

-- Whether a border is filled with zeros.
local function clears(placed, fill_of)
    for _, list in pairs(placed.clears) do -- whether there is one: the order does not matter
        for _, buffer in ipairs(list) do
            if not fill_of[buffer.layer] then
                return true
            end
        end
    end
    return false
end

local HELPERS <const> = {
    "emit/prelude.c.tpl", "ops/activation.c.tpl", "ops/conv/winograd_tile.c.tpl",
    "ops/conv/strided_tile.c.tpl", "ops/images.c.tpl", "ops/plain/activation.c.tpl",
    "ops/set_norm_sums.c.tpl",
}

-- The kernels and what they share, as parameters of network.c.tpl.
local function texts_of(plan, graph, set, all)
    local kernels <const>, loops <const>, named <const> = kernel_texts(plan, set, all)
    norm_texts(graph, plan, set, all, kernels)
    local helpers <const> = all:helpers(HELPERS, {
        most_channels = plain.most_channels(plan.kernels),
    })
    return {
        prototypes = kernels.prototypes, helpers = helpers.texts, loops = loops.texts,
        kernels = kernels.texts, wanted = all.wanted,
        shapes = all:helpers({ "ops/shapes.c.tpl" },
            { alone = true, shapes = named:sorted(), legend = named:legend() }).texts,
    }
end

-- Adds where an image goes through, forward.lua's lines and the memory that they need.
local function add_forward(params, plan, placed, named, set)
    local pointers <const>, lines <const>, logits <const> = forward.lines(plan, placed, named)
    local l <const> = logits.layout
    local load <const> = plan.phases[1].calls[1]
    params.pointers, params.lines = pointers, lines
    params.logits, params.logits_floats = logits.name, logits.floats
    params.logits_at = c.add(logits.name, (l.border * layout.cols(l) + l.border) * l.pitch)
    params.load, params.input_layout = load.fn, load.args[1].layout
    params.input_floats = layout.floats(load.args[1].layout)
    params.work_bytes = 4 * math.max(1, placed.floats.scratch) + (set.plain and 0 or 64)
    params.micro_batch = plan.micro_batch
    params.clears_borders = clears(placed, named.fill)
    params.fills_borders = next(named.fill) ~= nil
end

-- Numbers that a compiler takes as arrays: gcc 12 needs 2 GB of memory for so many.
local MOST_NUMBERS <const> = 8000000

local function check_count(count, path)
    if count > MOST_NUMBERS then
        error({ kind = "failed", messages = {
            ("%s: %d packed weights are too many for arrays of C: expected at most %d, or "
                .. "--weights FILE"):format(path, count, MOST_NUMBERS),
        } }, 0)
    end
end

-- Adds the numbers: rows of C, or the header of their file and where they stand in it. Returns the
-- texts of that file, if there is one.
local function add_numbers(params, list, path, model)
    params.arrays, params.weight_count, params.apart = list, total_of(list), false
    if not path then
        check_count(params.weight_count, model)
        for _, array in ipairs(list) do
            array.rows = numbers.float_rows(array.bytes)
        end
        return nil
    end
    local file <const> = apart.layout(list, table.concat({ params.net, params.norm, params.isa,
        table.concat(params.mean, " "), table.concat(params.std, " "),
        table.concat(params.class_names, " ") }, "\n"))
    params.apart = { bytes = file.bytes, path = path, header = numbers.bytes(file.header) }
    return apart.parts(list, file.header)
end

local function rendered(params)
    local prefix <const>, files <const> = params.prefix, {}
    for _, one in ipairs {
        { prefix .. ".h", "freeze/network.h.tpl" }, { prefix .. ".c", "freeze/network.c.tpl" },
        { "main.c", "freeze/main.c.tpl" }, { "CMakeLists.txt", "freeze/CMakeLists.txt.tpl" },
        { "Makefile", "freeze/Makefile.tpl" },
    } do
        local text <const> = template.render(one[2], params)
        files[#files + 1] = {
            name = one[1], text = one[1]:find("%.[ch]$") and wrap.text(text) or text,
        }
    end
    return files
end

--- The files of a frozen network: { name, text }; and the texts of its weights' file.
function freeze.files(graph, file, options)
    local set <const> = isa.get(options.isa, "float", options.isa == "c")
    local mean <const>, std <const> = safetensors.normalisation(file, graph.input.c, "")
    local trained <const> = weights.of(graph, file, set)
    local frozen <const>, folds <const>, fills <const> = inference.graph(graph, trained)
    trained:take(folds)
    local plan <const>, placed <const> = plan_of(frozen, set)
    plan.vl = set.vl
    local prefix <const> = c.identifier(graph.name)
    local list <const>, named <const> = arrays.of(plan, frozen, trained, fills, prefix)
    local all <const> = functions.new(set.words)
    local params <const> = texts_of(plan, frozen, set, all)
    for key, value in pairs { -- their order does not matter
        net = graph.name, prefix = prefix, upper = prefix:upper(), norm = graph.norm,
        remake = c.comment(options.remake), input = graph.input, classes = graph.classes,
        class_names = class_names(file, graph.classes),
        mean = doubles(mean), std = doubles(std),
        vl = set.vl, isa = set.name, plain = set.plain, title = set.title,
        header = set.header, flags = set.flags, guard = set.guard,
        samples = options.samples and samples.of(graph, options.samples) or false,
    } do
        params[key] = value
    end
    add_forward(params, plan, placed, named, set)
    local parts <const> = add_numbers(params, list, options.weights, file.path)
    local files <const> = rendered(params)
    all:check()
    return files, parts
end

return freeze
