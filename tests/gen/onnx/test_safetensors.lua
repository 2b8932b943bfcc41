-- The files of models: what is written is read, and what is none is refused.

local test <const> = ...

local safetensors <const> = require("onnx/safetensors")

local PATH <const> = "/nowhere/m.safetensors"

-- Reads `bytes` as a file that is there.
local function read(bytes)
    local kept <const> = host.read_file
    host.read_file = function(path) -- luacheck: ignore 122
        test.equal(path, PATH)
        return bytes
    end
    local good <const>, result <const> = pcall(safetensors.read, PATH)
    host.read_file = kept -- luacheck: ignore 122
    return good or error(result, 0), result
end

local function with_header(header, data)
    return string.pack("<i8", #header) .. header .. (data or "")
end

local function refused(bytes, want)
    test.raises({ PATH .. ": " .. want }, read, bytes)
end

local tests <const> = {}

function tests.what_is_written_is_read()
    local bytes <const> = safetensors.write({
        { name = "b.weight", dtype = "F32", shape = { 2, 1 }, bytes = "12345678" },
        { name = "a", dtype = "I64", shape = {}, bytes = "abcdefgh" },
    }, { { "mean", '0.5 "\n\\' }, { "network", "net" } })
    local _ <const>, file <const> = read(bytes)
    test.equal(file, {
        path = PATH,
        names = { "a", "b.weight" },
        tensors = {
            a = { dtype = "I64", shape = {}, bytes = "abcdefgh" },
            ["b.weight"] = { dtype = "F32", shape = { 2, 1 }, bytes = "12345678" },
        },
        metadata = {
            mean = '0.5 "\n\\', network = "net", sha256 = file.metadata.sha256,
        },
    })
    test.equal(string.unpack("<i8", bytes) % 8, 0) -- the numbers begin at a multiple of 8
end

-- Any byte of a file that says its digest.
function tests.a_flipped_bit_is_found()
    local bytes <const> = safetensors.write({
        { name = "a", dtype = "F32", shape = { 1 }, bytes = "1234" },
    }, {})
    for _, at in ipairs({ 30, 50, 100, #bytes - 20, #bytes - 3, #bytes }) do
        local flipped <const> = bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ 4)
            .. bytes:sub(at + 1)
        if flipped:sub(9, 34) == bytes:sub(9, 34) then
            refused(flipped, "its bytes have another digest than it says: expected the file as it "
                .. "was written")
        end
    end
end

function tests.what_is_none_is_refused()
    refused("1234567", "it has 7 bytes: expected a safetensors file")
    refused(("\xff"):rep(8) .. "{}",
        "its header says it has 18446744073709551615 bytes: expected a safetensors file")
    refused(string.pack("<i8", 3) .. "{}",
        "its header says it has 3 bytes: expected a safetensors file")
    refused(with_header("{a}"), "its header is not JSON: expected a safetensors file")
    refused(with_header('["a"]'), "its header is a list: expected an object")
    refused(with_header('{"__metadata__":{"a":1}}'), 'metadata "a" is no text: expected a text')
    refused(with_header('{"a":{"dtype":"F8"}}'),
        'tensor "a" has no type: expected one of safetensors')
    refused(with_header('{"a\\n\\u0001":3}'),
        'tensor "a??" has no type: expected one of safetensors')
    refused(with_header('{"a":{"dtype":"F32","shape":[-1]}}'),
        'tensor "a" has no shape: expected at most 8 sizes')
    refused(with_header('{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1]}}'),
        'tensor "a" has no shape: expected at most 8 sizes')
    refused(with_header('{"a":{"dtype":"F32","shape":[2147483648,2147483648,0]}}'),
        'tensor "a" has no shape: expected at most 8 sizes')
    -- 2^87 numbers are 0 bytes in 64 bits.
    refused(with_header('{"a":{"dtype":"F32","shape":[536870912,536870912,536870912],'
        .. '"data_offsets":[0,0]}}'), 'tensor "a" has no shape: expected at most 8 sizes')
    for _, range in ipairs({ "[0,5]", "[1,5]", "[0.5,4.5]", "[-4,0]", "4", "[0]" }) do
        refused(with_header(
            ('{"a":{"dtype":"F32","shape":[1],"data_offsets":%s}}'):format(range), "1234"),
            'tensor "a" has other bytes than its shape: expected 4 bytes')
    end
end

return tests
