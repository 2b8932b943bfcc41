-- airbench: a network and a recipe that are made to be fast, after Jordan, "94% on CIFAR-10 in 3.29
-- Seconds on a Single GPU", arXiv:2404.00498, and its later versions with Muon. A 2 x 2 convolution
-- without padding begins (its weights are learned here, and fixed to whiten patches there); each
-- block pools between its two convolutions. Half the channels of the first block, a quarter of the
-- others.
--
--     make train NET=airbench
--
-- The recipe: filters move by Muon and keep their norm, biases and norms by SGD, with a rate that
-- falls in a line; labels are smoothed; each image is seen both ways in every two epochs; the
-- model is an average of the last steps, for which the norms' statistics are estimated anew.

local function block(channels)
    local function norm_and_gelu()
        return { norm { momentum = 0.4 }, gelu() }
    end
    return {
        conv { channels, window = 3, padding = 1 }, maxpool(2), norm_and_gelu(),
        conv { channels, window = 3, padding = 1 }, norm_and_gelu(),
    }
end

return network {
    name = "airbench",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 8,
        optimizer = muon {
            lr = 0.24, momentum = 0.6, newton_schulz = 3, renormalize = true,
            others = "sgd", others_lr = 0.05,
        },
        schedule = linear { warmup_epochs = 0.2, warmup_div = 5, final_div = 100 },
        label_smoothing = 0.2,
        ema = 0.9,
        ema_batches = 10,
        augment = { crop = 2, flip = "alternating" },
    },
    layers = {
        conv { 24, window = 2, bias = true }, gelu(), -- 24 x 31 x 31
        block(32), -- 32 x 15 x 15
        block(64), -- 64 x 7 x 7
        block(64), -- 64 x 3 x 3
        maxpool(3),
        linear { 10, bias = false },
        softmax_cross_entropy(),
    },
}
