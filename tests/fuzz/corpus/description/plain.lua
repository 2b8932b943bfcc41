return network {
    name = "plain", classes = 2, input = { 1, 4, 4 },
    recipe = { optimizer = sgd { lr = 1 }, schedule = step { every = 6, gamma = 0.2 } },
    layers = { conv { 2, window = 3 }, linear(2), softmax_cross_entropy() },
}
