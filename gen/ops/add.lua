-- add.lua - the sum of two values, such as the end of a skip connection.

local kernel <const> = require "ops/kernel"
local layout <const> = require "ops/layout"

local add <const> = { c_op = "KERNEL_ADD" }

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
