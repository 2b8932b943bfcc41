-- convnext_tiny: a convolutional network with the manners of a transformer, after Liu, Mao, Wu,
-- Feichtenhofer, Darrell and Xie, "A ConvNet for the 2020s", 2022, in small. A block mixes places
-- by a depthwise 7 x 7 convolution, normalizes the channels of each pixel (cn), and mixes channels
-- by two 1 x 1 convolutions with four times as many channels and one GELU between them; its result
-- is added to what it was given. Norms stand alone where the image becomes smaller, too. The paper
-- scales what a block adds by small numbers that are learned, which deep networks need and this
-- one does not.
--
--     make train NET=convnext_tiny

local function pixels(name)
    return norm { kind = "cn", eps = 1e-6, name = name }
end

-- A block that keeps its `channels`; its result is the layer `name`.
local function block(channels, from, name)
    return {
        conv { channels, window = 7, padding = 3, groups = channels, bias = true, from = from },
        pixels(),
        conv { 4 * channels, window = 1, bias = true }, gelu(),
        conv { channels, window = 1, bias = true }, add { from, name = name },
    }
end

-- Half the height and width.
local function smaller(channels, name)
    return { pixels(), conv { channels, window = 2, stride = 2, bias = true, name = name } }
end

return network {
    name = "convnext_tiny",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 20,
        optimizer = adamw { lr = 4e-3, weight_decay = 0.05 },
        decay = { norm = 0, bias = 0 },
        schedule = onecycle { warmup = 0.3 },
        clip = 1,
        label_smoothing = 0.1,
        augment = { crop = 4, flip = "random" },
    },
    layers = {
        conv { 32, window = 2, stride = 2, bias = true }, pixels("stem"),
        block(32, "stem", "block1"), -- 32 x 16 x 16
        smaller(64, "middle"), block(64, "middle", "block2"), block(64, "block2", "block3"),
        smaller(128, "late"), block(128, "late", "block4"), -- 128 x 4 x 4
        global_avgpool(), pixels(), linear(10), softmax_cross_entropy(),
    },
}
