-- The lines of fields and names, and the words that were meant.

local test <const> = ...

local nearest <const> = require("language/nearest")
local place <const> = require("language/place")

local tests <const> = {}

local text <const> = [[
local recipe = { epochs = 3 }
-- lr = 1, relu,
return { lr = 2, -- lr = 3
    my_lr = 5, lr == 6,
    lr  = 4, relu { from = "x" },
    relu(), relu
    , norm }]]

function tests.keys_stand_on_their_lines()
    local of <const> = place.index(text)
    for _, case in ipairs({
        { 1, "lr", 3 }, -- not in the comment
        { 3, "lr", 3 },
        { 4, "lr", 5 }, -- no longer name, no comparison
        { 6, "lr", 3 }, -- written before its use
        { 5, "epochs", 1 },
        { 2, "my.lr", 2 }, -- nowhere: a dot is a dot
        { 99, "lr", 3 },
    }) do
        test.equal(of.key(case[1], case[2]), case[3])
    end
    test.equal(place.index("").key(1, "lr"), 1)
end

function tests.names_without_a_call_are_found()
    local of <const> = place.index(text)
    local function is_layer(word)
        return word == "relu" or word == "norm"
    end
    for _, case in ipairs({ { 1, "relu", 6 }, { 6, "relu", 6 }, { 7, "norm", 7 }, { 8 } }) do
        local name <const>, line <const> = of.bare_name(case[1], is_layer)
        test.equal(name, case[2])
        test.equal(line, case[3])
    end
end

function tests.the_nearest_word_is_meant()
    local words <const> = { "channels", "window", "stride", "padding", "lr", "batch" }
    for word, meant in pairs({
        chanels = "channels", channles = "channels", hannelss = "channels", cannel = "channels",
        windwo = "window", kernel = "window", kernel_size = "window", pad = "padding",
        l = "", rl = "", lrs = "lr", strids = "stride", sride = "stride", xxride = "stride",
        xxrixe = "", sxxxde = "", out = "channels", units = "channels", learning_rate = "lr",
        [("w"):rep(1000)] = "",
    }) do
        test.equal(nearest.of(word, words) or "", meant)
    end
    test.equal(nearest.of("kernel", { "kernels" }), "kernels") -- before what others call it
    test.equal(nearest.of("kernel", { "lr" }), nil)
    test.equal(nearest.hint("windw", words), " (did you mean window?)")
    test.equal(nearest.hint("weird", words), "")
end

return tests
