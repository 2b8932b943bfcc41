local made, sizes = {}, { b = 8, a = 4, [3] = 2 }
for key, size in pairs(sizes) do
    made[#made + 1] = conv { size, window = 1, name = ("c_" .. tostring(key)):lower() }
    made[#made + 1] = ({ relu, norm })[1 + size % 2]()
end
local function scaled(...)
    local first, rest = ..., select("#", ...)
    assert(rest > 0 and type(first) == "number", "a number")
    return math.tointeger(math.floor(first * 1.5)) or error("no integer")
end
local text = table.concat({ string.format("%s%d", "n", 3), ("xyz"):sub(2, 2):reverse():upper() })
return network {
    name = text, input = { 1, 7, 5 }, classes = 3,
    recipe = {
        batch = scaled(4), epochs = 2, label_smoothing = 0.1,
        optimizer = sgd { 0.1, lr = 0.1 },
        schedule = cosine { final_div = 10 },
        augment = { crop = 1, flip = "alternating", cutout = 3 },
    },
    layers = {
        made, { {}, { maxpool { 3, stride = 2, padding = 1 } } }, dropout(0.5),
        conv { channels = 2.0, window = 2, stride = 2, padding = 1, bias = true, from = "c_a" },
        avgpool { 2, name = "p" }, norm { kind = "gn", groups = 2, eps = 1e-3 }, add("p"),
        linear { 3, bias = false }, softmax_cross_entropy(),
    },
}
