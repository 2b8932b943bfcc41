-- s8_best: the network s8 without its dropout, with a recipe that gets more out of it in the same
-- 20 epochs. The network underfits, so nothing holds it back but weight decay; the rate was chosen
-- on 5,000 training images held out.

local function block(channels)
    return { conv { channels, window = 3, padding = 1 }, relu(), norm() }
end

local function narrow(channels)
    return { conv { channels, window = 1 }, maxpool(2) }
end

return network {
    name = "s8_best",
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
