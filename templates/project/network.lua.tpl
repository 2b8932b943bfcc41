-- ${name}: begin here. `burin layers`, or man burin-language, says what may stand in this file;
-- `burin plan ${name}.lua` prints what becomes of it.

local function block(channels)
    return { conv { channels, window = 3, padding = 1 }, relu(), norm() }
end

return network {
    name = "${name}",
    input = { 3, 32, 32 }, -- channels, height and width of an image
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 10,
        optimizer = sgd { lr = 0.05, momentum = 0.9, weight_decay = 5e-4, nesterov = true },
        schedule = cosine(),
        augment = { crop = 2, flip = "random" },
    },
    layers = {
        block(16), maxpool(2),
        block(32), maxpool(2),
        block(32), global_avgpool(),
        linear(10),
        softmax_cross_entropy(),
    },
}
