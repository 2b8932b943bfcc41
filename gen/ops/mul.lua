-- mul.lua - the product of two values; one of them may be one pixel, a factor for each channel.

local kernel <const> = require "ops/kernel"

local mul <const> = { kinds = { "mul" }, c_op = "KERNEL_MUL", backward = {} }

-- x is the value that has the shape of the product.
function mul.fuse(fusion, node)
    local step <const> = { op = "mul", name = node.name, layers = { node } }
    fusion:read(step, node.inputs)
    step.x2 = step.inputs[2]
    if step.x.h * step.x.w == 1 then
        step.x, step.x2 = step.x2, step.x
    end
    return step, node
end

-- Whether a layout, of what a kernel reads or makes, is one pixel for all of an image.
local function is_gate(spec, l)
    return l.h * l.w < spec.x.h * spec.x.w
end

function mul.name_words(spec)
    local sums <const> = spec.dx ~= nil and is_gate(spec, spec.dx)
    return {
        head = "mul" .. (sums and "_sum" or is_gate(spec, spec.x2) and "_gate" or ""),
        third = spec.x2,
    }
end

-- -- Calls ---------------------------------------------------------------------------------------

function mul.forward(planner, step, y)
    local x <const>, x2 <const> = planner:value(step.x), planner:value(step.x2)
    planner:kernel_call({
        op = step.op, pass = "fwd", x = x.layout, x2 = x2.layout, y = y.layout, c = step.x.c,
        params = { "y", "x", "x2" },
    }, { y = y, x = x, x2 = x2 }, kernel.layer_names(step), step.name)
end

--- The gradient of each factor is made of the other one.
function mul.backward_parts(step)
    local parts <const> = {}
    if step.x.trained then
        parts[1] = { name = "first", reads = { step.x2 } }
    end
    if step.x2.trained then
        parts[#parts + 1] = { name = "second", reads = { step.x } }
    end
    return parts
end

local function gradient(planner, step, dy, value, other)
    local dx <const>, adds <const> = planner:gradient_into(value)
    local x2 <const> = planner:value(other)
    planner:kernel_call({
        op = step.op, pass = "bwd_data", x = planner.layouts[step.x].data, y = dy.layout,
        x2 = x2.layout, dx = dx.layout, dy = dy.layout, c = step.x.c, adds = adds,
        params = { "dx", "dy", "x2" },
    }, { dx = dx, dy = dy, x2 = x2 }, kernel.layer_names(step), step.name)
end

function mul.backward.first(planner, step, dy)
    gradient(planner, step, dy, step.x, step.x2)
end

function mul.backward.second(planner, step, dy)
    gradient(planner, step, dy, step.x2, step.x)
end

-- -- Kernels -------------------------------------------------------------------------------------

--- The template of a kernel and its parameters.
function mul.params(spec, isa)
    local params <const> = kernel.common(spec, isa)
    local fwd <const> = spec.pass == "fwd"
    local to <const>, from <const> = fwd and spec.y or spec.dx, fwd and spec.x or spec.dy
    kernel.place(params, "to", to)
    kernel.place(params, "from", from)
    kernel.place(params, "x2", spec.x2)
    params.pitch, params.h, params.w, params.adds = to.pitch, from.h, from.w, spec.adds or false
    params.gate, params.sums = is_gate(spec, spec.x2), is_gate(spec, to)
    params.formula = string.format("%s %s %s%s.", fwd and "y" or "dx", spec.adds and "+=" or "=",
        fwd and "x * x2" or "dy * x2", params.gate and ", a factor for each channel"
            or params.sums and " summed over the pixels" or "")
    params.shapes = kernel.shapes_text(spec)
    local moved <const> = from.h * from.w * params.pitch
    params.cost = kernel.cost_text(spec, isa, params.gate and moved or 2 * moved,
        to.h * to.w * params.pitch)
    return "ops/mul.c.tpl", params
end

return mul
