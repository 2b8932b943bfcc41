-- windows: convolutions of every window and stride, some in groups, for difference quotients of all parameters.
local layers = {
    conv { 3, window = 1, bias = true }, relu(),
    conv { 3, window = 3, padding = 1, groups = 3, bias = true }, relu(),
    conv { 6, window = 3, padding = 1, groups = 3, standardize = true }, relu(),
    conv { 2, window = 7, padding = 3 }, relu(),
    conv { 3, window = 6, padding = 2 }, relu(),
    conv { 2, window = 5, padding = 2 }, relu(),
    conv { 3, window = 4, padding = 2, bias = true }, relu(),
    conv { 2, window = 3, padding = 0 }, relu(),
    conv { 5, window = 2, padding = 1 }, norm { groups = 5, name = "trunk" },
    conv { 2, window = 1, stride = 2, name = "row1" },
}
for window = 2, 7 do
    layers[#layers + 1] = conv {
        2, from = "trunk", window = window, stride = 2, padding = (window - 1) // 2,
    }
    layers[#layers + 1] = add { "row" .. window - 1, name = "row" .. window }
end
return network {
    name = "windows",
    input = { 1, 9, 7 },
    classes = 3,
    recipe = { batch = 2, optimizer = sgd { lr = 0.1 } },
    layers = {
        layers, conv { 2, window = 3, stride = 2, padding = 1, groups = 2 }, relu(),
        conv { 4, window = { 3, 1 }, padding = { 2, 0 }, stride = { 2, 1 } }, relu(),
        conv { 4, window = { 1, 8 }, padding = { 0, 6 }, stride = { 1, 3 }, groups = 4 },
        conv { 4, window = { 2, 3 }, padding = { 2, 3 }, stride = { 1, 2 }, dilation = { 3, 2 } },
        conv { 4, window = 3, padding = { 3, 2 }, stride = { 2, 1 }, dilation = 2, groups = 4 },
        avgpool { { 2, 1 }, stride = { 1, 2 } },
        global_avgpool(), linear(3), softmax_cross_entropy(),
    },
}
