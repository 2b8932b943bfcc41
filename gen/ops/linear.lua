-- linear.lua - a layer whose outputs each read all pixels and channels.

local c <const> = require "emit/c"
local kernel <const> = require "ops/kernel"
local layout <const> = require "ops/layout"
local packing <const> = require "ops/conv/packing"
local tile <const> = require "ops/conv/tile"
local weighted <const> = require "ops/weighted"

local linear <const> = { kinds = { "linear" }, c_op = "KERNEL_LINEAR" }

--- It has no window that moves.
function linear.window_of()
    return nil, 1
end

function linear.name_words(spec)
    return { head = "linear" .. (spec.relu and "_relu" or ""), has_k = true }
end

function linear.reads_scalars()
    return true
end

--- Floats and shape of a step's packed weight gradient.
function linear.gradient_shape(step, isa)
    local x <const>, pitch <const> = step.x, layout.round_up(step.y.c, isa.vl)
    local inputs <const> = x.c * x.h * x.w
    return inputs * pitch, string.format("%d x %d", inputs, pitch)
end

-- A register tile: sums of so many images and vectors at most. Weights are read once a tile, which
-- pays since a linear layer has many.
local IMAGES <const>, VECTORS <const> = 4, 4

-- The most vectors of `vectors` whose sums fit in registers.
local function block_of(isa, images, vectors)
    local block = tile.block(vectors, VECTORS)
    while not tile.fits(isa, images, block) do
        block = tile.block(vectors, block - 1)
    end
    return block
end

--- The template of a kernel and its parameters.
function linear.params(spec, isa)
    local x <const>, y <const> = spec.x, spec.pass == "fwd" and spec.y or spec.dy
    local params <const> = kernel.common(spec, isa, y.pitch)
    local function vector_at(l)
        return (l.border * layout.cols(l) + l.border) * l.pitch
    end
    params.h, params.w, params.channels, params.k = x.h, x.w, spec.c, spec.k
    params.k_pitch = y.pitch
    params.c_pitch = spec.dx and spec.dx.pitch or (spec.c + isa.vl - 1) // isa.vl * isa.vl
    local images <const> = math.min(IMAGES, spec.images)
    params.loops_of_images = kernel.image_loops(spec, y.pitch, images)
    params.block = block_of(isa, images,
        (spec.pass == "bwd_data" and params.c_pitch or y.pitch) // isa.vl)
    params.x_image = layout.floats(x)
    params.y_image = layout.floats(y)
    params.dx_image = spec.dx and layout.floats(spec.dx) or 0
    params.x_border, params.x_cols, params.x_pitch = x.border, layout.cols(x), x.pitch
    params.dx_border = spec.dx and spec.dx.border or 0
    params.dx_cols = spec.dx and layout.cols(spec.dx) or 0
    params.y_at, params.dy_offset = vector_at(y), vector_at(y)
    params.bias, params.relu = spec.bias, spec.relu
    params.stats, params.adds = spec.stats, spec.adds or false
    local weights <const> = x.h * x.w * spec.c * y.pitch
    local tile_text <const> = images == 1 and "Loops: images; "
        or string.format("Loops: %d images at once; ", images)
    if spec.pass == "fwd" then
        params.formula = string.format("y = %sx w%s%s over all pixels and channels.",
            spec.relu and "relu(" or "", spec.bias and " + bias" or "", spec.relu and ")" or "")
        params.loops = string.format("%sblocks of %s of outputs; pixels, channels.",
            tile_text, c.count(params.block, "vector"))
    elseif spec.pass == "bwd_data" then
        params.formula = string.format("dx %s dy w transposed.", spec.adds and "+=" or "=")
        params.loops = string.format("%spixels, blocks of %s of channels; outputs.",
            tile_text, c.count(params.block, "vector"))
    else
        params.formula = "dw += x dy" .. (spec.bias and ", db += dy." or ".")
        params.loops = tile_text .. "pixels, channels, vectors of outputs."
    end
    params.shapes = kernel.shapes_text(spec, y.pitch,
        string.format("%d x %d x %d", x.h * x.w, spec.c, y.pitch))
    params.cost = kernel.cost_text(spec, isa, layout.floats(x) + weights,
        spec.pass == "bwd_weights" and weights or y.pitch)
    return "ops/linear.c.tpl", params
end

-- -- Weights -------------------------------------------------------------------------------------

--- Floats of the packed weights of a kernel, or of their packed gradient.
function linear.packed_floats(spec, isa)
    return packing.floats(spec, isa, spec.x.h * spec.x.w)
end

--- The name of the function that packs or unpacks the weights of a kernel.
function linear.pack_name(spec, what)
    return string.format("%s_linear_c%d_k%d_%dx%d", what, spec.c, spec.k, spec.x.h, spec.x.w)
end

--- Its template and parameters.
function linear.pack(spec, what, isa)
    local packed <const> = what == "pack" and spec.y or what == "unpack" and spec.dy or spec.dx
    return packing.whole(packing.params(spec, isa, {
        name = linear.pack_name(spec, what), what = what, taps = spec.x.h * spec.x.w,
        block = packed.pitch, tap_order = false, kernel = "a linear layer",
    }))
end

return weighted.complete(linear)
