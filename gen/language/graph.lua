-- graph.lua - from a checked list of layers to a graph with shapes, parameters and FLOP.
--
--     graph = { name = "s8", norm = "bn", input = { c = 3, h = 32, w = 32 }, classes = 10,
--               recipe = (recipe.lua), nodes, params, states, param_floats, state_floats, flop }
--     node  = { index = i, kind = "input", or one of layers.kinds,
--               name, where = "file:line", outer (record.lua),
--               inputs = { indices of earlier nodes },
--               c, h, w,                      -- output; the loss: classes, 1, 1
--               geometry,                     -- conv and pools: geometry.lua
--               bias = bool,                  -- conv and linear
--               groups,                       -- conv: 1 is an ordinary one
--               norm = "batch|group|layer|rms", groups, eps,   -- norm; batch has 0 groups
--               over = "pixel",               -- layer and RMS norm: what has a mean of its own
--               momentum,                     -- batch norm
--               ghost,                        -- norm: images of one statistic, 0 the whole batch
--               p, unit,                      -- dropout: unit is "values", "channels", "images"
--               activation,                   -- the function that a layer applies, or nil
--               weight, bias_param,           -- indices into params, or nil
--               frozen,                       -- true: its parameters and statistics stay
--               state,                        -- index of running_mean in states, running_var
--                                             -- follows; or nil
--               flop }                        -- forward, one image, an integer; 0 for cheap layers
--     param = { name = "conv1.weight", layer = "conv1", role = "weight" or "bias",
--               shape = { O, I, kh, kw } or { O, I } or { C }, count, offset,
--               init = "fan_in|one|zero", fan_in, decays = bool,
--               standardize = eps of the variance of standardized weights, or nil }
--     state = { name = "norm1.running_mean", count, offset, init = 0 or 1 }
--
-- Nodes are in topological order and nodes[1] is the image; offsets are in floats. Normalizations
-- of kind "none" are no nodes: who read them reads their input.

local layers <const> = require("language/layers")
local nearest <const> = require("language/nearest")
local network <const> = require("language/network")

local graph <const> = {}

local MAX_VALUES <const> = 1 << 26 -- of one layer's output: indices in C are int
local MAX_PARAMS <const> = 1 << 28

local function product(shape)
    local count = 1
    for _, side in ipairs(shape) do
        count = count * side
    end
    return count
end

local function add_params(built, node, list)
    for _, param in ipairs(list) do
        local made <const> = {
            name = node.name .. "." .. param.name,
            layer = node.name,
            role = param.name,
            shape = param.shape,
            count = product(param.shape),
            offset = built.param_floats,
            init = param.init,
            fan_in = param.fan_in,
            standardize = param.standardize,
            decays = true, -- as torch.optim.SGD does
        }
        built.params[#built.params + 1] = made
        built.param_floats = built.param_floats + made.count
        node[param.name == "weight" and "weight" or "bias_param"] = #built.params
    end
end

local function add_states(built, node, list)
    for _, state in ipairs(list) do
        built.states[#built.states + 1] = {
            name = node.name .. "." .. state.name,
            count = state.count,
            offset = built.state_floats,
            init = state.init,
        }
        built.state_floats = built.state_floats + state.count
        node.state = node.state or #built.states
    end
end

-- The node of a layer whose inputs are `ins`, or nil after reporting why there is none. The
-- second result is true where the layer leaves the network.
local function make_node(built, layer, ins, net, report)
    local spec <const> = layers.of[layer.kind]
    local f <const> = {}
    for key, value in pairs(layer.fields) do
        f[key] = value
    end
    spec.resolve(f, ins, net)
    if f.vanishes then
        return nil, true
    end
    local shape <const>, what <const>, expected <const> = spec.shape(f, ins)
    if not shape then
        report(layer.line, layer.kind .. ": " .. what, expected)
        return nil, false
    end
    if product({ shape.c, shape.h, shape.w }) > MAX_VALUES then
        report(layer.line, ("%s: its output is %s"):format(layer.kind, layers.size_text(shape)),
            ("at most %d values"):format(MAX_VALUES))
        return nil, false
    end
    local node <const> = {
        index = #built.nodes + 1,
        kind = layer.kind,
        name = layer.name,
        where = layer.where,
        outer = layer.outer,
        inputs = {},
        c = shape.c,
        h = shape.h,
        w = shape.w,
        flop = spec.flop(f, ins, shape),
    }
    for i, input in ipairs(ins) do
        node.inputs[i] = input.index
    end
    for _, name in ipairs(spec.node) do
        node[name] = f[name]
    end
    add_params(built, node, spec.params(f, ins))
    add_states(built, node, spec.states(f, ins))
    if built.param_floats > MAX_PARAMS then
        report(layer.line, ("%s: with it the network has %d parameters"):format(layer.kind,
            built.param_floats), ("at most %d"):format(MAX_PARAMS))
        return nil, false
    end
    return node
end

-- Marks the layers that a recipe freezes. A pattern that finds none is a mistake, and so is a
-- network that learns nothing.
local function freeze(built, net, report)
    local names <const>, line <const> = {}, net.freeze_line or net.line
    local learns = false
    for _, node in ipairs(built.nodes) do
        names[#names + 1] = (node.weight or node.bias_param) and node.name or nil
    end
    for _, pattern in ipairs(net.recipe.freeze) do
        local lua_pattern <const> = "^" .. pattern:gsub("%*", ".*") .. "$"
        local found = false
        for _, node in ipairs(built.nodes) do
            if (node.weight or node.bias_param) and node.name:find(lua_pattern) then
                node.frozen, found = true, true
                node.ghost = node.ghost and 0 -- its statistics are those of no images
            end
        end
        if not found then
            report(line, ("recipe: freeze: %q is no layer that learns%s"):format(pattern,
                nearest.hint(pattern, names)), "names of layers, or patterns as \"conv*\"")
        end
    end
    for _, node in ipairs(built.nodes) do
        learns = learns or (node.weight or node.bias_param) and not node.frozen
    end
    if not learns then
        report(line, "recipe: freeze leaves no layer that learns", "one or more")
    end
end

-- The graph of a checked network (network.lua). Raises { kind = "rejected" } with all errors of
-- shape; a layer whose input is wrong already is not reported again.
function graph.build(net)
    local errors <const> = network.errors(net.file)
    local built <const> = {
        name = net.name,
        norm = net.norm,
        input = net.input,
        classes = net.classes,
        recipe = net.recipe,
        nodes = {},
        params = {},
        states = {},
        param_floats = 0,
        state_floats = 0,
        flop = 0,
    }
    local nodes <const> = built.nodes
    nodes[1] = {
        index = 1,
        kind = "input",
        name = "input",
        where = net.where,
        inputs = {},
        c = net.input.c,
        h = net.input.h,
        w = net.input.w,
        flop = 0,
    }
    local node_of <const> = { input = nodes[1] }
    for _, layer in ipairs(net.layers) do
        local ins <const> = {}
        local known = true
        for i, name in ipairs(layer.inputs) do
            ins[i] = node_of[name]
            known = known and ins[i] ~= nil
        end
        if known then
            local node <const>, vanishes <const> =
                make_node(built, layer, ins, net, errors.report)
            if node then
                nodes[#nodes + 1] = node
                built.flop = built.flop + node.flop
            end
            node_of[layer.name] = vanishes and ins[1] or node
        end
    end
    errors.raise()
    if built.param_floats == 0 then
        errors.report(net.line, "network: it has no parameters", "a layer that learns")
        errors.raise()
    end
    freeze(built, net, errors.report)
    errors.raise()
    return built
end

return graph
