-- safetensors.lua - the files of models, read and written by the generator.
--
--     file   = { path, tensors = { [name] = tensor }, names = { sorted },
--                metadata = { [key] = text } }
--     tensor = { dtype = "F32", shape = { ... }, bytes = string }
--
-- The runtime has the strict reader (runtime/file/safetensors.h). This one is not as strict: it
-- sees that every tensor has the bytes that its shape says, and compares the digest of a file that
-- burin wrote. tests/project/test_onnx.cmake holds the two together.

local safetensors <const> = {}

safetensors.max_file = 1 << 29
local MAX_HEADER <const> = 16 * 1000 * 1000
local MAX_RANK <const> = 8
local DIGEST <const> = '{"__metadata__":{"sha256":"'
local DIGITS <const> = 64

-- Bytes of a value.
local widths <const> = {
    BOOL = 1, U8 = 1, I8 = 1, U16 = 2, I16 = 2, F16 = 2, BF16 = 2, U32 = 4, I32 = 4, F32 = 4,
    U64 = 8, I64 = 8, F64 = 8,
}

local function fail(path, what, expected)
    error({ kind = "failed", messages = { ("%s: %s: expected %s"):format(path, what, expected) } },
        0)
end

local function is_count(value)
    return math.type(value) == "integer" and value >= 0
end

-- The name in a message: it may hold anything.
local function quote(name)
    return '"' .. name:sub(1, 80):gsub("[^%g ]", "?") .. '"'
end

-- Bytes of a tensor of that shape, or nil where it is no shape.
local function size_of(shape, width)
    if type(shape) ~= "table" or #shape > MAX_RANK then
        return nil
    end
    local size = width
    for _, side in ipairs(shape) do
        if not is_count(side) or side > safetensors.max_file then
            return nil
        end
        size = size * side
        if size > safetensors.max_file then
            return nil
        end
    end
    return size
end

local function read_tensor(path, name, entry, text, data)
    local what <const> = "tensor " .. quote(name)
    if type(entry) ~= "table" or not widths[entry.dtype] then
        fail(path, what .. " has no type", "one of safetensors")
    end
    local size <const> = size_of(entry.shape, widths[entry.dtype])
    local range <const> = entry.data_offsets
    if not size then
        fail(path, what .. " has no shape", "at most 8 sizes")
    elseif type(range) ~= "table" or not is_count(range[1]) or not is_count(range[2])
        or range[2] - range[1] ~= size or data + range[2] > #text then
        fail(path, what .. " has other bytes than its shape", ("%d bytes"):format(size))
    end
    return {
        dtype = entry.dtype,
        shape = entry.shape,
        bytes = text:sub(data + range[1] + 1, data + range[2]),
    }
end

local function read_metadata(path, entries)
    for key, value in pairs(entries) do
        if type(value) ~= "string" then
            fail(path, "metadata " .. quote(key) .. " is no text", "a text")
        end
    end
    return entries
end

