-- senet_small: residual blocks with squeeze and excitation, after Hu, Shen and Sun,
-- "Squeeze-and-Excitation Networks", 2018. What a block adds is multiplied, channel by channel, by
-- factors between 0 and 1 that two linear layers make of the means of its channels.
--
--     make train NET=senet_small

-- A block that keeps its `channels`; its result is the layer `name`.
local function block(channels, from, name)
    return {
        conv { channels, window = 3, padding = 1, from = from }, norm(), relu(),
        conv { channels, window = 3, padding = 1 }, norm { name = name .. "_main" },
        global_avgpool(), linear(channels // 4), relu(), linear(channels), sigmoid(),
        mul(name .. "_main"), add(from), relu { name = name },
    }
end

local function entry(channels, stride, name)
    return {
        conv { channels, window = 3, padding = 1, stride = stride }, norm(), relu { name = name },
    }
end

return network {
    name = "senet_small",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 20,
        optimizer = sgd { lr = 0.1, momentum = 0.9, weight_decay = 5e-4, nesterov = true },
        schedule = onecycle { warmup = 0.2 },
        augment = { crop = 4, flip = "random" },
    },
    layers = {
        entry(16, 1, "stem"), block(16, "stem", "block1"),
        entry(32, 2, "middle"), block(32, "middle", "block2"),
        entry(64, 2, "late"), block(64, "late", "block3"),
        global_avgpool(), linear(10), softmax_cross_entropy(),
    },
}
