-- Instruction sets: what the planner is told agrees with itself and with the build.

local test <const> = ...

local isa <const> = require("emit/isa")

local tests <const> = {}

local SETS <const> = { "avx2", "avx512", "c" }

function tests.sets_agree_with_themselves()
    for _, name in ipairs(SETS) do
        local set <const> = isa.get(name)
        test.equal(set.name, name)
        assert(set.vl & (set.vl - 1) == 0 and 16 % set.vl == 0, "vectors fill cache lines")
        assert(set.registers > 0 and set.fma > 0 and set.load > 0)
        if name ~= "c" then
            test.equal(set.mm, "_mm" .. set.vl * 32)
            test.equal(set.vec, "__m" .. set.vl * 32)
        end
    end
    test.raises("gen/emit/isa.lua:", isa.get, "sse")
    assert(isa.get(host.native_isa()))
end

-- The head of a generated file names the options with which the build compiles it.
function tests.flags_are_those_of_the_build()
    local cmake <const> = assert(host.read_file(test.dir .. "/../cmake/burin-programs.cmake"))
    for _, name in ipairs(SETS) do
        local flags <const> = assert(cmake:match("set%(BURIN_FLAGS_" .. name .. "%s+(.-)%s+CACHE"))
        test.equal(isa.get(name).flags, (flags:gsub('"', ""):gsub("%s+", " ")), name)
    end
end

return tests
