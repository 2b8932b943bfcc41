-- protobuf.lua - messages in protobuf's wire format, to and from plain tables.
--
-- A message is described by its fields, { number, name, type, repeated = bool }:
--
--     int      integer (int32, int64, enum)       float    number, 4 bytes
--     text     string of any bytes                packed   string: the bytes of a packed array of
--     a table  another message                             numbers of a fixed width, as they stand
--
-- protobuf.read gives { field = value, ... }, arrays for what is repeated; protobuf.write takes the
-- same. Both have no more depth than the descriptions, which do not refer to themselves: a file
-- cannot make the reader nest. What no description names is skipped.
--
-- Why no library: protobuf-c parses into memory without a limit and needs a compiler of its own to
-- build burin and more C to reach Lua than this file has lines; here the limits of the host hold.
-- Format: https://protobuf.dev/programming-guides/encoding/

local protobuf <const> = {}

protobuf.max_values = 1 << 20 -- messages, texts and numbers of a file, but for packed numbers

-- The wire types.
local VARINT <const>, FIXED64 <const>, BYTES <const>, FIXED32 <const> = 0, 1, 2, 5
local MAX_SHIFT <const> = 63

local wire_of <const> = { int = VARINT, float = FIXED32, text = BYTES, packed = BYTES }

-- -- Reading -------------------------------------------------------------------------------------

local function broken(at, what, expected)
    error({ at = at, text = ("byte %d: %s: expected %s"):format(at - 1, what, expected) }, 0)
end

-- The integer at `at`, and where it ends. `last` is the end of the message.
local function read_varint(text, at, last)
    local value, shift = 0, 0
    local start <const> = at
    while true do
        local byte <const> = at <= last and text:byte(at)
        if not byte then
            broken(start, "a number is cut off", "more bytes")
        end
        value = value | (byte & 127) << shift
        at = at + 1
        if byte < 128 then
            return value, at
        end
        shift = shift + 7
        if shift > MAX_SHIFT then
            broken(start, "a number has too many bytes", "at most 10")
        end
    end
end

-- Where the value that starts at `at` ends, and where its content starts.
local function find_end(text, at, last, wire)
    local start, stop = at, nil
    if wire == VARINT then
        local _, after <const> = read_varint(text, at, last)
        stop = after - 1
    elseif wire == FIXED64 then
        stop = at + 7
    elseif wire == FIXED32 then
        stop = at + 3
    elseif wire == BYTES then
        local length <const>, after <const> = read_varint(text, at, last)
        if length < 0 or length > last - after + 1 then
            broken(at, ("a length of %u bytes with %d left"):format(length, last - after + 1),
                "what the message has")
        end
        start, stop = after, after + length - 1
    else
        broken(at, "wire type " .. wire, "0, 1, 2 or 5")
    end
    if stop > last then
        broken(at, "a number is cut off", "more bytes")
    end
    return start, stop
end

local read_message

local function count_value(counter, at)
    counter.left = counter.left - 1
    if counter.left < 0 then
        broken(at, "too many values", ("at most %d"):format(protobuf.max_values))
    end
end

-- The value of a field between two bytes.
local function read_value(text, start, stop, kind, counter)
    count_value(counter, start)
    if kind == "int" then
        return (read_varint(text, start, stop))
    elseif kind == "float" then
        return (string.unpack("<f", text, start))
    elseif type(kind) == "table" then
        return read_message(text, start, stop, kind, counter)
    end
    return text:sub(start, stop)
end

