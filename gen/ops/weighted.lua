-- weighted.lua - what convolutions and linear layers have in common: their steps, and the calls
-- that these need. Both have packed weights, and an epilogue that applies a ReLU and gathers the
-- sums of a norm.
--
-- An operation of this kind is { window_of(node) -> geometry or nil, groups,
-- gradient_shape(step, isa) -> floats and shape of its weight gradient, ... } (see ops.lua).

local kernel <const> = require "ops/kernel"
local layout <const> = require "ops/layout"
local norm <const> = require "ops/norm"
local pointwise <const> = require "ops/pointwise"

local weighted <const> = {}

function weighted.fuse(fusion, node)
    local step <const> = { op = node.kind, name = node.name, layers = { node }, relu = false }
    fusion:read(step, node.inputs)
    local relu <const> = fusion:absorb_next(step, node, "relu")
    step.relu = relu ~= nil
    return step, relu or node
end

--- Makes the buffers of a step's bias and, for each chunk of images, of its gradients: frozen
--- layers have none.
--- gradient_shape: of the operation
function weighted.make_buffers(planner, step, gradient_shape)
    local node <const> = step.layers[1]
    local pitch <const> = layout.round_up(step.y.c, planner.isa.vl)
    local function make(role, scope, floats, shape)
        planner:buffer {
            role = role, layer = node.name, scope = scope, floats = floats, shape = shape,
        }
    end
    if not node.frozen then
        make("dw", "chunk", gradient_shape(step, planner.isa))
    end
    if node.bias then
        make("b", "weights", pitch, tostring(pitch))
    end
    if node.bias and not node.frozen then
        make("db", "chunk", pitch, tostring(pitch))
    end
end

-- The specification of a step's kernel without layouts: what its three kernels share. What a kernel
-- does besides the products, its caller says. window_of: of the operation
local function specification(step, pass, window_of)
    local node <const> = step.layers[1]
    local geometry <const>, groups <const> = window_of(node)
    return {
        op = step.op, pass = pass, geometry = geometry, groups = groups, flop = node.flop,
        c = step.x.c, k = step.y.c,
        bias = false, relu = false, stats = false,
    }
end

function weighted.forward(planner, step, y, window_of)
    local node <const> = step.layers[1]
    local x <const> = planner:value(step.x)
    local spec <const> = specification(step, "fwd", window_of)
    spec.bias, spec.relu, spec.stats = node.bias, step.relu, step.stats ~= nil
    spec.x, spec.y, spec.params = x.layout, y.layout, { "y" }
    local values <const> = { y = y, x = x, bias = planner:named("b", node.name) }
    planner:choose_algorithm(spec)
    values.w = planner:packed_weights("w", node, spec)
    if spec.stats then
        values.sums = norm.sums(planner, step.stats, "sums")
        table.insert(spec.params, "sums")
    end
    table.insert(spec.params, "x")
    table.insert(spec.params, "w")
    if spec.bias then
        table.insert(spec.params, "bias")
    end
    planner:kernel_call(spec, values, kernel.layer_names(step), node.name)
    if spec.stats then
        norm.gather(planner, step.stats, "sums", step.y)
    end
end

--- The parts of the backward pass: the mask of a ReLU that no step behind applies, the gradient of
--- the weights, the gradient of the input.
function weighted.backward_parts(step)
    local parts <const> = {}
    local relu_masked <const> = #step.y.readers == 1 and step.y.readers[1].masks_x
    if step.relu and not relu_masked then
        parts[1] = { name = "mask", reads = { step.y } }
    end
    if not step.layers[1].frozen then
        parts[#parts + 1] = { name = "weights", reads = { step.x } }
    end
    if step.x.trained then
        parts[#parts + 1] = { name = "data", reads = {} }
    end
    return parts
end

local function mask(planner, step, dy)
    pointwise.mask(planner, dy, planner:value(step.y), step.layers[2])
end

local function weight_gradient(planner, step, dy, window_of)
    local node <const>, x <const> = step.layers[1], planner:value(step.x)
    local spec <const> = specification(step, "bwd_weights", window_of)
    spec.bias = node.bias
    spec.x, spec.y, spec.dy = x.layout, dy.layout, dy.layout
    spec.params = spec.bias and { "dw", "db", "x", "dy" } or { "dw", "x", "dy" }
    planner:choose_algorithm(spec)
    planner:kernel_call(spec, {
        dw = planner:named("dw", node.name), db = planner:named("db", node.name),
        x = x, dy = dy,
    }, node.name, node.name)
end

local function data_gradient(planner, step, dy, window_of)
    local node <const> = step.layers[1]
    local spec <const> = specification(step, "bwd_data", window_of)
    local dx <const>, adds <const> = planner:gradient_into(step.x)
    spec.adds = adds
    spec.x, spec.y = planner.layouts[step.x].data, dy.layout
    spec.dx, spec.dy = dx.layout, dy.layout
    spec.params = { "dx", "dy", "w" }
    planner:choose_algorithm(spec)
    planner:kernel_call(spec, { dx = dx, dy = dy, w = planner:packed_weights("wt", node, spec) },
        node.name, node.name)
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
    op.backward_parts = weighted.backward_parts
    function op.packs(_, role)
        return role == "weight"
    end
    op.backward = {
        mask = mask,
        weights = function(planner, step, dy)
            weight_gradient(planner, step, dy, op.window_of)
        end,
        data = function(planner, step, dy)
            data_gradient(planner, step, dy, op.window_of)
        end,
    }
    return op
end

return weighted
