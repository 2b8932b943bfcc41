-- Occupancy: the lowest free offsets, as a search through everything that is taken finds them.

local test <const> = ...

local occupancy <const> = require("plan/occupancy")

local tests <const> = {}

-- The slow one: moves up as long as anything of these calls is in the way.
local function lowest_free(taken, first, last, floats)
    local at = 0
    local moved
    repeat
        moved = false
        for _, other in ipairs(taken) do
            if first <= other.last and other.first <= last and at < other.at + other.floats
                and other.at < at + floats then
                at, moved = other.at + other.floats, true
            end
        end
    until not moved
    return at
end

-- Numbers from 1 to `most` that look random and are the same in every run.
local function numbers(seed)
    local state = seed
    return function(most)
        state = (state * 6364136223846793005 + 1442695040888963407) & math.maxinteger
        return (state >> 33) % most + 1
    end
end

-- Places `count` buffers of up to `sizes` sizes during some of `calls` calls, twice.
local function compare(seed, calls, sizes, count)
    local random <const> = numbers(seed)
    local tree <const>, taken <const> = occupancy.new(calls), {}
    for i = 1, count do
        local first <const>, floats <const> = random(calls), random(sizes)
        local last <const> = math.min(calls, first + random(calls) - 1)
        local at <const> = lowest_free(taken, first, last, floats)
        test.equal(occupancy.lowest_free(tree, first, last, floats), at,
            ("seed %d, buffer %d"):format(seed, i))
        occupancy.take(tree, first, last, at, floats)
        taken[i] = { first = first, last = last, at = at, floats = floats }
    end
end

function tests.offsets_are_the_lowest()
    for seed = 1, 20 do
        compare(seed, 1, 3, 20)
        compare(seed, 7, 1, 60)
        compare(seed, 16, 5, 100)
        compare(seed, 100, 40, 150)
    end
end

function tests.nothing_is_taken_before_it_is()
    local tree <const> = occupancy.new(5)
    test.equal(occupancy.lowest_free(tree, 1, 5, 16), 0)
    occupancy.take(tree, 2, 3, 0, 16)
    test.equal(occupancy.lowest_free(tree, 1, 1, 16), 0)
    test.equal(occupancy.lowest_free(tree, 1, 2, 16), 16)
    test.equal(occupancy.lowest_free(tree, 3, 5, 1), 16)
    test.equal(occupancy.lowest_free(tree, 4, 5, 1), 0)
    occupancy.take(tree, 1, 5, 32, 16)
    test.equal(occupancy.lowest_free(tree, 2, 2, 16), 16)
    test.equal(occupancy.lowest_free(tree, 2, 2, 17), 48)
end

return tests
