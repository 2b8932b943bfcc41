-- s8: 46,000 parameters, 22.8 MFLOP an image. Ten convolutions without bias in three stages of
-- 32 x 32, 16 x 16 and 8 x 8 pixels, a 1 x 1 one before each max pool; one more makes the logits.

local p <const> = 0.01 -- dropout

local function block(channels)
    return { conv { channels, window = 3, padding = 1 }, relu(), norm(), dropout(p) }
end

local function narrow(channels)
    return { conv { channels, window = 1 }, maxpool(2) }
end

return network {
    name = "s8",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 20,
        optimizer = sgd { lr = 0.05, momentum = 0.9, weight_decay = 5e-4, nesterov = true },
        schedule = step { every = 6, gamma = 0.2 },
        augment = { crop = 2, flip = "random" },
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
