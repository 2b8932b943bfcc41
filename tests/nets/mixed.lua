-- mixed: a convolution whose passes all have a transformed and a direct kernel, for the test of
-- programs in which only some of them are transformed.
return network {
    name = "mixed",
    input = { 3, 8, 8 },
    classes = 5,
    recipe = { batch = 32, epochs = 1, optimizer = sgd { lr = 0.05 } },
    layers = {
        conv { 32, window = 1 }, relu(), conv { 32, window = 3, padding = 1 }, relu(),
        global_avgpool(), linear(5), softmax_cross_entropy(),
    },
}
