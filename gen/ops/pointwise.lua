-- pointwise.lua - a line of its own for each channel, then ReLU, then dropout, each where present:
-- what a norm applies, and what stands alone.

local c <const> = require "emit/c"
local dropout <const> = require "ops/dropout"
local kernel <const> = require "ops/kernel"
local layout <const> = require "ops/layout"
local tile <const> = require "ops/conv/tile"

local pointwise <const> = { c_op = "KERNEL_MAP" }

-- Vectors of channels that a loop takes at once.
local BLOCK <const> = 4

--- The template of a kernel and its parameters. The data gradient may work in place.
function pointwise.params(spec, isa)
    local fwd <const>, out <const> = spec.pass == "fwd", spec.pass == "fwd" and spec.y or spec.dx
    local grad <const> = fwd and spec.y or spec.dy
    local params <const> = kernel.common(spec, isa, grad.pitch, spec.pass == "bwd_data")
    params.pitch = grad.pitch
    params.block = tile.block(grad.pitch // isa.vl, BLOCK)
    params.h, params.w, params.channels = spec.x.h, spec.x.w, spec.c
    params.affine, params.relu = spec.affine, spec.relu
    params.masks_x, params.adds = spec.masks_x, spec.adds or false
    params.dropout = spec.p > 0
    params.reads_x = kernel.has(spec.params, "x")
    params.keep_scale, params.drop_pitch, params.keep_bytes = "1.0f", 0, 0
    if params.dropout then
        params.keep_scale = c.float(dropout.scale(spec.p))
        params.drop_pitch = dropout.pitch(spec.c)
        params.keep_bytes = 4 * dropout.words(spec.x.h, spec.x.w, spec.c)
    end
    params.x_border, params.x_cols = spec.x.border, layout.cols(spec.x)
    params.x_pitch = spec.x.pitch
    params.dy_border, params.dy_cols = grad.border, layout.cols(grad)
    params.target = fwd and "y" or "dx"
    params.out_border, params.out_cols = out.border, layout.cols(out)
    local value = spec.affine and "a*(x - m) + b" or "x"
    value = spec.relu and "relu(" .. value .. ")" or value
    value = spec.p > 0 and "drop(" .. value .. ")" or value
    if fwd then
        params.formula = "y = " .. value .. ", a line of its own for each channel."
    else
        local factors <const> = "g = dy through " .. value .. " without its slope"
        if spec.pass == "bwd_reduce" then
            params.formula = factors .. "; sums = sum of g, sum of g * (x - m)."
        else
            local line <const> = spec.affine and "A*g + B*(x - m) + D" or "g"
            params.formula = string.format("%s; dx %s %s%s.", factors,
                spec.adds and "+=" or "=", line, spec.masks_x and " where x > 0" or "")
        end
    end
    params.shapes = kernel.shapes_text(spec, grad.pitch)
    local moved <const> = spec.x.h * spec.x.w * grad.pitch
    params.cost = kernel.cost_text(spec, isa, (fwd and 1 or 2) * moved,
        spec.pass == "bwd_reduce" and 2 * grad.pitch or moved)
    return "ops/map.c.tpl", params
end

function pointwise.exact(spec)
    return not spec.affine and spec.p == 0
end

return pointwise
