-- Numbers that C does not have.
return network {
    name = "numbers", input = { 3, 32, 32 }, classes = 10,
    recipe = { optimizer = sgd { lr = 0/0, momentum = -0.0, weight_decay = 1/0 } },
    layers = { dropout(-1/0), global_avgpool(), linear(10), softmax_cross_entropy() },
}
