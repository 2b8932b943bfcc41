-- arrays.lua - the numbers of a frozen network: an array for each thing that a call reads.
--
--     arrays.of(plan, graph, trained, fills, prefix) -> list, named
--
-- list: { { name, count, bytes = of floats, note } } in the order of the calls
-- named: what forward.lua calls them by: { of, weight, bias, fill }
-- plan: of an evaluation, graph: of inference.lua, as fills; trained: of weights.lua

local floats <const> = require "onnx/floats"
local layout <const> = require "ops/layout"
local ops <const> = require "ops/ops"

local arrays <const> = {}

local function append(list, name, bytes, note)
    list[#list + 1] = { name = name, count = #bytes // 4, bytes = bytes, note = note }
    return name
end

-- Bytes and note of a parameter of a kernel; nil where it is none that the model says.
local function argument(buffer, param, spec, trained, batch_norm, vl)
    if ops[spec.op].has_own_weights and (param == "w" or param == "bias") then
        local role <const> = param == "w" and "weight" or "bias"
        return floats.pack(trained:copied(spec, role, buffer.floats)), spec.layer .. "." .. role
    elseif param == "w" then
        local bytes <const>, shape <const> = trained:packed(spec)
        return bytes, ("%s.weight, packed: %s"):format(spec.layer, shape)
    elseif param == "bias" then
        return floats.pack(trained:bias(spec, buffer.floats)), spec.layer .. ".bias"
    elseif param == "coef" and buffer.scope == "thread" then
        local pitch <const> = layout.round_up(batch_norm.c, vl)
        return floats.pack(trained:scale_shift(batch_norm, pitch)),
            ("%s: rows a, b, m of a * (x - m) + b"):format(batch_norm.name)
    end
end

-- An array for each buffer of weights that a call reads. Returns its name by its buffer.
local function of_kernels(plan, graph, trained, prefix, list)
    local name_of <const>, node_of <const> = {}, {}
    for _, node in ipairs(graph.nodes) do
        node_of[node.name] = node
    end
    for _, call in ipairs(plan.phases[1].calls) do
        for i, param in ipairs(call.kernel and call.kernel.params or {}) do
            local buffer <const> = call.args[i]
            if type(buffer) == "table" and not name_of[buffer] then
                local bytes <const>, note <const> = argument(buffer, param, call.kernel, trained,
                    node_of[buffer.layer], plan.vl)
                name_of[buffer] = bytes and append(list, prefix .. "_" .. buffer.name, bytes, note)
            end
        end
    end
    return name_of
end

-- Weight and bias of the norms that are made of an image's own sums: returns their arrays' names
-- by the norm's.
local function of_norms(plan, trained, prefix, list)
    local weights_of <const>, biases_of <const> = {}, {}
    for _, call in ipairs(plan.phases[1].calls) do
        if call.kind == "coef" then
            local node <const> = call.note
            local weight <const>, bias <const> = trained:affine { name = node }
            weights_of[node] = append(list, ("%s_w_%s"):format(prefix, node), floats.pack(weight),
                node .. ".weight")
            biases_of[node] = append(list, ("%s_b_%s"):format(prefix, node), floats.pack(bias),
                node .. ".bias")
        end
    end
    return weights_of, biases_of
end

-- What is a zero behind the norms that a value has given away, for the borders that convolutions
-- pad with zeros: an array of a pixel for each. Returns its name by the value's.
local function of_borders(plan, fills, prefix, list)
    local names <const> = {}
    for _, buffer in ipairs(plan.buffers) do
        local pixel <const> = buffer.role == "y" and fills[buffer.layer]
        if pixel then
            local filled <const> = table.move(pixel, 1, #pixel, 1, {})
            for k = #pixel + 1, buffer.layout.pitch do
                filled[k] = 0.0
            end
            names[buffer.layer] = append(list, ("%s_zero_%s"):format(prefix, buffer.layer),
                floats.pack(filled), "zero for those that read " .. buffer.layer)
        end
    end
    return names
end

function arrays.of(plan, graph, trained, fills, prefix)
    local list <const>, named <const> = {}, {}
    named.of = of_kernels(plan, graph, trained, prefix, list)
    named.fill = of_borders(plan, fills, prefix, list)
    named.weight, named.bias = of_norms(plan, trained, prefix, list)
    return list, named
end

return arrays