-- Numbers may stand one by one or packed into one text, whatever the description says.
local function read_packed(text, start, stop, kind, list, counter)
    local at = start
    while at <= stop do
        local from <const>, to <const> = find_end(text, at, stop, wire_of[kind])
        list[#list + 1] = read_value(text, from, to, kind, counter)
        at = to + 1
    end
end

local function add_value(message, field, text, start, stop, wire, counter)
    local kind <const>, name <const> = field[3], field[2]
    local is_number <const> = kind == "int" or kind == "float"
    local expected <const> = wire_of[kind] or BYTES
    if wire == BYTES and is_number and field.repeated then
        read_packed(text, start, stop, kind, message[name], counter)
    elseif kind == "packed" and wire ~= BYTES then
        message[name] = (message[name] or "") .. text:sub(start, stop)
        count_value(counter, start)
    elseif wire ~= expected then
        broken(start, ("%s has wire type %d"):format(name, wire), tostring(expected))
    elseif field.repeated then
        local list <const> = message[name]
        list[#list + 1] = read_value(text, start, stop, kind, counter)
    elseif type(kind) == "table" and message[name] then
        broken(start, name .. " occurs twice", "one")
    else
        message[name] = read_value(text, start, stop, kind, counter)
    end
end

local function fields_by_number(description)
    local fields <const> = {}
    for _, field in ipairs(description) do
        fields[field[1]] = field
    end
    return fields
end

function read_message(text, start, stop, description, counter)
    local message <const> = {}
    for _, field in ipairs(description) do
        if field.repeated then
            message[field[2]] = {}
        end
    end
    counter.fields[description] = counter.fields[description] or fields_by_number(description)
    local fields <const> = counter.fields[description]
    local at = start
    while at <= stop do
        local tag <const>, after <const> = read_varint(text, at, stop)
        local from <const>, to <const> = find_end(text, after, stop, tag & 7)
        local field <const> = fields[tag >> 3]
        if field then
            add_value(message, field, text, from, to, tag & 7, counter)
        end
        at = to + 1
    end
    return message
end

-- The message in `text`; or nil and what is wrong where.
function protobuf.read(description, text)
    local counter <const> = { left = protobuf.max_values, fields = {} }
    local good <const>, result <const> = pcall(read_message, text, 1, #text, description, counter)
    if good then
        return result
    elseif type(result) == "table" and result.at then
        return nil, result.text
    end
    error(result, 0)
end

-- -- Writing -------------------------------------------------------------------------------------

local function varint(value)
    local bytes <const> = {}
    while value < 0 or value > 127 do
        bytes[#bytes + 1] = string.char(value & 127 | 128)
        value = value >> 7
    end
    bytes[#bytes + 1] = string.char(value)
    return table.concat(bytes)
end

local write_message

-- Appends a field to `parts` and returns its bytes. The length of a message is known only after
-- its parts: its place is kept free until then.
local function write_value(parts, field, value)
    local kind <const> = field[3]
    local tag <const> = varint(field[1] << 3 | (wire_of[kind] or BYTES))
    local place <const> = #parts + 1
    parts[place] = ""
    local size = 0
    if kind == "int" then
        parts[place] = tag .. varint(value)
    elseif kind == "float" then
        parts[place] = tag .. string.pack("<f", value)
    elseif type(kind) == "table" then
        size = write_message(parts, kind, value)
        parts[place] = tag .. varint(size)
    else
        parts[place] = tag .. varint(#value)
        parts[place + 1] = value
        size = #value
    end
    return #parts[place] + size
end

-- Repeated numbers are packed where the description says so.
local function write_packed(parts, field, list)
    local body <const> = {}
    for i, value in ipairs(list) do
        body[i] = field[3] == "int" and varint(value) or string.pack("<f", value)
    end
    return write_value(parts, { field[1], field[2], "text" }, table.concat(body))
end

function write_message(parts, description, message)
    local size = 0
    for _, field in ipairs(description) do
        local value <const> = message[field[2]]
        if value == nil then
            goto continue
        elseif field.repeated and field.packed then
            size = size + write_packed(parts, field, value)
        elseif field.repeated then
            for _, item in ipairs(value) do
                size = size + write_value(parts, field, item)
            end
        else
            size = size + write_value(parts, field, value)
        end
        ::continue::
    end
    return size
end

-- The bytes of a message.
function protobuf.write(description, message)
    local parts <const> = {}
    write_message(parts, description, message)
    return table.concat(parts)
end

return protobuf
