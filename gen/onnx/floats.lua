-- floats.lua - arrays of numbers as bytes: other types become F32, and back to Lua's numbers.

local floats <const> = {}

local BATCH <const> = 128 -- numbers in one call of string.unpack

local function f16(bits)
    local sign <const> = bits & 0x8000 ~= 0 and -1.0 or 1.0
    local exponent <const>, fraction <const> = bits >> 10 & 31, bits & 1023
    if exponent == 0 then
        return sign * fraction * 2.0 ^ -24
    elseif exponent == 31 then
        return fraction == 0 and sign * math.huge or 0.0 / 0.0
    end
    return sign * (1024 + fraction) * 2.0 ^ (exponent - 25)
end

local function bf16(bits)
    return (string.unpack("<f", string.pack("<I4", bits << 16)))
end

local function same(value)
    return value
end

-- How the numbers of a type are read: bytes of one, its format, what it means.
local readers <const> = {
    F16 = { 2, "I2", f16 },
    BF16 = { 2, "I2", bf16 },
    F32 = { 4, "f", same },
    F64 = { 8, "d", same },
}

-- Calls f with the numbers of `bytes`, some at a time, as a table and their count.
local function each_batch(bytes, reader, f)
    local width <const>, letter <const>, meaning <const> = table.unpack(reader)
    local whole <const> = "<" .. letter:rep(BATCH)
    for at = 1, #bytes, width * BATCH do
        local count <const> = math.min(BATCH, (#bytes - at + 1) // width)
        local format <const> = count == BATCH and whole or "<" .. letter:rep(count)
        local values <const> = { string.unpack(format, bytes, at) }
        values[count + 1] = nil -- where it stopped
        for i = 1, count do
            values[i] = meaning(values[i])
        end
        f(values, count)
    end
end

-- The numbers of an F32 array.
function floats.unpack(bytes)
    local list <const> = {}
    each_batch(bytes, readers.F32, function(values, count)
        table.move(values, 1, count, #list + 1, list)
    end)
    return list
end

-- An F32 array of numbers.
function floats.pack(list)
    local parts <const> = {}
    for from = 1, #list, BATCH do
        local to <const> = math.min(from + BATCH - 1, #list)
        parts[#parts + 1] = string.pack("<" .. ("f"):rep(to - from + 1),
            table.unpack(list, from, to))
    end
    return table.concat(parts)
end

-- Bytes of a number of a type that becomes F32, or nil for other types.
function floats.width(kind)
    return readers[kind] and readers[kind][1]
end

-- An F32 array from one of F16, BF16, F32 or F64.
function floats.convert(bytes, kind)
    if kind == "F32" then
        return bytes
    end
    local parts <const> = {}
    each_batch(bytes, readers[kind], function(values)
        parts[#parts + 1] = floats.pack(values)
    end)
    return table.concat(parts)
end

-- The transpose of an F32 matrix of so many rows and columns.
function floats.transpose(bytes, rows, columns)
    local lines <const> = {}
    for column = 1, columns do
        local line <const> = {}
        for row = 1, rows do
            local at <const> = ((row - 1) * columns + column - 1) * 4
            line[row] = bytes:sub(at + 1, at + 4)
        end
        lines[column] = table.concat(line)
    end
    return table.concat(lines)
end

-- Whether all are the same number, to the bit.
function floats.is_constant(bytes, number)
    return bytes == string.pack("<f", number):rep(#bytes // 4)
end

return floats
