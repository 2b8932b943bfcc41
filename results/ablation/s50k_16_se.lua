-- s50k_16_se: s50k_16 with squeeze and excitation in its two last blocks, through 6 channels each.

local function conv3(channels)
    return { conv { channels, window = 3, padding = 1 }, silu(), norm() }
end

-- A separable convolution of the layer before, or of `from`. Its two parts have neither norm nor
-- SiLU between them.
local function separable(from_channels, channels, name, from)
    return {
        conv { from_channels, window = 3, padding = 1, groups = from_channels, from = from },
        conv { channels, window = 1 }, silu(), norm { name = name },
    }
end

-- A separable convolution with a skip around it; `entry` is the layer from which both start.
local function residual(channels, entry, name)
    return { separable(channels, channels, name .. "_main", entry), add { entry, name = name } }
end

-- The same with squeeze and excitation.
local function excited(channels, entry, name)
    local main <const> = name .. "_main"
    return {
        separable(channels, channels, main, entry),
        global_avgpool(), linear(channels // 16), silu(), linear(channels), sigmoid(),
        mul(main), add { entry, name = name },
    }
end

return network {
    name = "s50k_16_se",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 64,
        epochs = 20,
        optimizer = muon { lr = 0.015, momentum = 0.9, renormalize = true, weight_decay = 5e-4,
            others = "sgd", others_lr = 0.15 },
        decay = { norm = 0, bias = 0 },
        schedule = linear { warmup_epochs = 1 },
        augment = { crop = 2, flip = "alternating" },
    },
    layers = {
        conv3(16), conv3(32), maxpool { 2, name = "pool1" },
        residual(32, "pool1", "mid1"), separable(32, 64, "mid2"),
        residual(64, "mid2", "mid3"), residual(64, "mid3", "mid4"),
        separable(64, 96, "low1"), excited(96, "low1", "low2"),
        excited(96, "low2", "low3"),
        global_avgpool(),
        conv { 10, window = 1 },
        softmax_cross_entropy(),
    },
}
