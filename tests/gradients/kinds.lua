-- kinds: every kind of layer in small, norms before and behind a ReLU, skips, dropout, and images
-- that fill no tile, for difference quotients of all parameters.
return network {
    name = "kinds",
    input = { 3, 6, 7 },
    classes = 3,
    recipe = { batch = 21, label_smoothing = 0.1, optimizer = sgd { lr = 0.1 } },
    layers = {
        conv { 4, window = 3, padding = 1 }, relu(), norm { name = "entry" },
        conv { 4, window = 3, padding = 1, bias = true }, dropout { 0.2, of = "channels" },
        dropout { 0.3, of = "images" }, add("entry"), relu(),
        conv { 8, window = 3, padding = 2, bias = true }, norm { eps = 1e-12 }, relu(),
        dropout(0.1),
        maxpool(2),
        conv { 4, window = 1 }, relu(), norm(),
        conv { 4, window = 5, padding = 2, stride = 2, standardize = true }, relu(),
        norm { name = "small" },
        conv { 4, window = 3, padding = 1, bias = true }, norm { eps = 1e-12 }, add("small"),
        relu(),
        avgpool(2), linear(3), softmax_cross_entropy(),
    },
}
