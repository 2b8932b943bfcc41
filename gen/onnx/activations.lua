-- activations.lua - activations that a file has in parts.
--
-- A part is a value of the layer that the activation reads, with `part`: the operators so far.
-- Each step below goes from a part to the next, with the layer itself or with a number, and the
-- last one is a layer.
--
--     silu        x * sigmoid(x)
--     hard_swish  x * hard_sigmoid(x), which is max(0, min(1, x / 6 + 1 / 2))
--     gelu        x / 2 * (1 + erf(x / sqrt(2))), in any order of the products
--     its form with tanh: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))), the cube by Pow

local values <const> = require("onnx/values")

local activations <const> = { of = {} }

local TOLERANCE <const> = 1e-4 -- relative: exporters round the constants in their ways

-- What an operator with a number makes of a part; "" is the layer itself.
local with_number <const> = {
    { op = "Div", part = "", number = math.sqrt(2), makes = "scaled" },
    { op = "Mul", part = "", number = math.sqrt(0.5), makes = "scaled" },
    { op = "Mul", part = "", number = 0.5, makes = "half x" },
    { op = "Mul", part = "cube", number = 0.044715, makes = "small cube" },
    { op = "Mul", part = "x + small cube", number = math.sqrt(2 / math.pi), makes = "inner" },
}

-- What a product of two parts of one layer makes.
local products <const> = {
    ["|hard sigmoid"] = { layer = "hard_swish" },
}

-- Both forms of GELU end alike.
for _, part in ipairs({ "erf", "tanh" }) do
    local sum <const> = "1 + " .. part
    local half <const>, product <const> = ("half (%s)"):format(sum), ("x (%s)"):format(sum)
    local gelu <const> = { layer = "gelu", form = part == "tanh" and "tanh" or nil }
    for _, step in ipairs({
        { op = "Add", part = part, number = 1, makes = sum },
        { op = "Mul", part = sum, number = 0.5, makes = half },
        { op = "Div", part = sum, number = 2, makes = half },
        { op = "Mul", part = product, number = 0.5, layer = "gelu", form = gelu.form },
        { op = "Div", part = product, number = 2, layer = "gelu", form = gelu.form },
    }) do
        with_number[#with_number + 1] = step
    end
    products["|" .. sum] = { makes = product }
    products["|" .. half] = gelu
    products[sum .. "|half x"] = gelu
end

local function step_to(context, node, x, step)
    if step.layer then
        local whole <const> = values.changed(x, {})
        whole.part = nil
        return context.emit(node, step.layer, { form = step.form }, { whole })
    end
    return values.changed(x, { part = step.makes })
end

-- A part, or a layer that several nodes read, with a number; nil where that is no step.
function activations.with_number(context, node, x, number)
    for _, step in ipairs(with_number) do
        if step.op == node.op_type and step.part == (x.part or "") and number
            and math.abs(number - step.number) <= TOLERANCE * step.number
            and (x.part or x.shared) then
            return step_to(context, node, x, step)
        end
    end
end

-- The product of two values of one layer; nil where it is no step.
function activations.product(context, node, a, b)
    local x <const>, y <const> = a.part or "", b.part or ""
    local step <const> = a.layer == b.layer and (products[x .. "|" .. y] or products[y .. "|" .. x])
    if step then
        return step_to(context, node, a, step)
    end
    -- A sigmoid that only its own input multiplies was no layer of its own.
    for _, pair in ipairs({ { a, b }, { b, a } }) do
        local gate <const>, other <const> = pair[1], pair[2]
        local layer <const> = context.layers[gate.layer]
        if not gate.part and not other.part and layer and layer.kind == "sigmoid"
            and layer.inputs[1] == other.layer and not gate.shared then
            layer.kind = "silu"
            return gate
        end
    end
end

--- The sum of a layer and a part of it; nil where it is no step.
function activations.sum(a, b)
    local x <const>, y <const> = a.part or "", b.part or ""
    if a.layer == b.layer and (x == "" and y == "small cube" or x == "small cube" and y == "") then
        return values.changed(a, { part = "x + small cube" })
    end
end

--- The cube of a layer.
function activations.cube(x)
    return values.changed(x, { part = "cube" })
end

--- What a tanh of a part is; nil where it is none of an activation.
function activations.tanh(x)
    if x and x.layer and x.part == "inner" then
        return values.changed(x, { part = "tanh" })
    end
end

function activations.of.Erf(_, _, ins)
    local x <const> = ins[1]
    if not x.layer or x.part ~= "scaled" then
        return nil, "is no part of a GELU", "erf of a layer divided by the root of 2"
    end
    return values.changed(x, { part = "erf" })
end

function activations.of.HardSigmoid(_, node, ins)
    local x <const>, what <const>, expected <const> = values.points(ins, 1)
    if not x then
        return nil, what, expected
    end
    local alpha <const> = node.attributes.alpha and node.attributes.alpha.f or 0.2
    local beta <const> = node.attributes.beta and node.attributes.beta.f or 0.5
    if math.abs(alpha - 1 / 6) > TOLERANCE or math.abs(beta - 0.5) > TOLERANCE then
        return nil, ("alpha is %.4g and beta %.4g"):format(alpha, beta), "1/6 and 1/2"
    end
    return values.changed(x, { part = "hard sigmoid" })
end

return activations
