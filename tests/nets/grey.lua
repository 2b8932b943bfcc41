-- grey: images of one channel, 28 x 28, as MNIST has them; tests/programs/test_programs.c.
return network {
    name = "grey",
    input = { 1, 28, 28 },
    classes = 10,
    recipe = { batch = 50, epochs = 5, optimizer = sgd { lr = 0.05, momentum = 0.9 } },
    layers = {
        conv { 8, window = 3, padding = 1 }, relu(), norm(), maxpool(2),
        conv { 16, window = 3, padding = 1 }, relu(), norm(), global_avgpool(),
        linear(10), softmax_cross_entropy(),
    },
}
