-- choice.lua - what may be chosen for a convolution kernel, and what is.
--
-- choice = { algorithm = "direct", "bank", "winograd4" or "depthwise",
--            mr, nr = the register tile: see tile.lua, winograd.lua and depthwise.lua,
--            block = tiles of the image in a block of Winograd's weight gradient, else nil }
--
-- A kernel has a list of candidates, the model's choice first. Which is fastest is a question to
-- the machine: `burin gen --candidate N` builds a program of N-th candidates to be timed, and
-- tuned.lua reads what came of it.

local conv <const> = require "ops/conv/direct"
local depthwise <const> = require "ops/conv/depthwise"
local name <const> = require "emit/name"
local winograd <const> = require "ops/conv/winograd"

local choice <const> = {}

-- Tiles that the model thinks slower than this many others are not worth the time to measure.
local DIRECT_TILES <const> = 6

local function append(list, algorithm, tiles, most)
    for i = 1, math.min(#tiles, most) do
        local tile <const> = tiles[i]
        list[#list + 1] = {
            algorithm = algorithm, mr = tile.mr, nr = tile.nr, block = tile.block,
        }
    end
end

--- The candidates for a convolution whose layouts and group are known, the model's choice first.
--- algorithm: "auto", or "direct" to offer no transforms
function choice.candidates(spec, isa, algorithm)
    local list <const> = {}
    if depthwise.is(spec) then
        append(list, "depthwise", depthwise.tiles(spec, isa), DIRECT_TILES)
        return list
    end
    if conv.fits_bank(spec, isa) then
        list[1] = { algorithm = "bank", mr = conv.BANK_PIXELS, nr = 1 }
    end
    local transforms <const> = algorithm ~= "direct" and winograd.possible(spec, isa)
    local first <const> = transforms and winograd.suits(spec, isa)
    if first then
        append(list, "winograd4", winograd.tiles(spec, isa), math.huge)
    end
    append(list, "direct", conv.tiles(spec, isa), DIRECT_TILES)
    if transforms and not first then
        append(list, "winograd4", winograd.tiles(spec, isa), math.huge)
    end
    return list
end

--- A choice in words, as tuned.lua reads them.
function choice.text(chosen)
    return string.format('algorithm = "%s", mr = %d, nr = %d%s', chosen.algorithm, chosen.mr,
        chosen.nr, chosen.block and ", block = " .. chosen.block or "")
end

local function same(a, b)
    return a.algorithm == b.algorithm and a.mr == b.mr and a.nr == b.nr and a.block == b.block
end

--- The choice for a convolution.
--- wishes = { candidate = which of the candidates, the model's where there are fewer; or
---            tuned = what tuned.read returned }, each may be nil
function choice.choose(spec, isa, algorithm, wishes)
    local list <const> = choice.candidates(spec, isa, algorithm)
    local wish <const> = wishes.tuned and wishes.tuned:kernel(name.key(spec), isa.name)
    if wish then
        for _, candidate in ipairs(list) do
            if same(candidate, wish) then
                return candidate
            end
        end
        error({ kind = "failed", messages = {
            string.format("%s: %s: %s: expected a candidate such as %s; `make tune` measures anew",
                wish.place, wish.key, choice.text(wish), choice.text(list[1])),
        } }, 0)
    end
    return list[wishes.candidate or 1] or list[1]
end

return choice
