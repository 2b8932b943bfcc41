-- offset: a convolution whose bias a norm takes away, for the test of large biases.
return network {
    name = "offset",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = { batch = 128, epochs = 1, optimizer = sgd { lr = 0.01, momentum = 0.9 } },
    layers = {
        conv { 16, window = 3, padding = 1, bias = true }, norm(), relu(),
        global_avgpool(), linear(10), softmax_cross_entropy(),
    },
}
