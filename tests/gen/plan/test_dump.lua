-- Tables as text.

local test <const> = ...

local dump <const> = require("plan/dump")

local tests <const> = {}

function tests.values()
    test.equal(dump.text(1), "1\n")
    test.equal(dump.text(0.1), "0.1\n")
    test.equal(dump.text(true), "true\n")
    test.equal(dump.text(nil), "nil\n")
    test.equal(dump.text("a"), '"a"\n')
    test.equal(dump.text({}), "{}\n")
    test.equal(dump.text({ f = print }), "{ f = <function> }\n")
end

-- No byte of a string ends it, breaks its line or reaches a terminal as control.
function tests.strings_are_escaped()
    test.equal(dump.text('a"b\\c\nd\27\0e'), [["a\034b\092c\nd\027\000e"]] .. "\n")
    test.equal(dump.text({ ["a b"] = 1, ["1"] = 2, a_1 = 3 }),
        '{ ["1"] = 2, ["a b"] = 1, a_1 = 3 }\n')
end

function tests.keys_are_sorted_and_arrays_are_in_order()
    local t <const> = { "x", "y", b = 1, a = 2, [10] = 3, [-1] = 4, [2.5] = 5, [true] = 6 }
    test.equal(dump.text(t),
        '{ "x", "y", [true] = 6, [-1] = 4, [2.5] = 5, [10] = 3, a = 2, b = 1 }\n')
end

function tests.short_tables_take_one_line()
    local word <const> = ("x"):rep(40)
    test.equal(dump.text({ word, { 1, 2 } }), '{ "' .. word .. '", { 1, 2 } }\n')
    test.equal(dump.text({ word, word, { word, a = { 1 } } }), table.concat({
        "{",
        '    "' .. word .. '",',
        '    "' .. word .. '",',
        '    { "' .. word .. '", a = { 1 } },',
        "}",
        "",
    }, "\n"))
    for line in dump.text({ word, { { word, word }, { word } } }):gmatch("[^\n]+") do
        assert(#line <= 100, line)
    end
end

function tests.cycles_end_and_twins_print_twice()
    local t <const> = { name = "a" }
    t.self = { t }
    test.equal(dump.text(t), '{ name = "a", self = { <cycle> } }\n')
    local twin <const> = { 1 }
    test.equal(dump.text({ twin, twin }), "{ { 1 }, { 1 } }\n")
end

-- The same text whatever order the keys were made in.
function tests.text_does_not_depend_on_history()
    local forth <const>, back <const> = {}, {}
    for i = 1, 200 do
        forth["k" .. i] = i
        back["k" .. 201 - i] = 201 - i
    end
    test.equal(dump.text(forth), dump.text(back))
end

return tests
