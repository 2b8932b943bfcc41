-- Calls and their fields one by one, down to the last line of record.lua.

local test <const> = ...

local identifier <const> = require("language/identifier")
local record <const> = require("language/record")

local one <const> = record.make("one", 3, { 1 })
local spec <const> = {
    name = "thing",
    fields = {
        { name = "size", type = "integer", position = 1, min = 1, max = 9 },
        { name = "rate", type = "number", above = 0, max = 1, because = "a share",
          optional = true },
        { name = "keep", type = "number", min = 0, below = 1, default = 0 },
        { name = "good", type = "boolean", default = true },
        { name = "how", type = "choice", choices = { "a", "b" },
          default = function(values) return values.keep == 0 and "a" or "b" end },
        { name = "label", type = "name", optional = true },
        { name = "image", type = "shape", optional = true },
        { name = "steps", type = "integers", min = 1, max = 90, most = 3, optional = true },
        { name = "sides", type = "sides", min = 0, max = 9, default = 1 },
        { name = "more", type = "table", optional = true },
        { name = "part", type = "record", kinds = { "one", "two" }, optional = true },
        { name = "idle", type = "integer", min = 0, max = 5, optional = true,
          idle = function(values) return values.keep == 0 and "keep = 0", "a larger keep" end },
    },
}

