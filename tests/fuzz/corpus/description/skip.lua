local function half(size, name)
    return {
        conv { size, window = 3, stride = 2, padding = 1 }, relu(), norm { name = name .. "_main" },
        conv { size, window = 1, stride = 2, from = name, name = name .. "_skip" },
        add(name .. "_main"), relu { name = name .. "_sum" },
    }
end
return network {
    name = "skip", input = { 3, 12, 12 }, classes = 5,
    recipe = {
        batch = 32, optimizer = sgd { lr = 0.1, momentum = 0.9, weight_decay = 1e-4 },
        schedule = onecycle { warmup = 0.2 },
    },
    layers = {
        conv { 6, window = 5, padding = 2, name = "a" }, half(8, "a"), half(10, "a_sum"),
        norm { "gn", groups = 5 }, global_avgpool(), linear(5), softmax_cross_entropy(),
    },
}
