-- strided.lua - 3 x 3 convolutions of stride 2 with fewer products, in frozen networks.
--
-- Two outputs in a row see five inputs x0 .. x4, and those at even places x0, x2, x4 through w0 and
-- w2 alone, as a convolution of stride 1 with two taps: three products make both outputs, where
-- direct convolution has four (F(2, 2) of Winograd, "Arithmetic Complexity of Computations", 1980).
-- The odd ones, x1 and x3, meet w1 alone:
--
--     y0 = (x0 - x2) w0 + x1 w1 + x2 (w0 + w2)
--     y1 = (x4 - x2) w2 + x3 w1 + x2 (w0 + w2)
--
-- Along both axes 25 products instead of 36 make 2 x 2 outputs of a tile of 5 x 5 inputs. Products
-- that are only added to each other have one sum: 3 x 3 sums for a tile, each of 4, 2 or 1 products
-- for every input channel, and each a matrix product of tiles x (products, channels) and (products,
-- channels) x outputs. There is nothing to divide by.
--
-- Weights take 25 places for 9, which pays where they are packed once, when the program is written.

local common <const> = require "ops/conv/common"
local entry <const> = require "ops/entry"
local geometry <const> = require "geometry"
local packing <const> = require "ops/conv/packing"
local winograd <const> = require "ops/conv/winograd"

local strided <const> = { name = "winograd2s2", exact = true }

local WINDOW <const>, TAPS <const>, PRODUCTS <const> = 3, 9, 25
local OUTPUT <const> = 2 -- rows and columns of outputs of a tile
local INPUT <const> = 5 -- and of inputs
local GAP <const> = 16 -- floats after each sum, so that the nine do not share cache sets

-- The terms of each sum along an axis: of those that strided_input_line makes, in their order.
local AXIS <const> = { { 0, 1 }, { 2 }, { 3, 4 } }

--- The nine sums of a tile, each an array of the places of its products in a transformed tile, row
--- by row: gen/host/pack.c has them, too.
function strided.sums()
    local sums <const> = {}
    for _, rows in ipairs(AXIS) do
        for _, cols in ipairs(AXIS) do
            local sum <const> = {}
            for _, row in ipairs(rows) do
                for _, col in ipairs(cols) do
                    sum[#sum + 1] = row * INPUT + col
                end
            end
            sums[#sums + 1] = sum
        end
    end
    return sums
end

local function tiles_of(l)
    return l.h // OUTPUT * (l.w // OUTPUT)
end

-- -- When ----------------------------------------------------------------------------------------

--- Whether a convolution can be computed so: of whole tiles, from whole vectors of channels.
function strided.possible(spec, isa)
    local g <const> = spec.geometry
    return spec.pass == "fwd" and not spec.stats and spec.groups == 1
        and geometry.alike(g, "taps", WINDOW) and geometry.alike(g, "stride", 2)
        and geometry.alike(g, "dilation", 1) and geometry.alike(g, "padding")
        and spec.x.border >= g.h.padding and spec.c % isa.vl == 0
        and spec.y.h % OUTPUT == 0 and spec.y.w % OUTPUT == 0
end

--- Tiles { mr, nr }: see winograd.lua.
function strided.candidates(spec, isa)
    return winograd.product_tiles(isa, spec.y.pitch // isa.vl, tiles_of(spec.y) * spec.images)
end

-- Vector operations of a tile that the direct algorithm does not have, of a vector of inputs and of
-- outputs: arithmetic, loads and stores.
local TRANSFORM_IN <const>, TRANSFORM_OUT <const> = 70, 35

--- Whether it is faster than the direct algorithm, by the model.
function strided.suits(spec, isa)
    local tiles <const> = tiles_of(spec.y)
    local block <const> = strided.candidates(spec, isa)[1].mr
    local inputs <const>, outputs <const> = spec.c // isa.vl, spec.y.pitch // isa.vl
    local computed <const> = (tiles * spec.images + block - 1) // block * block / spec.images
    return computed * PRODUCTS * spec.c * outputs
        + tiles * (inputs * TRANSFORM_IN + outputs * TRANSFORM_OUT)
        < 0.9 * spec.y.h * spec.y.w * TAPS * spec.c * outputs
end

-- -- Memory --------------------------------------------------------------------------------------

-- Floats of transformed inputs, and of each sum of a block.
local function parts_of(spec)
    local block <const> = spec.tile.mr
    return PRODUCTS * block * spec.c + #strided.sums() * GAP, block * spec.y.pitch + GAP
end

--- Floats of memory that a kernel works in, and their shape.
function strided.scratch(spec)
    local inputs <const>, sum <const> = parts_of(spec)
    local sums <const> = #strided.sums()
    return inputs + sums * sum, string.format("%d + %d x %d", inputs, sums, sum)
end

-- -- Kernels -------------------------------------------------------------------------------------

-- The loops of a kernel, which those of one register tile share.
local function loops_of(spec, product, params)
    local block <const>, nr <const> = spec.tile.mr, spec.tile.nr
    local sums <const>, place_of <const> = strided.sums(), {}
    local first = 0
    for i, sum in ipairs(sums) do
        sum.first, sum.gap = first, (i - 1) * GAP
        for at, place in ipairs(sum) do
            place_of[place] = { sum = sum, at = at - 1 }
        end
        first = first + #sum
    end
    return {
        name = string.format("winograd2s2%s%s_fwd_%dx%d", spec.relu and "_relu" or "",
            spec.bias and "_bias" or "", block, nr),
        template = "ops/conv/strided.c.tpl",
        flags = {
            block = block, nr = nr, bias = params.bias, relu = spec.relu, product = product.name,
            sums = sums, place_of = place_of, gap = GAP,
        },
        given = {
            entry.image(spec.y), entry.image(spec.x),
            entry.number("PADDING", spec.geometry.h.padding .. " /* padding */"),
        },
    }
end

--- The template of a kernel, its parameters, and the functions that it shares with others.
function strided.params(spec, isa)
    local product <const> = winograd.product(spec, 1)
    local params <const> = common.data_params(spec, isa,
        string.format("%d x %d x %d", PRODUCTS, spec.c, spec.y.pitch),
        strided.weight_floats(spec), 2 * PRODUCTS * tiles_of(spec.y) * spec.c * spec.k)
    params.mr, params.nr = spec.tile.mr, spec.tile.nr
    local file <const>, _, list <const> =
        entry.kernel(spec, params, loops_of(spec, product, params))
    table.insert(list, 1, product)
    return file, params, list
end

-- -- Weights -------------------------------------------------------------------------------------

function strided.weight_block(spec, isa)
    return spec.tile.nr * isa.vl
end

function strided.weight_floats(spec)
    return PRODUCTS * spec.c * spec.y.pitch
end

function strided.pack_name(spec, what, block)
    return packing.name(spec, what, block) .. "_" .. strided.name
end

--- No program packs them when it runs: what freeze/pack.lua calls the layout, and its parameters.
function strided.pack(spec, what, isa, block)
    return strided.name, packing.params(spec, isa, {
        name = strided.pack_name(spec, what, block), what = what, block = block, taps = TAPS,
    })
end

return strided
