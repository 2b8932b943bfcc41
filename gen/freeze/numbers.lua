-- numbers.lua - arrays of numbers, rounded to floats, as rows of C and as bytes of a file.

local c <const> = require "emit/c"
local floats <const> = require "onnx/floats"

local numbers <const> = {}

local COLUMNS <const> = 92

-- A float in hexadecimal, which is exact: 0x1.8p-3f.
local function float_text(x)
    return x == 0 and "0.0f" or ("%af"):format(x)
end

local function rows_of(list, text_of)
    local rows <const>, row = {}, {}
    local width = 0
    for _, x in ipairs(list) do
        local text <const> = text_of(x) .. ","
        if width + #text + 1 > COLUMNS then
            rows[#rows + 1] = table.concat(row, " ")
            row, width = {}, 0
        end
        row[#row + 1] = text
        width = width + #text + 1
    end
    rows[#rows + 1] = table.concat(row, " ")
    return rows
end

local BLOCK <const> = 64 -- numbers that are packed at once
local FORMAT <const> = "<" .. ("f"):rep(BLOCK)

--- The bytes of floats, and zeros up to a multiple of 64 bytes.
function numbers.floats(list)
    local parts <const> = {}
    for first = 1, #list, BLOCK do
        local last <const> = math.min(first + BLOCK - 1, #list)
        local format <const> = last - first + 1 == BLOCK and FORMAT
            or "<" .. ("f"):rep(last - first + 1)
        parts[#parts + 1] = string.pack(format, table.unpack(list, first, last))
    end
    parts[#parts + 1] = ("\0"):rep(-4 * #list % 64)
    return table.concat(parts)
end

--- Lines of floats.
function numbers.rows(list)
    return rows_of(floats.unpack(numbers.floats(list):sub(1, 4 * #list)), float_text)
end

--- Lines of C strings.
function numbers.strings(list)
    return rows_of(list, c.string)
end

--- Lines of bytes. text: a string
function numbers.bytes(text)
    local list <const> = {}
    for i = 1, #text do
        list[i] = text:byte(i)
    end
    return rows_of(list, tostring)
end

return numbers
