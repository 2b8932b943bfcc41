-- weighted.lua - what convolutions and linear layers have in common: their steps, and the calls
-- that these need. Both have packed weights, and an epilogue that applies a ReLU and gathers the
-- sums of a norm.
--
-- An operation of this kind is { window_of(node) -> window, stride, padding, groups,
-- gradient_shape(step, isa) -> floats and shape of its weight gradient, ... } (see ops.lua).

local layout <const> = require "ops/layout"
local pointwise <const> = require "ops/pointwise"

local weighted <const> = {}

function weighted.fuse(fusion, node)
    local step <const> = { op = node.kind, name = node.name, layers = { node }, relu = false }
    fusion:read(step, "x", node.inputs[1])
    local relu <const> = fusion:absorb_next(step, node, "relu")
    step.relu = relu ~= nil
    return step, relu or node
end

--- Makes the buffers of a step's bias and, for each chunk of images, of its gradients.
--- gradient_shape: of the operation
function weighted.make_buffers(planner, step, gradient_shape)
    local node <const> = step.layers[1]
    local pitch <const> = layout.round_up(step.y.c, planner.isa.vl)
    planner:buffer("dw_" .. node.name, "chunk", gradient_shape(step, planner.isa))
    if node.bias then
        local shape <const> = tostring(pitch)
        planner:buffer("b_" .. node.name, "weights", pitch, shape)
        planner:buffer("db_" .. node.name, "chunk", pitch, shape)
    end
end

-- A kernel's specification without layouts. window_of: of the operation
local function specification(step, pass, window_of)
    local node <const> = step.layers[1]
    local window <const>, stride <const>, padding <const>, groups <const> = window_of(node)
    return {
        op = step.op, pass = pass, window = window, stride = stride, padding = padding,
        groups = groups, bias = pass ~= "bwd_data" and node.bias, flop = node.flop,
        relu = pass == "fwd" and step.relu, stats = pass == "fwd" and step.stats ~= nil,
        c = step.x.c, k = step.y.c,
    }
end

function weighted.forward(planner, step, y, window_of)
    local node <const> = step.layers[1]
    local x <const> = planner:materialize(step.x)
    local spec <const> = specification(step, "fwd", window_of)
    spec.x, spec.y, spec.params = x.layout, y.layout, { "y" }
    local values <const> = { y = y, x = x, bias = planner.by_name["b_" .. node.name] }
    planner:choose_algorithm(spec)
    values.w = planner:packed_weights("w_", node, spec)
    if spec.stats then
        values.sums = planner:norm_sums(step.stats, "sums")
        table.insert(spec.params, "sums")
    end
    table.insert(spec.params, "x")
    table.insert(spec.params, "w")
    if spec.bias then
        table.insert(spec.params, "bias")
    end
    planner:kernel_call(spec, values, planner.layer_names(step), node.name)
    if spec.stats then
        planner:gather_sums(step.stats, "sums", step.y)
    end
end

local function data_gradient(planner, step, x, dy, window_of)
    local node <const> = step.layers[1]
    local spec <const> = specification(step, "bwd_data", window_of)
    local dx <const>, adds <const> = planner:gradient_into(step.x)
    spec.adds = adds
    spec.x, spec.y, spec.dx, spec.dy = x.layout, dy.layout, dx.layout, dy.layout
    spec.params = { "dx", "dy", "w" }
    planner:choose_algorithm(spec)
    planner:kernel_call(spec, { dx = dx, dy = dy, w = planner:packed_weights("wt_", node, spec) },
        node.name, node.name)
end

function weighted.backward(planner, step, dy, window_of)
    local node <const> = step.layers[1]
    local relu_masked <const> = #step.y.readers == 1 and step.y.readers[1].masks_x
    if step.relu and not relu_masked then
        pointwise.mask(planner, dy, planner:materialize(step.y), step.layers[2])
    end
    local x <const> = planner:materialize(step.x)
    local spec <const> = specification(step, "bwd_weights", window_of)
    spec.x, spec.y, spec.dy = x.layout, dy.layout, dy.layout
    spec.params = spec.bias and { "dw", "db", "x", "dy" } or { "dw", "x", "dy" }
    planner:choose_algorithm(spec)
    planner:kernel_call(spec, {
        dw = planner.by_name["dw_" .. node.name], db = planner.by_name["db_" .. node.name],
        x = x, dy = dy,
    }, node.name, node.name)
    if step.x.trained then
        data_gradient(planner, step, x, dy, window_of)
    end
end

--- Gives an operation what it has in common with others.
function weighted.complete(op)
    op.keeps, op.gathers, op.fuse = true, true, weighted.fuse
    function op.make_buffers(planner, step)
        weighted.make_buffers(planner, step, op.gradient_shape)
    end
    function op.forward(planner, step, y)
        weighted.forward(planner, step, y, op.window_of)
    end
    function op.backward(planner, step, dy)
        weighted.backward(planner, step, dy, op.window_of)
    end
    return op
end

return weighted
