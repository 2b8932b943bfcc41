-- Register tiles: how rows are cut, and what fits the registers.

local test <const> = ...

local isa <const> = require("emit/isa")
local tile <const> = require("ops/conv/tile")

local tests <const> = {}

local SETS <const> = { "avx2", "avx512", "c" }
local MAX_LENGTH <const>, MAX_VECTORS <const> = 100, 12

-- Calls check(candidate, length, vectors, set) for every candidate of every row.
local function each_candidate(check)
    for _, name in ipairs(SETS) do
        local set <const> = isa.get(name)
        for length = 1, MAX_LENGTH do
            for vectors = 1, MAX_VECTORS do
                for _, candidate in ipairs(tile.candidates(set, length, vectors)) do
                    check(candidate, length, vectors, set)
                end
            end
        end
    end
end

-- Walks the spans as the generated loops do.
local function covered(spans)
    local count <const> = {}
    for _, span in ipairs(spans) do
        for at = span.first, span.last - 1, span.mr do
            for i = at, at + span.mr - 1 do
                count[i] = (count[i] or 0) + 1
            end
        end
    end
    return count
end

function tests.every_entry_is_covered_once()
    for length = 1, MAX_LENGTH do
        for max = 1, length + 1 do
            local count <const> = covered(tile.split(length, max))
            for i = 0, length - 1 do
                test.equal(count[i], 1, ("%d of %d by %d"):format(i, length, max))
                count[i] = nil
            end
            test.equal(next(count), nil)
        end
    end
    each_candidate(function(candidate, length)
        test.equal(candidate.spans, tile.split(length, candidate.mr))
    end)
end

function tests.sizes_differ_by_one_and_none_is_too_large()
    for length = 1, MAX_LENGTH do
        for max = 1, length do
            local spans <const> = tile.split(length, max)
            local tiles = 0
            for _, span in ipairs(spans) do
                assert(span.mr >= 1 and span.mr <= max)
                assert(spans[1].mr - span.mr <= 1, "sizes differ by more than one")
                tiles = tiles + (span.last - span.first) // span.mr
            end
            assert(#spans <= 2 and (#spans == 1 or spans[2].mr < spans[1].mr))
            test.equal(tiles, (length + max - 1) // max, "the fewest tiles")
        end
    end
end

function tests.tiles_fit_registers_and_rows()
    each_candidate(function(candidate, length, vectors, set)
        local used <const> = candidate.mr * candidate.nr + candidate.nr + 1
        assert(used <= set.registers, set.name .. ": more registers than there are")
        assert(candidate.mr <= length and candidate.nr <= vectors)
        test.equal(vectors % candidate.nr, 0, "vectors left over")
    end)
end

-- The best is first, no tile is offered twice, and there always is one.
function tests.candidates_are_in_order()
    for _, name in ipairs(SETS) do
        for length = 1, MAX_LENGTH do
            for vectors = 1, MAX_VECTORS do
                local list <const> = tile.candidates(isa.get(name), length, vectors)
                local seen <const> = {}
                for i, candidate in ipairs(list) do
                    local key <const> = candidate.mr .. " x " .. candidate.nr
                    assert(not seen[key], key)
                    seen[key] = true
                    assert(i == 1 or list[i - 1].cost <= candidate.cost, "not by cost")
                end
                assert(list[1], "no tile")
            end
        end
    end
end

-- The tiles that the measured kernels use: a full AVX-512 file, and AVX2 with twelve accumulators.
function tests.the_model_fills_the_register_file()
    for _, name in ipairs(SETS) do
        local set <const> = isa.get(name)
        local best <const> = tile.candidates(set, 32, 32 // set.vl)[1]
        assert(best.mr * best.nr >= set.registers // 2, name .. ": too few accumulators")
    end
end

function tests.blocks_divide()
    for vectors = 1, 64 do
        for max = 1, 8 do
            local block <const> = tile.block(vectors, max)
            test.equal(vectors % block, 0)
            assert(block >= 1 and block <= max)
            for larger = block + 1, math.min(max, vectors) do
                assert(vectors % larger ~= 0, "a larger block divides")
            end
        end
    end
end

return tests
