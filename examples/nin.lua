-- nin: a network in the network, after Lin, Chen and Yan, "Network In Network", 2014. Behind each
-- window two 1 x 1 convolutions look at one place alone, as a small fully connected network that is
-- the same everywhere; the last one makes a score a class at every place, and the mean of each
-- channel is the logit. A third of the original's channels, and a norm after each ReLU.
--
--     make train NET=nin

-- A window of K x K and two layers inside it.
local function block(window, outer, inner, last)
    local function pointwise(channels)
        return { conv { channels, window = 1 }, relu(), norm() }
    end
    return {
        conv { outer, window = window, padding = window // 2 }, relu(), norm(),
        pointwise(inner), last and conv { last, window = 1, bias = true } or pointwise(inner),
    }
end

return network {
    name = "nin",
    input = { 3, 32, 32 },
    classes = 10,
    recipe = {
        batch = 128,
        epochs = 20,
        optimizer = sgd { lr = 0.1, momentum = 0.9, weight_decay = 1e-3, nesterov = true },
        schedule = cosine { final_div = 100, warmup_epochs = 1 },
        augment = { crop = 4, flip = "random" },
    },
    layers = {
        block(5, 48, 32), maxpool { 3, stride = 2, padding = 1 }, dropout(0.1), -- 32 x 16 x 16
        block(5, 64, 64), maxpool { 3, stride = 2, padding = 1 }, dropout(0.2), -- 64 x 8 x 8
        block(3, 64, 64, 10), -- 10 x 8 x 8
        global_avgpool(),
        softmax_cross_entropy(),
    },
}
