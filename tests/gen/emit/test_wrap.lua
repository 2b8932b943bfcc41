-- Long lines become several with the same tokens; tables and pictures stay.

local test <const> = ...

local wrap <const> = require("emit/wrap")

local tests <const> = {}

local function words_of(text)
    local words <const> = {}
    for word in text:gsub("\n *%* ", "\n"):gmatch("%S+") do
        words[#words + 1] = word
    end
    return table.concat(words, " ")
end

-- Wraps lines; none of the result is too long, and the words are the same in the same order.
local function wrapped(lines)
    local text <const> = table.concat(lines, "\n") .. "\n"
    local result <const> = wrap.text(text)
    for line in result:gmatch("[^\n]*") do
        assert(#line <= wrap.WIDTH, line)
    end
    test.equal(words_of(result), words_of(text))
    return result
end

function tests.short_lines_stay()
    local text <const> = "int f(void)\n{\n    return 0; /* nothing */\n}\n"
    test.equal(wrap.text(text), text)
    local full <const> = ("x"):rep(wrap.WIDTH - 1) .. ";\n"
    test.equal(wrap.text(full), full)
end

-- Where the fewest brackets are open, behind a separator before an operator.
function tests.code_is_broken_between_arguments()
    local call <const> = "    f(" .. ("a"):rep(40) .. " + b, g(" .. ("c"):rep(40) .. ", d), e + h);"
    test.equal(wrapped { call }, "    f(" .. ("a"):rep(40) .. " + b, g(" .. ("c"):rep(40)
        .. ", d),\n            e + h);\n")
    local sum <const> = "    x = " .. ("a"):rep(60) .. " + " .. ("b"):rep(60) .. ";"
    test.equal(wrapped { sum }, "    x = " .. ("a"):rep(60) .. "\n            + " .. ("b"):rep(60)
        .. ";\n")
    -- Not at the last place, which is in an inner bracket.
    local inner <const> = "    f(" .. ("a"):rep(60) .. ", g(" .. ("c"):rep(20) .. ", "
        .. ("d"):rep(20) .. "));"
    test.equal(wrapped { inner }, "    f(" .. ("a"):rep(60) .. ",\n            g(" .. ("c"):rep(20)
        .. ", " .. ("d"):rep(20) .. "));\n")
end

-- A pointer's star is no operator, and what stands in a string is no place to break.
function tests.tokens_stay_whole()
    local result <const> = wrapped { "static void f(" .. ("const float *restrict a, "):rep(5)
        .. "int n);" }
    assert(not result:find("\n *%*restrict"), result)
    local text <const> = '    "' .. ("in a, (string "):rep(9) .. '"'
    test.equal(wrap.text(text .. "\n"), text .. "\n")
    local quoted <const> = wrapped { '    f("' .. ("q, \\\" "):rep(8) .. '", ' .. ("x"):rep(40)
        .. ", y);" }
    assert(quoted:find('", ' .. ("x"):rep(40) .. ",?\n") or quoted:find('",\n'), quoted)
end

function tests.a_comment_behind_code_moves_above_it()
    local code <const> = "    float *const tiles = net->scratch + 279040;"
    local note <const> = "/* 36 x (16 x 32 + 16), 36 x (16 x 32 + 16); calls 47-47 */"
    test.equal(wrap.text(code .. " " .. note .. "\n"), "    " .. note .. "\n" .. code .. "\n")
    -- What looks like a comment in a string is none.
    local quoted <const> = '    .path = "' .. ("/* "):rep(25) .. '",'
    test.equal(wrap.text(quoted .. " " .. note .. "\n"), "    " .. note .. "\n" .. quoted .. "\n")
end

-- What is left of a sentence shares the next line with the rest of it, not with another sentence.
function tests.sentences_are_filled()
    local long <const> = ("word "):rep(22) .. "end"
    test.equal(wrapped { "/* " .. long, " * goes on. */" },
        "/* " .. ("word "):rep(18) .. "word\n * word word word end goes on. */\n")
    test.equal(wrapped { "/* " .. long .. ".", " * Another one. */" },
        "/* " .. ("word "):rep(18) .. "word\n * word word word end.\n * Another one. */\n")
end

-- The end of a comment never stands alone.
function tests.an_end_stays_with_its_word()
    local full <const> = "/* " .. ("x"):rep(90) .. " end..."
    test.equal(#full, wrap.WIDTH + 1 - #" ")
    test.equal(wrapped { full .. " */" }, "/* " .. ("x"):rep(90) .. "\n * end... */\n")
end

function tests.tables_and_pictures_stay()
    local table_line <const> = " * " .. ("x  "):rep(40) .. "x"
    local text <const> = "/* A picture:\n *\n" .. table_line .. "\n *\n * Done. */\nint x;\n"
    test.equal(wrap.text(text), text)
end

return tests
