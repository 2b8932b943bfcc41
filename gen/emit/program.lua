-- program.lua - the planned program -> the text of one C file.
--
-- The last stage: nothing is decided here but the order of things in the file. Rows of tables are
-- written by model.lua, functions by the templates.

local backward <const> = require "emit/backward"
local c <const> = require "emit/c"
local digest <const> = require "emit/digest"
local entry <const> = require "ops/entry"
local functions <const> = require "emit/functions"
local index <const> = require "emit/index"
local legend <const> = require "emit/legend"
local limits <const> = require "plan/limits"
local model <const> = require "emit/model"
local name <const> = require "emit/name"
local norm <const> = require "ops/norm"
local ops <const> = require "ops/ops"
local phases <const> = require "emit/phases"
local places <const> = require "emit/places"
local pipeline <const> = require "plan/pipeline"
local plain <const> = require "ops/plain"
local recipe_of <const> = require "language/recipe"
local shapes <const> = require "ops/shapes"
local template <const> = require "emit/template"
local watch <const> = require "emit/watch"
local wrap <const> = require "emit/wrap"

local emit <const> = {}

-- -- Memory --------------------------------------------------------------------------------------

local SIZES <const> = {
    { "weights", "WEIGHT_FLOATS", "of packed weights, one copy for all threads" },
    { "chunk", "CHUNK_FLOATS",
        "of a chunk of images: sums over them, zeroed before every step" },
    { "micro_batch", "MICRO_BATCH_FLOATS", "of a micro-batch of the batch: what outlives a phase" },
    { "thread", "THREAD_FLOATS", "of a thread: what outlives a phase" },
    { "scratch", "SCRATCH_FLOATS", "of a thread, for one micro-batch at a time" },
}

-- The sizes of the memory that this program has, by name and with what it is.
local function memory_sizes(planned)
    local sizes <const> = {}
    for _, size in ipairs(SIZES) do
        local scope <const> = size[1]
        if planned.phased or scope ~= "micro_batch" and scope ~= "thread" then
            sizes[#sizes + 1] = {
                name = size[2], title = size[3],
                floats = scope == "scratch" and planned.scratch
                    or planned.train.memory.floats[scope],
            }
        end
    end
    return sizes
end

-- -- Kernels -------------------------------------------------------------------------------------

-- The functions of calls that are no kernels.
local function other_texts(graph, train, set, all, list)
    for _, phase in ipairs(train.plan.phases) do
        for _, call in ipairs(phase.calls) do
            local op <const> = ops[call.kind]
            if op and op.text then
                all:add(list, call.fn, op.text(call, graph))
            end
        end
    end
    local learns <const> = {}
    for _, buffer in ipairs(train.plan.buffers) do
        learns[buffer.role == "dcoef" and buffer.layer or ""] = true
    end
    local kernels <const> = #list.texts
    norm.texts(graph, set, learns, function(...) all:add(list, ...) end)
    list.has_norms = #list.texts > kernels
end

-- Adds the functions that others share, { name, template, params }, to a list.
local function add_shared(all, list, shares)
    for _, one in ipairs(shares or {}) do
        one.params.name = one.name
        all:add(list, one.name, one.template, one.params)
    end
end

-- "s8.lua:7 from 26": where each layer stands in the description, by its name.
local function lines_of(graph)
    local lines <const> = {}
    for _, node in ipairs(graph.nodes) do
        lines[node.name] = c.comment(node.where:match("[^/]*$"))
            .. (node.outer and " from " .. node.outer or "")
    end
    return lines
end

-- The layers that each kernel computes, by its name, and their places in the description: "conv9,
-- conv10 (s8.lua:7 from 29)".
local function users_of(graph, plans)
    local lines <const>, seen <const>, lists <const> = lines_of(graph), {}, {}
    for _, plan in ipairs(plans) do
        for _, spec in ipairs(plan.kernels) do
            local layer <const> = spec.layer
            if not seen[spec.name .. " " .. layer] then
                seen[spec.name .. " " .. layer] = true
                lists[spec.name] = lists[spec.name] or {}
                table.insert(lists[spec.name], layer)
            end
        end
    end
    local texts <const> = {}
    for kernel, layers in pairs(lists) do -- each by itself: the order does not matter
        local parts <const> = {}
        for i, layer in ipairs(layers) do
            local next_layer <const> = layers[i + 1]
            parts[i] = next_layer and lines[next_layer] == lines[layer] and layer
                or string.format("%s (%s)", layer, lines[layer])
        end
        texts[kernel] = table.concat(parts, ", ")
    end
    return texts
end

