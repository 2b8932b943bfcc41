-- numbers.lua - arrays of numbers as rows of C.

local c <const> = require "emit/c"
local floats <const> = require "onnx/floats"

local numbers <const> = {}

local COLUMNS <const> = 92

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

--- Lines of floats. bytes: of them
function numbers.float_rows(bytes)
    return host.float_rows(bytes, COLUMNS)
end

--- Lines of numbers, rounded to floats.
function numbers.rows(list)
    return numbers.float_rows(floats.pack(list))
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
