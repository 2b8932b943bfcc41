-- Layers that a recipe freezes: what of a step is left out, and which names are none.

local test <const> = ...

local graph <const> = require("language/graph")
local network <const> = require("language/network")
local pipeline <const> = require("plan/pipeline")

-- The graph of a row of layers whose recipe freezes these.
local function graph_of(freeze, layers)
    local text <const> = ([[return network {
        name = "small", classes = 2, input = { 3, 8, 8 },
        recipe = { optimizer = sgd { lr = 0.1 }, freeze = { %s } },
        layers = { %s, softmax_cross_entropy() },
    }]]):format(freeze, layers)
    return graph.build(network.read(text, "small.lua", "bn"))
end

local LAYERS <const> = [[conv { 8, window = 3, padding = 1 }, relu(), norm(),
    conv { 8, window = 3, padding = 1 }, relu(), norm(), conv { 8, window = 3, padding = 1 },
    global_avgpool(), linear(2)]]

-- "conv1 fwd, ..." of the kernels of a step behind the forward ones, and the number of its phases.
local function backward_of(freeze)
    local planned <const> = pipeline.plan(graph_of(freeze, LAYERS),
        { isa = "c", norm = "bn", algorithm = "auto" })
    local words <const> = {}
    for _, spec in ipairs(planned.train.plan.kernels) do
        words[#words + 1] = spec.pass ~= "fwd" and spec.layer .. " " .. spec.pass or nil
    end
    return table.concat(words, ", "), #planned.train.plan.phases
end

local function expect(freeze, kernels, phases)
    local found <const>, count <const> = backward_of(freeze)
    test.equal(found, kernels)
    test.equal(count, phases)
end

local tests <const> = {}

function tests.work_below_what_learns_is_left_out()
    expect('"conv*", "norm*"', "linear1 bwd_weights", 1)
    expect('"conv1", "norm1", "conv2"', "linear1 bwd_weights, linear1 bwd_data, "
        .. "global_avgpool1 bwd_data, conv3 bwd_weights, conv3 bwd_data, norm2 bwd_reduce", 3)
end

function tests.gradients_go_through_what_is_frozen()
    expect('"norm2", "conv3"', "linear1 bwd_weights, linear1 bwd_data, global_avgpool1 bwd_data, "
        .. "conv3 bwd_data, norm2 bwd_data, conv2 bwd_weights, conv2 bwd_data, norm1 bwd_reduce, "
        .. "norm1 bwd_data, conv1 bwd_weights", 3)
end

-- A frozen layer's gradients have no memory, its weights have.
function tests.frozen_layers_have_no_gradients()
    local planned <const> = pipeline.plan(graph_of('"conv2"', LAYERS),
        { isa = "c", norm = "bn", algorithm = "auto" })
    local names <const> = {}
    for _, buffer in ipairs(planned.train.plan.buffers) do
        names[buffer.name] = true
    end
    test.equal(names.dw_conv2, nil)
    test.equal(names.dw_conv1 and names.w_conv2 and names.wt_conv2, true)
end

local function refused(freeze, message)
    local done <const>, problem <const> = pcall(graph_of, freeze, LAYERS)
    assert(not done and problem.kind == "rejected", problem)
    test.equal(problem.messages[1], message)
end

function tests.wrong_names_are_told()
    refused('"con1"', 'small.lua:3: recipe: freeze: "con1" is no layer that learns (did you mean '
        .. 'conv1?): expected names of layers, or patterns as "conv*"')
    refused('"relu1"', 'small.lua:3: recipe: freeze: "relu1" is no layer that learns: expected '
        .. 'names of layers, or patterns as "conv*"')
    refused('3', 'small.lua:3: recipe: freeze holds 3: expected names of layers, as '
        .. '{ "conv1", "norm*" }')
    refused('conv1 = "conv1"', 'small.lua:3: recipe: freeze holds "conv1": expected names of '
        .. 'layers, as { "conv1", "norm*" }')
    refused('"*"', "small.lua:3: recipe: freeze leaves no layer that learns: expected one or more")
end

return tests
