-- direct.lua - convolutions as they are defined: a tile of outputs, and a multiply-add for each of
-- their inputs in each tap of the window. An algorithm: see choice.lua.

local c <const> = require "emit/c"
local common <const> = require "ops/conv/common"
local entry <const> = require "ops/entry"
local grouped <const> = require "ops/conv/grouped"
local layout <const> = require "ops/layout"
local nests <const> = require "ops/conv/nests"
local packing <const> = require "ops/conv/packing"
local tile <const> = require "ops/conv/tile"

local direct <const> = { name = "direct", exact = true }

-- Tiles that the model thinks slower than this many others are not worth the time to measure.
local TILES <const> = 6

--- Any convolution but those of depthwise.lua.
function direct.possible(spec, isa)
    return not grouped.is_apart(spec, isa)
end

-- Neighbouring entries of a filter row that the weight gradient finds side by side. channels: of
-- the source, that an output reads.
local function filter_run(spec, channels)
    local w <const> = spec.geometry.w
    return spec.x.pitch == channels and w.dilation == 1 and w.taps * channels or channels
end

local function nests_of(spec, channels)
    return spec.pass == "fwd" and nests.forward(spec, channels)
        or (nests.backward(spec, channels))
end

--- The widest of several nests decides.
function direct.candidates(spec, isa)
    local bundle <const> = grouped.bundle(spec, isa)
    local made <const> = (bundle.made + isa.vl - 1) // isa.vl -- vectors
    local length = 0
    if spec.pass == "bwd_weights" then
        length = filter_run(spec, bundle.read)
    else
        for _, nest in ipairs(nests_of(spec, bundle.read)) do
            length = math.max(length, nest.out_w)
        end
    end
    local list <const> = tile.candidates(isa, length, made)
    return table.move(list, 1, TILES, 1, {})
end

-- -- Kernels -------------------------------------------------------------------------------------

-- Whether the loops of a kernel can be those of images of any size: there is more than a pixel of
-- them, and nothing else in the kernel follows from their size.
local function has_any_size(spec, params)
    return spec.x.h * spec.x.w > 1 and params.slice == "" and not spec.bias and not spec.stats
end

-- The name of these loops, with all that they depend on.
local function loops_name(spec, params, source, target)
    local function word(condition, text)
        return condition and text or ""
    end
    local window <const> = entry.geometry_word(spec.geometry):lower():gsub("_p", "_pad")
    return string.format("direct_%s_c%d_k%d_%s%s%s_p%d_%d_b%d_%d_%dx%d%s", window,
        spec.c, spec.k, spec.pass, word(spec.relu, "_relu"), word(spec.adds, "_add"),
        source.pitch, target.pitch, source.border, target.border, params.mr, params.nr,
        word(params.unroll and params.unroll > 1, "_u" .. (params.unroll or 1)))
end

local WEIGHTS_TEMPLATE <const>, DATA_TEMPLATE <const> =
    "ops/conv/direct_weights.c.tpl", "ops/conv/direct.c.tpl"

local function weights_numbers(spec, isa)
    local params <const> = common.weights_params(spec, isa)
    local inputs <const> = grouped.inputs(spec, isa)
    local run <const> = filter_run(spec, inputs)
    local h <const>, w <const> = spec.geometry.h, spec.geometry.w
    params.runs, params.run = run == inputs and w.taps or 1, run
    params.slice = common.slice(spec, isa)
    params.spans = tile.split(run, spec.tile.mr)
    params.nr, params.mr = spec.tile.nr, params.spans[1].mr
    params.k_pitch, params.window_h = spec.dy.pitch, h.taps
    params.out_h, params.out_w = spec.dy.h, spec.dy.w
    params.times_stride, params.times_dilation = c.times(h.stride), c.times(h.dilation)
    params.tap_pixel = w.dilation * spec.x.pitch
    params.row_at, params.col_at = spec.x.border - h.padding, spec.x.border - w.padding
    params.x_cols, params.x_pitch = layout.cols(spec.x), spec.x.pitch
    params.x_image, params.dy_image = layout.floats(spec.x), layout.floats(spec.dy)
    params.pixel = w.stride * spec.x.pitch
    params.dy_border, params.dy_cols = spec.dy.border, layout.cols(spec.dy)
    return params
