-- packing.lua - the layouts in which kernels read weights and leave their gradients, and the
-- functions that convert between them and PyTorch's.

local conv <const> = require "ops/conv/direct"
local depthwise <const> = require "ops/conv/depthwise"
local grouped <const> = require "ops/conv/grouped"
local layout <const> = require "plan/layout"
local name <const> = require "emit/name"
local winograd <const> = require "ops/conv/winograd"

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
    elseif spec.algorithm == "depthwise" then
        return isa.vl
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
    end
    local made <const> = spec.pass == "bwd_data" and spec.c or spec.k
    return taps * grouped.inputs(spec, isa) * layout.round_up(made, isa.vl)
end

-- The taps of a convolution in the order in which its data gradient reads them.
local function tap_order(spec, isa)
    return table.concat(select(2, conv.backward_nests(spec, grouped.inputs(spec, isa))), ", ")
end

local function depthwise_template(spec, what, isa)
    return "ops/conv/pack_depthwise.c.tpl", {
        name = packing.name(spec, what, isa), what = what, window = spec.window,
        taps = spec.window * spec.window, channels = spec.c,
        pitch = layout.round_up(spec.c, isa.vl), vl = isa.vl,
        tap_order = what == "pack_transposed" and tap_order(spec, isa),
    }
end

local function grouped_template(spec, what, isa)
    local bundle <const> = grouped.bundle(spec, isa)
    local made <const> = spec.pass == "bwd_data" and spec.c or spec.k
    return "ops/conv/pack_grouped.c.tpl", {
        name = packing.name(spec, what, isa), what = what, window = spec.window,
        taps = spec.window * spec.window, channels = spec.c, k = spec.k, groups = spec.groups,
        group_c = spec.c // spec.groups, group_k = spec.k // spec.groups, bundles = bundle.count,
        read = bundle.read, made = bundle.made, made_pitch = layout.round_up(made, isa.vl),
        block = pack_block(spec, what, isa),
        tap_order = what == "pack_transposed" and tap_order(spec, isa),
    }
end

-- The template and the parameters that pack or unpack the weights of a kernel.
-- what: "pack", "pack_transposed" or "unpack"
function packing.template(spec, what, isa)
    if depthwise.is(spec) then
        return depthwise_template(spec, what, isa)
    elseif spec.groups > 1 then
        return grouped_template(spec, what, isa)
    end
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
        return "ops/conv/winograd_pack.c.tpl", params
    end
    if what == "pack_transposed" and not linear_layer then
        params.tap_order = tap_order(spec, isa)
    end
    return "ops/conv/pack.c.tpl", params
end

return packing
