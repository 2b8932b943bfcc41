-- resnet8: the ResNet-8 of MLPerf Tiny for CIFAR-10. Three stacks of two convolutions, each with
-- a skip; the second and third halve the image and double the channels, on the skip by a 1 x 1
-- convolution of stride 2.

local function conv3(channels, stride)
    return conv { channels, window = 3, padding = 1, stride = stride }
end

local function identity_stack(channels, entry)
    return {
        conv3(channels, 1), norm(), relu(),
        conv3(channels, 1), norm(),
        add(entry), relu(),
    }
end

local function halving_stack(channels, entry, name)
    return {
        conv3(channels, 2), norm(), relu(),
        conv3(channels, 1), norm { name = name .. "_main" },
        conv { channels, window = 1, stride = 2, from = entry, name = name .. "_skip" },
        add(name .. "_main"), relu { name = name },
    }
end

return network {
    name = "resnet8",
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
        identity_stack(16, "stem"),
        halving_stack(32, "relu3", "stack2"),
        halving_stack(64, "stack2", "stack3"),
        global_avgpool(),
        linear(10),
        softmax_cross_entropy(),
    },
}
