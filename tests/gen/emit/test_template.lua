-- The template engine: what comes out, and at which line it refuses.

local test <const> = ...

local template <const> = require("emit/template")

local tests <const> = {}

local function expand(text, params)
    return template.expand(text, "x.c.tpl", params or {})
end

-- The template must be refused at the line, with a message that starts with `message`.
local function refuses(line, message, text, params)
    test.raises(("templates/x.c.tpl:%d: %s"):format(line, message), expand, text, params)
end

-- -- What comes out -----------------------------------------------------------------------------

function tests.plain_text_is_kept()
    test.equal(expand("int x;\n"), "int x;\n")
    for _, text in ipairs({
        "    a $ {b} \"q\" 'r' [[s]] -- \\n %d\n",
        "#define X(a) \\\n    f(#a)\n",
        "a @ b\n",
    }) do
        test.equal(expand(text), text)
    end
end

function tests.values()
    test.equal(expand("${a}${b} = ${a + 1};", { a = 3, b = "x" }), "3x = 4;\n")
    test.equal(expand("${-7 // 2} ${2^53 // 1 | 0} ${math.mininteger}", { math = math }),
        "-4 9007199254740992 -9223372036854775808\n")
    test.equal(expand("int a[] = {${n}};", { n = 2 }), "int a[] = {2};\n")
    test.equal(expand("${lines}\n", { lines = "a\n    b" }), "a\n    b\n")
    test.equal(expand("${shape.h}x${shape[1]}", { shape = { h = 4, 5 } }), "4x5\n")
end

function tests.expressions_hold_braces_and_strings()
    test.equal(expand("${({ 5, { 6 } })[1]}"), "5\n")
    test.equal(expand("${\"}\"} ${'{'} ${'a\\'}b'}"), "} { a'}b\n")
    test.equal(expand("${[[}]]} ${[==[ ]] } ]==]};"), "}  ]] } ;\n")
    test.equal(expand("${'${'}x}"), "${x}\n")
    test.equal(expand("${ (function() return 'f' end)() }"), "f\n")
end

function tests.lua_lines_vanish()
    local text <const> = "@ local n = 3\n@local m = n\n    @ -- end if do\n@\nx${n}${m};\n"
    test.equal(expand(text), "x33;\n")
end

function tests.end_of_output()
    for _, text in ipairs({ "a", "a\n", "a\n\n\n", "a\n    \n", "a\n@ -- b\n", "a\n@ -- b" }) do
        test.equal(expand(text), "a\n")
    end
    test.equal(expand(""), "\n")
    test.equal(expand("\n\na\n"), "\n\na\n")
end

function tests.no_trailing_blanks()
    test.equal(expand("a  \n  \t\nb${e} \nc \n", { e = "" }), "a\n\nb\nc\n")
    test.equal(expand("    ${e}\nx ${two}", { e = "", two = "a  \nb\t" }), "\nx a\nb\n")
end

-- -- Blocks and columns -------------------------------------------------------------------------

function tests.bodies_give_their_columns_back()
    local text <const> = [[
void f(void)
{
    @ for i = 1, n do
        a${i};

        @ if i == 1 then
            first;
        @ elseif i == n then
            last {
                deeper;
            }
        @ else
            other;
        @ end
    @ end
    b;
}
]]
    test.equal(expand(text, { n = 3 }), [[
void f(void)
{
    a1;

    first;
    a2;

    other;
    a3;

    last {
        deeper;
    }
    b;
}
]])
    test.equal(expand(text, { n = 0 }), "void f(void)\n{\n    b;\n}\n")
end

function tests.every_kind_of_block()
    test.equal(expand([[
@ local n = 0
@ while n < 2 do
    @ n = n + 1
    w${n}
@ end
@ repeat
    @ n = n - 1
    r${n}
@ until n == 0
@ do
    d
@ end
@ local function twice(x)
    <${x}>
    <${x}>
@ end
@ twice("t")
@ for _, x in ipairs({ "i", "j" }) do
    ${x}
@ end
]]), "w1\nw2\nr1\nr0\nd\n<t>\n<t>\ni\nj\n")
end

function tests.blocks_within_a_line()
    test.equal(expand([==[
@ local function half(x) if x then return x // 2 end return 0 end
    ${half(8)}
@ for i = 0, 1 do for j = 0, 1 do
        a${i}${j}
@ end end
@ local t = { ["end"] = "if do", s = 'function', l = [=[ then do ]=] } --[[ do ]] -- if
@ local done, endless, iffy = "a", "b", "c"
${t["end"]} ${t.s} ${done}${endless}${iffy}
]==]), "    4\na00\na01\na10\na11\nif do function abc\n")
end

