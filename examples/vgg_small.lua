-- vgg_small: pairs of 3 x 3 convolutions between pools, and fully connected layers behind them,
-- after Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
-- Recognition", 2015. Two windows of 3 x 3 see 5 x 5 pixels with 18 weights for a pair of channels,
-- where one of 5 x 5 has 25.
--
--     make train NET=vgg_small

local function stage(channels, p)
    local function layer()
        return { conv { channels, window = 3, padding = 1 }, norm(), relu() }
    end
    return { layer(), layer(), maxpool(2), dropout(p) }
end

return network {
    name = "vgg_small",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 20,
        optimizer = sgd { lr = 0.05, momentum = 0.9, weight_decay = 5e-4, nesterov = true },
        schedule = onecycle { warmup = 0.2 },
        augment = { crop = 4, flip = "random", cutout = 8 },
    },
    layers = {
        stage(32, 0.05), -- 32 x 16 x 16
        stage(64, 0.1), -- 64 x 8 x 8
        stage(96, 0.2), -- 96 x 4 x 4
        linear { 128, bias = false }, norm(), relu(), dropout(0.2),
        linear(10),
        softmax_cross_entropy(),
    },
}
