-- winograd.lua - 3 x 3 convolutions of stride 1 by Winograd's minimal filtering.
--
-- F(4 x 4, 3 x 3) makes 4 x 4 outputs of a channel from a tile of 6 x 6 inputs with 36
-- multiplications instead of 144: the tile and the filter are transformed, multiplied frequency by
-- frequency, and the product is transformed back (Lavin and Gray, "Fast Algorithms for
-- Convolutional Neural Networks", 2016). Summed over input channels, each of the 36 frequencies is
-- a matrix product of tiles x channels and channels x outputs. The data gradient is the same
-- computation with the window turned around. The weight gradient is F(3 x 3, 4 x 4): transformed
-- tiles of inputs and of output gradients are multiplied and summed over all tiles in the
-- transformed domain, which is left once at the end.
--
-- A kernel takes a block of tiles through all steps before the next block, so that what lies
-- between the steps stays in the nearest cache. Tiles are numbered through all images of a
-- micro-batch.
--
-- The same in bf16 is winograd_bf16.lua: transformed tiles and weights are rounded to pairs, of two
-- channels or, for the weight gradient, of two tiles; all else is this file's.

local common <const> = require "ops/conv/common"
local entry <const> = require "ops/entry"
local geometry <const> = require "geometry"
local packing <const> = require "ops/conv/packing"
local tile <const> = require "ops/conv/tile"

-- The transforms divide by 6, so that even small integers round.
local winograd <const> = { name = "winograd4", exact = false }

local FREQUENCIES <const> = 36
local WINDOW <const>, TAPS <const> = 3, 9
local OUTPUT <const> = 4 -- rows and columns of outputs of a tile
local PAD <const> = 16 -- floats after each frequency, so that the 36 do not share cache sets

-- What the tiles are read from and written to. The weight gradient reads both. `channels` are
-- summed over, `outputs` lie side by side in vectors.
local function source_and_target(spec)
    if spec.pass == "bwd_data" then
        return {
            source = spec.dy, target = spec.dx, channels = spec.k, outputs = spec.c,
            padding = WINDOW - 1 - spec.geometry.h.padding,
        }
    end
    return {
        source = spec.x, target = spec.pass == "fwd" and spec.y or spec.dy, channels = spec.c,
        outputs = spec.k, padding = spec.geometry.h.padding,
    }
end

local function tiles_of(l)
    return (l.h + OUTPUT - 1) // OUTPUT, (l.w + OUTPUT - 1) // OUTPUT
end

local function image_tiles(l)
    local high <const>, wide <const> = tiles_of(l)
    return high * wide
end

-- -- Tiles ---------------------------------------------------------------------------------------

-- What a register tile may take: tiles of the image, and vectors of outputs.
local TILES <const> = { 4, 6, 8, 10, 12, 14, 16 }
local VECTORS <const> = { 1, 2, 4 }

-- Blocks of the weight gradient are longer: accumulators are loaded and stored once a block.
local WEIGHT_TILES <const> = 16
local WEIGHT_BLOCKS <const> = { 8, 16, 24, 32 }
local WEIGHT_CANDIDATES <const> = 3 -- register tiles of each

-- Adds a tile to a list unless it is there already.
local function offer(list, added)
    for _, known in ipairs(list) do
        if known.mr == added.mr and known.nr == added.nr and known.block == added.block then
            return
        end
    end
    list[#list + 1] = added
end

-- A micro-batch of few tiles is better cut into smaller blocks than computed in part for nothing:
-- of the tiles of a last block, at most one part in WASTE may be beyond the micro-batch.
local WASTE <const> = 10

local function whole_blocks(total, most)
    for mr = most, TILES[1], -2 do
        local computed <const> = (total + mr - 1) // mr * mr
        if (computed - total) * WASTE <= total then
            return mr
        end
    end
    return most
end

--- Forward and data gradient: mr tiles of the image, a block, by nr vectors of outputs. total:
--- tiles of the micro-batch.
function winograd.product_tiles(isa, vectors, total)
    local nr <const> = tile.block(vectors, isa.winograd.vectors)
    local most <const> = math.max(isa.winograd.tiles, isa.winograd.sums // nr)
    local list <const> = { { mr = whole_blocks(total, most), nr = nr } }
    for _, v in ipairs(VECTORS) do
        for _, t in ipairs(TILES) do
            if vectors % v == 0 and tile.fits(isa, t, v) then
                offer(list, { mr = t, nr = v })
            end
        end
    end
    return list
end

-- Weight gradient: mr input channels by nr vectors of outputs, over a block of tiles. Among the
-- tiles that the model thinks best, the first of few accumulators: they are loaded and stored once
-- a block and frequency.
local function weight_tiles(isa, channels, vectors)
    local tiles <const> = tile.candidates(isa, channels, vectors)
    local nr <const> = tiles[1].nr
    local mr <const> = math.min(tiles[1].mr, math.max(1, isa.winograd.sums // nr))
    local list <const> = { { mr = mr, nr = nr, block = WEIGHT_TILES } }
    for i = 1, math.min(WEIGHT_CANDIDATES, #tiles) do
        for _, block in ipairs(WEIGHT_BLOCKS) do
            offer(list, { mr = tiles[i].mr, nr = tiles[i].nr, block = block })
        end
    end
    return list
end

--- Tiles { mr, nr, block or nil }.
function winograd.candidates(spec, isa)
    local e <const> = source_and_target(spec)
    local vectors <const> = e.target.pitch // isa.vl
    return spec.pass == "bwd_weights" and weight_tiles(isa, e.channels, vectors)
        or winograd.product_tiles(isa, vectors, image_tiles(e.target) * spec.images)
end

-- Whether a kernel's products are of bf16 pairs (winograd_bf16.lua).
local function in_pairs(spec)
    return spec.algorithm == "winograd4_bf16"
end

-- Tiles of the image in a block.
local function block_of(chosen)
    return chosen.block or chosen.mr
end

-- -- When ----------------------------------------------------------------------------------------

-- Vector operations of the steps that the direct algorithm does not have, for one tile and one
-- vector of channels: arithmetic that no multiply-add hides, loads and stores. From counting the
-- operations of the transforms, and in agreement with measured shares of the kernels' time.
local TRANSFORM_IN <const>, TRANSFORM_OUT <const>, TRANSFORM_WEIGHTS <const> = 160, 130, 100

local function transform_cost(spec, e, isa, tiles)
    local inputs <const>, outputs <const> = e.source.pitch // isa.vl, e.target.pitch // isa.vl
    local cost <const> = tiles * (inputs * TRANSFORM_IN + outputs * TRANSFORM_OUT)
    if spec.pass == "bwd_weights" then
        return cost + e.channels * outputs * TRANSFORM_WEIGHTS // spec.images
    end
    return cost
end

--- Whether a convolution (see calls.lua) can be computed through the transforms. An image that
--- is not padded to whole vectors cannot.
function winograd.possible(spec, isa)
    local g <const> = spec.geometry
    if not geometry.alike(g, "taps", WINDOW) or not geometry.alike(g, "stride", 1)
        or not geometry.alike(g, "dilation", 1) or not geometry.alike(g, "padding")
        or g.h.padding >= WINDOW or spec.groups > 1 then
        return false
    end
    local e <const> = source_and_target(spec)
    return e.source.border >= e.padding and e.source.pitch % isa.vl == 0
end

--- Whether a possible one is faster than the direct algorithm, by the model.
function winograd.suits(spec, isa)
    local e <const> = source_and_target(spec)
    local high <const>, wide <const> = tiles_of(e.target)
    local tiles <const>, block <const> = high * wide, block_of(winograd.candidates(spec, isa)[1])
    local outputs <const> = e.target.pitch // isa.vl
    local computed = tiles
    if spec.pass ~= "bwd_weights" then -- a block is computed whole
        computed = (tiles * spec.images + block - 1) // block * block / spec.images
    end
    local products <const> = computed * FREQUENCIES * e.channels * outputs
    local direct <const> = e.target.h * e.target.w * TAPS * e.channels * outputs
    return products + transform_cost(spec, e, isa, tiles) < 0.9 * direct
end

-- -- Memory --------------------------------------------------------------------------------------

-- The buffers of a kernel within its scratch memory: { rows, lanes } of a frequency.
local function buffers(spec)
    local e <const>, block <const> = source_and_target(spec), block_of(spec.tile)
    local weights <const> = spec.pass == "bwd_weights"
    local rows <const> = in_pairs(spec) and block // 2 or block -- a pair takes the place of a float
    local list <const> = { { rows, e.source.pitch }, { weights and rows or block, e.target.pitch } }
    if weights then
        list[3] = { e.channels, e.target.pitch }
    end
    return list
end

local function step_of(buffer)
    return buffer[1] * buffer[2] + PAD
end

--- Floats of memory that a kernel works in, and their shape.
function winograd.scratch(spec)
    local floats, parts <const> = 0, {}
    for i, buffer in ipairs(buffers(spec)) do
        floats = floats + FREQUENCIES * step_of(buffer)
        parts[i] = step_of(buffer)
    end
    return floats, string.format("%d x (%s)", FREQUENCIES, table.concat(parts, " + "))
end

-- -- Kernels -------------------------------------------------------------------------------------

-- The functions that kernels of one register tile share, as { name, template, params }: the product
-- of a forward or data-gradient kernel, the sums of a weight gradient. unroll: channels at once

function winograd.product(spec, unroll)
    local block <const>, nr <const> = block_of(spec.tile), spec.tile.nr
    return {
        name = string.format("winograd_product%s_%dx%d%s", in_pairs(spec) and "_bf16" or "", block,
            nr, unroll > 1 and "_u" .. unroll or ""),
        template = "ops/conv/winograd_product.c.tpl",
        params = { block = block, nr = nr, unroll = unroll, in_pairs = in_pairs(spec) },
    }
end

local function sum(spec, mr)
    local nr <const> = spec.tile.nr
    return {
        name = string.format("winograd_sum%s_%dx%d", in_pairs(spec) and "_bf16" or "", mr, nr),
        template = "ops/conv/winograd_sum.c.tpl",
        params = { mr = mr, nr = nr, in_pairs = in_pairs(spec) },
    }
end

-- The loops of a kernel, which those of one register tile share.
local function loops_of(spec, params)
    local e <const>, block <const>, nr <const> = source_and_target(spec), block_of(spec.tile),
        spec.tile.nr
    local ragged <const> = e.target.h % OUTPUT ~= 0 or e.target.w % OUTPUT ~= 0
    local weights <const> = spec.pass == "bwd_weights"
    assert(e.source.c == e.channels, "all channels of the source are summed over")
    local image <const> = entry.image
    local flags <const> = {
        block = block, nr = nr, bias = params.bias, relu = spec.relu, stats = spec.stats,
        adds = spec.adds or false, fetches = params.fetches, source = params.source,
        target = params.target, ragged = ragged and e.source.pitch,
        ragged_grads = ragged and e.target.pitch, in_pairs = in_pairs(spec),
    }
    local words <const> = { "winograd" }
    local function word(condition, text)
        words[#words + 1] = condition and text or nil
    end
    word(flags.in_pairs, "bf16")
    word(flags.relu, "relu")
    word(flags.stats, "norm")
    word(flags.bias, "bias")
    word(flags.adds, "add")
    word(true, spec.pass)
    word(flags.fetches, "ahead")
    word(true, weights and tostring(block) or block .. "x" .. nr)
    word(ragged, string.format("ragged_c%d_k%d", e.source.pitch, e.target.pitch))
    return {
        words = words, flags = flags,
        template = weights and "ops/conv/winograd_weights.c.tpl" or "ops/conv/winograd.c.tpl",
        given = {
            image(weights and e.source or e.target), image(weights and e.target or e.source),
            entry.number("PADDING", e.padding .. " /* padding */"),
        },
    }
end

--- The template of a kernel, its parameters, and the functions that it shares with others.
function winograd.params(spec, isa, options)
    local e <const> = source_and_target(spec)
    local multiplied <const> = 2 * FREQUENCIES * image_tiles(e.target) * spec.c * spec.k
    local shared <const>, params = {}
    if spec.pass == "bwd_weights" then
        params = common.weights_params(spec, isa, multiplied)
    else
        local shape <const> = string.format("%d x %d x %d%s", FREQUENCIES, e.channels,
            e.target.pitch, in_pairs(spec) and " in bf16" or "")
        params = common.data_params(spec, isa, shape, winograd.weight_floats(spec, isa), multiplied)
    end
    local loops <const> = loops_of(spec, params)
    if spec.pass == "bwd_weights" then
        loops.flags.spans = tile.split(e.channels, spec.tile.mr)
        for i, span in ipairs(loops.flags.spans) do
            shared[i] = sum(spec, span.mr)
            span.product = shared[i].name
            loops.words[#loops.words + 1] = string.format("%s%dx%d",
                span.first > 0 and "from" .. span.first .. "_" or "", span.mr, spec.tile.nr)
        end
        if #loops.flags.spans == 1 then
            loops.flags.spans[1].last = "from.c"
        else
            loops.words[#loops.words + 1] = "to" .. e.channels
        end
    else
        local steps <const> = in_pairs(spec) and e.channels // 2 or e.channels
        local unroll <const> = options.unroll == "full" and steps or 1
        shared[1] = winograd.product(spec, unroll)
        loops.flags.product = shared[1].name
        loops.words[#loops.words + 1] = unroll > 1 and "u" .. unroll or nil
    end
    params.mr = loops.flags.spans and loops.flags.spans[1].mr or spec.tile.mr
    params.nr = spec.tile.nr
    loops.name = table.concat(loops.words, "_")
    local file <const>, _, list <const> = entry.kernel(spec, params, loops)
    return file, params, table.move(list, 1, #list, #shared + 1, shared)
end

--- How often a kernel fetches memory ahead: once a frequency of each block.
function winograd.ahead_steps(spec)
    local high <const>, wide <const> = tiles_of(source_and_target(spec).target)
    local block <const> = block_of(spec.tile)
    return (high * wide * spec.images + block - 1) // block * FREQUENCIES
end

-- -- Weights -------------------------------------------------------------------------------------

-- The weight gradient leaves the transforms: its sums are packed as those of the direct algorithm.

function winograd.weight_block(spec, isa)
    return spec.tile.nr * isa.vl
end

function winograd.weight_floats(spec, isa)
    if spec.pass == "bwd_weights" then
        return packing.floats(spec, isa, TAPS)
    end
    local e <const> = source_and_target(spec)
    return FREQUENCIES * e.channels * e.target.pitch // (in_pairs(spec) and 2 or 1)
end

function winograd.pack_name(spec, what, block)
    return packing.name(spec, what, block) .. (what == "unpack" and "" or "_" .. spec.algorithm)
end

function winograd.pack(spec, what, isa, block)
    if what == "unpack" then
        return packing.direct(spec, what, isa, block)
    end
    local is <const> = packing.params(spec, isa, {
        name = winograd.pack_name(spec, what, block), what = what, block = block, vl = isa.vl,
        taps = TAPS, tap_order = false, kernel = packing.kernel_text(spec),
    })
    local shared <const> = string.format("winograd%s_%s_by%d", in_pairs(spec) and "_bf16" or "",
        what, block)
    is.macro, is.is_entry = shared:upper(), true
    is.arguments = string.format("%d, %d, %d", is.channels, is.k,
        what == "pack" and is.k_pitch or is.c_pitch)
    return "ops/conv/winograd_pack.c.tpl", is, { {
        name = shared, template = "ops/conv/winograd_pack_loops.c.tpl",
        params = { what = what, block = block, macro = is.macro, in_pairs = in_pairs(spec) },
    } }
end

return winograd
