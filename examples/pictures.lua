-- pictures: a small network for pictures of 40 x 48 pixels in five classes, as a folder of PNG or
-- JPEG files has them:
--
--     make train NET=pictures DATA=folder ARGS="--resize crop"
--
-- For other sizes change `input`; for other classes, `classes` and the channels of the last
-- convolution.

-- The image becomes half as high and wide.
local function stage(channels)
    return {
        conv { channels, window = 3, padding = 1 }, relu(), norm(),
        conv { channels, window = 3, padding = 1 }, relu(), norm(),
        maxpool(2),
    }
end

return network {
    name = "pictures",
    input = { 3, 40, 48 },
    classes = 5,
    recipe = {
        batch = 32,
        epochs = 20,
        optimizer = sgd { lr = 0.1, momentum = 0.9, weight_decay = 5e-4 },
        schedule = onecycle { warmup = 0.2 },
        augment = { crop = 4, flip = "random" },
    },
    layers = {
        stage(16), -- 16 x 20 x 24
        stage(32), -- 32 x 10 x 12
        stage(48), -- 48 x 5 x 6
        conv { 5, window = 1 },
        global_avgpool(),
        softmax_cross_entropy(),
    },
}
