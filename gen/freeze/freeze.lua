-- freeze.lua - a graph with the tensors of a trained model becomes C that stands alone.
--
--     freeze.files(graph, file, { isa, samples = file or nil, remake = command })
--         -> { { name, text } }
--
-- The sibling of emit/program.lua: the plan of an evaluation and the same kernels, of an
-- instruction set or in plain loops; but weights are arrays of the file, and pixels and
-- probabilities are all that its caller knows. graph: language/graph.lua's; file:
-- onnx/safetensors.lua's, checked by onnx/export.lua.

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
        { algorithm = "auto", micro_batch = set.plain and 1 or MICRO_BATCH })
    return plan, memory.place(plan)
end

-- -- The numbers of the model --------------------------------------------------------------------

-- An array for each buffer of weights that a call reads: { name, shape, list, note }, and the name
-- by its buffer.
local function arrays_of(plan, graph, trained, prefix)
    local list <const>, name_of <const>, node_of <const> = {}, {}, {}
    for _, node in ipairs(graph.nodes) do
        node_of[node.name] = node
    end
    local function add(buffer, shape, values, note)
        name_of[buffer] = prefix .. "_" .. buffer.name
        list[#list + 1] = {
            name = name_of[buffer], shape = shape, rows = numbers.rows(values), note = note,
        }
    end
    local function add_argument(buffer, param, spec)
        if param == "w" then
            local values <const>, shape <const> = trained.packed(spec)
            add(buffer, #values, values, ("%s.weight, packed: %s"):format(spec.layer, shape))
        elseif param == "bias" then
            add(buffer, buffer.floats, trained.bias(spec, buffer.floats), spec.layer .. ".bias")
        elseif param == "coef" and buffer.scope == "thread" then
            local node <const> = node_of[buffer.layer]
            local pitch <const> = layout.round_up(node.c, plan.vl)
            add(buffer, 3 * pitch, trained.scale_shift(node, pitch),
                ("%s: rows a, b, m of a * (x - m) + b"):format(node.name))
        end
    end
    for _, call in ipairs(plan.phases[1].calls) do
        for i, param in ipairs(call.kernel and call.kernel.params or {}) do
            local buffer <const> = call.args[i]
            if type(buffer) == "table" and not name_of[buffer] then
                add_argument(buffer, param, call.kernel)
            end
        end
    end
    return list, name_of
end

-- Weight and bias of the norms that are made of an image's own sums: appends their arrays and
-- returns their names by the norm's.
local function affine_arrays(plan, trained, prefix, list)
    local weights_of <const>, biases_of <const> = {}, {}
    local function add(name, values, note)
        list[#list + 1] = { name = name, shape = #values, rows = numbers.rows(values), note = note }
        return name
    end
    for _, call in ipairs(plan.phases[1].calls) do
        if call.kind == "coef" then
            local node <const> = call.note
            local weight <const>, bias <const> = trained.affine { name = node }
            weights_of[node] = add(("%s_w_%s"):format(prefix, node), weight, node .. ".weight")
            biases_of[node] = add(("%s_b_%s"):format(prefix, node), bias, node .. ".bias")
        end
    end
    return weights_of, biases_of
end

-- What is a zero of the norm that a value has given away, for the borders that convolutions pad
-- with zeros: appends an array of a pixel for each and returns its name by the value's. fills: see
-- inference.lua
local function border_arrays(plan, fills, trained, prefix, list)
    local names <const> = {}
    for _, buffer in ipairs(plan.buffers) do
        local node <const> = buffer.role == "y" and fills[buffer.layer]
        if node then
            local name <const> = ("%s_zero_%s"):format(prefix, buffer.layer)
            local values <const> = trained.zero(node, buffer.layout.pitch)
            list[#list + 1] = {
                name = name, shape = #values, rows = numbers.rows(values),
                note = ("of which %s makes zero"):format(node.name),
            }
            names[buffer.layer] = name
        end
    end
    return names
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
                one.params.vec, one.params.mm, one.params.vl = set.vec, set.mm, set.vl
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

local function list_of(text, what, count, path)
    local list <const> = {}
    for word in (text or ""):gmatch("[^%s,]+") do
        local x <const> = tonumber(word)
        list[#list + 1] = x and c.double(x)
    end
    if #list ~= count then
        error({ kind = "failed", messages = {
            ("%s: does not say how its images were normalised: expected %s, %d numbers, in its "
                .. "metadata"):format(path, what, count),
        } }, 0)
    end
    return list
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

local function totals_of(arrays)
    local count = 0
    for _, array in ipairs(arrays) do
        count = count + array.shape
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
    "ops/images.c.tpl", "ops/plain/activation.c.tpl",
}

--- The files of a frozen network: { name, text }.
function freeze.files(graph, file, options)
    local set <const> = isa.get(options.isa, "float", options.isa == "c")
    local trained <const> = weights.of(file, set)
    local frozen <const>, behind <const>, ahead <const>, fills <const> =
        inference.graph(graph, trained.moves)
    trained.take(behind, ahead)
    local plan <const>, placed <const> = plan_of(frozen, set)
    plan.vl = set.vl
    local prefix <const> = c.identifier(graph.name)
    local arrays <const>, name_of <const> = arrays_of(plan, frozen, trained, prefix)
    local fill_of <const> = border_arrays(plan, fills, trained, prefix, arrays)
    local weight_of <const>, bias_of <const> = affine_arrays(plan, trained, prefix, arrays)
    local pointers <const>, lines <const>, logits <const> = forward.lines(plan, placed,
        { of = name_of, weight = weight_of, bias = bias_of, fill = fill_of })

    local all <const> = functions.new()
    local kernels <const>, loops <const>, named <const> = kernel_texts(plan, set, all)
    norm_texts(frozen, plan, set, all, kernels)
    local helpers <const> = all:helpers(HELPERS, {
        isa = set.name, vec = set.vec, mm = set.mm, bytes = set.bytes, plain = set.plain,
        most_channels = plain.most_channels(plan.kernels),
    })
    local input <const> = plan.phases[1].calls[1].args[1]
    local l <const> = logits.layout
    local params <const> = {
        net = graph.name, prefix = prefix, upper = prefix:upper(), norm = graph.norm,
        remake = c.comment(options.remake), input = graph.input, classes = graph.classes,
        class_names = class_names(file, graph.classes),
        mean = list_of(file.metadata.mean, "mean", graph.input.c, file.path),
        std = list_of(file.metadata.std, "std", graph.input.c, file.path),
        work_bytes = 4 * math.max(1, placed.floats.scratch) + (set.plain and 0 or 64), vl = set.vl,
        load = plan.phases[1].calls[1].fn, input_layout = input.layout,
        logits = logits.name, logits_floats = logits.floats,
        logits_at = c.add(logits.name, (l.border * layout.cols(l) + l.border) * l.pitch),
        micro_batch = plan.micro_batch, plain = set.plain, title = set.title,
        header = set.header, flags = set.flags, guard = set.guard,
        input_floats = layout.floats(input.layout),
        prototypes = kernels.prototypes, pointers = pointers, lines = lines,
        shapes = all:helpers({ "ops/shapes.c.tpl" },
            { alone = true, shapes = named:sorted() }).texts,
        helpers = helpers.texts, loops = loops.texts, kernels = kernels.texts,
        wanted = all.wanted, arrays = arrays, weight_count = totals_of(arrays),
        clears_borders = clears(placed, fill_of), fills_borders = next(fill_of) ~= nil,
        samples = options.samples and samples.of(graph, options.samples) or false,
    }
    local files <const> = {}
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
    all:check()
    return files
end

return freeze
