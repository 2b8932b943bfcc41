-- Descriptions: what they mean, and what they may not do.

local test <const> = ...

local made <const> = load(assert(host.read_file(test.dir .. "/support/descriptions.lua")),
    "@descriptions.lua")()

local build <const>, describe <const>, ending <const> = made.build, made.describe, made.ending

local tests <const> = {}

-- -- What it means ------------------------------------------------------------------------------

-- Names and kinds of the nodes of a graph: "conv1:conv".
local function outline(text, norm)
    local names <const> = {}
    for i, node in ipairs(build(text, norm).nodes) do
        names[i] = node.name .. ":" .. node.kind
    end
    return table.concat(names, " ")
end

function tests.lists_flatten_and_names_count()
    test.equal(outline(describe([[
        { { relu(), {} }, conv { 4, window = 1 } },
        conv { channels = 4.0, window = 1, name = "last" }, conv { 4, window = 1 },]] .. ending)),
        "input:input first:conv relu1:relu conv2:conv last:conv conv4:conv "
        .. "global_avgpool1:global_avgpool linear1:linear "
        .. "softmax_cross_entropy1:softmax_cross_entropy")
end

-- The number of a default name counts the layers of the kind, those with a name of their own too.
function tests.a_name_changes_no_other_name()
    test.equal(outline(describe('norm(), norm { name = "e" }, norm(), ' .. ending)),
        "input:input first:conv norm1:norm e:norm norm3:norm global_avgpool1:global_avgpool "
        .. "linear1:linear softmax_cross_entropy1:softmax_cross_entropy")
end

