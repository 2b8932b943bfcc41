-- Values as C text: what a compiler reads back is the value that went in.

local test <const> = ...

local c <const> = require("emit/c")

local tests <const> = {}

-- The float that a literal of c.float denotes.
local function read_back(literal)
    return (string.unpack("f", string.pack("f", tonumber((literal:gsub("f$", ""))))))
end

function tests.float_is_short()
    local literals <const> = {
        { 0, "0.0f" }, { 1, "1.0f" }, { 1.0, "1.0f" }, { -3, "-3.0f" }, { 10, "10.0f" },
        { 0.1, "0.1f" }, { -0.5, "-0.5f" }, { 1e-5, "1e-05f" }, { 1234.5, "1234.5f" },
        { 2 ^ 24, "16777216.0f" }, { 1e20, "1e+20f" }, { 1 / 3, "0.33333334f" },
        { 0x1.fffffep127, "3.4028235e+38f" }, { 0x1p-126, "1.1754944e-38f" },
        { 0x1p-149, "1e-45f" }, { 25032424, "25032424.0f" }, { 134154576, "134154576.0f" },
    }
    for _, case in ipairs(literals) do
        test.equal(c.float(case[1]), case[2])
    end
    test.equal(c.float(-0.0), "-0.0f")
end

function tests.float_reads_back()
    -- Bit patterns a prime apart visit every exponent, both signs and odd mantissas.
    for bits = 1, 0xffffffff, 1000003 do
        local f <const> = string.unpack("<f", string.pack("<I4", bits))
        if f == f and math.abs(f) ~= math.huge then
            local literal <const> = c.float(f)
            test.equal(read_back(literal), f, literal)
            assert(literal:find("[.e]"), literal)
        end
    end
end

function tests.double_is_short_and_reads_back()
    local literals <const> = {
        { 0.0, "0.0" }, { 1.0, "1.0" }, { -3.0, "-3.0" }, { 0.1, "0.1" }, { 1e-5, "1e-05" },
        { 1 / 3, "0.3333333333333333" }, { 0.1 + 0.2, "0.30000000000000004" }, { 1e300, "1e+300" },
        { 0x1p-1074, "5e-324" }, { 2 ^ 53, "9007199254740992.0" },
    }
    for _, case in ipairs(literals) do
        test.equal(c.double(case[1]), case[2])
        test.equal(tonumber(case[2]), case[1])
    end
    assert(not pcall(c.double, math.huge))
end

function tests.float_rounds_a_double_once()
    -- 0x1.000001p0 lies halfway between two floats; just above it the nearest float is the upper.
    test.equal(read_back(c.float(0x1.000001p0)), 1.0)
    test.equal(read_back(c.float(0x1.0000010000001p0)), 0x1.000002p0)
end

function tests.float_refuses_what_no_float_holds()
    local here <const> = "tests/gen/emit/test_c.lua:" -- the caller's line
    local function literal(x)
        local text <const> = c.float(x)
        return text
    end
    for _, x in ipairs({ math.huge, -math.huge, 1e39, 0x1.ffffffp127 }) do
        local message <const> = test.raises(here, literal, x)
        test.equal(message:match(": (.*)"), ("c.float: %s is not a finite float"):format(x))
    end
    test.equal(test.raises(here, literal, 0 / 0):match("is .*"), "is not a finite float")
    test.equal(test.raises(here, literal, 1e-50):match(": (.*)"),
        "c.float: 1e-50 is too small for a float")
    test.equal(test.raises(here, literal, "1"):match(": (.*)"),
        "c.float: expected a number, got string")
end

function tests.string_escapes_every_byte()
    test.equal(c.string(""), '""')
    test.equal(c.string("conv 3x3 ~"), '"conv 3x3 ~"')
    test.equal(c.string('say "hi" \\ '), '"say \\"hi\\" \\\\ "')
    test.equal(c.string("a\n1\t\0" .. "7\127"), '"a\\0121\\011\\0007\\177"')
    test.equal(c.string("\u{e9}1"), '"\\303\\2511"')
    test.equal(c.string("??/"), '"\\?\\?/"')
    for byte = 0, 255 do -- no byte ends the literal, and each is one character of C
        local inside <const> = c.string(string.char(byte)):match('^"(.*)"$')
        local plain <const> = inside:find("^[^\"\\?\n]$")
        assert(plain or inside:find('^\\["\\?]$') or inside:find("^\\[0-3][0-7][0-7]$"), inside)
    end
