-- ragged: convolutions whose images are no multiple of a tile, whose channels fill no vector, with
-- every padding, biases, a skip (gradients that are added to) and a batch that leaves a part of a
-- group, for the tests of kernels and of whole steps.
return network {
    name = "ragged",
    input = { 3, 15, 14 },
    classes = 5,
    recipe = { batch = 76, epochs = 1, optimizer = sgd { lr = 0.05, momentum = 0.9 } },
    layers = {
        conv { 20, window = 3, padding = 1 }, relu(), norm { groups = 4, name = "entry" },
        conv { 20, window = 3, padding = 1 }, relu(), norm { groups = 2 },
        conv { 20, window = 3, padding = 1, bias = true },
        add("entry"), relu(),
        conv { 36, window = 3, padding = 0 }, relu(), norm { groups = 3 }, dropout(0.2),
        conv { 18, window = 3, padding = 2, bias = true }, relu(), norm { groups = 3, eps = 0.01 },
        maxpool(3),
        conv { 33, window = 3, padding = 1 }, norm { groups = 3 }, relu(),
        global_avgpool(), linear(5), softmax_cross_entropy(),
    },
}
