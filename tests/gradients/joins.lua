-- joins: layers that read several others, for difference quotients of all parameters.
return network {
    name = "joins",
    input = { 2, 4, 3 },
    classes = 3,
    recipe = { batch = 2, optimizer = sgd { lr = 0.1 } },
    layers = {
        conv { 4, window = 1 }, norm { groups = 2 }, relu { name = "stem" },
        conv { 3, window = 3, padding = 1, bias = true, name = "thin" }, concat("stem"),
        conv { 2, window = 1, name = "mix" }, concat { "input", "mix", "stem", "mix" },
        norm { groups = 2 }, relu { name = "body" }, global_avgpool(), linear(10), sigmoid(),
        mul("body"), mul("body"),
        norm("cn"), conv { 6, window = 3, padding = 1 }, relu(), norm("rms"),
        conv { 6, window = 1, bias = true }, norm { kind = "cn", eps = 1e-14, name = "pixels" },
        conv { 6, window = 1, bias = true }, norm { kind = "rms", eps = 1e-14 }, add("pixels"),
        pad_channels { 9, from = "add1" }, conv { 6, window = 1, name = "seen" }, relu(),
        norm { kind = "ln", elements = true, name = "whole" },
        norm { kind = "rms", from = "pixels" }, add("add1"), add("whole"),
        norm { kind = "rms", elements = true, eps = 1e-14 }, add("whole"), global_maxpool(), mul("add2"),
        global_maxpool(), mul("add3"), global_maxpool(), linear(3),
        softmax_cross_entropy(),
    },
}
