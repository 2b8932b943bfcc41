-- resnet20a: the network of resnet20.lua with the shortcuts that He, Zhang, Ren and Sun trained on
-- CIFAR-10 (their option A). Where a stage halves the image and doubles the channels, the skip
-- takes each second pixel down and across, and puts zeros where it has no channels: it has no
-- weights and no norm.
--
--     make train NET=resnet20a

local STAGES <const> = { 16, 32, 64 } -- channels
local BLOCKS <const> = 3 -- of a stage

local function conv3(channels, stride, from)
    return conv { channels, window = 3, padding = 1, stride = stride, from = from }
end

-- A block that reads the layer `from`. Its result is the layer `name`.
local function block(channels, stride, from, name)
    local main <const> = {
        conv3(channels, stride, from), norm(), relu(),
        conv3(channels, 1), norm { name = name .. "_main" },
    }
    local skip = from
    local shortcut = {}
    if stride == 2 then
        skip = name .. "_skip"
        shortcut = {
            avgpool { 1, stride = 2, from = from }, pad_channels { channels, name = skip },
        }
    end
    return { main, shortcut, add { name .. "_main", skip }, relu { name = name } }
end

local function body()
    local layers <const> = {}
    local from = "stem"
    for stage, channels in ipairs(STAGES) do
        for i = 1, BLOCKS do
            local name <const> = string.format("stage%d_%d", stage, i)
            local stride <const> = stage > 1 and i == 1 and 2 or 1
            layers[#layers + 1] = block(channels, stride, from, name)
            from = name
        end
    end
    return layers
end

return network {
    name = "resnet20a",
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
        conv3(16, 1), norm(), relu { name = "stem" },
        body(),
        global_avgpool(),
        linear(10),
        softmax_cross_entropy(),
    },
}
