-- choice.lua - what may be chosen for a convolution kernel, and what is.
--
-- choice = { algorithm = the name of one,
--            mr, nr = the register tile: see tile.lua, winograd.lua and depthwise.lua,
--            block = tiles of the image in a block of Winograd's weight gradient, else nil }
--
-- A kernel has a list of candidates, the model's choice first. Which is fastest is a question to
-- the machine: `burin gen --candidate N` builds a program of N-th candidates to be timed, and
-- tuned.lua reads what came of it.
--
-- algorithm, a module = {
--   name                    by which choices, kernels and measurements know it
--   exact                   whether small integers come out exact in every order of the sums
--   in_bf16                 whether what is multiplied is rounded to bf16; nil: it is not
--   possible(spec, isa)     whether it computes this convolution
--   suits(spec, isa)        whether a possible one is faster than others by the model; nil: it is
--   candidates(spec, isa)   register tiles, best first by the model
--   params(spec, isa, options)       the template of a kernel, its parameters and the functions
--                                    that it shares with others; nil: none
--   weight_block(spec, isa)          outputs that a kernel takes at once: packed weights are in
--                                    blocks of so many
--   weight_floats(spec, isa)         of the packed weights, or of their packed gradient
--   pack_name(spec, what, block)     the function that packs or unpacks them
--   pack(spec, what, isa, block)     its template and parameters
--   scratch(spec)           floats of memory that a kernel works in, and their shape; nil: none
--   ahead_steps(spec, isa)  how often a kernel fetches memory for what comes next; nil: never
-- }

local choice <const> = {}

-- Among algorithms that suit, the first one is the model's choice.
local ALGORITHMS <const> = {
    require "ops/conv/depthwise", require "ops/conv/direct_amx", require "ops/conv/winograd_bf16",
    require "ops/conv/direct_bf16", require "ops/conv/bank", require "ops/conv/winograd",
    require "ops/conv/direct",
}

-- That of programs in plain loops, which have no other.
local plain <const> = require "ops/conv/plain"

-- That of frozen networks, before the others: its weights are packed when the program is written.
local frozen <const> = require "ops/conv/strided"

local ALL <const> = table.move(ALGORITHMS, 1, #ALGORITHMS, 2, { frozen })

local BY_NAME <const> = { [plain.name] = plain, [frozen.name] = frozen }

--- The names of the algorithms that measurements may name, as messages list them.
choice.names = {}

for i, algorithm in ipairs(ALGORITHMS) do
    BY_NAME[algorithm.name] = algorithm
    choice.names[i] = algorithm.name
end

--- The algorithm of a kernel.
function choice.algorithm(spec)
    return BY_NAME[spec.algorithm]
end

local function append(list, algorithm, tiles)
    for _, tile in ipairs(tiles) do
        list[#list + 1] = {
            algorithm = algorithm.name, mr = tile.mr, nr = tile.nr, block = tile.block,
        }
    end
end

--- The candidates for a convolution whose layouts and micro-batch are known, the model's first.
--- wanted: "auto"; "direct" to offer no algorithms that round; or "frozen" to offer that of frozen
--- networks, too
function choice.candidates(spec, isa, wanted)
    local list <const>, slower <const> = {}, {}
    local all <const> = wanted == "frozen" and ALL or ALGORITHMS
    for _, algorithm in ipairs(isa.plain and { plain } or all) do
        local rounds <const> = not algorithm.exact or algorithm.in_bf16
        if not (wanted == "direct" and rounds) and algorithm.possible(spec, isa) then
            local suits <const> = not algorithm.suits or algorithm.suits(spec, isa)
            append(suits and list or slower, algorithm, algorithm.candidates(spec, isa))
        end
    end
    return table.move(slower, 1, #slower, #list + 1, list)
end

--- A choice in words, as tuned.lua reads them.
function choice.text(chosen)
    return string.format('algorithm = "%s", mr = %d, nr = %d%s', chosen.algorithm, chosen.mr,
        chosen.nr, chosen.block and ", block = " .. chosen.block or "")
end

local function same(a, b)
    return a.algorithm == b.algorithm and a.mr == b.mr and a.nr == b.nr and a.block == b.block
end

--- The choice for a convolution. key: by which measurements know it (see name.key)
--- wishes = { candidate = which of the candidates, the model's where there are fewer; or
---            tuned = what tuned.read returned }, each may be nil
function choice.choose(spec, isa, wanted, wishes, key)
    local list <const> = choice.candidates(spec, isa, wanted)
    local wish <const> = wishes.tuned and wishes.tuned:kernel(key, isa.made_for)
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
