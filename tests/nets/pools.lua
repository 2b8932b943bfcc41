-- pools: windows of every kind, for the tests of kernels: max pooling up to the widest; windows,
-- strides and paddings that are not the same down and across, and the largest of convolutions,
-- whole, in groups and depthwise, some of which move further than they reach; dilated ones. Norms of
-- an odd number of pixels.
return network {
    name = "pools",
    input = { 3, 19, 18 },
    classes = 5,
    recipe = { batch = 44, epochs = 1, optimizer = sgd { lr = 0.05, momentum = 0.9 } },
    layers = {
        conv { 20, window = 3, padding = 1 }, relu { name = "entry" },
        maxpool { 7, stride = 3, padding = 3 }, conv { 5, window = 1 }, maxpool { 3, stride = 2 },
        linear { 5, name = "low" },
        conv { 5, window = 1, from = "entry" }, maxpool { 16, stride = 1, name = "wide" },
        linear { 5, name = "high" }, add { "low", name = "even" },

        conv { 8, window = { 1, 3 }, stride = { 1, 2 }, padding = { 0, 1 }, from = "entry" },
        relu(), norm { name = "narrow" },
        conv { 8, window = { 5, 1 }, padding = { 2, 0 }, bias = true }, norm(), add("narrow"),
        conv { 8, window = { 1, 7 }, padding = { 0, 3 }, groups = 8 }, norm(),
        conv { 8, window = { 3, 2 }, stride = { 2, 1 }, padding = { 1, 0 }, groups = 8, bias = true },
        maxpool { { 3, 2 }, stride = { 2, 1 }, padding = { 1, 0 } },
        conv { 16, window = { 3, 2 }, stride = { 2, 3 }, padding = { 1, 0 }, groups = 2 }, relu(),
        avgpool { { 1, 2 }, stride = 1, padding = { 0, 1 } },
        linear(5), add { "even", name = "uneven" },

        conv { 9, window = { 11, 3 }, stride = 4, padding = { 5, 1 }, from = "entry" }, relu(),
        norm { kind = "cn" },
        conv { 9, window = { 9, 11 }, stride = { 3, 1 }, padding = { 4, 6 }, groups = 9 },
        linear(5), add { "uneven", name = "large" },

        conv { 16, window = 3, padding = 2, dilation = 2, from = "entry", bias = true }, relu(),
        norm { name = "dilated" },
        conv { 16, window = 3, padding = { 4, 2 }, dilation = { 4, 2 } }, norm(), add("dilated"),
        conv { 16, window = { 3, 2 }, padding = 3, dilation = 3, groups = 16, bias = true }, relu(),
        conv { 16, window = { 2, 3 }, padding = { 1, 2 }, stride = 2, dilation = { 3, 2 } },
        conv { 8, window = 3, padding = 2, stride = { 2, 3 }, dilation = { 2, 4 }, groups = 4 },
        norm { kind = "rms" }, linear(5), add("large"), softmax_cross_entropy(),
    },
}