function tests.lua_may_span_lines()
    test.equal(expand("@ local t = {\n@     1,\n@     2,\n@ }\n${t[1] + t[2]}\n"), "3\n")
end

function tests.body_may_stand_deeper()
    test.equal(expand("@ if true then\n            a\n@ end\n"), "        a\n")
end

-- A block in a block, with one line of the inner body to be filled in.
local NESTED <const> = [[
{
    @ for i = 1, 2 do
        @ if i == 1 then
%s
        @ end
    @ end
}
]]

function tests.wrong_indent_is_refused()
    test.equal(expand(NESTED:format("            a;")), "{\n    a;\n}\n")
    for column = 0, 11 do
        local message <const> = ("indented by %d, expected at least 12"):format(column)
        refuses(4, message, NESTED:format((" "):rep(column) .. "a;"))
        refuses(4, message, NESTED:format((" "):rep(column) .. "@ local x = 1"))
    end
    refuses(2, "indented by 0, expected at least 4", "@ if true then\n@ do\n@ end\n@ end\n")
    refuses(2, "indented by 4, expected at least 8", "@ do do\n    a\n@ end end\n")
    refuses(2, "indented by 0, expected at least 4", "@ do\n@ local function f() end\n@ end\n")
    refuses(2, "indented with a tab, expected spaces", "a\n\tb\n")
end

function tests.end_stands_where_its_block_began()
    refuses(3, "indented by 4, expected 0 as in line 1", "@ do\n    a\n    @ end\n")
    refuses(3, "indented by 2, expected 0 as in line 1", "@ if x then\n    a\n  @ else\n@ end\n")
    refuses(4, "indented by 0, expected 4 as in line 2", "{\n    @ do\n        a\n@ end\n}\n")
    refuses(4, "indented by 0, expected 4 as in line 2", "@ do\n    @ do\n        a\n@ end\n")
end

function tests.unbalanced_blocks_are_refused()
    refuses(2, "this block is never closed: expected '@ end'", "a\n@ for i = 1, 2 do\n    b\n")
    refuses(3, "this block is never closed", "@ if true then\n@ end\n@ do\n    a\n")
    refuses(2, "'end' belongs to no block", "a\n@ end\nb\n")
    refuses(1, "'else' belongs to no block", "@ else\n")
    refuses(1, "'until' belongs to no block", "@ until true\n")
    refuses(1, "'end' belongs to no block", "@ if true then end end\n")
end

-- -- Positions ----------------------------------------------------------------------------------

function tests.unfinished_pieces_are_refused()
    refuses(2, "'${' is not closed on its line", "a\nb ${c + {1}\n}\n")
    refuses(1, "a string is not closed on its line", "${'a}\n")
    refuses(2, "a string is not closed on its line", "a\n@ local s = \"b\n")
    refuses(2, "a string is not closed on its line", "a\n@ local s = [[b\nc\n@ ]]\n")
    refuses(2, "a string is not closed on its line", "a\n@ --[[ b\nc\n@ ]]\n")
end

function tests.errors_of_lua_are_template_positions()
    refuses(3, "", "a\n\n@ local = 1\n")
    refuses(2, "", "a\n${}\n")
    refuses(2, "", "a\n${1 2}\n")
    refuses(2, "", "a\n${1, 2}\n")
    refuses(3, "attempt to perform arithmetic on a table value", "a\n\n${t + 1}\n", { t = {} })
    refuses(4, "attempt to index a nil value", "a\n@ do\n\n    ${t.a.b}\n@ end\n", { t = {} })
    refuses(1, "attempt to compare", "@ if 1 < 'a' then\n    b\n@ end\n")
end

function tests.failed_assertion_has_a_position()
    local text <const> = "a\n@ assert(K % 8 == 0, 'K must fill vectors')\n"
    refuses(2, "K must fill vectors", text, { K = 12 })
    refuses(1, "assertion failed", "@ assert(false)\n")
    refuses(1, "no such pass", "@ error('no such pass')\n")
    test.equal(expand("@ local n = assert(3, 'none')\n${n}\n"), "3\n")
end

function tests.error_in_a_function_is_at_its_line()
    refuses(2, "unknown name 'y'", "@ local function f()\n    ${y}\n@ end\n@ f()\n")
end

function tests.helper_errors_are_at_the_template_line()
    refuses(2, "c.float: inf is not a finite float", "a\n${c.float(x)}\n", { x = math.huge })
    refuses(1, "'a-b' is no identifier", "${c.identifier('a-b')}\n")
end

-- -- Strictness ---------------------------------------------------------------------------------

