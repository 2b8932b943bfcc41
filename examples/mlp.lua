-- mlp: three fully connected layers and no convolution at all: what a network reaches that does
-- not know which pixels are neighbours. The first layer flattens the image.
--
--     make train NET=mlp NORM=bn
--
-- A norm on an image of one pixel: batch norm compares the images of the batch, group and layer
-- norm the channels of an image. Instance norm has one value and nothing to compare it with, so
-- NORM=in makes no sense here.

local function hidden(width, p)
    return { linear { width, bias = false }, norm(), relu(), dropout(p) }
end

return network {
    name = "mlp",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 20,
        optimizer = sgd { lr = 0.05, momentum = 0.9, weight_decay = 5e-4, nesterov = true },
        schedule = onecycle { warmup = 0.2 },
        augment = { flip = "random" }, -- a shifted image is quite another one for this network
    },
    layers = {
        hidden(256, 0.2),
        hidden(128, 0.2),
        linear(10),
        softmax_cross_entropy(),
    },
}
