-- add.lua - the sum of two values, such as the end of a skip connection.

local kernel <const> = require "ops/kernel"
local layout <const> = require "ops/layout"

local add <const> = { kinds = { "add" }, c_op = "KERNEL_ADD", keeps = true, backward = {} }

function add.fuse(fusion, node)
    local step <const> = { op = "add", name = node.name, layers = { node }, relu = false }
    fusion:read(step, node.inputs)
    step.x2 = step.inputs[2]
    local relu <const> = fusion:absorb_next(step, node, "relu")
    step.relu = relu ~= nil
    return step, relu or node
end

function add.name_words(spec)
    return {
        head = "add" .. (spec.relu and "_relu" or ""),
        third = spec.pass == "fwd" and spec.x2 or spec.y,
    }
end

function add.forward(planner, step, y)
    local x <const>, x2 <const> = planner:value(step.x), planner:value(step.x2)
    planner:kernel_call({
        op = step.op, pass = "fwd", x = x.layout, x2 = x2.layout, y = y.layout, c = step.x.c,
        relu = step.relu, params = { "y", "x", "x2" },
    }, { y = y, x = x, x2 = x2 }, kernel.layer_names(step), step.layers[1].name)
end

function add.backward_parts(step)
    return { { name = "data", reads = step.relu and { step.y } or {} } }
end

function add.backward.data(planner, step, dy)
    local y <const> = step.relu and planner:value(step.y) or nil
    for _, x in ipairs(step.inputs) do
        if x.trained then
            local dx <const>, adds <const> = planner:gradient_into(x)
            planner:kernel_call({
                -- Only the sizes of x matter, which are those of dx: its memory is not read.
                op = step.op, pass = "bwd_data", x = dx.layout, dx = dx.layout,
                dy = dy.layout, y = planner.layouts[step.y].data, c = x.c, relu = step.relu,
                adds = adds, params = step.relu and { "dx", "dy", "yin" } or { "dx", "dy" },
            }, { dx = dx, dy = dy, yin = y }, kernel.layer_names(step), step.layers[1].name)
        end
    end
end

--- The template of a kernel and its parameters.
function add.params(spec, isa)
    local params <const> = kernel.common(spec, isa)
    local fwd <const> = spec.pass == "fwd"
    params.pitch = fwd and spec.y.pitch or spec.dy.pitch
    params.h, params.w, params.relu, params.adds = spec.x.h, spec.x.w, spec.relu,
        spec.adds or false
    local function place(prefix, l)
        params[prefix .. "_border"] = l and l.border or 0
        params[prefix .. "_cols"] = l and layout.cols(l) or 0
    end
    place("x", spec.x)
    place("x2", spec.x2)
    place("y", spec.y)
    place("dx", spec.dx)
    place("dy", spec.dy)
    if fwd then
        params.formula = spec.relu and "y = relu(x + x2)." or "y = x + x2."
    else
        params.formula = string.format("dx %s dy%s.", spec.adds and "+=" or "=",
            spec.relu and " where the sum is positive" or "")
    end
    params.shapes = kernel.shapes_text(spec)
    local moved <const> = spec.x.h * spec.x.w * params.pitch
    params.cost = kernel.cost_text(spec, isa, 2 * moved, moved)
    return "ops/add.c.tpl", params
end

return add