end

function tests.comment_stays_inside()
    test.equal(c.comment("a plain text"), "a plain text")
    test.equal(c.comment("a */ int x; /* b"), "a * / int x; / * b")
    test.equal(c.comment("/*/**/"), "/ * / ** /")
    test.equal(c.comment("one\ntwo\r\n\tthree"), "one two three")
    test.equal(c.comment("what??/"), "what?/")
    test.equal(c.comment("caf\u{e9}\0\u{202e}."), "caf?.")
    for _, hostile in ipairs({ "*/*/*/", "/*/*/*", "**//**//", "*\n/", "*\0/", "/\u{e9}*" }) do
        local text <const> = c.comment(hostile)
        assert(not text:find("*/", 1, true) and not text:find("/*", 1, true), text)
    end
end

function tests.identifier_is_checked()
    for _, name in ipairs({ "x", "_", "conv1", "Conv_2_relu" }) do
        test.equal(c.identifier(name), name)
    end
    local function checked(name)
        local same <const> = c.identifier(name)
        return same
    end
    for _, name in ipairs({ "", "1x", "a-b", "a b", "a.b", "a\n", "\u{e9}", "x;y" }) do
        local message <const> = test.raises("tests/gen/emit/test_c.lua:", checked, name)
        test.equal(message:match(": (.*)$"),
            ("'%s' is no identifier: expected [A-Za-z_][A-Za-z0-9_]*"):format(name))
    end
    test.raises("tests/gen/emit/test_c.lua:", checked, 1)
    test.raises("tests/gen/emit/test_c.lua:", checked, nil)
end

function tests.add_folds_constants()
    test.equal(c.add("x", 0), "x")
    test.equal(c.add("x", 12), "x + 12")
    test.equal(c.add("x", -3), "x - 3")
    test.equal(c.add("x + 12", 4), "x + 16")
    test.equal(c.add("x + 12", -12), "x")
    test.equal(c.add("x + 12", -16), "x - 4")
    test.equal(c.add("x - 12", 4), "x - 8")
    test.equal(c.add("y * PITCH + x", 4), "y * PITCH + x + 4")
    test.equal(c.add("x + y12", 4), "x + y12 + 4")
    test.equal(c.add("x * 12", 4), "x * 12 + 4")
    test.equal(c.add("(x + 12)", 4), "(x + 12) + 4")
    test.equal(c.add(3, 4), "7")
    test.equal(c.add("3", -4), "-1")
    test.equal(c.add("-3", 4), "1")
    test.equal(c.add(0, 0), "0")
    local function sum(base, offset)
        local text <const> = c.add(base, offset)
        return text
    end
    test.raises("tests/gen/emit/test_c.lua:", sum, "x", 4.0)
    test.raises("tests/gen/emit/test_c.lua:", sum, "x", "4")
    test.raises("tests/gen/emit/test_c.lua:", sum, 4.0, 1)
    test.raises("tests/gen/emit/test_c.lua:", sum, nil, 1)
end

function tests.count_has_a_plural()
    test.equal(c.count(0, "byte"), "0 bytes")
    test.equal(c.count(1, "byte"), "1 byte")
    test.equal(c.count(2, "byte"), "2 bytes")
end

function tests.times_leaves_one_out()
    test.equal("row" .. c.times(1), "row")
    test.equal("row" .. c.times(2), "row * 2")
    test.equal("row" .. c.times(12), "row * 12")
end

function tests.forms_are_filled()
    test.equal(c.fill("f(V, Vx, 1)", { V = "a + b" }), "f(a + b, Vx, 1)")
    test.equal(c.fill("V > 0.0f ? G : V", { V = "x", G = "V" }), "x > 0.0f ? V : x")
    test.equal(c.call("f", "a", "b"), "f(a, b)")
end

return tests
