-- What crosses from the process of a description to ours, and that nonsense does not.

local test <const> = ...

local answer <const> = require("language/answer")
local record <const> = require("language/record")

local tests <const> = {}

-- The result, written and read again.
local function cross(result)
    local message <const>, read <const> = answer.read(answer.write(nil, result))
    test.equal(message, nil)
    return read
end

function tests.plain_data_crosses()
    for _, value in ipairs({ 0, -1, math.mininteger, 1.5, -0.0, math.huge, "", "a\0b\n", true,
        false, {}, { 1, { 2 }, x = { y = "z" }, [2.5] = false } }) do
        test.equal(cross(value), value)
    end
    test.equal(cross(nil), nil)
    local nan <const> = cross(0 / 0)
    assert(nan ~= nan)
end

function tests.messages_cross()
    test.equal(answer.read(answer.write("a.lua:1: no\n\0")), "a.lua:1: no\n\0")
end

function tests.calls_stay_calls()
    local inner <const> = record.from(record.make("relu", 4), 7)
    local outer <const> = record.make("network", 9, { layers = { inner, inner }, name = "x" })
    local found <const> = record.of(cross(outer))
    test.equal({ found.kind, found.line, found.count }, { "network", 9, 1 })
    local a <const>, b <const> = table.unpack(found.arguments.layers)
    assert(a == b, "one layer became two")
    test.equal(record.of(a), { kind = "relu", line = 4, outer = 7, count = 0, arguments = {} })
    test.equal(record.of(cross({ outer })), nil)
end

function tests.tables_may_hold_themselves()
    local t <const> = { name = "t" }
    t.self, t[t] = t, 1
    local got <const> = cross(t)
    assert(got.self == got and got[got] == 1)
end

-- A function of the description becomes one of ours that does nothing.
function tests.functions_do_not_cross()
    local called = false
    local got <const> = cross({ f = function() called = true end })
    test.equal(type(got.f), "function")
    test.equal(got.f(), nil)
    test.equal(called, false)
end

function tests.depth_has_no_limit_but_number_has()
    local t = {}
    for _ = 1, 9900 do
        t = { t }
    end
    assert(cross(t))
    for _ = 1, 100 do
        t = { t }
    end
    test.equal(answer.write(nil, t), nil)
end

-- A result of `tables` tables in a list and `values` numbers in the last of them.
local function list_of(tables, values)
    local list <const> = {}
    for i = 1, tables do
        list[i] = {}
    end
    for i = 1, values do
        list[tables][i] = i
    end
    return list
end

-- Tables, values and the table that holds the result count, to the last one.
function tests.nodes_are_counted()
    local most <const> = answer.max_nodes
    local whole <const> = answer.write(nil, list_of(100, most - 203))
    assert(answer.read(whole) == nil, "as many nodes as may be are refused")
    assert(not answer.write(nil, list_of(100, most - 202)), "a value too many")
    assert(not answer.write(nil, list_of(101, most - 203)), "a table too many")
end

-- The writer may have been turned against us: the reader counts by itself.
function tests.the_reader_counts_too()
    local most <const> = answer.max_nodes
    local pair <const> = string.pack("<c1i8c1B", "i", 1, "b", 1)
    local function of_values(count)
        return "T" .. pair:rep(count) .. "."
    end
    test.equal(answer.read(of_values(most)), nil)
    test.equal(answer.read(of_values(most + 1)), false)
    local function of_tables(count)
        local parts <const> = { "T" }
        for i = 1, count do
            parts[#parts + 1] = string.pack("<c1i8c1I4", "i", i, "@", i + 1)
        end
        return table.concat(parts) .. "." .. ("T."):rep(count)
    end
    test.equal(answer.read(of_tables(most // 2)), nil)
    test.equal(answer.read(of_tables(most // 2 + 1)), false)
end

-- What is referred to often counts once.
function tests.shared_tables_count_once()
    local shared <const>, list <const> = list_of(1, 9000), {}
    for i = 1, 9000 do
        list[i] = shared
    end
    local got <const> = cross(list)
    assert(got[1] == got[9000] and #got[1][1] == 9000)
end

-- Every text is an answer or none; reading never raises.
function tests.nonsense_is_refused()
    local whole <const> = answer.write(nil, record.make("conv", 3, { 16, window = 3, from = "a",
        bias = true, t = { {}, 0.5 } }))
    assert(answer.read(whole) == nil)
    for size = 0, #whole - 1 do
        test.equal(answer.read(whole:sub(1, size)), false, "cut to " .. size)
    end
    test.equal(answer.read(whole .. "."), false)
    for at = 1, #whole do
        for _, byte in ipairs({ 0, 1, 46, 64, 82, 84, 127, 255 }) do
            answer.read(whole:sub(1, at - 1) .. string.char(byte) .. whole:sub(at + 1))
        end
    end
end

-- { what, text }: each one byte or field away from an answer.
local refused <const> = {
    { "an empty text", "" },
    { "no object", "." },
    { "a reference ahead", string.pack("<c1 c1i8 c1I4 c1", "T", "i", 1, "@", 3, ".") },
    { "a reference to nothing", string.pack("<c1 c1i8 c1I4 c1", "T", "i", 1, "@", 0, ".") },
    { "a promised object", string.pack("<c1 c1i8 c1I4 c1", "T", "i", 1, "@", 2, ".") },
    { "a key that is no number", string.pack("<c1 c1d c1B c1", "T", "d", 0 / 0, "b", 1, ".") },
    { "a call of no kind", string.pack("<c1s1i8i8i8c1", "R", "a\27", 1, 0, 0, ".") },
    { "a call before the file", string.pack("<c1s1i8i8i8c1", "R", "conv", -1, 0, 0, ".") },
    { "a call from before the file", string.pack("<c1s1i8i8i8c1", "R", "conv", 1, -1, 0, ".") },
    { "a call with less than nothing", string.pack("<c1s1i8i8i8c1", "R", "conv", 1, 0, -1, ".") },
    { "a message and more", answer.write("a") .. "b" },
}

for _, case in ipairs(refused) do
    tests["refuses " .. case[1]] = function()
        test.equal(answer.read(case[2]), false)
    end
end

return tests
