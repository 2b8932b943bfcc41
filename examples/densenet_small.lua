-- densenet_small: dense blocks, after Huang, Liu, van der Maaten and Weinberger, "Densely Connected
-- Convolutional Networks", 2017. A layer of a block reads the outputs of all layers before it, side
-- by side, and adds a few channels; between blocks about half of the channels go on, at half the
-- side.
--
--     make train NET=densenet_small

local GROWTH <const> = 12 -- channels that a layer adds
local LAYERS <const> = 4 -- of a block

-- A dense block that reads the layer `from`; its result is the layer `name`.
local function block(from, name)
    local layers <const> = {}
    for i = 1, LAYERS do
        local grown <const> = i < LAYERS and name .. "_" .. i or name
        layers[i] = {
            norm { from = from }, relu(), conv { GROWTH, window = 3, padding = 1 },
            concat { from, name = grown },
        }
        from = grown
    end
    return layers
end

local function transition(channels, name)
    return { norm(), relu(), conv { channels, window = 1 }, avgpool { 2, name = name } }
end

return network {
    name = "densenet_small",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 20,
        optimizer = sgd { lr = 0.1, momentum = 0.9, weight_decay = 1e-4, nesterov = true },
        schedule = onecycle { warmup = 0.2 },
        augment = { crop = 4, flip = "random" },
    },
    layers = {
        conv { 24, window = 3, padding = 1, name = "stem" }, block("stem", "dense1"),
        transition(36, "middle"), block("middle", "dense2"),
        transition(40, "late"), block("late", "dense3"),
        norm(), relu(), global_avgpool(), linear(10), softmax_cross_entropy(),
    },
}
