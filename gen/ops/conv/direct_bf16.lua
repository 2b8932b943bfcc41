-- direct_bf16.lua - direct convolution with products of bf16 pairs, sums and all else in fp32.
--
-- What is multiplied is rounded to bf16 in memory of the kernel's own: whole images where several
-- outputs read each input, else some rows just before they are multiplied. Two products are one
-- instruction of AVX512_BF16, as in winograd_bf16.lua. Forward and data gradient pair neighbours of
-- what a window row reads, the weight gradient neighbouring pixels. See docs/winograd.md.

local common <const> = require "ops/conv/common"
local direct <const> = require "ops/conv/direct"
local layout <const> = require "ops/layout"
local nests <const> = require "ops/conv/nests"
local packing <const> = require "ops/conv/packing"
local winograd <const> = require "ops/conv/winograd"

local direct_bf16 <const> = common.merge({}, direct)
direct_bf16.name = "direct_bf16"
direct_bf16.in_bf16 = true

-- Pairs that the weight gradient makes before it multiplies them: 6 KB, beside which the nearest
-- cache has place for what they are made of.
local CHUNK <const> = 1536

--- Convolutions without channel groups, of images of more than a pixel: where there is one, as
--- where logits are made, there is no time to be won and the most to be lost.
function direct_bf16.possible(spec, isa)
    return isa.pairs and spec.groups == 1 and spec.x.h * spec.x.w > 1
end

--- Winograd's multiplies a quarter, this half.
function direct_bf16.suits(spec, isa)
    return not (winograd.possible(spec, isa) and winograd.suits(spec, isa))
end

-- -- Memory --------------------------------------------------------------------------------------

-- Pixels that the weight gradient pairs of a row of outputs; the last one may be alone.
local function row_pairs(spec)
    return (spec.dy.w + 1) // 2
end

-- Whether each input is read for one output, in one place.
local function is_pointwise(spec)
    return spec.geometry.taps == 1
end

-- What a weight gradient makes at once: rows of outputs, and the pairs of x and dy for them.
local function chunk(spec)
    local x_row <const> = is_pointwise(spec) and row_pairs(spec) * spec.x.pitch or 0
    local dy_row <const> = row_pairs(spec) * spec.dy.pitch
    local rows <const> = math.min(spec.dy.h, math.max(1, CHUNK // (x_row + dy_row)))
    return {
        rows = rows, dy = rows * dy_row,
        x = (is_pointwise(spec) and rows * x_row or layout.floats(spec.x)) + spec.vl,
    }
end

--- Floats of memory that a kernel works in, and their shape.
function direct_bf16.scratch(spec)
    if spec.pass == "bwd_weights" then
        local made <const> = chunk(spec)
        return made.x + made.dy, string.format("%d + %d pairs", made.x, made.dy)
    end
    local source <const> = spec.pass == "fwd" and spec.x or spec.dy
    local words <const> = is_pointwise(spec) and layout.cols(source) * source.pitch
        or layout.floats(source)
    return (words + spec.vl + 1) // 2, words .. " in bf16"
end

-- -- Kernels -------------------------------------------------------------------------------------

local function weights_params(spec, isa)
    local _, params <const> = direct.numbers(spec, isa)
    local made <const>, cols <const> = chunk(spec), layout.cols(spec.x)
    params.is_pointwise = is_pointwise(spec)
    params.chunk_rows, params.row_pairs, params.x_pairs = made.rows, row_pairs(spec), made.x
    params.x_rows, params.x_row = layout.rows(spec.x), cols * spec.x.pitch
    -- The next output's pixel, where the row has one.
    params.next = math.min(spec.geometry.w.stride, cols) * spec.x.pitch
    return "ops/conv/direct_weights_bf16.c.tpl", params
end

-- Pairs of what the pixels of a tap have.
local function tap_pairs(inputs)
    return (inputs + 1) // 2
end

-- Inputs of an output that lie side by side in the source and are paired with each other: of a
-- pixel, or, where these are odd, of a window row if it can be. And the channels of a pixel.
local function paired_run(spec)
    local forward <const> = spec.pass == "fwd"
    local channels <const> = forward and spec.c or spec.k
    local source <const>, w <const> = forward and spec.x or spec.dy, spec.geometry.w
    local whole <const> = source.pitch == channels and (w.dilation == 1 or w.taps == 1)
    return whole and channels % 2 == 1 and w.taps * channels or channels, channels
end

-- Pairs of weights of an output.
local function entries(spec)
    local run <const>, channels <const> = paired_run(spec)
    return spec.geometry.taps * channels // run * tap_pairs(run)
end

--- The template of a kernel and its parameters.
function direct_bf16.params(spec, isa, options)
    if spec.pass == "bwd_weights" then
        return weights_params(spec, isa)
    end
    local template <const>, params <const> = direct.numbers(spec, isa, options)
    params.in_pairs, params.entries = true, entries(spec)
    params.tap_entries = tap_pairs(params.inputs)
    params.is_pointwise = is_pointwise(spec)
    for _, nest in ipairs(params.nests) do
        for _, loop in ipairs(nest.loops) do
            loop.length = tap_pairs(loop.length)
        end
        nest.unroll = #nest.loops > 0 and nests.unroll(nest.loops[1].length, options) or 1
    end
    local source <const> = spec.pass == "fwd" and spec.x or spec.dy
    params.source_floats = layout.floats(source)
    return template, params
end

-- -- Weights -------------------------------------------------------------------------------------

function direct_bf16.weight_floats(spec, isa)
    if spec.pass == "bwd_weights" then
        return direct.weight_floats(spec, isa)
    end
    return entries(spec) * (spec.pass == "fwd" and spec.y or spec.dx).pitch
end

function direct_bf16.pack_name(spec, what, block)
    return packing.name(spec, what, block)
        .. (what == "unpack" and "" or "_bf16_run" .. paired_run(spec))
end

function direct_bf16.pack(spec, what, isa, block)
    if what == "unpack" then
        return direct.pack(spec, what, isa, block)
    end
    return packing.whole(packing.params(spec, isa, {
        name = direct_bf16.pack_name(spec, what, block), what = what, taps = spec.geometry.taps,
        block = block, tap_order = packing.tap_order(spec, what, isa),
        kernel = packing.kernel_text(spec), run = paired_run(spec),
    }))
end

return direct_bf16
