-- still: layers that a recipe freezes, for the tests of whole steps: below all that learns, between
-- what learns, with biases and in a skip; norms that are fixed at the first layer, behind a
-- convolution that learns, alone behind a maximum and ahead of another norm.
return network {
    name = "still",
    input = { 3, 12, 14 },
    classes = 5,
    recipe = {
        batch = 44, epochs = 1, optimizer = sgd { lr = 0.05, momentum = 0.9, weight_decay = 0.01 },
        freeze = { "first*", "second", "between", "fixed_*", "across" },
    },
    layers = {
        conv { 12, window = 3, padding = 1, name = "first" }, relu(),
        norm { groups = 3, name = "first_norm" },
        conv { 20, window = 3, padding = 1, bias = true, name = "second" }, relu(),
        norm { groups = 2 }, dropout(0.2),
        conv { 20, window = 3, padding = 1 }, relu(),
        norm { groups = 4, name = "fixed_behind" }, maxpool(2),
        norm { groups = 4, name = "fixed_alone" },
        conv { 18, window = 3, padding = 1, bias = true, name = "between" }, relu(),
        norm { groups = 3, name = "entry" },
        conv { 18, window = 1, name = "across" }, norm { groups = 3, name = "fixed_ahead" },
        norm { groups = 3 }, add("entry"), relu(),
        conv { 17, window = 3, padding = 1, name = "last" }, relu(),
        global_avgpool(), linear(9), linear { 5, name = "head" }, softmax_cross_entropy(),
    },
}
