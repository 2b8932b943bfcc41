-- resnext: residual blocks whose middle convolution is cut into groups of channels that see only
-- each other, after Xie, Girshick, Dollar, Tu and He, "Aggregated Residual Transformations for
-- Deep Neural Networks", 2017. A 1 x 1 convolution narrows, one of 3 x 3 in groups works there,
-- and another 1 x 1 widens again. For the same cost the middle may be wider than without groups.
--
--     make train NET=resnext NORM=gn

local GROUPS <const> = 4

-- A block of `inputs` channels to `outputs` that reads the layer `from`; its result is `name`. The
-- skip is a 1 x 1 convolution where the shape changes.
local function block(inputs, outputs, stride, from, name)
    local middle <const> = outputs // 2
    local skip = from
    local shortcut = {}
    if stride == 2 or inputs ~= outputs then
        skip = name .. "_skip"
        shortcut = {
            conv { outputs, window = 1, stride = stride, from = from }, norm { name = skip },
        }
    end
    return {
        conv { middle, window = 1, from = from }, norm(), relu(),
        conv { middle, window = 3, padding = 1, stride = stride, groups = GROUPS }, norm(), relu(),
        conv { outputs, window = 1 }, norm { name = name .. "_main" },
        shortcut,
        add { name .. "_main", skip }, relu { name = name },
    }
end

return network {
    name = "resnext",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 20,
        optimizer = sgd { lr = 0.1, momentum = 0.9, weight_decay = 5e-4, nesterov = true },
        schedule = onecycle { warmup = 0.2 },
        label_smoothing = 0.1, -- a tenth of the target goes to all classes alike
        augment = { crop = 4, flip = "random", cutout = 8 },
    },
    layers = {
        conv { 16, window = 3, padding = 1 }, norm(), relu { name = "stem" },
        block(16, 32, 1, "stem", "high1"), block(32, 32, 1, "high1", "high2"),
        block(32, 64, 2, "high2", "mid1"), block(64, 64, 1, "mid1", "mid2"),
        block(64, 128, 2, "mid2", "low1"), -- 128 x 8 x 8
        global_avgpool(),
        linear(10),
        softmax_cross_entropy(),
    },
}
