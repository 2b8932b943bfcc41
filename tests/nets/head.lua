-- head: all layers but the last are frozen, so that a step has one phase, and norms that are fixed.
return network {
    name = "head",
    input = { 3, 9, 8 },
    classes = 4,
    recipe = { batch = 20, optimizer = sgd { lr = 0.1 }, freeze = { "conv*", "norm*" } },
    layers = {
        conv { 8, window = 3, padding = 1 }, relu(), norm { groups = 2 }, dropout(0.1),
        conv { 12, window = 3 }, norm { groups = 3 }, relu(),
        global_avgpool(), linear(4), softmax_cross_entropy(),
    },
}
