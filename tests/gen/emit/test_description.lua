-- The text of a description as C has it, and as C reads it.

local test <const> = ...

local description <const> = require("emit/description")

-- What a compiler makes of the literals.
local function read(list)
    local parts <const> = {}
    for i, literal in ipairs(list) do
        assert(#literal <= 96, literal)
        local inner <const> = assert(literal:match('^"(.*)"$'), literal)
        assert(not inner:find("[^ -~]"), inner)
        parts[i] = inner:gsub("\\([0-7][0-7][0-7])", function(digits)
            return ("<%d>"):format(tonumber(digits, 8))
        end):gsub("\\(.)", function(sign)
            return sign == "n" and "\n" or sign
        end):gsub("<(%d+)>", function(byte)
            return string.char(byte)
        end)
    end
    return table.concat(parts)
end

local tests <const> = {}

function tests.text_survives()
    for _, text in ipairs {
        "return network {}\n", "no end of a line", "\n\n", 'a "b" \\n \\ ??/ end\n', "\ttab\r\n",
        "-- \u{e9}t\u{e9} 012\n", ("word "):rep(100) .. "\n", ("x"):rep(500) .. "\n1\n",
        ('"'):rep(95) .. "\n", (" "):rep(200) .. "y\n",
    } do
        test.equal(read(description.lines(text)), text)
    end
end

function tests.lines_stay_lines()
    local lines <const> = description.lines("a = 1\n\nb = 2\n")
    test.equal(table.concat(lines, " "), [["a = 1\n" "\n" "b = 2\n"]])
end

function tests.what_is_no_text_is_left_out()
    for _, text in ipairs { "", "-- \xe9t\xe9\n", "a\0b" } do
        test.equal(description.lines(text), false)
    end
    test.equal(description.lines(nil), false)
end

return tests
