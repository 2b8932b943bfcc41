-- acts: activations of every kind, alone and behind norms, with channels that fill no vector, skips
-- (gradients that are added to) and dropout, for the tests of kernels and of whole steps.
return network {
    name = "acts",
    input = { 3, 15, 14 },
    classes = 5,
    recipe = { batch = 44, epochs = 1, optimizer = sgd { lr = 0.05, momentum = 0.9 } },
    layers = {
        conv { 20, window = 3, padding = 1 }, silu { name = "entry" },
        norm { groups = 4 }, silu(), dropout { 0.1, of = "channels" },
        conv { 21, window = 3, padding = 1, bias = true }, norm { groups = 3 }, sigmoid(),
        conv { 20, window = 3, stride = 2, padding = 1 }, sigmoid { name = "low" },
        conv { 20, window = 1 }, norm { groups = 4 }, gelu(), add("low"), gelu { name = "gate" },
        conv { 20, window = 1 }, norm { groups = 4 }, gelu { form = "tanh" },
        dropout { 0.2, of = "images" }, add("gate"), gelu { form = "tanh" },
        conv { 12, window = 3, padding = 1, standardize = true }, norm { groups = 4 },
        relu6 { name = "deep" },
        leaky_relu(0.25), norm { groups = 4 }, leaky_relu { slope = 0.1 }, hard_swish(),
        norm { groups = 4 }, hard_swish(), tanh(), add("deep"), tanh(), relu6(),
        norm { groups = 4 }, tanh(), avgpool(2), sigmoid(), linear(8), sigmoid(),
        norm { groups = 4 }, linear(5), softmax_cross_entropy(),
    },
}
