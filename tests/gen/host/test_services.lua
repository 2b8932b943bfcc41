-- What the host does for scripts by way of other libraries: JSON, PNG, gnuplot, digests.

local test <const> = ...

local tests <const> = {}

function tests.json_becomes_tables()
    test.equal(host.json('{"a":[1,2.5,null,true,"x\\u00e9"],"b":{},"c":-3e2}'),
        { a = { 1, 2.5, false, true, "xé" }, b = {}, c = -300 })
    for _, text in ipairs({ "", "{", "[1,]", "nul", ("["):rep(5000) }) do
        test.equal({ host.json(text) }, { nil, "not JSON" })
    end
end

-- The head of the file, then what the bytes of a PNG say of its size: 2 wide, 1 high, RGB.
function tests.png_is_a_png()
    local text <const> = host.png("\255\0\0\255\0\0", 3, 1, 2)
    test.equal(text:sub(1, 34), "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCA")
    test.raises("bad argument #1 to", host.png, "\0", 3, 1, 2)
    test.raises("bad argument #2 to", host.png, "\0\0", 2, 1, 1)
end

function tests.gnuplot_draws_or_says_why_not()
    local svg <const> = host.gnuplot("set terminal svg\nplot x\n")
    assert(svg:find("</svg>", 1, true), svg)
    local none <const>, why <const> = host.gnuplot("set terminal svg\nplot )\n")
    test.equal(none, nil)
    assert(why:find("^gnuplot: ended with 1: ") and why:find("invalid expression", 1, true), why)
end

-- The examples of FIPS 180-4; the texts of a call are one.
function tests.digests_are_those_of_the_standard()
    local abc <const> = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    test.equal(host.sha256("abc"), abc)
    test.equal(host.sha256("a", "", "bc"), abc)
    test.equal(host.sha256(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    test.raises("bad argument #2 to", host.sha256, "a", 1)
end

return tests
