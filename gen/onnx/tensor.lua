-- tensor.lua - the tensors of an ONNX file, which are known numbers.
--
--     tensor = { type = "float", shape = { ... }, bytes = F32 array }
--            | { type = "int", shape = { ... }, values = { integers } }      -- few: sizes and axes
--
-- A file may hold tensors in many ways (typed arrays, raw bytes, another file). Nothing here trusts
-- it: a tensor has the bytes that its shape says, or there is none.

local floats <const> = require("onnx/floats")
local schema <const> = require("onnx/schema")

local tensor <const> = {}

tensor.BATCH = math.mininteger // 3 -- stands for the number of images among integers

local MAX_RANK <const> = 8
local MAX_COUNT <const> = 1 << 28
local MAX_INTEGERS <const> = 4096

local types <const> = schema.types

-- Of types that become F32: their names there. Of integers: how raw bytes are read.
local float_types <const> = {
    [types.FLOAT] = "F32",
    [types.FLOAT16] = "F16",
    [types.BFLOAT16] = "BF16",
    [types.DOUBLE] = "F64",
}
local int_formats <const> = {
    [types.UINT8] = "I1", [types.INT8] = "i1", [types.UINT16] = "I2", [types.INT16] = "i2",
    [types.INT32] = "i4", [types.INT64] = "i8", [types.BOOL] = "I1",
}

function tensor.count(shape)
    local count = 1
    for _, side in ipairs(shape) do
        count = count * side
    end
    return count
end

function tensor.float(shape, bytes)
    return { type = "float", shape = shape, bytes = bytes }
end

function tensor.int(shape, values)
    return { type = "int", shape = shape, values = values }
end

local function check_shape(dims)
    if #dims > MAX_RANK then
        return nil, #dims .. " dimensions", "at most " .. MAX_RANK
    end
    local count = 1
    for _, side in ipairs(dims) do
        if side < 0 or side > MAX_COUNT then
            return nil, "a side of " .. side, "0 to " .. MAX_COUNT
        end
        count = count * side
        if count > MAX_COUNT then
            return nil, "too many numbers", "at most " .. MAX_COUNT
        end
    end
    return count
end

local function entry_of(list, key)
    for _, entry in ipairs(list) do
        if entry.key == key then
            return entry.value
        end
    end
end

-- The bytes of a tensor that stands in another file: beside the model, under a bare name.
local function read_external(proto, folder, size)
    local location <const> = entry_of(proto.external_data, "location") or ""
    if not folder then
        return nil, "its numbers are in another file", "--external, to read files beside the model"
    elseif not location:find("^[%w_][%w_.-]*$") then
        return nil, "its file is no bare name", "a file beside the model"
    end
    local offset <const> = math.tointeger(tonumber(entry_of(proto.external_data, "offset") or "0"))
    if not offset or offset < 0 then
        return nil, "its offset is no number", "a number of bytes"
    end
    local bytes <const>, problem <const> = host.read_file(folder .. location, size, offset)
    if not bytes then
        return nil, problem, "the file with its numbers"
    end
    return bytes
end

local function read_raw(proto, folder, size)
    if proto.data_location == schema.EXTERNAL then
        return read_external(proto, folder, size)
    end
    return proto.raw_data
end

local function has_bytes(bytes, size)
    if #bytes ~= size then
        return nil, ("it has %d bytes"):format(#bytes), ("%d"):format(size)
    end
    return bytes
end

local function read_float(proto, folder, count, kind)
    local size <const> = count * floats.width(kind)
    local bytes, what, expected = read_raw(proto, folder, size)
    if what then
        return nil, what, expected
    elseif not bytes and kind == "F32" then
        bytes = proto.float_data
    elseif not bytes and kind == "F64" then
        bytes = proto.double_data
    elseif not bytes then -- 16 bits a number
        local parts <const> = {}
        for i, value in ipairs(proto.int32_data) do
            parts[i] = string.pack("<I2", value & 0xffff)
        end
        bytes = table.concat(parts)
    end
    bytes, what, expected = has_bytes(bytes or "", size)
    return bytes and tensor.float(proto.dims, floats.convert(bytes, kind)), what, expected
end

local function read_int(proto, folder, count, format)
    if count > MAX_INTEGERS then
        return nil, count .. " integers", "at most " .. MAX_INTEGERS
    end
    local width <const> = string.packsize(format)
    local raw, what, expected = read_raw(proto, folder, count * width)
    if what then
        return nil, what, expected
    elseif not raw then
        local typed <const> = format == "i8" and proto.int64_data or proto.int32_data
        if #typed ~= count then
            return nil, ("it has %d integers"):format(#typed), ("%d"):format(count)
        end
        return tensor.int(proto.dims, typed)
    end
    raw, what, expected = has_bytes(raw, count * width)
    if not raw then
        return nil, what, expected
    end
    local values <const> = {}
    for i = 1, count do
        values[i] = string.unpack("<" .. format, raw, (i - 1) * width + 1)
    end
    return tensor.int(proto.dims, values)
end

-- The tensor that a file has; or nil, what is wrong with it and what was expected. `folder` is
-- where the model stands ("" or ending in /), or nil where no other file may be read.
function tensor.read(proto, folder)
    local count <const>, what <const>, expected <const> = check_shape(proto.dims)
    if not count then
        return nil, what, expected
    elseif proto.segment then
        return nil, "it is cut into segments", "a whole tensor"
    end
    local kind <const>, format <const> = float_types[proto.data_type], int_formats[proto.data_type]
    if kind then
        return read_float(proto, folder, count, kind)
    elseif format then
        return read_int(proto, folder, count, format)
    end
    return nil, ("its type is %d"):format(proto.data_type or 0), "numbers of at most 64 bits"
end

-- -- Reading values ------------------------------------------------------------------------------

-- The integers of a tensor, of a float tensor those that it has; nil where it has others.
function tensor.integers(t)
    if t.type == "int" then
        return t.values
    elseif tensor.count(t.shape) > MAX_INTEGERS then
        return nil
    end
    local list <const> = {}
    for i, value in ipairs(floats.unpack(t.bytes)) do
        list[i] = math.tointeger(value)
        if not list[i] then
            return nil
        end
    end
    return list
end

-- The only number of a tensor, or nil.
function tensor.number(t)
    if tensor.count(t.shape) ~= 1 then
        return nil
    elseif t.type == "int" then
        return t.values[1] ~= tensor.BATCH and t.values[1] + 0.0 or nil
    end
    return (string.unpack("<f", t.bytes))
end

-- A number for each of c channels from a tensor that is combined with an image, (N, C, H, W), or a
-- vector, (N, C), number by number; nil where it has more.
function tensor.per_channel(t, c, vector)
    if t.type ~= "float" then
        return nil
    end
    local behind <const> = vector and 0 or 2 -- dimensions after the channels
    local rank <const> = #t.shape
    for i, side in ipairs(t.shape) do
        local from_end <const> = rank - i
        if side ~= 1 and not (side == c and from_end == behind) then
            return nil
        end
    end
    local list <const> = floats.unpack(t.bytes)
    for i = #list + 1, c do
        list[i] = list[1]
    end
    return list
end

return tensor
