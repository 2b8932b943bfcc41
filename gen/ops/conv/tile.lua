-- tile.lua - which register tile each convolution kernel uses.
--
-- A tile holds mr rows by nr vectors of accumulators: mr neighbouring pixels of an output row in
-- the forward and data-gradient kernels, mr neighbouring entries of a filter row in the weight
-- gradient. Each inner step loads nr vectors once, broadcasts mr scalars, and does mr * nr
-- multiply-adds. nr divides the vectors of a row of outputs, so no tile is ragged in that
-- direction; in the other, a row of `length` is cut into tiles whose sizes differ by one at most.
--
-- tile = { mr = largest rows, nr = vectors, spans = { { mr, first, last }, ... } }
-- where a span covers [first, last) in steps of mr.

local tile <const> = {}

local MAX_NR <const> = 6

-- Cuts `length` into the fewest tiles of at most `max` rows, as equal as they can be.
function tile.split(length, max)
    local tiles <const> = (length + max - 1) // max
    local small <const>, larger <const> = length // tiles, length % tiles
    local spans <const> = {}
    local first = 0
    if larger > 0 then
        first = larger * (small + 1)
        spans[1] = { mr = small + 1, first = 0, last = first }
    end
    if first < length then
        spans[#spans + 1] = { mr = small, first = first, last = length }
    end
    return spans
end

-- Cycles that one inner step of an mr x nr tile takes on this instruction set, by its busiest
-- resource: multiply-adds, loads, instructions issued, or the latency of the accumulators.
local FMA_LATENCY <const> = 4
local ISSUE <const> = 5.5

local function step_cycles(isa, mr, nr)
    local fmas <const> = mr * nr
    local loads <const> = mr + nr
    local folded <const> = isa.folds and nr == 1
    local instructions <const> = fmas + nr + (folded and 0 or mr) + 2
    return math.max(FMA_LATENCY, fmas / isa.fma, loads / isa.load, instructions / ISSUE)
end

-- Whether a tile fits the registers: the accumulators, nr vectors of the step, and one broadcast.
function tile.fits(isa, mr, nr)
    return mr * nr + nr + 1 <= isa.registers
end

-- Sorts candidates in place by what they cost, those of equal cost by before(a, b). Returns them.
function tile.sort(list, before)
    table.sort(list, function(a, b)
        if a.cost ~= b.cost then
            return a.cost < b.cost
        end
        return before(a, b)
    end)
    return list
end

-- The candidate tiles for rows of `length` and `vectors` vectors, best first by the model.
-- The cost also counts loads a little, so that among equals the one easier on the cache wins,
-- and the second tile body that an uneven split needs.
function tile.candidates(isa, length, vectors)
    local list <const> = {}
    for nr = 1, math.min(vectors, MAX_NR) do
        if vectors % nr == 0 then
            local seen <const> = {}
            for max = 1, length do
                if not tile.fits(isa, max, nr) then
                    break
                end
                local spans <const> = tile.split(length, max)
                local mr <const> = spans[1].mr
                if not seen[mr] then
                    seen[mr] = true
                    local cost = 0.0
                    for _, span in ipairs(spans) do
                        local tiles <const> = (span.last - span.first) // span.mr
                        cost = cost + tiles * (step_cycles(isa, span.mr, nr)
                            + 0.02 * (span.mr + nr))
                    end
                    cost = cost * (vectors // nr) * (1 + 0.01 * (#spans - 1))
                    list[#list + 1] = { mr = mr, nr = nr, spans = spans, cost = cost }
                end
            end
        end
    end
    -- Weights are read once for mr rows.
    return tile.sort(list, function(a, b) return a.mr > b.mr end)
end

-- The number of vectors, at most `max`, in which elementwise kernels walk a pixel's channels.
function tile.block(vectors, max)
    for block = math.min(max, vectors), 2, -1 do
        if vectors % block == 0 then
            return block
        end
    end
    return 1
end

return tile
