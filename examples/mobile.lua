-- mobile: separable convolutions, after Howard et al., "MobileNets: Efficient Convolutional Neural
-- Networks for Mobile Vision Applications", 2017. A 3 x 3 convolution of C channels to K costs
-- 9 C K multiplications a pixel. Here a depthwise one looks at each channel by itself, 9 C, and a
-- 1 x 1 one mixes the channels, C K.
--
--     make train NET=mobile NORM=ln

local function pointwise(channels)
    return { conv { channels, window = 1 }, norm(), relu() }
end

-- From `inputs` channels to `outputs`. As many groups as channels: depthwise.
local function separable(inputs, outputs, stride)
    return {
        conv { inputs, window = 3, padding = 1, stride = stride, groups = inputs }, norm(), relu(),
        pointwise(outputs),
    }
end

return network {
    name = "mobile",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 20,
        optimizer = adamw { lr = 3e-3, weight_decay = 0.05 },
        decay = { norm = 0, bias = 0 },
        schedule = cosine { final_div = 1000, warmup_epochs = 1 },
        augment = { crop = 2, flip = "alternating" },
    },
    layers = {
        conv { 16, window = 3, padding = 1 }, norm(), relu(),
        separable(16, 32, 1),
        separable(32, 64, 2), -- 64 x 16 x 16
        separable(64, 64, 1),
        separable(64, 128, 2), -- 128 x 8 x 8
        separable(128, 128, 1),
        global_avgpool(),
        dropout(0.1),
        linear(10),
        softmax_cross_entropy(),
    },
}