end

local function data_numbers(spec, isa, options)
    local params <const> = common.taps_params(spec, isa)
    params.slice = common.slice(spec, isa)
    params.nests, params.reads_weights = nests_of(spec, params.inputs), false
    for _, nest in ipairs(params.nests) do
        params.reads_weights = params.reads_weights or #nest.runs > 0
        nest.spans = tile.split(nest.out_w, spec.tile.mr)
        nest.unroll = #nest.runs > 0 and nests.unroll(nest.runs[1].length, options) or 1
        nest.loops = nests.loops(nest.runs, options.unroll == "full")
    end
    params.nr, params.mr = spec.tile.nr, spec.tile.mr
    params.in_pairs, params.tap_entries = false, params.inputs -- as direct_bf16.lua has them
    return params
end

--- The template of a kernel that is written with the sizes of its images, and its parameters.
function direct.numbers(spec, isa, options)
    if spec.pass == "bwd_weights" then
        return WEIGHTS_TEMPLATE, weights_numbers(spec, isa)
    end
    return DATA_TEMPLATE, data_numbers(spec, isa, options)
end

local function weights_params(spec, isa)
    local params <const> = weights_numbers(spec, isa)
    if not has_any_size(spec, params) then
        return WEIGHTS_TEMPLATE, params
    end
    return entry.any_size(spec, params, {
        name = loops_name(spec, params, spec.x, spec.dy), template = WEIGHTS_TEMPLATE,
        to = spec.dy, from = spec.x,
        sizes = {
            out_h = "to.h", out_w = "to.w", x_cols = entry.cols("from", spec.x),
            dy_cols = entry.cols("to", spec.dy), x_image = "floats_of(from)",
            dy_image = "floats_of(to)",
        },
    })
end

--- The template of a kernel and its parameters.
function direct.params(spec, isa, options)
    if spec.pass == "bwd_weights" then
        return weights_params(spec, isa)
    end
    local params <const> = data_numbers(spec, isa, options)
    local nest <const> = params.nests[1]
    local forward <const> = spec.pass == "fwd"
    -- The nest of a data gradient that adds is one of several where there are strides: it makes a
    -- part of the pixels.
    local whole <const> = forward or spec.geometry.h.stride == 1 and spec.geometry.w.stride == 1
    if not whole or #params.nests > 1 or #nest.spans > 1 or not has_any_size(spec, params) then
        return DATA_TEMPLATE, params
    end
    local source <const>, target <const> = forward and spec.x or spec.dy,
        forward and spec.y or spec.dx
    local any <const> = common.merge({}, nest)
    any.out_h, any.out_w = "to.h", "to.w"
    any.spans = { { first = 0, last = "to.w", mr = nest.spans[1].mr } }
    params.unroll = nest.unroll
    return entry.any_size(spec, params, {
        name = loops_name(spec, { mr = any.spans[1].mr, nr = params.nr, unroll = nest.unroll },
            source, target),
        template = DATA_TEMPLATE, to = target, from = source,
        sizes = {
            nests = { any }, mr = any.spans[1].mr, source_cols = entry.cols("from", source),
            target_cols = entry.cols("to", target),
        },
    })
end

-- -- Weights -------------------------------------------------------------------------------------

function direct.weight_block(spec, isa)
    return spec.tile.nr * isa.vl
end

function direct.weight_floats(spec, isa)
    return packing.floats(spec, isa, spec.geometry.taps)
end

direct.pack_name = packing.name
direct.pack = packing.direct

return direct
