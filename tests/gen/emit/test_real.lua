-- Programs in double: no float is left, and nothing else has changed.

local test <const> = ...
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()

local emit <const> = require("emit/program")
local real <const> = require("emit/real")

local tests <const> = {}

function tests.every_number_becomes_double()
    for float, double in pairs({ -- each for itself
        ["float *x, floats; /* floats */"] = "double *x, doubles; /* doubles */",
        ["(float)x * sizeof(float)"] = "(double)x * sizeof(double)",
        ["0.5f, 1e-05f, 1.5e+10f, -0.0f"] = "0.5, 1e-05, 1.5e+10, -0.0",
        ["x_float float2 FLOAT 0x1f 0xffu a2f(f)"] = "x_float float2 FLOAT 0x1f 0xffu a2f(f)",
        ['"float 1.0f" float'] = '"float 1.0f" double',
        ['"a\\"float" float "\\\\" float'] = '"a\\"float" double "\\\\" double',
    }) do
        test.equal(real.double(float), double)
    end
end

-- The description may be called float.
function tests.programs_have_no_float()
    local graph <const> = nets.small("conv { 4, window = 3 }, relu(), norm()", "bn")
    local options <const> = {
        network = "float.lua", norm = "bn", isa = "c", real = "double", algorithm = "auto",
        unroll = "tile",
    }
    local text <const> = emit.program(graph, options)
    assert(text:find('"make gen NET=float.lua NORM=bn ISA="', 1, true), "its name has changed")
    local code <const> = text:gsub('"[^"\n]*"', '""'):gsub("^.-#include", "")
    assert(not code:find("%f[%w_]float%f[^%w_]"), "float is left")
    assert(not code:find("%d%.%d+f%f[^%w_]"), "a float constant is left")
    assert(text:find("typedef uint64_t lanes4 __attribute__((vector_size(32)));", 1, true))
    assert(text:find("burin gen --norm bn --isa c --real double float.lua", 1, true))
    options.real = "float"
    local float <const> = emit.program(graph, options)
    options.real = nil
    test.equal(emit.program(graph, options), float)
end

return tests
