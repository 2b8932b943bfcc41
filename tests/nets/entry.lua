-- entry: a norm that reads the images themselves, so that they meet before anything is computed, for
-- the test of whole steps.
return network {
    name = "entry",
    input = { 2, 7, 6 },
    classes = 3,
    recipe = { batch = 20, optimizer = sgd { lr = 0.05, momentum = 0.9 } },
    layers = {
        norm { groups = 2 }, conv { 8, window = 3, padding = 1 }, relu(), norm(),
        global_avgpool(), linear(3), softmax_cross_entropy(),
    },
}
