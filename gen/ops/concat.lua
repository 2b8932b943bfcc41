-- concat.lua - values side by side: the channels of one behind those of the other.
--
-- Two operations, concat.of and concat.pad, of which the second has zeros for all values but one.
-- Each value has a kernel of its own, forward and backward, that copies its channels: so there
-- may be any number, and equal ones share a function.

local kernel <const> = require "ops/kernel"

local function operation(kind, c_op)
    return {
        kinds = { kind }, c_op = c_op, keeps = true, backward = {},
        fuse = function(fusion, node)
            local step <const> = { op = kind, name = node.name, layers = { node } }
            fusion:read(step, node.inputs)
            return step, node
        end,
        -- Channels are copied one by one where they fill no vector.
        reads_scalars = function()
            return true
        end,
        name_words = function(spec)
            return { head = kind .. (spec.first > 0 and "_at" .. spec.first or ""), has_k = true }
        end,
    }
end

local concat <const> = {
    of = operation("concat", "KERNEL_CONCAT"),
    pad = operation("pad_channels", "KERNEL_PAD_CHANNELS"),
}

-- -- Calls ---------------------------------------------------------------------------------------

-- Calls visit(x, specification of its kernel without layouts) for each value of a step.
local function each_part(step, pass, visit)
    local first = step.layers[1].first or 0
    for _, x in ipairs(step.inputs) do
        visit(x, {
            op = step.op, pass = pass, c = x.c, k = step.y.c, first = first, groups = 1,
        })
        first = first + x.c
    end
end

local function forward(planner, step, y)
    each_part(step, "fwd", function(value, spec)
        local x <const> = planner:value(value)
        spec.x, spec.y, spec.params = x.layout, y.layout, { "y", "x" }
        planner:kernel_call(spec, { y = y, x = x }, kernel.layer_names(step), step.name)
    end)
end

local function backward_parts()
    return { { name = "data", reads = {} } }
end

local function backward(planner, step, dy)
    each_part(step, "bwd_data", function(value, spec)
        if not value.trained then
            return
        end
        local dx <const>, adds <const> = planner:gradient_into(value)
        spec.x, spec.y = planner.layouts[value].data, dy.layout
        spec.dx, spec.dy, spec.adds, spec.params = dx.layout, dy.layout, adds, { "dx", "dy" }
        planner:kernel_call(spec, { dx = dx, dy = dy }, kernel.layer_names(step), step.name)
    end)
end

-- -- Kernels -------------------------------------------------------------------------------------

-- The template of a kernel and its parameters.
local function params_of(spec, isa)
    local params <const> = kernel.common(spec, isa)
    local fwd <const> = spec.pass == "fwd"
    local to <const>, from <const> = fwd and spec.y or spec.dx, fwd and spec.x or spec.dy
    params.h, params.w, params.channels, params.adds = to.h, to.w, spec.c, spec.adds or false
    kernel.place(params, "to", to)
    kernel.place(params, "from", from)
    params.to_at = params.to_at + (fwd and spec.first or 0)
    params.from_at = params.from_at + (fwd and 0 or spec.first)
    params.whole = spec.c // isa.vl * isa.vl
    -- The last channels are followed by lanes that fill up a vector, which nobody else sets.
    local pads <const> = spec.op == "pad_channels" and fwd
    local last <const> = not fwd or pads or spec.first + spec.c == spec.k
    params.filled = last and not spec.adds and to.pitch - (fwd and spec.first or 0) or spec.c
    params.ahead = pads and spec.first or 0
    local part <const> = string.format("channels %d to %d of %s", spec.first,
        spec.first + spec.c - 1, fwd and "y" or "dy")
    local others <const> = pads and ", the others = 0." or "."
    params.formula = fwd and part .. " = x" .. others
        or string.format("dx %s %s.", spec.adds and "+=" or "=", part)
    params.shapes = kernel.shapes_text(spec)
    local moved <const> = to.h * to.w * spec.c
    params.cost = kernel.cost_text(spec, isa, spec.adds and 2 * moved or moved,
        pads and to.h * to.w * to.pitch or moved)
    return "ops/concat.c.tpl", params
end

for _, operation_of in pairs(concat) do -- each sets its own fields
    operation_of.forward, operation_of.backward_parts = forward, backward_parts
    operation_of.backward.data, operation_of.params = backward, params_of
end

return concat
