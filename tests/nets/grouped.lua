-- grouped: convolutions in groups of every sort, for the tests of kernels and of whole steps:
-- depthwise with windows of 1 to 7, strides, paddings and biases, on channels that fill no vector
-- and on the image itself, with multipliers below, of and above a vector and one that fits none;
-- groups that are vectors, parts of vectors and neither; more outputs than inputs a group;
-- gradients that are added to.
return network {
    name = "grouped",
    input = { 3, 15, 14 },
    classes = 5,
    recipe = { batch = 44, epochs = 1, optimizer = sgd { lr = 0.05, momentum = 0.9 } },
    layers = {
        conv { 3, window = 3, padding = 1, groups = 3 },
        conv { 12, window = 3, padding = 1, groups = 3, bias = true }, relu(),
        conv { 20, window = 1 }, norm { groups = 4, name = "entry" },
        conv { 20, window = 3, padding = 1, groups = 20 }, relu(), norm { groups = 2 },
        conv { 20, window = 5, padding = 2, groups = 20, bias = true }, add("entry"), relu(),
        conv { 36, window = 3, padding = 1, groups = 4 }, relu(), norm { groups = 3, name = "wide" },
        conv { 36, window = 7, padding = 3, groups = 36 }, norm { groups = 3 }, add("wide"),
        conv { 36, window = 3, padding = 0, groups = 36, stride = 2, bias = true }, relu(),
        norm { groups = 3 }, dropout(0.2),
        conv { 32, window = 2, padding = 1, groups = 2, bias = true }, relu(),
        norm { groups = 4, name = "two" },
        conv { 32, window = 3, padding = 1, groups = 4, name = "four" },
        conv { 64, window = 3, padding = 2, stride = 2, groups = 8, from = "two" }, relu(),
        norm { groups = 4, name = "down" },
        conv { 32, window = 5, padding = 4, stride = 2, groups = 32, from = "four" }, relu(),
        norm { groups = 4 },
        conv { 64, window = 1, groups = 32, stride = 2 }, norm { groups = 4, name = "last" },
        conv { 64, window = 4, padding = 2, groups = 64 }, relu(),
        conv { 64, window = 1, stride = 2, groups = 64 }, global_avgpool { name = "one" },
        conv { 5, window = 1, from = "down", name = "few" },
        conv { 40, window = 3, padding = 1, groups = 5 }, norm { groups = 4 },
        conv { 6, window = 1 }, conv { 18, window = 3, padding = 2, groups = 6 },
        conv { 64, window = 1 }, global_avgpool { name = "eight" },
        conv { 20, window = 2, groups = 5, bias = true, from = "few" },
        conv { 6, window = 1 }, conv { 96, window = 3, padding = 1, groups = 6 }, relu(),
        conv { 64, window = 1 }, global_avgpool { name = "sixteen" },
        conv { 10, window = { 3, 2 }, padding = 1, stride = 2, groups = 5, bias = true,
            from = "few" }, relu(), conv { 64, window = 1 }, global_avgpool { name = "pair" },
        conv { 64, window = 1, from = "few" }, global_avgpool(),
        add("pair"), add("sixteen"), add("eight"), add("one"),
        linear(5), softmax_cross_entropy(),
    },
}
