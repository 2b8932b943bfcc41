-- bf16: convolutions with products in bf16, for the tests of kernels: images of an odd number of
-- tiles, tiles beyond the image, channels that fill no vector, an odd number of them, a bias and a
-- gradient that is added to.
return network {
    name = "bf16",
    input = { 3, 12, 12 },
    classes = 5,
    recipe = {
        batch = 76, epochs = 1, optimizer = sgd { lr = 0.05, momentum = 0.9 }, precision = "bf16",
    },
    layers = {
        conv { 20, window = 3, padding = 1 }, relu(), norm { groups = 4, name = "entry" },
        conv { 20, window = 3, padding = 1, bias = true },
        add("entry"), relu(),
        conv { 32, window = 3, padding = 1 }, relu(), norm { groups = 4 },
        conv { 36, window = 3, padding = 0 }, relu(), norm { groups = 3 }, dropout(0.2),
        conv { 33, window = 3, padding = 2 }, norm { groups = 3 }, relu(),
        global_avgpool(), linear(5), softmax_cross_entropy(),
    },
}
