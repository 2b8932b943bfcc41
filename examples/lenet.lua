-- lenet: two convolutions with pools between them and three fully connected layers, after LeCun,
-- Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998. The
-- original reads 1 x 32 x 32 digits; this one reads colour images, takes maxima where the original
-- averages, and has ReLU in place of tanh.
--
--     make train NET=lenet
--
-- It has no norm, so NORM changes nothing but the name of the program.

-- A window of 5 without padding: the image loses two pixels on each side.
local function stage(channels)
    return { conv { channels, window = 5, bias = true }, relu(), maxpool(2) }
end

return network {
    name = "lenet",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 64,
        epochs = 20,
        optimizer = sgd { lr = 0.05, momentum = 0.9, weight_decay = 5e-4 },
        schedule = cosine { final_div = 100 },
        augment = { crop = 2, flip = "random" },
    },
    layers = {
        stage(6), -- 6 x 14 x 14
        stage(16), -- 16 x 5 x 5
        linear(120), relu(), -- reads all 400 values of the last stage
        linear(84), relu(),
        linear(10),
        softmax_cross_entropy(),
    },
}
