-- s8_base: the network of s8_best with the recipe that it had before any row of rows.txt was
-- trained. Those rows say what they change of it, so it stays as it is.

local function block(channels)
    return { conv { channels, window = 3, padding = 1 }, relu(), norm() }
end

local function narrow(channels)
    return { conv { channels, window = 1 }, maxpool(2) }
end

return network {
    name = "s8_base",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 20,
        optimizer = sgd { lr = 0.15, momentum = 0.9, weight_decay = 5e-4, nesterov = true },
        schedule = onecycle { warmup = 0.2 },
        augment = { crop = 2, flip = "alternating" },
    },
    layers = {
        block(16), block(32), narrow(16),
        block(16), block(32), block(32), narrow(16),
        block(32), block(32), block(32),
        global_avgpool(),
        conv { 10, window = 1 },
        softmax_cross_entropy(),
    },
}