function tests.language_has_functions_loops_and_methods()
    local text <const> = [[
        local made, names = {}, { b = 2, a = 1, [3] = 0 }
        for key, k in pairs(names) do
            made[#made + 1] = relu { name = ("r_" .. tostring(key)):upper() .. ("%d"):format(k) }
        end
        ]]
    test.equal(outline(text .. describe("made, " .. ending)),
        "input:input first:conv R_30:relu R_A1:relu R_B2:relu global_avgpool1:global_avgpool "
        .. "linear1:linear softmax_cross_entropy1:softmax_cross_entropy")
end

-- The innermost line of the description counts, through tail calls too.
function tests.lines_are_those_of_the_innermost_call()
    local text <const> = "local function f(k)\n    return conv { k, window = 0 }\nend\n"
        .. "local function g(k)\n    return f(k)\nend\n" .. describe("g(4), " .. ending)
    test.raises({
        "bad.lua:2: conv: window is 0: expected an integer from 1 to 11, or two: { height, width }",
    }, build, text)
end

function tests.constructors_copy_their_tables()
    local text <const> = "local t = { 4, window = 1 }\nlocal a = conv(t)\nt.window = 99\n"
        .. describe("a, " .. ending)
    test.equal(build(text).nodes[3].geometry.taps, 1)
end

-- Nobody reads a thousand mistakes.
function tests.mistakes_are_counted()
    local text <const> = "local t = {}\nfor i = 1, 300 do t[i] = dropout(2) end\n"
        .. describe("t, " .. ending)
    local ok <const>, raised <const> = pcall(build, text)
    test.equal(ok, false)
    test.equal(#raised.messages, 21)
    test.equal(raised.messages[21], "bad.lua:2: 280 more mistakes: expected none")
end

-- A wrong list that stands in many places is looked at, and told, once.
function tests.wrong_lists_are_told_once()
    local text <const> = [[
        local wrong, keyed, list = {}, {}, {}
        for i = 1, 4000 do wrong[i], keyed["k" .. i] = 0, 0 end
        for i = 1, 3000 do list[2 * i - 1], list[2 * i] = wrong, keyed end
        return network { name = "bad", classes = 10, input = { 3, 8, 8 }, layers = list,
            recipe = { optimizer = sgd { lr = 0.1 } } }]]
    local place <const> = "bad.lua:4: network: layers[%d]%s is 0: expected a layer or a list of "
        .. "layers"
    local ok <const>, raised <const> = pcall(build, text)
    test.equal(ok, false)
    test.equal(raised.messages[20], place:format(1, "[20]"))
    test.equal(raised.messages[21], "bad.lua:4: 3981 more mistakes: expected none")
    local keys <const> = text:gsub("= wrong, keyed", "= {}, keyed")
    test.raises({ 'bad.lua:4: network: layers[2] has a key "k1", "k10", "k100", "k1000", "k1001" '
        .. "and 3995 more: expected a list without keys" }, build, keys)
    assert(test.kilosteps(build, text) < 10000, "lists are looked at for each of their places")
end

-- A layer in many places is checked once.
function tests.layers_in_many_places_are_checked_once()
    local text <const> = "local t, l = {}, {}\nfor i = 1, 4000 do t['k' .. i] = i end\n"
        .. "local r = relu(t)\nfor i = 1, 900 do l[i] = r end\n" .. describe("l, " .. ending)
    local ok <const>, raised <const> = pcall(build, text)
    test.equal(ok, false)
    test.equal(raised.messages[1], 'bad.lua:3: relu: has no field "k1": expected name or from')
    test.equal(raised.messages[21], "bad.lua:3: 4879 more mistakes: expected none")
    assert(test.kilosteps(build, text) < 4000, "a layer is checked for each of its places")
end

-- The place of a mistake in lists of lists of lists stays short.
function tests.deep_places_are_cut()
    local text <const> = "local t = { 0 }\nfor i = 1, 3000 do t = { t } end\n"
        .. describe("t, " .. ending)
    test.raises({ "bad.lua:3: network: layers[2]" .. ("[1]"):rep(48) .. "[...] is 0: expected a "
        .. "layer or a list of layers" }, build, text)
end

function tests.bytes_do_not_depend_on_the_run()
    local dump <const> = require("plan/dump")
    local text <const> = describe("norm(), relu(), dropout(0.1), " .. ending)
    test.equal(dump.text(build(text)), dump.text(build(text)))
end

-- -- What a description may not do ---------------------------------------------------------------

local forbidden <const> = {
    "_G", "require", "load", "loadstring", "loadfile", "dofile", "io", "os", "debug", "package",
    "coroutine", "pcall", "xpcall", "setmetatable", "getmetatable", "rawset", "rawget", "rawequal",
    "rawlen", "next", "print", "collectgarbage", "host", "utf8", "warn", "_VERSION",
}

function tests.forbidden_names_are_unknown()
    for _, name in ipairs(forbidden) do
        test.raises({ ("bad.lua:1: unknown name %q: expected a layer, a variable or one of the "
            .. "functions that `burin layers` lists"):format(name) }, build, "local x = " .. name)
    end
end

function tests.forbidden_methods_are_not_there()
    for _, name in ipairs({ "rep", "find", "match", "gmatch", "gsub", "dump", "pack", "unpack" }) do
        local message <const> = "bad.lua:1: attempt to call a nil value (%s '%s'): expected a "
            .. "function; `burin layers` lists those there are"
        test.raises({ message:format("method", name) }, build,
            ("local x = ('x'):%s(1)"):format(name))
        test.raises({ message:format("field", name) }, build,
            ("local x = string.%s('x', 1)"):format(name))
    end
    assert(("x"):rep(2) == "xx", "our own strings lost their methods")
end

function tests.addresses_cannot_be_printed()
    test.raises({ "bad.lua:1: tostring of a table: expected a plain value" }, build,
        "local x = tostring({})")
    test.raises({ "bad.lua:1: string.format of a table or function: expected plain values" },
        build, "local x = string.format('%s', {})")
    test.raises({ "bad.lua:1: string.format with %p: expected another conversion" }, build,
        "local x = ('%5p'):format('x')")
    test.raises({ "bad.lua:1: bad argument #2 to 'string.format' (number expected, got string)" },
        build, "local x = ('%d'):format('x')")
    outline("assert(('%%p%d'):format(1) == '%p1')\n" .. describe(ending))
end

function tests.budgets_end_what_does_not_end_itself()
    test.raises({ "bad.lua:2: the description runs too long: expected at most 50 million steps and "
        .. "10 seconds" }, build, "local x\nwhile true do x = 1 end")
    test.raises({ "bad.lua:1: the description needs too much memory: expected at most 64 MiB" },
        build, "local x = 'xxxxxxxx'\nwhile true do x = x .. x end")
    test.raises({ "bad.lua:1: the description needs too much memory: expected at most 64 MiB" },
        build, "local t = {}\nwhile true do t = { t, 0, 0, 0, 0, 0, 0, 0 } end")
    -- Wide frames fill Lua's stack before they fill the memory.
    local ok <const>, raised <const> = pcall(build, "local function f(a, b, c, d, e, g, h, i, j)\n"
        .. "return 1 + f(a, b, c, d, e, g, h, i, j) end\nf()")
    assert(not ok and raised.messages[1]:find("^bad.lua:2: stack overflow"), raised.messages[1])
end

return tests
