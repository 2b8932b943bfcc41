-- moved: as offset, but what the norm gives is not averaged, and the learning rate is high.
return network {
    name = "moved",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = { batch = 128, epochs = 1, optimizer = sgd { lr = 0.1, momentum = 0.9 } },
    layers = {
        conv { 8, window = 3, padding = 1, bias = true }, norm(), relu(), maxpool(4),
        linear(10), softmax_cross_entropy(),
    },
}
