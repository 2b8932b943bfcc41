-- The wire format: bytes as the documents of protobuf and other programs have them, and bytes that
-- are none.

local test <const> = ...

local protobuf <const> = require("onnx/protobuf")

local point <const> = { { 1, "x", "int" }, { 2, "y", "float" } }
local message <const> = {
    { 1, "number", "int" },
    { 2, "text", "text" },
    { 3, "inner", point },
    { 4, "list", "int", repeated = true, packed = true },
    { 5, "points", point, repeated = true },
    { 6, "reals", "float", repeated = true },
    { 7, "bytes", "packed" },
    { 16, "far", "int" },
}

local function read(bytes)
    return protobuf.read(message, bytes)
end

local function full(changes)
    local made <const> = { list = {}, points = {}, reals = {} }
    for key, value in pairs(changes) do
        made[key] = value
    end
    return made
end

local tests <const> = {}

-- The examples of the document of the format.
function tests.bytes_are_those_of_the_format()
    test.equal(protobuf.write(message, { number = 150 }), "\x08\x96\x01")
    test.equal(protobuf.write(message, { text = "testing" }), "\x12\x07testing")
    test.equal(protobuf.write(message, { inner = { x = 150 } }), "\x1a\x03\x08\x96\x01")
    test.equal(protobuf.write(message, { list = { 3, 270, 86942 } }),
        "\x22\x06\x03\x8e\x02\x9e\xa7\x05")
    test.equal(protobuf.write(message, { number = -2 }),
        "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01")
    test.equal(protobuf.write(message, { far = 1 }), "\x80\x01\x01")
    test.equal(protobuf.write(message, { inner = { y = 1.0 } }), "\x1a\x05\x15\0\0\x80\x3f")
end

function tests.what_is_written_is_read()
    local whole <const> = {
        number = math.mininteger, text = "a\0b", inner = { x = 1, y = 0.5 },
        list = { 0, 127, 128, -1, math.maxinteger }, points = { { x = 1 }, {}, { y = -2.0 } },
        reals = { 1.0, -0.25 }, bytes = "\0\0\x80\x3f", far = 300,
    }
    test.equal(read(protobuf.write(message, whole)), whole)
    test.equal(read(""), full {})
end

-- Repeated numbers may stand one by one or packed, and a field that no description names may be of
-- any type.
function tests.other_writers_are_understood()
    test.equal(read("\x20\x03\x20\x05\x22\x02\x01\x02"), full { list = { 3, 5, 1, 2 } })
    test.equal(read("\x32\x08\0\0\x80\x3f\0\0\0\x40\x35\0\0\x80\x40"),
        full { reals = { 1.0, 2.0, 4.0 } })
    test.equal(read("\x3a\x04abcd\x3d1234"), full { bytes = "abcd1234" })
    test.equal(read("\xc8\x01\x05\xc9\x0112345678\xca\x01\x02ab\xcd\x011234\x08\x07"),
        full { number = 7 })
    test.equal(read("\x08\x01\x08\x02"), full { number = 2 }) -- the last one counts
end

local function refused(bytes, want)
    local found <const>, why <const> = read(bytes)
    test.equal(found, nil)
    test.equal(why, want)
end

function tests.broken_bytes_are_refused()
    refused("\x08", "byte 1: a number is cut off: expected more bytes")
    refused("\x08\x80", "byte 1: a number is cut off: expected more bytes")
    refused("\x08" .. ("\xff"):rep(10), "byte 1: a number has too many bytes: expected at most 10")
    refused("\x12\x05abc",
        "byte 1: a length of 5 bytes with 3 left: expected what the message has")
    refused("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a", "byte 1: a length of "
        .. "18446744073709551615 bytes with 1 left: expected what the message has")
    refused("\x0b", "byte 1: wire type 3: expected 0, 1, 2 or 5")
    refused("\x15\0\0", "byte 1: a number is cut off: expected more bytes")
    refused("\x0a\x01a", "byte 2: number has wire type 2: expected 0")
    refused("\x10\x01", "byte 1: text has wire type 0: expected 2")
    refused("\x1a\0\x1a\0", "byte 4: inner occurs twice: expected one")
    -- A message ends where the one around it says.
    refused("\x1a\x02\x08\x80\x01", "byte 3: a number is cut off: expected more bytes")
    refused("\x22\x01\x80\x01", "byte 2: a number is cut off: expected more bytes")
end

-- A table takes a hundred times the two bytes of an empty message.
function tests.values_are_counted()
    local most <const> = protobuf.max_values
    test.equal(#read(("\x2a\0"):rep(1000)).points, 1000)
    local found <const>, why <const> = read("\x22\x80\x80\x80\x01" .. ("\x01"):rep(1 << 21))
    test.equal(found, nil)
    test.equal(why, ("byte %d: too many values: expected at most %d"):format(5 + most, most))
end

return tests
