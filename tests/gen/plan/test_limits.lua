-- What a description may ask of the compiler and of the machine that trains.

local test <const> = ...

local emit <const> = require("emit/program")
local pipeline <const> = require("plan/pipeline")
local graph <const> = require("language/graph")
local limits <const> = require("plan/limits")
local network <const> = require("language/network")

local tests <const> = {}

local function build(layers, input, batch)
    return graph.build(network.read(([[
return network {
    name = "large", classes = 10,
    input = { %s }, recipe = { batch = %d, optimizer = sgd { lr = 0.1 } },
    layers = { %s,
        global_avgpool(), linear(10), softmax_cross_entropy() },
}]]):format(input, batch or 1, layers), "large.lua", "bn"))
end

local function options(rest)
    local made <const> = {
        network = "large.lua", norm = "bn", isa = "c", algorithm = "auto", unroll = "tile",
    }
    for key, value in pairs(rest or {}) do
        made[key] = value
    end
    return made
end

local function rejected(message, built, rest)
    local raised <const> = test.raises({ "large.lua:" .. message }, emit.program, built,
        options(rest))
    test.equal(raised.kind, "rejected")
end

-- What a step keeps without images: less than a MB.
local small <const> = "conv { 4, window = 3 }, norm()"

function tests.memory_has_a_cap_that_can_be_moved()
    -- Two batches of 160 images of 3 x 160 x 160 floats are 98 MB; each of two threads keeps more
    -- than one.
    local built <const> = build(small, "3, 160, 160", 160)
    local planned <const> = pipeline.plan(built, options())
    local needed <const> = (limits.step_floats(built, planned, 2) + 2 * 160 * 3 * 160 * 160) * 4
        // 1000000
    assert(needed > 98 and planned.scratch * 4 > 1000000)
    rejected(("1: network: training needs %d MB of memory: expected at most %d MB, or a larger "
        .. "--max-memory"):format(needed, needed - 1), built, { max_memory = needed - 1 })
    assert(emit.program(built, options { max_memory = needed }))
end

function tests.memory_is_capped_at_4_gb_without_an_option()
    local built <const> = build(small, "3, 1024, 1024", 200)
    local ok <const>, raised <const> = pcall(emit.program, built, options())
    assert(not ok and raised.messages[1]:find("MB of memory: expected at most 4096 MB", 1, true))
end

-- Offsets are enumerators, which are int: no option lifts that.
function tests.blocks_of_memory_have_at_most_2_31_values()
    local layers <const> = {}
    for i = 1, 70 do
        layers[i] = "conv { 32, window = 1 }, norm()"
    end
    local built <const> = build(table.concat(layers, ", "), "3, 1024, 1024")
    local ok <const>, raised <const> = pcall(emit.program, built,
        options { max_memory = 1000000000 })
    assert(not ok and raised.messages[1]:find(
        "^large.lua:1: network: a block of memory has %d+ values: expected at most 2147483647$"),
        tostring(raised.messages and raised.messages[1] or raised))
end

function tests.unrolling_in_full_has_a_limit()
    rejected("4: conv: written out in full its sums have 50176 terms: expected at most 10000, or "
        .. "--unroll tile", build("conv { 1024, window = 7, padding = 3 }", "8, 7, 7"),
        { unroll = "full" })
    assert(emit.program(build("conv { 1024, window = 7, padding = 3 }", "8, 7, 7"), options()))
    assert(emit.program(build(small, "8, 7, 7"), options { unroll = "full" }))
end

-- The counter alone: texts of these sizes take long to make.
function tests.source_has_a_limit()
    local built <const> = build(small, "3, 8, 8")
    local function raises(message, source, name, bytes)
        test.raises({ "large.lua:1: network: " .. message
            .. ": fewer different layers, or --unroll tile" }, source.add, name, bytes)
    end
    raises("the function f has 1048577 or more bytes of C: expected at most 1048576",
        limits.source(built), "f", (1 << 20) + 1)
    local source <const> = limits.source(built)
    for _ = 1, 16 do
        source.add("f", 1 << 20)
    end
    raises("the program has 16777217 or more bytes of C: expected at most 16777216", source, "g", 1)
end

-- The emitter asks the counter: many kernels, each small.
function tests.programs_that_no_compiler_takes_are_rejected()
    local layers <const> = {}
    for i = 1, 80 do
        layers[i] = ("conv { %d, window = 11, padding = 5 }, norm()"):format(16 + i)
    end
    local ok <const>, raised <const> = pcall(emit.program, build(table.concat(layers, ", "),
        "3, 8, 8"), options { isa = "avx512", max_memory = 1000000 })
    assert(not ok and raised.kind == "rejected"
        and raised.messages[1]:find("the program has 1%d+ or more bytes of C"),
        ok and "accepted" or tostring(raised.messages and raised.messages[1] or raised))
end

return tests
