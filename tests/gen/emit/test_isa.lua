-- Instruction sets: what the planner is told agrees with itself and with the build, and the type of
-- a program's numbers is theirs alone.

local test <const> = ...
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()

local emit <const> = require("emit/program")
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

-- The head of a generated file names the options with which the build compiles it, which are those
-- of products in bf16 always.
function tests.flags_are_those_of_the_build()
    local cmake <const> = assert(host.read_file(test.dir .. "/../cmake/burin-programs.cmake"))
    local function flags_of(name)
        local flags <const> = assert(cmake:match("set%(BURIN_FLAGS_" .. name .. "%s+(.-)%s+CACHE"))
        return (flags:gsub('"', ""):gsub("%s+", " "):gsub("%${BURIN_FLAGS_(%w+)}", flags_of))
    end
    for _, name in ipairs { "avx2", "avx512", "amx", "c" } do
        test.equal(isa.get(name, "float", false, "bf16").flags, flags_of(name), name)
    end
end

-- Tiles of AMX are for products of bf16, beside the vectors of AVX-512.
function tests.amx_is_for_bf16()
    local set <const> = isa.get("amx", "float", false, "bf16")
    test.equal({ set.name, set.made_for, set.tiles }, { "amx", "amx+bf16", true })
    test.equal({ set.vec, set.words.isa }, { "__m512", "avx512" })
    for _, precision in ipairs { "fp32", "none" } do
        local raised <const> = test.raises({
            "--isa amx: has products of bf16 alone: expected --precision bf16, or --isa avx512",
        }, isa.get, "amx", "float", false, precision)
        test.equal(raised.kind, "usage")
    end
    test.equal(isa.get("avx512", "float", false, "bf16").tiles, nil)
end

function tests.numbers_have_one_type()
    local float <const>, double <const> = isa.get("c"), isa.get("c", "double")
    test.equal({ float.real, float.bytes, float.literal(0.1) }, { "float", 4, "0.1f" })
    test.equal({ double.real, double.bytes, double.literal(0.1) }, { "double", 8, "0.1" })
    for _, set in ipairs { float, double } do
        test.equal({ set.words.real, set.literal(0.5) }, { set.real, "0.5" .. set.words.f })
    end
    test.raises("gen/emit/isa.lua:", isa.get, "avx2", "double")
end

local function program(built, real, unroll)
    return emit.program(built, {
        network = "float.lua", norm = built.norm, isa = "c", real = real, algorithm = "auto",
        unroll = unroll,
    })
end

-- Words of a program's code that only float has, as patterns.
local FLOAT <const> = {
    "%f[%w_]float%f[^%w_]", "%d%.%d*f%f[^%w_]", "%de[+-]?%d+f%f[^%w_]",
}

-- A string or the head may name a file, which may be called float.
local function assert_no_float(text, title)
    local code <const> = text:gsub('"[^"\n]*"', '""'):gsub("^.-#include", "")
    for _, pattern in ipairs(FLOAT) do
        local at <const> = code:find(pattern)
        assert(not at, at and title .. ": float is left: " .. code:sub(at - 60, at + 20))
    end
end

function tests.programs_in_double_have_no_float()
    local built <const> = nets.small("conv { 4, window = 3 }, relu(), norm()", "bn")
    local text <const> = program(built, "double", "tile")
    assert(text:find('"make gen NET=float.lua NORM=bn ISA="', 1, true))
    assert(text:find("burin gen --norm bn --isa c --real double float.lua", 1, true))
    assert(text:find("typedef uint64_t lanes4 __attribute__((vector_size(32)));", 1, true))
    assert(text:find("#define BURIN_DOUBLE\n#include \"model.h\"\n", 1, true))
    test.equal(program(built, nil, "tile"), program(built, "float", "tile"))
    for i, lines in ipairs(nets.varied) do
        for norm, unroll in pairs { bn16 = "tile", gn = "none" } do -- each for itself
            assert_no_float(program(nets.small(lines, norm), "double", unroll), i .. " " .. norm)
        end
    end
end

return tests
