-- What many ranks would send and take, by hand.

local test <const> = ...

local graph <const> = require("language/graph")
local network <const> = require("language/network")
local pipeline <const> = require("plan/pipeline")
local scale <const> = require("plan/scale")

local tests <const> = {}

local function planned(norm)
    local options <const> = { norm = norm, isa = "c", algorithm = "auto", unroll = "tile" }
    return pipeline.plan(graph.build(network.read([[
return network {
    name = "two", classes = 10, input = { 3, 8, 8 },
    recipe = { batch = 64, optimizer = sgd { lr = 0.1 } },
    layers = { conv { 8, window = 1 }, norm(), conv { 16, window = 1 }, norm(),
        global_avgpool(), linear(10), softmax_cross_entropy() },
}]], "two.lua", norm)), options)
end

-- Weights 3 x 8, 8 x 16 and 16 x 10, two of each channel for the norms, 10 biases.
local PARAMETERS <const> = 24 + 128 + 160 + 2 * 8 + 2 * 16 + 10

function tests.traffic_is_that_of_the_plan()
    local bn <const> = scale.traffic(planned("bn"))
    test.equal(bn.parameters, 4 * PARAMETERS)
    test.equal({ bn.batch, bn.chunks }, { 64, 16 })
    test.equal(#bn.norms, 4) -- two, forward and backward
    local channels = 0
    for _, norm in ipairs(bn.norms) do
        channels = channels + norm.channels
        test.equal(norm.ghosts, false)
    end
    test.equal(channels, 2 * (8 + 16))
    assert(bn.gradients >= bn.parameters and bn.gradients < 2 * bn.parameters) -- rows are padded
    test.equal(#scale.traffic(planned("gn")).norms, 0)
    local ghosts <const> = scale.traffic(planned("bn16"))
    test.equal(ghosts.norms[1].ghosts, true)
end

-- 1 ms a message, 8 Mb = 1 KB a ms.
local LINK <const> = { latency = 1e-3, bandwidth = 8e6 }
local TRAFFIC <const> = {
    gradients = 3000, parameters = 6000, batch = 64, norms = { { channels = 10, ghosts = false } },
}

local function near(found, wanted)
    assert(math.abs(found - wanted) < 1e-9, found .. ", not " .. wanted)
end

function tests.one_rank_sends_nothing()
    local t <const> = scale.step(TRAFFIC, 48, 16, 1, LINK)
    near(t.all, 48)
    near(t.ideal, 1)
end

-- Ranks have chunks 0-4, 5-9 and 10-15: at most 6, and 5 (6 7) (8 9) are 3 nodes.
function tests.three_ranks_of_sixteen_chunks()
    local t <const> = scale.step(TRAFFIC, 48, 16, 3, LINK)
    near(t.work, 18)
    near(t.gradients, 2 + 3 * 3000 * 2 / 3 / 1000)
    near(t.parameters, 2 + 6000 * 2 / 3 / 1000) -- two hops
    near(t.norms, 2 + 16 * 16 * 10 * 2 / 3 / 1000)
    near(t.all, t.work + t.gradients + t.parameters + t.norms)
    near(t.ideal, 16 / t.all)
end

function tests.four_ranks_have_a_node_each()
    local t <const> = scale.step(TRAFFIC, 48, 16, 4, LINK)
    near(t.work, 12)
    near(t.gradients, 3 + 3000 * 3 / 4 / 1000)
    near(t.parameters, 2 + 6000 * 3 / 4 / 1000)
end

-- Their sums are of images.
function tests.ghosts_send_a_sum_an_image()
    local traffic <const> = {
        gradients = 0, parameters = 0, batch = 64, norms = { { channels = 10, ghosts = true } },
    }
    near(scale.step(traffic, 48, 16, 2, LINK).norms, 1 + 16 * 64 * 10 / 2 / 1000)
end

function tests.the_chunks_are_those_of_the_description()
    local built <const> = graph.build(network.read([[
return network {
    name = "one", classes = 10, input = { 3, 8, 8 },
    recipe = { batch = 64, chunks = 32, optimizer = sgd { lr = 0.1 } },
    layers = { global_avgpool(), linear(10), softmax_cross_entropy() },
}]], "one.lua", "bn"))
    local text <const> = scale.text(built, { norm = "bn", isa = "c", algorithm = "auto",
        unroll = "tile", step = 10, link = LINK, ranks = 256 })
    assert(text:find("a batch has 32 chunks, so 32 ranks find work", 1, true), text)
    assert(text:find("\n +32  0.31 "), text) -- a chunk each
end

function tests.quantities_have_units()
    near(scale.seconds("20us"), 2e-5)
    near(scale.seconds("0.5ms"), 5e-4)
    near(scale.seconds("1s"), 1)
    near(scale.bits("10Gb"), 1e10)
    near(scale.bits("100Mb"), 1e8)
    for _, wrong in ipairs { "", "20", "us", "1.2.3us", "-1us", "20 us", "1m" } do
        test.equal(scale.seconds(wrong), nil)
    end
    for _, wrong in ipairs { "", "10", "Gb", "0Gb", "10GB", "1e3Mb" } do
        test.equal(scale.bits(wrong), nil)
    end
end

return tests
