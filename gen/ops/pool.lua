-- pool.lua - the largest or the mean of each window, or of the whole image.
--
-- Two operations: pool.max and pool.avg.

local c <const> = require "emit/c"
local kernel <const> = require "ops/kernel"
local layout <const> = require "ops/layout"

local max <const> = { c_op = "KERNEL_MAXPOOL" }
local avg <const> = { c_op = "KERNEL_AVGPOOL" }

-- The template of a kernel and its parameters.
local function params_of(spec, isa, largest)
    local params <const> = kernel.common(spec, isa)
    local fwd <const> = spec.pass == "fwd"
    local small <const> = fwd and spec.y or spec.dy
    params.pitch, params.max = small.pitch, largest
    params.h, params.w = spec.x.h, spec.x.w
    params.out_h, params.out_w = small.h, small.w
    params.window_h = spec.global and spec.x.h or spec.window
    params.window_w = spec.global and spec.x.w or spec.window
    params.stride = spec.stride
    params.minus_padding = c.add("", -spec.padding)
    params.clips = spec.padding > 0
    params.winners = spec.winners or false
    params.share = c.float(1.0 / (params.window_h * params.window_w))
    params.x_border, params.x_cols = spec.x.border, layout.cols(spec.x)
    params.y_border, params.y_cols = small.border, layout.cols(small)
    params.dy_border, params.dy_cols = params.y_border, params.y_cols
    params.dx_border = spec.dx and spec.dx.border or 0
    params.dx_cols = spec.dx and layout.cols(spec.dx) or 0
    local tiles <const> = params.stride >= params.window_h and not params.clips
    local covers <const> = tiles and params.stride == params.window_h
        and small.h * spec.stride == spec.x.h and small.w * spec.stride == spec.x.w
    params.sets = not spec.adds and (covers or spec.global)
    params.clears = not spec.adds and not params.sets
    local kind <const> = largest and "largest" or "mean"
    if fwd then
        params.formula = string.format("y = %s of each %d x %d window%s, stride %d, padding %d.",
            kind, params.window_h, params.window_w,
            spec.winners and ", winner = its place there" or "", spec.stride, spec.padding)
    else
        params.formula = string.format("dx %s dy%s, %d x %d windows, stride %d, padding %d.",
            spec.adds and "+=" or "=", largest and ", to the winner of its window"
                or string.format(" / %d, to every input of its window",
                    params.window_h * params.window_w),
            params.window_h, params.window_w, spec.stride, spec.padding)
    end
    params.shapes = kernel.shapes_text(spec)
    local large <const> = spec.x.h * spec.x.w * params.pitch
    local few <const> = small.h * small.w * params.pitch
    local winners <const> = largest and few // 4 or 0 -- a byte each
    params.cost = kernel.cost_text(spec, isa, fwd and large or few + winners,
        fwd and few + (spec.winners and winners or 0) or large)
    return largest and "ops/maxpool.c.tpl" or "ops/avgpool.c.tpl", params
end

function max.params(spec, isa)
    return params_of(spec, isa, true)
end

function avg.params(spec, isa)
    return params_of(spec, isa, false)
end

-- A mean divides.
function avg.exact()
    return false
end

return { max = max, avg = avg }
