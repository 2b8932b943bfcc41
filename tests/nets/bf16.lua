-- bf16: convolutions with products in bf16, for the tests of kernels: images of an odd number of
-- tiles, tiles beyond the image, channels that fill no vector, an odd number of them, a bias and a
-- gradient that is added to; direct ones of one pixel and of several, with and without strides.
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
        conv { 40, window = 1, bias = true },
        conv { 18, window = 3, stride = 2 }, relu(), norm { groups = 3 },
        conv { 64, window = 1 }, relu(), norm { groups = 4 },
        conv { 7, window = 1, stride = 2 }, relu(),
        conv { 16, window = 2, padding = 1, bias = true },
        global_avgpool(), linear(5), softmax_cross_entropy(),
    },
}
