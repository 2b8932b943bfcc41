-- rows: values made again one from another in rows so long that some of them are kept between the
-- phases of a batch norm, for difference quotients of all parameters.
return network {
    name = "rows",
    input = { 3, 6, 7 },
    classes = 3,
    recipe = { batch = 21, optimizer = sgd { lr = 0.1 } },
    layers = {
        conv { 4, window = 1 }, norm(),
        avgpool { 3, stride = 1, padding = 1 }, norm(), dropout(0.2),
        avgpool { 2, stride = 1 }, norm(), relu(),
        avgpool { 2, stride = 1, padding = 1 }, norm { name = "middle" }, dropout(0.1),
        avgpool { 3, stride = 1, padding = 1 }, norm(), add("middle"),
        conv { 4, window = 3, padding = 1, bias = true }, norm { eps = 1e-12 },
        avgpool(2), linear(3), softmax_cross_entropy(),
    },
}
