-- joins: layers that read several others, and norms of pixels. Products, squeeze and excitation with
-- means and maxima among them. Concatenations whose parts fill vectors, fill none, come twice, are
-- the images themselves or are read by others, too (gradients that are added to); channels of
-- zeros around whole vectors, and behind some that fill none. Norms of pixels, and of images with a
-- weight an element, behind a ReLU, of images with a border, of channels that fill no vector and of
-- what others read, too. For the tests of kernels and of whole steps.
return network {
    name = "joins",
    input = { 3, 11, 10 },
    classes = 5,
    recipe = { batch = 44, epochs = 1, optimizer = sgd { lr = 0.05, momentum = 0.9 } },
    layers = {
        conv { 20, window = 3, padding = 1 }, relu { name = "stem" }, norm { groups = 4 },
        conv { 5, window = 3, padding = 1, bias = true, name = "thin", standardize = true },
        concat("stem"), norm { groups = 5 }, relu(),
        conv { 16, window = 1 }, relu { name = "wide" },
        norm { kind = "rms", elements = true, from = "wide", name = "squares" },
        pad_channels { 37, from = "wide", name = "between" },
        pad_channels { 12, before = 0, from = "thin", name = "thinner" },
        concat { "input", "wide", "between", "stem", "wide", "squares", "thinner", "thin" },
        conv { 12, window = 3 }, relu(), norm { groups = 3, name = "body" },
        global_avgpool(), linear(4), relu(), linear(12), sigmoid(), mul { "body", "sigmoid1" },
        conv { 12, window = 3, padding = 1 }, tanh { name = "gate" }, mul("mul1"), mul("gate"),
        norm { kind = "cn", name = "pixels" },
        conv { 12, window = 3, padding = 1 }, relu(), norm { kind = "rms", eps = 1e-3 },
        add("pixels"), norm { kind = "ln", elements = true },
        conv { 37, window = 1 }, norm { kind = "cn", name = "wider" },
        norm { kind = "rms", elements = true, eps = 1e-4, name = "elements" },
        norm { kind = "rms", from = "pixels", name = "rooted" },
        concat { "rooted", "wider", "elements", name = "both" },
        norm { kind = "cn", from = "input" }, conv { 4, window = 3 }, relu(),
        norm { kind = "ln", elements = true }, norm("cn"),
        concat("both"), norm { kind = "rms", name = "all" },
        global_maxpool(), mul("all"), global_maxpool(), linear(5), softmax_cross_entropy(),
    },
}
