-- place.lua - where the pixels and channels of every value and of its gradient lie (see
-- ops/layout.lua): the border is as wide as the convolutions that read the image pad it.

local grouped <const> = require "ops/conv/grouped"
local layout <const> = require "ops/layout"

local place <const> = {}

-- Rows of zeros around the gradient of a convolution's output that its data gradient reads.
local function gradient_border(node, input, output)
    local s <const>, p <const>, last_tap <const> = node.stride, node.padding, node.window - 1
    local border = 0
    for _, size in ipairs { { input.h, output.h }, { input.w, output.w } } do
        local lowest <const> = (p - last_tap) // s -- floor: position of the last tap at pixel 0
        local highest <const> = (size[1] - 1 + p) // s
        border = math.max(border, -lowest, highest - (size[2] - 1))
    end
    return border
end

--- The layouts of all values of the fused steps: { [value] = { data = layout, grad = layout } }.
function place.layouts(fused, isa)
    local layouts <const> = {}
    for _, value in ipairs(fused.values) do
        local border = 0
        local scalar_reads = value.maker == nil
        for _, step in ipairs(value.readers) do
            if step.op == "conv" then
                border = math.max(border, step.layers[1].padding)
                scalar_reads = scalar_reads
                    and not grouped.is_depthwise(step.layers[1].groups, value.c, step.layers[1].c)
            elseif step.op ~= "linear" then
                scalar_reads = false
            end
        end
        local pitch <const> = scalar_reads and value.c or layout.round_up(value.c, isa.vl)
        local grad_border = 0
        local maker <const> = value.maker
        if maker and maker.op == "conv" and maker.x.trained then
            grad_border = gradient_border(maker.layers[1], maker.x, value)
        elseif maker and maker.op == "map" and #maker.x.readers == 1 then
            grad_border = layouts[maker.x].grad.border -- shares the buffer of its input's gradient
        end
        layouts[value] = {
            data = { c = value.c, h = value.h, w = value.w, pitch = pitch, border = border },
            grad = {
                c = value.c, h = value.h, w = value.w, pitch = layout.round_up(value.c, isa.vl),
                border = grad_border,
            },
        }
    end
    return layouts
end

return place
