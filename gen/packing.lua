-- packing.lua - the layouts in which kernels read weights and leave their gradients, and the
-- functions that convert between them and PyTorch's.

local conv <const> = require "conv"
local layout <const> = require "layout"
local name <const> = require "name"
local winograd <const> = require "winograd"

local packing <const> = {}

-- Output channels that a kernel takes at once: its weights are packed in blocks of so many, each
-- block one contiguous stream.
local function weight_block(spec, isa)
    local forward <const> = spec.pass == "fwd"
    if spec.op == "linear" then
        return (forward and spec.y or spec.dx).pitch
    elseif spec.algorithm == "winograd4" then
        return winograd.weight_block(spec, isa)
    end
    if spec.algorithm == "bank" then
        return spec.y.pitch
    end
    return spec.tile.nr * isa.vl
end

local function pack_block(spec, what, isa)
    return what == "unpack" and spec.dy.pitch or weight_block(spec, isa)
end

-- The name of the function that packs or unpacks the weights of a kernel.
function packing.name(spec, what, isa)
    return name.pack(spec, what, pack_block(spec, what, isa))
end

-- Floats of a kernel's packed weights, or of their packed gradient.
function packing.floats(spec, isa)
    local taps <const> = spec.op == "conv" and spec.window * spec.window or spec.x.h * spec.x.w
    if spec.pass ~= "bwd_weights" and spec.algorithm == "winograd4" then
        return winograd.weight_floats(spec)
    elseif spec.pass == "bwd_data" then
        return taps * spec.k * layout.round_up(spec.c, isa.vl)
    end
    return taps * spec.c * layout.round_up(spec.k, isa.vl)
end

-- The template and the parameters that pack or unpack the weights of a kernel.
-- what: "pack", "pack_transposed" or "unpack"
function packing.template(spec, what, isa)
    local linear_layer <const> = spec.op == "linear"
    local taps <const> = linear_layer and spec.x.h * spec.x.w or spec.window * spec.window
    local block <const> = pack_block(spec, what, isa)
    local params <const> = {
        name = name.pack(spec, what, block), what = what, taps = taps, channels = spec.c,
        k = spec.k, k_pitch = layout.round_up(spec.k, isa.vl),
        c_pitch = layout.round_up(spec.c, isa.vl), block = block, tap_order = false,
        kernel = linear_layer and "a linear layer"
            or string.format("a %d x %d convolution", spec.window, spec.window),
    }
    if what ~= "unpack" and spec.algorithm == "winograd4" then
        params.vl = isa.vl
        return "winograd_pack.c.tpl", params
    end
    if what == "pack_transposed" and not linear_layer then
        params.tap_order = table.concat(select(2, conv.backward_nests(spec)), ", ")
    end
    return "pack.c.tpl", params
end

return packing