function tests.only_integers_and_strings_are_printed()
    refuses(2, "${x} is the float 0.5", "a\nb ${x}\n", { x = 0.5 })
    refuses(1, "${8 / 2} is the float 4.0: expected a literal, or // in a size", "${8 / 2}\n")
    refuses(1, "${t.x} is nil: expected an integer or a string", "${t.x}\n", { t = {} })
    refuses(1, "${x} is a table", "${x}\n", { x = {} })
    refuses(1, "${x} is a boolean", "${x}\n", { x = false })
    refuses(1, "${c.float} is a function", "${c.float}\n")
    test.equal(expand("${c.float(x)}", { x = 0.5 }), "0.5f\n")
end

function tests.unknown_names_are_refused()
    refuses(3, "unknown name 'widht'", "a\n\n${widht}\n", { width = 1 })
    refuses(2, "unknown name 'b'", "a\n@ if b then\n    c\n@ end\n")
    test.equal(expand("@ if b then\n    c\n@ end\nd\n", { b = false }), "d\n")
end

function tests.nothing_of_the_machine_is_in_reach()
    for _, name in ipairs({
        "_G", "host", "require", "load", "pairs", "next", "os", "io", "debug", "tostring", "print",
        "setmetatable", "getmetatable", "rawset", "pcall", "collectgarbage",
    }) do
        refuses(1, ("unknown name '%s'"):format(name), ("@ local x = %s\n"):format(name))
    end
    refuses(1, "attempt to call a nil value (field 'random')", "${math.random(3)}\n")
end

function tests.globals_cannot_be_assigned()
    refuses(2, "assignment to 'n': expected 'local n'", "a\n@ n = 1\n")
    refuses(2, "assignment to 'n': expected 'local n'", "a\n@ n = 1\n", { n = 2 })
    refuses(1, "assignment to 'f'", "@ function f()\n    a\n@ end\n")
    refuses(1, "attempt to assign to const variable '_ENV'", "@ _ENV = {}\n")
end

function tests.a_parameter_goes_before_a_builtin()
    test.equal(expand("${math}${c.count(1, 'x')}", { math = "m" }), "m1 x\n")
end

-- -- Repetition and files -----------------------------------------------------------------------

function tests.two_expansions_are_the_same_bytes()
    local text <const> = "@ for i, x in ipairs(list) do\n    ${x}${i} ${c.float(i / 3)}\n@ end\n"
    local params <const> = { list = { "a", "b", "c" } }
    local first <const> = expand(text, params)
    test.equal(first, "a1 0.33333334f\nb2 0.6666667f\nc3 1.0f\n")
    test.equal(expand(text, params), first)
    test.equal(params, { list = { "a", "b", "c" } })
end

function tests.render_reads_a_template_once()
    local reads <const> = {}
    local render <const> = template.new(function(name)
        reads[#reads + 1] = name
        return "@ local n = x + 1\n${n}\n@ n = nil\n" .. (name == "bad.c.tpl" and "${n}" or "")
    end)
    test.equal(render("a.c.tpl", { x = 1 }), "2\n")
    test.equal(render("b.c.tpl", { x = 2 }), "3\n")
    test.equal(render("a.c.tpl", { x = 3 }), "4\n")
    test.equal(reads, { "a.c.tpl", "b.c.tpl" })
    test.raises("templates/bad.c.tpl:4: ${n} is nil", render, "bad.c.tpl", { x = 1 })
end

function tests.a_template_may_render_another()
    local texts <const> = {
        outer = "{\n@ local y = 'o'\n${inner(y)}${y}\n}\n",
        inner = "${y}${y}\n",
    }
    local render <const> = template.new(function(name)
        return texts[name]
    end)
    local function inner(y)
        return render("inner", { y = y })
    end
    test.equal(render("outer", { inner = inner }), "{\noo\no\n}\n")
end

-- What is noted follows the text that is written, not that of branches that are not taken.
function tests.helpers_and_prototypes_are_noted()
    local text <const> = [[
@ prototype()
static void ${name}(float *y)
{
    @ for i = 1, 2 do
        @ uses "kept"
        y[${i}] = kept(y[${i}]);
    @ end
    @ if false then
        @ uses "where_positive"
        @ prototype()
        static void never(void)
    @ end
    @ uses(name)
    static int other(void);
}
]]
    local made <const>, notes <const> = template.expand(text, "x.c.tpl", { name = "f" })
    assert(made:find("^static void f%(float %*y%)\n{\n"), made)
    test.equal(notes,
        { uses = { "kept", "kept", "f" }, prototypes = { "static void f(float *y);" } })
    local _, none <const> = template.expand("x\n", "x.c.tpl", {})
    test.equal(none, { uses = {}, prototypes = {} })
end

function tests.a_missing_template_is_named()
    local message <const> = test.raises("", template.render, "none.c.tpl", {})
    assert(message:find("templates/none.c.tpl: cannot be read", 1, true), message)
end

return tests
