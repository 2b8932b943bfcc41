-- allcnn: nothing but convolutions. Where others pool, a convolution of stride 2 halves the image,
-- and where others flatten, a 1 x 1 convolution makes a score a class at every place, which are
-- averaged. After Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity: The
-- All Convolutional Net", 2015, with a quarter of its channels and a norm after each ReLU.
--
--     make train NET=allcnn NORM=gn

local function conv3(channels, stride)
    return { conv { channels, window = 3, padding = 1, stride = stride }, relu(), norm() }
end

return network {
    name = "allcnn",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 20,
        optimizer = sgd { lr = 0.05, momentum = 0.9, weight_decay = 1e-3, nesterov = true },
        schedule = step { every = 7, gamma = 0.1 },
        augment = { crop = 4, flip = "random" },
    },
    layers = {
        dropout(0.1), -- on the image itself
        conv3(24, 1), conv3(24, 1),
        conv3(24, 2), dropout(0.2), -- 24 x 16 x 16
        conv3(48, 1), conv3(48, 1),
        conv3(48, 2), dropout(0.2), -- 48 x 8 x 8
        conv3(48, 1),
        conv { 48, window = 1 }, relu(), norm(),
        conv { 10, window = 1, bias = true }, -- 10 x 8 x 8: a score a class and place
        global_avgpool(),
        softmax_cross_entropy(),
    },
}