-- The kernels and all else that the step calls, what they share, and the shapes that they name.
local function kernel_texts(graph, train, eval, set, options, all)
    local list <const>, shared <const> = all.new_list(), all.new_list()
    local source <const>, named <const> = limits.source(graph), shapes.new()
    local users <const> = users_of(graph, { train.plan, eval.plan })
    for _, plan in ipairs { train.plan, eval.plan } do
        for _, spec in ipairs(plan.kernels) do
            if not all:is_made(spec.name, spec, "layer") then
                local file <const>, params <const>, shares <const>
                    = (set.plain and plain or ops[spec.op]).params(spec, set, options)
                params.where = users[spec.name]
                params.formula = params.where .. ": " .. params.formula
                named:add_kernel(spec, params)
                if spec.geometry then
                    named:add(entry.geometry(spec.geometry))
                end
                add_shared(all, shared, shares)
                source.add(spec.name, #all:append(list, file, params))
            end
        end
    end
    other_texts(graph, train, set, all, list)
    return list, shared, named
end

-- The names of all kernels, as a set.
local function kernel_names(planned)
    local names <const> = {}
    for _, part in ipairs { planned.train, planned.eval } do
        for _, spec in ipairs(part.plan.kernels) do
            names[spec.name] = true
        end
    end
    return names
end

-- The functions that pack and unpack weights, and the rows of the table of weights.
local function weight_texts(graph, train, set, all)
    local list <const>, shared <const>, rows <const> = all.new_list(), all.new_list(), {}
    local spec_of <const>, place_of <const> = {}, {}
    for _, spec in ipairs(train.plan.kernels) do
        if ops[spec.op].packs then
            spec_of[spec.layer .. " " .. spec.pass] = spec
        end
    end
    for _, buffer in ipairs(train.plan.buffers) do
        place_of[buffer.name] = { at = train.memory.offset[buffer], floats = buffer.floats }
    end
    local function pack_function(spec, what)
        local file <const>, params <const>, shares <const> = ops[spec.op].pack(spec, what, set)
        add_shared(all, shared, shares)
        all:add(list, params.name, file, params)
        return params.name
    end
    for i, param in ipairs(graph.params) do
        local layer <const>, role <const> = param.layer, param.role
        local forward <const> = spec_of[layer .. " fwd"]
        local gradient <const> = place_of[(role == "weight" and "dw_" or "db_") .. layer]
        local row <const> = { "{.param = " .. i - 1 }
        row[2] = gradient -- a frozen layer has none
            and string.format("GRADIENT(%d, %d)", gradient.at, gradient.floats)
        local packed <const> = place_of[(role == "weight" and "w_" or "b_") .. layer]
        if forward and ops[forward.op].packs(forward, role) then
            row[#row + 1] = gradient and ".unpack = "
                .. pack_function(spec_of[layer .. " bwd_weights"], "unpack")
            row[#row + 1] = string.format("PACKED(%d, %s)", packed.at,
                pack_function(forward, "pack"))
            local transposed <const> = role == "weight" and place_of["wt_" .. layer]
            if transposed then
                row[#row + 1] = string.format("TRANSPOSED(%d, %s)", transposed.at,
                    pack_function(spec_of[layer .. " bwd_data"], "pack_transposed"))
            end
        elseif forward then
            row[#row + 1] = string.format("PACKED(%d, NULL)", packed.at)
        end
        rows[i] = string.format("/* %s */ %s},", param.name, table.concat(row, ", "))
    end
    table.move(list.is_entry, 1, #list.texts, #shared.texts + 1, shared.is_entry)
    table.move(list.texts, 1, #list.texts, #shared.texts + 1, shared.texts)
    return shared, rows
end

-- -- The file ------------------------------------------------------------------------------------

-- Names of the optimizer's rules, as an update is described: g, the gradient; p, the parameter.
local function update_text(recipe)
    if recipe.optimizer ~= "sgd" then
        return "The update is " .. recipe.optimizer .. " (train/optim.h); its numbers: section 8."
    end
    return string.format("The update, of a parameter p and its gradient: g = gradient + "
        .. "weight_decay * p, v = momentum * v + g, p -= lr * %s; numbers: section 8; "
        .. "v is the runtime's (train/optim.h).", recipe.nesterov and "(g + momentum * v)" or "v")
end

-- Whether a plan has the bits of a dropout.
local function has_bits(plan)
    for _, buffer in ipairs(plan.buffers) do
        if buffer.holds == "bits" then
            return true
        end
    end
    return false
end

-- The functions that draw the bits of dropouts in a plan.
local function drawing(plan)
    local list <const> = {}
    for _, phase in ipairs(plan.phases) do
        for _, call in ipairs(phase.calls) do
            list[#list + 1] = call.kind == "drop" and call.fn or nil
        end
    end
    return list
end

-- What decides the bits of a result besides the description: the code of the kernels, of packing
-- and of the order of a step, without what only people read.
local function arithmetic(params)
    local texts <const> = { params.helpers, params.step, params.eval_text, params.evaluation,
        "micro-batch " .. params.micro_batch }
    for _, list in ipairs { params.shared_texts, params.kernel_texts, params.pack_texts,
        params.weights, params.phase_texts } do
        table.move(list, 1, #list, #texts + 1, texts)
    end
    return digest.of_c(texts)
end

-- The templates of helpers, in the order of the file.
local HELPERS <const> = {
    "emit/prelude.c.tpl", "ops/activation.c.tpl", "ops/conv/winograd_tile.c.tpl",
    "ops/images.c.tpl", "ops/plain/activation.c.tpl", "ops/set_norm_sums.c.tpl",
}

-- The text of the program, and with options.recipe_file that of its recipe. Raises { kind =
-- "rejected" } where it is beyond the limits.
function emit.program(graph, options)
    limits.check_unroll(graph, options)
    local planned <const> = pipeline.plan(graph, options)
    limits.check_memory(graph, planned, options)
    local set <const>, train <const>, eval <const> = planned.set, planned.train, planned.eval
    local all <const> = functions.new(set.words)
    local kernels <const>, shared <const>, named <const> =
        kernel_texts(graph, train, eval, set, options, all)
    local packs <const>, weights <const> = weight_texts(graph, train, set, all)
    local evaluates <const> = set.plain and not planned.phased and phases.shared(train, eval) or nil
    local phase_texts <const>, step <const>, eval_text <const>, evaluation <const> = phases.texts(
        graph, train, eval, planned.phased, evaluates, update_text(graph.recipe))
    local params <const> = model.params(graph, planned, options)
    params.sizes, params.phased = memory_sizes(planned), planned.phased
    params.places = places.params(graph, train, eval, set.real, evaluates)
    local slots <const>, slot_of <const> = name.slots(train.plan.kernels)
    params.slots = slots
    -- A program in plain loops is for readers: where its numbers end, generic kernels tell as well.
    params.tensor_rows = not set.plain and watch.rows(train.plan, train.memory, slot_of)
    for _, fn in ipairs(drawing(train.plan)) do
        all:call(fn)
    end
    local helpers <const> = all:helpers(HELPERS, {
        most_channels = plain.most_channels(train.plan.kernels),
    })
    for _, node in ipairs(graph.nodes) do
        if node.geometry then
            named:add(entry.geometry(node.geometry))
        end
    end
    local of_shapes <const> = all:helpers({ "ops/shapes.c.tpl" },
        { alone = false, shapes = named:sorted(), legend = named:legend() })
    params.shapes = table.concat(of_shapes.texts)
    params.helpers, params.wanted = (table.concat(helpers.texts):gsub("^\n", "")), all.wanted
    params.kernel_texts = functions.closed_up(kernels)
    params.pack_texts = functions.closed_up(packs)
    params.shared_texts = shared.texts
    params.function_types, params.prototypes = index.of(table.move(kernels.prototypes, 1,
        #kernels.prototypes, #helpers.prototypes + 1, helpers.prototypes), kernel_names(planned))
    params.kept, params.again = backward.kept(graph, train.plan), backward.again(graph, train.plan)
    params.loop_words = legend.loops(shared.names)
    params.phase_count = #train.plan.phases
    params.legend_words, params.legend_buffers = legend.lines { train.plan, eval.plan }
    params.has_bits, params.has_norms = has_bits(train.plan), kernels.has_norms
    params.registers = set.registers
    params.says_loops = not set.plain -- there code says it
    params.clears_borders = next(train.memory.clears) ~= nil or next(eval.memory.clears) ~= nil
    params.weights, params.phase_texts, params.step = weights, phase_texts, step
    params.eval_text, params.evaluation = eval_text, evaluation
    params.tuned = options.tuned and c.comment(model.tuned_text(graph, options, set)) or false
    params.micro_batch, params.most_chunks = train.plan.micro_batch, train.plan.chunks
    params.chunk_images = train.plan.chunk_images
    params.own_chunks = train.plan.chunks ~= recipe_of.CHUNKS
    params.chunks = params.own_chunks and "CHUNKS" or "MODEL_CHUNKS"
    params.chunk_micro_batches = train.plan.chunk_micro_batches
    params.most_ahead = 1
    for _, phase in ipairs(train.plan.phases) do
        params.most_ahead = math.max(params.most_ahead, #phase.ahead)
    end
    params.model.arithmetic = arithmetic(params)
    local text <const> = wrap.text((template.render("emit/program.c.tpl", params, set.words)))
    all:check()
    local recipe <const> = options.recipe_file and template.render("emit/recipe.c.tpl", {
        file = params.recipe_file, program = params.file, network = graph.name,
        remake = params.remake, recipe_lines = params.recipe_lines,
        description = params.description,
    }) or nil
    return text, recipe
end

return emit
