-- descriptions.lua - descriptions as text, and the graph that they make.
--
--     local made <const> = load(assert(host.read_file(test.dir .. "/support/descriptions.lua")),
--         "@descriptions.lua")()
--     made.build(made.describe("relu(), " .. made.ending))

local graph <const> = require("language/graph")
local network <const> = require("language/network")

local made <const> = {}

--- A description whose layers are `lines`, from line 6 on, between an image of 3 x 32 x 32 and
-- ten classes. `head` replaces line 3.
function made.describe(lines, head)
    return ([[
return network {
    name = "bad", classes = 10,
    %s
    layers = {
        conv { 16, window = 3, padding = 1, name = "first" },
%s
    },
}]]):format(head or "input = { 3, 32, 32 }, recipe = { optimizer = sgd { lr = 0.1 } },", lines)
end

made.ending = "global_avgpool(), linear(10), softmax_cross_entropy(),"

--- Reads and builds `text`, called bad.lua.
function made.build(text, norm)
    return graph.build(network.read(text, "bad.lua", norm or "bn"))
end

return made
