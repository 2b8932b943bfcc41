-- tune: a network with few kernels to choose among, for the test of `make tune`.
return network {
    name = "tune",
    input = { 3, 8, 8 },
    classes = 10,
    recipe = { batch = 32, epochs = 1, optimizer = sgd { lr = 0.05 } },
    layers = {
        conv { 8, window = 1 }, relu(), norm(),
        conv { 8, window = 1 }, relu(), norm(),
        global_avgpool(), linear(10), softmax_cross_entropy(),
    },
}
