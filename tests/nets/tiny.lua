-- tiny: a network that is generated, compiled and trained in seconds, for the tests of the build.
return network {
    name = "tiny",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 32,
        epochs = 1,
        optimizer = sgd { lr = 0.05, momentum = 0.9 },
        schedule = step { every = 6, gamma = 0.2 },
    },
    layers = {
        conv { 8, window = 3, padding = 1, stride = 2 }, relu(), norm(), maxpool(2),
        conv { 16, window = 3, padding = 1 }, relu(), norm(),
        global_avgpool(), linear(10), softmax_cross_entropy(),
    },
}
