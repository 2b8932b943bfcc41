-- activations: every kind, alone and behind a norm, for difference quotients of all parameters.
local functions = {
    silu, gelu, function() return gelu { form = "tanh" } end, sigmoid, tanh, relu6,
    function() return leaky_relu(0.25) end, hard_swish,
}
local layers = { conv { 4, window = 1 }, norm { groups = 2, name = "trunk" } }
for _, activation in ipairs(functions) do
    layers[#layers + 1] = {
        activation(), conv { 4, window = 1 }, norm { groups = 2 }, activation(),
    }
end
return network {
    name = "activations",
    input = { 3, 4, 3 },
    classes = 3,
    recipe = { batch = 2, optimizer = sgd { lr = 0.1 } },
    layers = {
        layers, dropout(0.1), add("trunk"), hard_swish(), global_avgpool(), linear(3),
        softmax_cross_entropy(),
    },
}
