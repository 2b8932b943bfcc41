-- direct_amx.lua - direct convolution with products of bf16 in tiles of AMX.
--
-- A tile of AMX has up to 16 rows of 64 bytes; tdpbf16ps adds the product of two to a third. Here
-- one has pixels of a row of outputs and the pairs of inputs that they read side by side, as
-- direct_bf16.lua lays them; one has these pairs of weights and 16 outputs; one has the sums. Four
-- tiles of sums hide the latency of the instruction. It takes 16 cycles for what vdpbf16ps does in
-- 256, so that Winograd's transforms, a quarter of the products, would cost more than they save up
-- to some 64 channels.
--
-- The tiles of a kernel have one size each. Where it does not divide a row or the rows of an image,
-- the last tiles begin earlier and make some pixels twice. Nobody has timed these kernels: see
-- docs/winograd.md.

local amx <const> = require "ops/conv/amx"
local common <const> = require "ops/conv/common"
local direct_bf16 <const> = require "ops/conv/direct_bf16"
local layout <const> = require "ops/layout"
local nests <const> = require "ops/conv/nests"
local weights_amx <const> = require "ops/conv/weights_amx"

local direct_amx <const> = common.merge({}, direct_bf16)
direct_amx.name = "direct_amx"

local SUMS <const> = 4 -- tiles of sums
local FEWEST <const> = 4 -- pairs that are worth a product

-- -- Tiles ---------------------------------------------------------------------------------------

local function nests_of(spec)
    if spec.pass == "fwd" then
        return nests.forward(spec, spec.c)
    end
    return (nests.backward(spec, spec.k))
end

-- Lines of each of the fewest tiles that cover so many, when none has more than `most`.
local function share(length, most)
    local tiles <const> = (length + most - 1) // most
    return (length + tiles - 1) // tiles
end

local function greatest_common_divisor(a, b)
    while b > 0 do
        a, b = b, a % b
    end
    return a
end

-- Pairs that a product takes: the most that divide every run of a kernel.
local function step(spec)
    local all = 0
    for _, nest in ipairs(nests_of(spec)) do
        for _, run in ipairs(nest.runs) do
            all = greatest_common_divisor(all, (run.length + 1) // 2)
        end
    end
    return amx.divisor(all)
end

-- The narrowest nest and the lowest.
local function least(spec)
    local h, w = math.huge, math.huge
    for _, nest in ipairs(nests_of(spec)) do
        h, w = math.min(h, nest.out_h), math.min(w, nest.out_w)
    end
    return h, w
end

-- Rows of outputs that are made together.
local function rows(spec, nr)
    return share((least(spec)), SUMS // nr)
end

--- Those that direct_bf16.lua makes.
function direct_amx.possible(spec, isa)
    return isa.tiles and direct_bf16.possible(spec, isa)
end

--- A run of pairs, or inputs, that have no divisor are multiplied in small pieces.
function direct_amx.suits(spec)
    if spec.pass == "bwd_weights" then
        return amx.divisor(spec.c) >= math.min(spec.c, FEWEST)
    end
    return step(spec) >= FEWEST
end

--- mr: pixels; nr: vectors of outputs, each a tile of its own.
function direct_amx.candidates(spec, isa)
    if spec.pass == "bwd_weights" then
        return weights_amx.candidates(spec, isa)
    end
    local target <const> = spec.pass == "fwd" and spec.y or spec.dx
    local _, narrowest <const> = least(spec)
    local list <const>, mr <const> = {}, share(narrowest, amx.lines)
    for nr = 2, 1, -1 do
        if target.pitch // isa.vl % nr == 0 then
            list[#list + 1] = { mr = mr, nr = nr }
        end
    end
    return list
end

-- -- Kernels -------------------------------------------------------------------------------------

--- Floats of memory that a kernel works in, and their shape: of what it multiplies in bf16.
function direct_amx.scratch(spec)
    if spec.pass == "bwd_weights" then
        local made <const> = weights_amx.made(spec)
        return made.floats, string.format("%d + %d pairs", made.planes_floats,
            made.floats - made.planes_floats)
    end
    local words <const> = layout.floats(spec.pass == "fwd" and spec.x or spec.dy)
    return (words + spec.vl + 1) // 2, words .. " in bf16"
end

--- The template of a kernel and its parameters.
function direct_amx.params(spec, isa, options)
    if spec.pass == "bwd_weights" then
        return weights_amx.params(spec, isa)
    end
    local _, params <const> = direct_bf16.params(spec, isa, options)
    params.rows, params.step = rows(spec, params.nr), step(spec)
    params.sums = params.rows * params.nr
    params.tile_bytes, params.tile_rows = amx.shapes {
        sums = params.sums, columns = params.nr, rows = params.mr, step = params.step,
    }
    return "ops/conv/direct_amx.c.tpl", params
end

return direct_amx
