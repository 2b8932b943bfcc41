-- flat: a norm of maps that are constant where the images are: no border, a pool in between.
return network {
    name = "flat",
    input = { 3, 14, 12 },
    classes = 10,
    recipe = { batch = 20, epochs = 1, optimizer = sgd { lr = 0.01, momentum = 0.9 } },
    layers = {
        conv { 8, window = 3 }, maxpool(2), norm(), relu(),
        global_avgpool(), linear(10), softmax_cross_entropy(),
    },
}
