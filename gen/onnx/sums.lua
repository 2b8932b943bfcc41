-- sums.lua - sums and products: of two layers, or of a layer and numbers a channel.
--
-- A table of rules (rules.lua). Numbers go into the layer before them, where it has parameters that
-- can take them, or are how the image is normalised, where no layer is before them.

local activations <const> = require("onnx/activations")
local floats <const> = require("onnx/floats")
local pixels <const> = require("onnx/pixels")
local tensor <const> = require("onnx/tensor")
local values <const> = require("onnx/values")

local sums <const> = { of = {} }

local of <const> = sums.of

-- How the numbers of a role change, element by element.
local function change_param(layer, role, f)
    local given <const> = layer.params[role] or { shape = { layer.c }, bytes = "" }
    local list <const> = floats.unpack(given.bytes)
    for i = 1, tensor.count(given.shape) do
        list[i] = f(list[i] or 0.0, i)
    end
    layer.params[role] = { shape = given.shape, bytes = floats.pack(list) }
end

-- What scales and shifts the image before the first layer is how its pixels are normalised.
local function scale_image(x, factor, term)
    local scale <const>, shift <const> = {}, {}
    for i = 1, x.c do
        local a <const>, b <const> = x.scale and x.scale[i] or 1.0, x.shift and x.shift[i] or 0.0
        scale[i], shift[i] = a * factor(i), b * factor(i) + term(i)
    end
    return values.changed(x, { scale = scale, shift = shift })
end

-- x * factor + term a channel, or an element, goes into the layer that makes x, where nothing else
-- reads x.
local function absorb(context, x, scales, factor, term, elements)
    if x.layer == 0 and elements then
        return nil, "changes each element of the image by a number of its own", "one a channel"
    elseif x.layer == 0 then
        return scale_image(x, factor, term)
    end
    local layer <const> = context.layers[x.layer]
    local takes <const> = layer.kind == "norm" and (scales or layer.f.kind ~= "rms")
        and (layer.f.elements or false) == elements
        or not scales and not elements and (layer.kind == "conv" or layer.kind == "linear")
    if takes and x.shared then
        return nil, "changes a value that other nodes read too", "one reader"
    elseif not takes then
        return nil, "combines a layer with numbers", "numbers that a norm, or a sum that a conv or "
            .. "linear layer before it takes in"
    end
    if layer.kind == "norm" and scales then
        change_param(layer, "weight", function(w, i) return w * factor(i) end)
    end
    if layer.kind ~= "norm" then
        layer.f.bias, layer.all.bias = true, true
    end
    if layer.f.kind ~= "rms" then -- which has none
        change_param(layer, "bias", function(b, i) return b * factor(i) + term(i) end)
    end
    return x
end

local function one()
    return 1.0
end

local function none()
    return 0.0
end

-- How an operator on an image and numbers a channel is a scale and a shift; nil: it is none.
local scale_and_shift <const> = {
    Add = function(v) return false, one, function(i) return v[i] end end,
    Sub = function(v, first)
        if first then
            return false, one, function(i) return -v[i] end
        end
    end,
    Mul = function(v) return true, function(i) return v[i] end, none end,
    Div = function(v, first)
        if first then
            return true, function(i) return 1.0 / v[i] end, none
        end
    end,
}

local layer_of <const> = { Add = "add", Mul = "mul" }

-- A square, which a mean square may come of, or the cube in a GELU.
function of.Pow(context, node, ins)
    local x <const>, what <const>, expected <const> = values.points(ins, 1)
    if not x then
        return nil, what, expected
    end
    local power <const> = ins[2] and ins[2].tensor and tensor.number(ins[2].tensor)
    if power == 3 then
        return activations.cube(x)
    elseif power ~= 2 then
        return nil, "raises to another power", "2, or 3 in a GELU"
    end
    return context.emit(node, "mul", {}, { x, x })
end

-- Two layers, or parts of one.
local function combine_layers(context, node, ins)
    local a, b = ins[1], ins[2]
    local value, what, expected
    if node.op_type == "Mul" then
        value, what, expected = activations.product(context, node, a, b)
    elseif node.op_type == "Add" then
        value = activations.sum(a, b)
    end
    if not value and not what then
        value, what, expected = pixels.normal(context, node, a, b)
    end
    if value or what then
        return value, what, expected
    end
    a, what, expected = values.points(ins, 1)
    if a then
        b, what, expected = values.points(ins, 2)
    end
    if what then
        return nil, what, expected
    elseif a.last ~= b.last then
        return nil, "combines an image whose channels are last with another", "both alike"
    elseif not layer_of[node.op_type] then
        return nil, "combines two layers", "a sum"
    end
    return context.emit(node, layer_of[node.op_type], {}, { a, b })
end

-- A layer and numbers.
local function combine_numbers(context, node, ins, first)
    local x, t = ins[first and 1 or 2], ins[first and 2 or 1]
    local number <const> = t and t.tensor and t.tensor.type == "float" and tensor.number(t.tensor)
    local value, what, expected = nil, nil, nil
    if x and x.layer then
        if first or node.op_type ~= "Div" then
            value, what, expected = activations.with_number(context, node, x, number)
        end
        value = value or pixels.with_number(node, x, number, first)
    end
    if value or what then
        return value, what, expected
    end
    x, what, expected = values.points(ins, first and 1 or 2)
    if x then
        t, what, expected = values.numbers(ins, first and 2 or 1)
    end
    if what or not t then
        return nil, what or "combines a layer with nothing", expected or "numbers"
    end
    local elements <const> = not x.last and pixels.is_of_elements(t, x)
    local list <const> = elements and floats.unpack(t.bytes)
        or tensor.per_channel(t, x.c, x.vector or x.last)
    if not list or x.vector and x.h * x.w > 1 then
        return nil, "combines a layer with other numbers than one a channel", "one a channel"
    end
    local scales <const>, factor <const>, term <const> =
        scale_and_shift[node.op_type](list, first)
    if not factor then
        return nil, "takes a layer from numbers or divides by it", "the layer first"
    end
    return absorb(context, x, scales, factor, term, elements)
end

local function combine(context, node, ins)
    local first <const> = ins[1] and ins[1].layer ~= nil
    if first and ins[2] and ins[2].layer then
        return combine_layers(context, node, ins)
    end
    return combine_numbers(context, node, ins, first)
end

for op in pairs(scale_and_shift) do
    of[op] = combine
end

return sums
