-- c.lua - values as C text: literals, comments, names and sums.
--
-- Everything that reaches the generated file from outside (names, descriptions, numbers) passes
-- through one of these functions, so that no string can end a literal or a comment early and no
-- number changes its value on the way. All are pure; a value that has no C text is an error at the
-- caller's line. Templates see this module as `c`.

local c <const> = {}

local LARGEST_PLAIN_INTEGER <const> = 2 ^ 24 -- up to here every integer is a float

local function to_float(x)
    return (string.unpack("f", string.pack("f", x)))
end

-- Does the decimal text denote the float f? A compiler rounds the text once, we round it by way of
-- a double; that is the same unless the double lies on the border between two floats. So both
-- neighbours of the double must round to f, and it with them.
local function denotes(text, f)
    local x <const> = tonumber(text)
    return to_float(x * (1 - 2 ^ -52)) == f and to_float(x * (1 + 2 ^ -52)) == f
end

-- The shortest decimal text of the float f, which is not zero.
local function shortest(f)
    for digits = 1, 8 do
        local text <const> = ("%." .. digits .. "g"):format(f)
        if denotes(text, f) then
            return text
        end
    end
    return ("%.9g"):format(f) -- nine digits tell any two floats apart
end

--- The shortest literal of the float nearest to the number x: 1 -> "1.0f", 0.1 -> "0.1f",
--- 1e-5 -> "1e-05f". A number that is not finite as a float, or becomes zero, is an error.
function c.float(x)
    if type(x) ~= "number" then
        error(("c.float: expected a number, got %s"):format(type(x)), 2)
    end
    local f <const> = to_float(x)
    if f ~= f or f == math.huge or f == -math.huge then
        error(("c.float: %s is not a finite float"):format(x), 2)
    elseif f == 0 and x ~= 0 then
        error(("c.float: %s is too small for a float"):format(x), 2)
    elseif f == math.floor(f) and math.abs(f) <= LARGEST_PLAIN_INTEGER then
        return ("%.1ff"):format(f)
    end
    local text <const> = shortest(f)
    return text .. (text:find("[.e]") and "f" or ".0f") -- C has no suffix f on integers
end

--- The shortest literal of the double x, which is finite: 1 -> "1.0", 0.1 -> "0.1".
function c.double(x)
    for digits = 1, 17 do -- which tell any two doubles apart
        local text <const> = ("%." .. digits .. "g"):format(x)
        if tonumber(text) == x then
            return text .. (text:find("[.e]") and "" or ".0")
        end
    end
    error(("c.double: %s is not finite"):format(x), 2)
end

--- The bytes of s as a C string literal, quotes included. Bytes that are not printable ASCII become
--- three octal digits, which no following digit can lengthen; `?` is escaped against trigraphs.
function c.string(s)
    local escaped <const> = s:gsub("[\"\\?]", "\\%0"):gsub("[^ -~]", function(byte)
        return ("\\%03o"):format(byte:byte())
    end)
    return '"' .. escaped .. '"'
end

--- The text s on one line, fit to stand inside /* */: it neither ends nor opens a comment and has
--- no trigraph. What is not printable ASCII becomes a question mark.
function c.comment(s)
    s = s:gsub("%s+", " "):gsub("[^ -~]+", "?"):gsub("%?%?+", "?")
    return (s:gsub("%*/", "* /"):gsub("/%*", "/ *"))
end

--- s itself when it is a C identifier, else an error.
function c.identifier(s)
    if type(s) ~= "string" or not s:find("^[A-Za-z_][A-Za-z0-9_]*$") then
        error(("'%s' is no identifier: expected [A-Za-z_][A-Za-z0-9_]*"):format(s), 2)
    end
    return s
end

--- A call: ("f", "a", "b") -> "f(a, b)".
function c.call(fn, ...)
    return fn .. "(" .. table.concat({ ... }, ", ") .. ")"
end

--- A form with texts in the places of its single capital letters: ("f(V, 1)", { V = "x" }) ->
--- "f(x, 1)".
function c.fill(form, texts)
    return (form:gsub("%f[%w_]%u%f[^%w_]", texts))
end

--- The constant that holds the offset of a parameter or state: "conv1.weight" -> CONV1_WEIGHT.
function c.constant(dotted_name)
    return (dotted_name:gsub("[^%w]", "_"):upper())
end

--- The sum of base (C text of a sum or a product, or an integer) and the integer offset, with
--- constants added up: ("x", 0) -> "x", ("x", 12) -> "x + 12", ("x + 12", -16) -> "x - 4",
--- (3, 4) -> "7". So an address reads as base + row * PITCH + column, however it was put together.
function c.add(base, offset)
    if math.type(offset) ~= "integer" then
        error(("c.add: expected an integer offset, got %s"):format(offset), 2)
    elseif math.type(base) == "integer" then
        return ("%d"):format(base + offset)
    elseif type(base) ~= "string" then
        error(("c.add: expected C text or an integer, got %s"):format(base), 2)
    elseif base:find("^-?%d+$") then
        return ("%d"):format(tonumber(base) + offset)
    end
    local head <const>, sign <const>, digits <const> = base:match("^(.*%S) ([+-]) (%d+)$")
    if head then
        base = head
        offset = offset + tonumber(sign .. digits)
    end
    if offset == 0 then
        return base
    end
    return ("%s %s %d"):format(base, offset < 0 and "-" or "+", math.abs(offset))
end

--- A count in words: (1, "byte") -> "1 byte", (2, "byte") -> "2 bytes".
function c.count(n, noun)
    return ("%d %s%s"):format(n, noun, n == 1 and "" or "s")
end

--- The sum as one factor of a product: ("row", 0) -> "row", ("row", 1) -> "(row + 1)".
function c.index(base, offset)
    local sum <const> = c.add(base, offset)
    return sum == base and sum or "(" .. sum .. ")"
end

--- A factor n behind a product: 2 -> " * 2", 1 -> "".
function c.times(n)
    return n > 1 and (" * %d"):format(n) or ""
end

--- A number as it stands in a name, different ones differently: 0.05 -> "0p05", 1e-12 -> "1em12".
function c.number_word(x)
    local text = string.format("%.14g", x)
    text = tonumber(text) == x and text or string.format("%.17g", x)
    return (text:gsub("[.+-]", { ["."] = "p", ["-"] = "m", ["+"] = "" }))
end

return c
