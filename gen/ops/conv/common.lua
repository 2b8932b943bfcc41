-- common.lua - the template parameters that the convolution kernels of all algorithms share.

local geometry <const> = require "geometry"
local grouped <const> = require "ops/conv/grouped"
local kernel <const> = require "ops/kernel"
local layout <const> = require "ops/layout"

local common <const> = {}

--- `params` with what `more` has, too.
function common.merge(params, more)
    for key, value in pairs(more) do -- a set: the order does not matter
        params[key] = value
    end
    return params
end

--- " + k / 32 * 16": where the inputs of the bundle of groups of output k begin; nothing where one
--- bundle has all channels.
function common.slice(spec, isa)
    local bundle <const> = grouped.bundle(spec, isa)
    return bundle.count > 1 and string.format(" + k / %d * %d", bundle.made, bundle.read) or ""
end

local function window_text(spec)
    local groups, each <const> = "", grouped.multiplier(spec.groups, spec.c, spec.k)
    if each == 1 then
        groups = ", each channel by itself"
    elseif each then
        groups = string.format(", %d outputs of each channel", each)
    elseif spec.groups > 1 then
        groups = string.format(", %d groups", spec.groups)
    end
    return geometry.text(spec.geometry) .. groups
end

--- Of a forward or data-gradient kernel. weights: the shape of its weights; floats: their number;
--- multiplied: see kernel.cost_text
function common.data_params(spec, isa, weights, floats, multiplied)
    local forward <const> = spec.pass == "fwd"
    local source <const>, target <const> = forward and spec.x or spec.dy,
        forward and spec.y or spec.dx
    local params <const> = kernel.common(spec, isa, target.pitch)
    params.source, params.target = forward and "x" or "dy", forward and "y" or "dx"
    params.bias, params.relu = forward and spec.bias or false, spec.relu
    params.stats, params.adds = spec.stats, spec.adds or false
    if forward then
        params.formula = string.format("y = %sx * w%s%s; %s.%s", spec.relu and "relu(" or "",
            spec.bias and " + bias" or "", spec.relu and ")" or "", window_text(spec),
            spec.stats and " Leaves sums of y (see take_image_sums)." or "")
    else
        params.formula = string.format("dx %s dy * w transposed; %s.", spec.adds and "+=" or "=",
            window_text(spec))
    end
    params.shapes = kernel.shapes_text(spec, target.pitch, weights)
    params.cost = kernel.cost_text(spec, isa, layout.floats(source) + floats,
        target.h * target.w * target.pitch, multiplied)
    return params
end

--- Of a forward or data-gradient kernel that reads its weights tap by tap.
function common.taps_params(spec, isa)
    local forward <const> = spec.pass == "fwd"
    local source <const>, target <const> = forward and spec.x or spec.dy,
        forward and spec.y or spec.dx
    local taps <const>, inputs <const> = spec.geometry.taps, grouped.inputs(spec, isa)
    local params <const> = common.data_params(spec, isa,
        string.format("%d x %d x %d", taps, inputs, target.pitch), taps * inputs * target.pitch)
    params.k_pitch, params.source_pitch = target.pitch, source.pitch
    params.source_cols, params.target_cols = layout.cols(source), layout.cols(target)
    params.target_border = target.border
    params.inputs, params.entries = inputs, taps * inputs
    return params
end

--- Of a weight-gradient kernel. multiplied: see kernel.cost_text
function common.weights_params(spec, isa, multiplied)
    local taps <const>, inputs <const> = spec.geometry.taps, grouped.inputs(spec, isa)
    local params <const> = kernel.common(spec, isa)
    params.bias = spec.bias
    params.formula = string.format("dw += x correlated with dy%s; %s.",
        spec.bias and ", db += sum of dy" or "", window_text(spec))
    params.shapes = kernel.shapes_text(spec, spec.dy.pitch,
        string.format("%d x %d x %d", taps, inputs, spec.dy.pitch))
    local weights <const> = taps * inputs * spec.dy.pitch
    params.cost = kernel.cost_text(spec, isa,
        layout.floats(spec.x) + spec.dy.h * spec.dy.w * spec.dy.pitch + weights, weights,
        multiplied)
    return params
end

return common