-- The values of a table of arguments, and what is wrong with them.
local function check(arguments)
    local messages <const> = {}
    local values <const> = record.check(spec, arguments, 7, function(line, what, expected)
        test.equal(line, 7)
        messages[#messages + 1] = record.words(what) .. ": expected " .. expected
    end)
    return values, messages
end

local rate <const> = "a number above 0, at most 1: a share"
local shape <const> = "{ channels, height, width }, at most 4096 channels of 1024 x 1024"
local steps <const> = "a list of integers that rises, at most 3 of 1 to 90"
local sides <const> = "an integer from 0 to 9, or two: { height, width }"
local names <const> = "size, rate, keep, good, how, label, image, steps, sides, more, part or idle"
local not_a_number <const> = 0 / 0

-- { arguments, messages without "thing: " }: the size is 2 where it is not what is wrong.
local refused <const> = {
    { { size = false }, "size is false: expected an integer from 1 to 9" },
    { { size = 0 }, "size is 0: expected an integer from 1 to 9" },
    { { size = 10.0 }, "size is 10: expected an integer from 1 to 9" },
    { { size = 2.5 }, "size is 2.5: expected an integer from 1 to 9" },
    { { 2, size = 2 }, "size is given twice: expected one value" },
    { { rate = 0 }, "rate is 0: expected " .. rate },
    { { rate = not_a_number }, "rate is not a number: expected " .. rate },
    { { rate = "x" }, 'rate is "x": expected ' .. rate },
    { { rate = 1e-39 }, "rate is 1e-39, too small for a float: expected " .. rate },
    { { keep = 1 - 2.0 ^ -53 }, "keep is 0.9999999999999999, as a float 1: expected a number from "
      .. "0, below 1" },
    { { keep = 1 / 3 * 2.0 ^ -130 }, "keep is 2.448946564213099e-40, too small for a float: "
      .. "expected a number from 0, below 1" },
    { { good = 1 }, "good is 1: expected true or false" },
    { { how = "c" }, 'how is "c": expected one of a or b' },
    { { label = {} }, "label is a table: expected a name (" .. identifier.expected .. ")" },
    { { image = 3 }, "image is 3: expected " .. shape },
    { { image = { 3, 4 } }, "image is a table: expected " .. shape },
    { { image = one }, "image is a call of one: expected " .. shape },
    { { image = { 3, 4, 5, x = 6 } }, "image is a table: expected " .. shape },
    { { image = { 4097, 4, 5 } }, "image is a table: expected " .. shape },
    { { image = { 3, 0, 5 } }, "image is a table: expected " .. shape },
    { { image = { 0, 4, 5 } }, "image is a table: expected " .. shape },
    { { image = { 3, 1025, 5 } }, "image is a table: expected " .. shape },
    { { image = { 3, 4, 1025 } }, "image is a table: expected " .. shape },
    { { image = { 3, 4, 0 } }, "image is a table: expected " .. shape },
    { { steps = 3 }, "steps is 3: expected " .. steps },
    { { steps = one }, "steps is a call of one: expected " .. steps },
    { { steps = {} }, "steps is a table: expected " .. steps },
    { { steps = { 1, 2, 3, 4 } }, "steps is a table: expected " .. steps },
    { { steps = { 1, 2, x = 3 } }, "steps is a table: expected " .. steps },
    { { steps = { 0, 2 } }, "steps is a table: expected " .. steps },
    { { steps = { 2, 2 } }, "steps is a table: expected " .. steps },
    { { steps = { 2, 91 } }, "steps is a table: expected " .. steps },
    { { steps = { 2, 3.5 } }, "steps is a table: expected " .. steps },
    { { sides = 10 }, "sides is 10: expected " .. sides },
    { { sides = 0.5 }, "sides is 0.5: expected " .. sides },
    { { sides = "3" }, 'sides is "3": expected ' .. sides },
    { { sides = one }, "sides is a call of one: expected " .. sides },
    { { sides = {} }, "sides is a table: expected " .. sides },
    { { sides = { 3 } }, "sides is a table: expected " .. sides },
    { { sides = { 3, -1 } }, "sides is a table: expected " .. sides },
    { { sides = { 10, 1 } }, "sides is a table: expected " .. sides },
    { { sides = { 1, 2, 3 } }, "sides is a table: expected " .. sides },
    { { sides = { 1, 2, x = 3 } }, "sides is a table: expected " .. sides },
    { { more = one }, "more is a call of one: expected a table { ... }" },
    { { more = print }, "more is a function: expected a table { ... }" },
    { { part = record.make("six", 1, 1) }, "part is a call of six: expected one or two { ... }" },
    { { part = {} }, "part is a table: expected one or two { ... }" },
    { { idle = 1 }, "idle has no effect with keep = 0: expected no idle, or a larger keep" },
    { { [3] = "much" }, "has a value too many, number 3: expected " .. names },
    { { extra = 1, [true] = 2, ["a\n" .. ("b"):rep(39)] = 3 },
      'has no field "a?' .. ("b"):rep(38) .. '...": expected ' .. names,
      'has no field "extra": expected ' .. names,
      "has no field of that type: expected " .. names },
}

local checks <const> = {}

function checks.mistakes_have_messages()
    for _, case in ipairs(refused) do
        local arguments <const> = case[1]
        if arguments.size == nil then
            arguments.size = 2
        end
        local _ <const>, messages <const> = check(arguments)
        local expected <const> = {}
        for i = 2, #case do
            expected[i - 1] = "thing: " .. case[i]
        end
        test.equal(messages, expected)
    end
    local _ <const>, missing <const> = check({})
    test.equal(missing, { "thing: size is missing: expected an integer from 1 to 9" })
end

-- A list of names is one value or what is left unnamed.
function checks.names_are_what_has_no_name()
    local names_of <const> = { name = "all", fields = {
        { name = "parts", type = "names", most = 3, rest = true },
        { name = "size", type = "integer", min = 1, max = 9, default = 1 },
    } }
    local names_text <const> = "at most 3 names, at least one (" .. identifier.expected .. ")"
    local function of(arguments)
        local messages <const> = {}
        local values <const> = record.check(names_of, arguments, 7, function(_, what, expected)
            messages[#messages + 1] = what .. ": expected " .. expected
        end)
        return values.parts, messages
    end
    test.equal(of({ "a" }), { "a" })
    test.equal(of({ "a", "b", "a", size = 2 }), { "a", "b", "a" })
    test.equal(of({ parts = { "a", "b" } }), { "a", "b" })
    for _, wrong in ipairs({ {}, { "a", "b", "c", "d" }, { "a", [3] = "c" }, { "a", nil, "c" },
        { "a", 2 },
        { "a", x = "b" } }) do
        local _ <const>, messages <const> = of({ parts = wrong })
        test.equal(messages, { "all: parts is a table: expected " .. names_text })
    end
    test.equal({ of({ parts = one }) }, { nil, { "all: parts is a call of one: expected "
        .. names_text } })
    local _ <const>, twice <const> = of({ "a", parts = { "b" } })
    test.equal(twice, { "all: parts is given twice: expected one value" })
    local _ <const>, missing <const> = of({})
    test.equal(missing, { "all: parts is missing: expected " .. names_text })
end

function checks.good_values_are_taken()
    local more <const> = {}
    local values <const>, messages <const> = check({ 2.0, rate = 1, keep = -0.0, good = false,
        how = "b", label = "x", image = { 3, 4.0, 5 }, more = more, part = one })
    test.equal(messages, {})
    test.equal(values, { size = 2, rate = 1, keep = 0, good = false, how = "b", label = "x",
        image = { c = 3, h = 4, w = 5 }, sides = { h = 1, w = 1 }, more = more,
        part = record.of(one) })
    assert(math.type(values.size) == "integer" and values.more == more)
    assert(math.type(values.image.h) == "integer" and 1 / values.keep > 0)
    test.equal(check({ 2 }),
        { size = 2, keep = 0, good = true, how = "a", sides = { h = 1, w = 1 } })
    test.equal(check({ 2, keep = 0.5, idle = 1 }),
        { size = 2, keep = 0.5, good = true, how = "b", idle = 1, sides = { h = 1, w = 1 } })
    test.equal(check({ 1, image = { 1, 1, 1 } }).image, { c = 1, h = 1, w = 1 })
    test.equal(check({ 9, image = { 4096, 1024, 1024 } }).image, { c = 4096, h = 1024, w = 1024 })
    test.equal(check({ 1 }).sides, { h = 1, w = 1 })
    test.equal(check({ 1, sides = 3.0 }).sides, { h = 3, w = 3 })
    local two <const> = check({ 1, sides = { 0, 9.0 } }).sides
    test.equal({ two.h, two.w, math.type(two.w) }, { 0, 9, "integer" })
    local list <const> = check({ 1, steps = { 1, 2.0, 90 } }).steps
    test.equal(list, { 1, 2, 90 })
    assert(math.type(list[2]) == "integer")
    local small <const> = check({ 2, rate = 2.0 ^ -126, keep = 2.0 ^ -126 })
    assert(small.rate == 2.0 ^ -126 and small.keep == 2.0 ^ -126)
end

function checks.numbers_are_told_apart()
    local field <const> = { name = "share", type = "number", above = 0, max = 0.1 + 0.2 }
    local said
    record.check({ name = "thing", fields = { field } }, { share = 0.1 + 0.2 }, 1,
        function(_, what) said = what end)
    test.equal(said, "thing: share is 0.30000000000000004, as a float 0.30000001192092896")
end

function checks.calls_take_one_value_or_a_table()
    local said <const> = {}
    local function report(line, what, expected)
        said[#said + 1] = ("%d: %s: expected %s"):format(line, what, expected)
    end
    test.equal(record.of(one), { kind = "one", line = 3, count = 1, arguments = { 1 } })
    test.equal(record.of({}), nil)
    local given <const> = { 2, rate = 0.5 }
    local kept <const> = record.of(record.make("thing", 4, given)).arguments
    test.equal(kept, given)
    assert(kept ~= given) -- the description may change its own table
    local inner <const> = record.from(record.make("outer", 4, one), 9)
    test.equal(record.of(inner).outer, 9)
    test.equal(record.of(record.from(inner, 4)).outer, nil)
    assert(record.of(inner).arguments[1] == one)
    local values <const> = record.check_call(spec, record.of(record.make("thing", 5, 2, 3)), report)
    test.equal(values.size, 2)
    test.equal(said, { "5: thing: called with 2 values: expected one value, or a table: "
        .. "thing { ... }" })
    local token <const> = {}
    record.restore(token, "thing", 6, 1)[1] = 4
    test.equal(record.check_call(spec, record.of(token), report).size, 4)
    test.equal(#said, 1)
end

function checks.words_are_joined()
    test.equal(record.either({}), "")
    test.equal(record.either({ "a" }), "a")
    test.equal(record.either({ "a", "b" }), "a or b")
    test.equal(record.either({ "a", "b", "c" }), "a, b or c")
    local said
    record.check({ name = "bare", fields = {} }, { 1 }, 1, function(_, _, expected)
        said = expected
    end)
    test.equal(said, "none")
end

-- -- Lines ---------------------------------------------------------------------------------------

local source <const> = debug.getinfo(record.make, "S").source

-- Adds to `lines` those of all functions of record.lua that `value` reaches.
local function add_lines(lines, value, seen)
    if seen[value] then
        return
    end
    if type(value) == "table" then
        seen[value] = true
        for _, inner in next, value do
            add_lines(lines, inner, seen)
        end
    elseif type(value) == "function" and debug.getinfo(value, "S").source == source then
        seen[value] = true
        for line in pairs(debug.getinfo(value, "L").activelines) do
            lines[line] = true
        end
        for i = 1, debug.getinfo(value, "u").nups do
            local _ <const>, inner <const> = debug.getupvalue(value, i)
            add_lines(lines, inner, seen)
        end
    end
end

local tests <const> = {}
for name, run in pairs(checks) do
    tests[name] = run
end

-- A line that none of the checks above runs is one that may do anything. An `end` never runs where
-- all ways return before it.
function tests.every_line_runs()
    local lines <const> = {}
    add_lines(lines, record, {})
    debug.sethook(function(_, line)
        if debug.getinfo(2, "S").source == source then
            lines[line] = nil
        end
    end, "l")
    for _, run in pairs(checks) do
        run()
    end
    debug.sethook()
    local number = 0
    for text in host.read_file(test.dir .. "/../gen/language/record.lua"):gmatch("([^\n]*)\n") do
        number = number + 1
        assert(not lines[number] or text:find("^%s*end[,)]*$"),
            ("record.lua:%d does not run: %s"):format(number, text))
    end
    assert(number > 300)
end

return tests
