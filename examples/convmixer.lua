-- convmixer: patches in place of pixels, after Trockman and Kolter, "Patches Are All You Need?",
-- 2023. The first convolution cuts the image into patches of 2 x 2; from then on every layer has
-- the same shape. A depthwise convolution with a large window mixes places, and is added to what it
-- was given; a 1 x 1 one mixes channels. GELU and a norm follow each.
--
--     make train NET=convmixer

local WIDTH <const>, DEPTH <const>, WINDOW <const> = 64, 4, 5

local function mixed(convolution, name)
    return { convolution, gelu(), norm { name = name } }
end

local function body()
    local layers <const> = {}
    for i = 1, DEPTH do
        local from <const> = i == 1 and "patches" or "channels" .. i - 1
        layers[i] = {
            mixed(conv { WIDTH, window = WINDOW, padding = WINDOW // 2, groups = WIDTH },
                "window" .. i),
            add { "window" .. i, from },
            mixed(conv { WIDTH, window = 1 }, "channels" .. i),
        }
    end
    return layers
end

return network {
    name = "convmixer",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 20,
        optimizer = adamw { lr = 5e-3, weight_decay = 0.02 },
        decay = { norm = 0, bias = 0 },
        schedule = onecycle { warmup = 0.3 },
        clip = 1,
        augment = { crop = 4, flip = "random", rotate = 5, brightness = 0.1, contrast = 0.1 },
    },
    layers = {
        mixed(conv { WIDTH, window = 2, stride = 2 }, "patches"), -- 64 x 16 x 16
        body(),
        global_avgpool(),
        linear(10),
        softmax_cross_entropy(),
    },
}