-- One flipped bit anywhere in a file that burin wrote is found.
local function check_digest(path, text)
    if text:sub(9, 8 + #DIGEST) ~= DIGEST then
        return
    end
    local from <const> = 8 + #DIGEST
    local said <const> = text:sub(from + 1, from + DIGITS)
    local found <const> = host.sha256(text:sub(1, from), ("0"):rep(DIGITS),
        text:sub(from + DIGITS + 1))
    if said ~= found then
        fail(path, "its bytes have another digest than it says", "the file as it was written")
    end
end

-- The file at `path`. Raises what is wrong.
function safetensors.read(path)
    local text <const>, problem <const> = host.read_file(path, safetensors.max_file + 1)
    if not text then
        error({ kind = "failed", messages = { problem } }, 0)
    elseif #text > safetensors.max_file then
        fail(path, "it is too large", ("at most %d MiB"):format(safetensors.max_file >> 20))
    elseif #text < 8 then
        fail(path, ("it has %d bytes"):format(#text), "a safetensors file")
    end
    local length <const> = string.unpack("<i8", text)
    if length < 2 or length > MAX_HEADER or length > #text - 8 then
        fail(path, ("its header says it has %u bytes"):format(length), "a safetensors file")
    end
    check_digest(path, text)
    local header <const> = host.json(text:sub(9, 8 + length))
    if type(header) ~= "table" then
        fail(path, "its header is not JSON", "a safetensors file")
    end
    local file <const> = { path = path, tensors = {}, names = {}, metadata = {} }
    for name, entry in pairs(header) do
        if type(name) ~= "string" then
            fail(path, "its header is a list", "an object")
        elseif name == "__metadata__" and type(entry) == "table" then
            file.metadata = read_metadata(path, entry)
        else
            file.tensors[name] = read_tensor(path, name, entry, text, 8 + length)
            file.names[#file.names + 1] = name
        end
    end
    table.sort(file.names)
    return file
end

-- -- Writing -------------------------------------------------------------------------------------

local escapes <const> = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t" }

local function json_text(text)
    return '"' .. text:gsub('[%c"\\]', function(c)
        return escapes[c] or ("\\u%04x"):format(c:byte())
    end) .. '"'
end

-- The bytes of a file. list: { name, dtype, shape, bytes } in the order of the file; metadata:
-- { { key, text }, ... }.
function safetensors.write(list, metadata)
    local entries <const>, parts <const> = {}, {}
    local metas <const> = { '"sha256":"' .. ("0"):rep(DIGITS) .. '"' }
    for _, meta in ipairs(metadata) do
        metas[#metas + 1] = json_text(meta[1]) .. ":" .. json_text(meta[2])
    end
    entries[1] = '"__metadata__":{' .. table.concat(metas, ",") .. "}"
    local at = 0
    for _, tensor in ipairs(list) do
        entries[#entries + 1] = ('%s:{"dtype":"%s","shape":[%s],"data_offsets":[%d,%d]}'):format(
            json_text(tensor.name), tensor.dtype, table.concat(tensor.shape, ","), at,
            at + #tensor.bytes)
        at = at + #tensor.bytes
        parts[#parts + 1] = tensor.bytes
    end
    local header = "{" .. table.concat(entries, ",") .. "}"
    header = header .. (" "):rep(-#header % 8)
    local head <const> = string.pack("<i8", #header) .. header:sub(1, #DIGEST)
    local zeros <const>, rest <const> = header:sub(#DIGEST + 1, #DIGEST + DIGITS),
        header:sub(#DIGEST + DIGITS + 1)
    local digest <const> = host.sha256(head, zeros, rest, table.unpack(parts))
    return head .. digest .. rest .. table.concat(parts)
end

-- -- How images were normalised ------------------------------------------------------------------

local function numbers_of(text, count)
    local list <const> = {}
    for word in (text or ""):gmatch("[^%s,]+") do
        list[#list + 1] = tonumber(word)
    end
    return #list == count and list or nil
end

--- The mean and the deviation, a list of numbers a channel each, with which a model takes bytes:
--- those of pixels from 0 to 1. Floats that it was trained on may be of any range, and no bytes are
--- like them. otherwise: what a message says the user can do instead, or ""
function safetensors.normalisation(file, channels, otherwise)
    local mean <const> = numbers_of(file.metadata.mean, channels)
    local std <const> = numbers_of(file.metadata.std, channels)
    if not mean or not std then
        fail(file.path, "does not say how its images were normalised",
            ("mean and std, %d numbers each, in its metadata%s"):format(channels, otherwise))
    end
    for k = 1, channels do
        if not (mean[k] >= 0 and mean[k] <= 1 and std[k] > 0 and std[k] < math.huge) then
            fail(file.path, ("takes no bytes, its images were normalised by mean %.6g and "
                .. "deviation %.6g"):format(mean[k], std[k]),
                "those of pixels from 0 to 1, as of a training on bytes or on floats of that range"
                    .. otherwise)
        end
    end
    return mean, std
end

return safetensors
