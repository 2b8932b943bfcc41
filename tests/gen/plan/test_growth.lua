-- Growth: the work of the generator is nearly linear in the layers and in the mistakes.
--
-- Work is counted, not timed: steps of Lua, and bytes taken while the collector stands still, which
-- see long texts, too. From n to 2n and from 2n to 4n layers the work grows by W(2n) - W(n) and
-- W(4n) - W(2n), twice as much where it is linear, four times where it is quadratic; what every
-- program has cancels out.

local test <const> = ...

local emit <const> = require("emit/program")
local evaluate <const> = require("language/evaluate")
local graph <const> = require("language/graph")
local network <const> = require("language/network")
local twin <const> = require("language/twin")

local tests <const> = {}

local SHORT <const> = 48 -- layers
local MOST <const> = 2.5 -- growth of the growth: 2, and room for a logarithm
-- Arrays double when they are full: what one of a few thousand entries may take at a time.
local ROOM <const> = { steps = 0, KiB = 64 }

-- A description whose layers the Lua text `lines` appends to `l`, for i = 1 .. n.
local function describe(lines, n)
    return ([[
local l, n = {}, %d
local function add_layer(layer) l[#l + 1] = layer end
for i = 1, n do %s end
return network {
    name = "rows", input = { 3, 8, 8 }, classes = 10,
    recipe = { optimizer = sgd { lr = 0.1 } },
    layers = { conv { 8, window = 3, padding = 1, name = "first" }, l, global_avgpool(),
        linear(10), softmax_cross_entropy() },
}]]):format(n, lines)
end

local function compile(result, norm)
    local net <const> = network.check(evaluate.result(result, "long.lua"), "long.lua", norm)
    local built <const> = graph.build(net)
    if norm ~= "bn16" then -- PyTorch has none
        twin.text(built, { network = "long.lua", norm = norm })
    end
    emit.program(built, {
        network = "long.lua", norm = norm, isa = "avx2", algorithm = "auto", unroll = "tile",
    })
end

-- { thousands of steps, KiB } of a call, which may raise.
local function work(f, ...)
    collectgarbage()
    collectgarbage("stop")
    local before <const> = collectgarbage("count")
    local steps <const> = test.kilosteps(f, ...)
    local bytes <const> = collectgarbage("count") - before
    collectgarbage("restart")
    return { steps = steps, KiB = bytes }
end

-- `make(n)` returns what `compile` takes.
local function check_growth(title, make)
    local works <const> = {}
    for i, n in ipairs({ SHORT, 2 * SHORT, 4 * SHORT }) do
        works[i] = work(compile, table.unpack(make(n)))
    end
    for _, what in ipairs({ "steps", "KiB" }) do
        local first <const> = works[2][what] - works[1][what]
        local second <const> = works[3][what] - works[2][what]
        assert(second <= MOST * first + ROOM[what],
            ("%s: %.0f, %.0f and %.0f %s for %d, %d and %d layers"):format(title, works[1][what],
                works[2][what], works[3][what], what, SHORT, 2 * SHORT, 4 * SHORT))
    end
end

-- What a description may be long of, and the norm.
local long <const> = {
    { "norm()", "bn" },
    { "norm()", "bn16" },
    { "norm()", "gn" },
    { "norm() relu() dropout(0.1)", "bn" },
    { "norm() avgpool { 3, stride = 1, padding = 1 }", "bn" },
    { "norm() maxpool { 3, stride = 1, padding = 1 }", "bn" },
    { "conv { 8, window = 3, padding = 1 } relu() norm()", "bn" },
    { "conv { 8, window = 3, padding = 1, groups = 8 }", "ln" },
    { "conv { 8 + i % 40, window = 1, bias = true } norm()", "bn" },
    { "norm() add('first')", "bn" },
    { "norm { from = 'first' } add(i > 1 and 'add' .. i - 1 or 'first')", "bn" },
    { "dropout(0) relu()", "in" },
    { "linear(8) relu()", "none" },
    { "norm()", "none" },
}

for _, case in ipairs(long) do
    local layers <const>, norm <const> = table.unpack(case)
    tests[("rows of %s under %s"):format(layers, norm)] = function()
        local calls <const> = layers:gsub("(%a+%b())", "add_layer(%1)")
            :gsub("(%a+) (%b{})", "add_layer(%1 %2)")
        local function make(n)
            return { evaluate.answer(describe(calls, n), "long.lua"), norm }
        end
        compile(table.unpack(make(SHORT))) -- is a network
        check_growth(layers, make)
    end
end

-- What a description may be wrong of.
local wrong <const> = {
    "add_layer(relu { from = 'none' })",
    "add_layer(relu { ['x' .. i] = i })",
    "add_layer(relu { name = 'same' })",
    "add_layer(relu { name = '_' .. i })",
    "add_layer(relu { from = 'first' })",
    "add_layer(conv { 8, window = 9 })",
    "add_layer(avgpool { 3, stride = 3 })",
    "add_layer(i) l.x = 1",
    "add_layer(i)",
    "add_layer(l[1] or relu())",
    "l = { l, l }",
}

for _, lines in ipairs(wrong) do
    tests["mistakes of " .. lines] = function()
        local function make(n)
            return { evaluate.answer(describe(lines, 3 * n), "long.lua"), "bn" }
        end
        local ok <const>, raised <const> = pcall(compile, table.unpack(make(SHORT)))
        assert(not ok and raised.kind == "rejected", raised)
        check_growth(lines, make)
    end
end

return tests
