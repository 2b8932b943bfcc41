-- place.lua - where the pixels and channels of every value and of its gradient lie (see
-- ops/layout.lua): the border is as wide as the convolutions that read the image pad it.

local layout <const> = require "ops/layout"
local ops <const> = require "ops/ops"

local place <const> = {}

--- The layouts of all values of the fused steps: { [value] = { data = layout, grad = layout } }.
function place.layouts(fused, isa)
    local layouts <const> = {}
    for _, value in ipairs(fused.values) do
        local border = 0
        local scalar_reads = value.maker == nil
        for _, step in ipairs(value.readers) do
            local op <const> = ops[step.op]
            border = math.max(border, op.border and op.border(step) or 0)
            scalar_reads = scalar_reads and op.reads_scalars ~= nil and op.reads_scalars(step, isa)
        end
        local pitch <const> = scalar_reads and value.c or layout.round_up(value.c, isa.vl)
        local grad_border = 0
        local maker <const> = value.maker
        local gradient_border <const> = maker and ops[maker.op].gradient_border
        if gradient_border then
            grad_border = gradient_border(maker, layouts[maker.x].grad.border)
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
