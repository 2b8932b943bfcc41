-- freeze.lua - a graph with the tensors of a trained model becomes C that stands alone.
--
--     freeze.files(graph, file, { samples = file or nil, remake = command }) -> { { name, text } }
--
-- The sibling of emit/program.lua: the plan of an evaluation, one image at a time, and the same
-- kernels in plain loops; but weights are arrays of the file, and pixels and probabilities are all
-- that its caller knows. graph: language/graph.lua's; file: onnx/safetensors.lua's, checked by
-- onnx/export.lua.

local c <const> = require "emit/c"
local calls <const> = require "plan/calls"
local functions <const> = require "emit/functions"
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

-- The plan of an evaluation, one image at a time, and its memory. set: the instruction set
local function plan_of(graph, set)
    local fused <const> = without_batch_sums(fuse.steps(graph))
    local planned <const> = {
        graph = graph, set = set, fused = fused, layouts = place.layouts(fused, set),
    }
    local plan <const> = calls.plan(phases.eval(fused), true, false, planned,
        { algorithm = "auto", micro_batch = 1 })
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

-- Weight and bias of the norms that are made of an image's own sums.
local function affine_arrays(plan, trained, prefix, list)
    for _, call in ipairs(plan.phases[1].calls) do
        if call.kind == "coef" then
            local weight <const>, bias <const> = trained.affine { name = call.note }
            list[#list + 1] = {
                name = ("%s_w_%s"):format(prefix, call.note), shape = #weight,
                rows = numbers.rows(weight), note = call.note .. ".weight",
            }
            list[#list + 1] = {
                name = ("%s_b_%s"):format(prefix, call.note), shape = #bias,
                rows = numbers.rows(bias), note = call.note .. ".bias",
            }
        end
    end
end

-- -- The calls -----------------------------------------------------------------------------------

-- What stands for an argument of a call: an array of the file, a buffer, or C.
local function argument_text(arg, name_of)
    if type(arg) == "table" then
        return name_of[arg] or arg.name
    end
    return arg == "n" and "1" or arg
end

-- The lines of the function that computes the logits of one image: pointers, then calls; and the
-- buffer that has the logits.
local function forward_lines(plan, placed, name_of, prefix)
    local pointers <const>, lines <const>, declared <const> = {}, {}, {}
    local logits, title
    local function declare(buffer)
        if type(buffer) == "table" and not name_of[buffer] and not declared[buffer] then
            declared[buffer] = true
            pointers[#pointers + 1] = ("float *const %s = %s; /* %s */"):format(buffer.name,
                c.add("memory", placed.offset[buffer]), buffer.shape)
        end
    end
    local function write(call)
        local args <const> = {}
        for k, arg in ipairs(call.args) do
            declare(arg)
            args[k] = argument_text(arg, name_of)
        end
        if call.kind == "load" then
            args[2], args[3] = "level", "pixels"
        elseif call.kind == "coef" then -- coefficients, sums, weight, bias, count
            args[3] = ("%s_w_%s"):format(prefix, call.note)
            args[4] = ("%s_b_%s"):format(prefix, call.note)
        else
            assert(call.kernel, "no call of an evaluation: " .. call.kind)
        end
        lines[#lines + 1] = ("%s(%s);"):format(call.fn, table.concat(args, ", "))
    end
    for i, call in ipairs(plan.phases[1].calls) do
        if call.kind == "loss" then
            logits = call.args[2]
        elseif call.kind ~= "logits" then
            if call.title ~= title then
                title = call.title
                lines[#lines + 1] = #lines > 0 and "" or nil
                lines[#lines + 1] = ("/* %s */"):format(c.comment(title))
            end
            for _, buffer in ipairs(placed.clears[i] or {}) do
                declare(buffer)
                local l <const> = buffer.layout
                lines[#lines + 1] = ("clear_border(%s, %d, %d, %d, %d);"):format(buffer.name, l.h,
                    l.w, l.pitch, l.border)
            end
            write(call)
        end
    end
    return pointers, lines, logits
end

-- -- The functions -------------------------------------------------------------------------------

local function kernel_texts(plan, set, all)
    local list <const>, loops <const> = all.new_list(), all.new_list()
    local named <const> = shapes.new()
    for _, spec in ipairs(plan.kernels) do
        if not all:is_made(spec.name, spec, "layer") then
            local file <const>, params <const>, shares <const> = plain.params(spec, set, {})
            named:add_kernel(spec, params)
            for _, one in ipairs(shares) do
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

local HELPERS <const> = { "ops/images.c.tpl", "ops/plain/activation.c.tpl" }

--- The files of a frozen network: { name, text }.
function freeze.files(graph, file, options)
    local set <const> = isa.get("c", "float", true)
    local frozen <const>, folded <const> = inference.graph(graph)
    local plan <const>, placed <const> = plan_of(frozen, set)
    plan.vl = set.vl
    local prefix <const> = c.identifier(graph.name)
    local trained <const> = weights.of(file, folded, set)
    local arrays <const>, name_of <const> = arrays_of(plan, frozen, trained, prefix)
    affine_arrays(plan, trained, prefix, arrays)
    local pointers <const>, lines <const>, logits <const> =
        forward_lines(plan, placed, name_of, prefix)

    local all <const> = functions.new()
    local kernels <const>, loops <const>, named <const> = kernel_texts(plan, set, all)
    norm_texts(frozen, plan, set, all, kernels)
    local helpers <const> = all:helpers(HELPERS, {
        plain = true, most_channels = plain.most_channels(plan.kernels),
    })
    local input <const> = plan.phases[1].calls[1].args[1]
    local l <const> = logits.layout
    local params <const> = {
        net = graph.name, prefix = prefix, upper = prefix:upper(), norm = graph.norm,
        remake = c.comment(options.remake), input = graph.input, classes = graph.classes,
        class_names = class_names(file, graph.classes),
        mean = list_of(file.metadata.mean, "mean", graph.input.c, file.path),
        std = list_of(file.metadata.std, "std", graph.input.c, file.path),
        work_floats = math.max(1, placed.floats.scratch),
        load = plan.phases[1].calls[1].fn, input_layout = input.layout,
        logits = logits.name,
        logits_at = c.add(logits.name, (l.border * layout.cols(l) + l.border) * l.pitch),
        prototypes = kernels.prototypes, pointers = pointers, lines = lines,
        shapes = all:helpers({ "ops/shapes.c.tpl" },
            { alone = true, shapes = named:sorted() }).texts,
        helpers = helpers.texts, loops = loops.texts, kernels = kernels.texts,
        wanted = all.wanted, arrays = arrays, weight_count = totals_of(arrays),
        clears_borders = next(placed.clears) ~= nil,
        samples = options.samples and samples.of(graph, options.samples) or false,
    }
    local files <const> = {}
    for _, one in ipairs {
        { prefix .. ".h", "freeze/network.h.tpl" }, { prefix .. ".c", "freeze/network.c.tpl" },
        { "main.c", "freeze/main.c.tpl" }, { "CMakeLists.txt", "freeze/CMakeLists.txt.tpl" },
        { "Makefile", "freeze/Makefile.tpl" },
    } do
        files[#files + 1] = { name = one[1], text = (template.render(one[2], params)) }
    end
    all:check()
    return files
end

return freeze
