-- parts.lua - the layers that an ONNX file has as several operators, or with numbers beside them.
--
--     parts[kind](built, node, x) -> name of the output
--
-- built is what export.lua writes with, node one of the graph, x the name of what it reads. Which
-- layers are one operator of the opset is in operators.lua.

local operators <const> = require("onnx/operators")

local parts <const> = {}

-- Over the channels, which LayerNormalization wants behind the pixels.
local function layer_norm_of_pixels(built, node, x)
    local name <const> = node.name
    local last <const> = built.node("Transpose", name .. ".channels_last", { x },
        { operators.attribute("perm", "ints", { 0, 2, 3, 1 }) })
    local normal <const> = built.node("LayerNormalization", name .. ".normal",
        { last, built.parameter(name .. ".weight"), built.parameter(name .. ".bias") },
        { operators.attribute("axis", "int", -1),
            operators.attribute("epsilon", "float", node.eps) })
    return built.node("Transpose", name, { normal },
        { operators.attribute("perm", "ints", { 0, 3, 1, 2 }) })
end

-- Over the image, an element's weight and bias as they are.
local function layer_norm_of_image(built, node, x)
    return built.node("LayerNormalization", node.name,
        { x, built.parameter(node.name .. ".weight"), built.parameter(node.name .. ".bias") },
        { operators.attribute("axis", "int", 1),
            operators.attribute("epsilon", "float", node.eps) })
end

-- x / sqrt(mean of x * x over the channels, or over the image, + eps) * weight.
local function rms_norm(built, node, x)
    local name <const> = node.name
    local of_image <const> = node.over == "image"
    local sides <const> = of_image and { 1, 2, 3 } or { 1 }
    local square <const> = built.node("Mul", name .. ".square", { x, x }, {})
    -- From opset 18 on, axes are an input.
    local inputs <const> = { square }
    local attributes <const> = { operators.attribute("keepdims", "int", 1) }
    if built.options.opset >= 18 then
        inputs[2] = built.integers(name .. ".channels", sides)
    else
        attributes[2] = operators.attribute("axes", "ints", sides)
    end
    local mean <const> = built.node("ReduceMean", name .. ".mean", inputs, attributes)
    local eps <const> = built.floats(name .. ".eps", {}, string.pack("<f", node.eps))
    local sum <const> = built.node("Add", name .. ".sum", { mean, eps }, {})
    local root <const> = built.node("Sqrt", name .. ".root", { sum }, {})
    local normal <const> = built.node("Div", name .. ".normal", { x, root }, {})
    local weight = built.parameter(name .. ".weight")
    if not of_image then
        local axes <const> = built.integers(name .. ".axes", { 1, 2 })
        weight = built.node("Unsqueeze", name .. ".weight_image", { weight, axes }, {})
    end
    return built.node("Mul", name, { normal, weight }, {})
end

-- Group norm where no operator has one weight a channel: each group becomes a channel of an
-- instance norm, and the weights follow by themselves.
local function group_norm(built, node, x)
    local name <const> = node.name
    local groups <const> = node.groups
    local eps <const> = operators.attribute("epsilon", "float", node.eps)
    local split <const> = built.integers(name .. ".groups_shape", { 0, groups, -1 })
    local joined <const> = built.integers(name .. ".joined_shape", { 0, node.c, node.h, node.w })
    local one <const> = built.floats(name .. ".ones", { groups },
        string.pack("<f", 1.0):rep(groups))
    local zero <const> = built.floats(name .. ".zeros", { groups },
        string.pack("<f", 0.0):rep(groups))
    local axes <const> = built.integers(name .. ".axes", { 1, 2 })
    local weight <const> = built.node("Unsqueeze", name .. ".weight_image",
        { built.parameter(name .. ".weight"), axes }, {})
    local bias <const> = built.node("Unsqueeze", name .. ".bias_image",
        { built.parameter(name .. ".bias"), axes }, {})
    local groups_of_x <const> = built.node("Reshape", name .. ".groups", { x, split }, {})
    local normal <const> = built.node("InstanceNormalization", name .. ".normal",
        { groups_of_x, one, zero }, { eps })
    local image <const> = built.node("Reshape", name .. ".joined", { normal, joined }, {})
    local scaled <const> = built.node("Mul", name .. ".scale", { image, weight }, {})
    return built.node("Add", name, { scaled, bias }, {})
end

function parts.norm(built, node, x)
    local layer_norm <const> = node.over == "image" and layer_norm_of_image or layer_norm_of_pixels
    local write <const> = node.norm == "layer" and layer_norm or node.norm == "rms" and rms_norm
        or group_norm
    return write(built, node, x)
end

-- Pads of (N, C, H, W), those before all sides, then those behind. Without a number they are zeros.
function parts.pad_channels(built, node, x)
    local behind <const> = node.c - node.first - built.graph.nodes[node.inputs[1]].c
    local pads <const> = built.integers(node.name .. ".pads",
        { 0, node.first, 0, 0, 0, behind, 0, 0 })
    return built.node("Pad", node.name, { x, pads }, {})
end

-- One number, which goes with every value.
local function number(built, name, value)
    return built.floats(name, {}, string.pack("<f", value))
end

function parts.relu6(built, node, x)
    local name <const> = node.name
    return built.node("Clip", name, { x, number(built, name .. ".min", 0.0),
        number(built, name .. ".max", 6.0) }, {})
end

function parts.silu(built, node, x)
    local gate <const> = built.node("Sigmoid", node.name .. ".gate", { x }, {})
    return built.node("Mul", node.name, { x, gate }, {})
end

-- x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
local function write_tanh_part(built, name, x)
    local cube <const> = built.node("Pow", name .. ".cube",
        { x, number(built, name .. ".power", 3.0) }, {})
    local small <const> = built.node("Mul", name .. ".small",
        { cube, number(built, name .. ".cubic", 0.044715) }, {})
    local sum <const> = built.node("Add", name .. ".sum", { x, small }, {})
    local inner <const> = built.node("Mul", name .. ".inner",
        { sum, number(built, name .. ".root", math.sqrt(2 / math.pi)) }, {})
    return built.node("Tanh", name .. ".tanh", { inner }, {})
end

-- Opset 20 has an operator for it.
function parts.gelu(built, node, x)
    local name <const> = node.name
    local part
    if node.activation == "gelu_tanh" then
        part = write_tanh_part(built, name, x)
    else
        local scaled <const> = built.node("Div", name .. ".scaled",
            { x, number(built, name .. ".root", math.sqrt(2)) }, {})
        part = built.node("Erf", name .. ".erf", { scaled }, {})
    end
    local one_more <const> = built.node("Add", name .. ".probability",
        { part, number(built, name .. ".one", 1.0) }, {})
    local product <const> = built.node("Mul", name .. ".product", { x, one_more }, {})
    return built.node("Mul", name, { product, number(built, name .. ".half", 0.5) }, {})
end

return parts
