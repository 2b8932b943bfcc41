-- pools: max pooling with windows of every kind, up to the widest, for the tests of kernels.
return network {
    name = "pools",
    input = { 3, 19, 18 },
    classes = 5,
    recipe = { batch = 44, epochs = 1, optimizer = sgd { lr = 0.05, momentum = 0.9 } },
    layers = {
        conv { 20, window = 3, padding = 1 }, relu { name = "entry" },
        maxpool { 7, stride = 3, padding = 3 }, conv { 5, window = 1 }, maxpool { 3, stride = 2 },
        linear { 5, name = "low" },
        conv { 5, window = 1, from = "entry" }, maxpool { 16, stride = 1, name = "wide" },
        linear { 5, name = "high" }, add("low"), softmax_cross_entropy(),
    },
}
