-- pixels.lua - norms over the channels of each pixel, and what else works on one pixel at a time.
--
-- LayerNormalization and RMSNormalization are over the last sides, so exporters put the channels
-- there: a transpose (views.lua) makes `last` values, on which a product with a matrix is a 1 x 1
-- convolution. An RMS norm may also be written in parts, in either order of the sides:
--
--     x / sqrt(mean of x * x + eps), or x * (1 / sqrt(..)), then a weight a channel (sums.lua)
--
-- or of an image, with a weight an element.
--
-- The square was read as a layer `mul` of x with itself, which becomes the norm in the end. Values
-- on the way have `part`, as those of activations.lua do.

local floats <const> = require("onnx/floats")
local operators <const> = require("onnx/operators")
local tensor <const> = require("onnx/tensor")
local values <const> = require("onnx/values")

local pixels <const> = { of = {} }

local of <const> = pixels.of

local ONE <const> = string.pack("<f", 1.0)

-- -- Channels that are last ----------------------------------------------------------------------

--- A product with a matrix, [inputs][outputs].
function pixels.linear(context, node, ins)
    local x, what, expected = values.points(ins, 1)
    local weight
    if x then
        weight, what, expected = values.numbers(ins, 2)
    end
    if what or not weight then
        return nil, what or "has no weights", expected or values.NUMBERS
    elseif #weight.shape ~= 2 or weight.shape[1] ~= x.c then
        return values.wrong_shape("weight", weight)
    end
    local outputs <const> = weight.shape[2]
    return context.emit(node, "conv", { channels = outputs, window = 1, bias = false }, { x }, {
        weight = {
            shape = { outputs, x.c, 1, 1 }, bytes = floats.transpose(weight.bytes, x.c, outputs),
        },
    })
end

--- Whether numbers are one for each element of an image of more than channels.
function pixels.is_of_elements(t, x)
    return not x.vector and x.h * x.w > 1 and values.has_shape(t, x.c, x.h, x.w)
end

-- Weight and bias of a norm, ones and zeros where they are left out.
local function params_of(ins, roles, ...)
    local params <const>, sides <const> = {}, { ... }
    for i, role in ipairs(roles) do
        local t <const>, what <const>, expected <const> = values.numbers(ins, i + 1)
        if what then
            return nil, what, expected
        elseif t and not values.has_shape(t, ...) then
            return values.wrong_shape(role, t)
        end
        local all <const> = role == "weight" and ONE or string.pack("<f", 0.0)
        params[role] = t and values.param(t)
            or { shape = sides, bytes = all:rep(tensor.count(sides)) }
    end
    return params
end

local function roles_of(kind)
    return kind == "rms" and { "weight" } or { "weight", "bias" }
end

--- A norm over an image with a weight an element. fields: kind, ln or rms, and eps
function pixels.norm_of_elements(context, node, ins, x, fields)
    local params <const>, what <const>, expected <const> =
        params_of(ins, roles_of(fields.kind), x.c, x.h, x.w)
    if not params then
        return nil, what, expected
    end
    fields.elements = true
    return context.emit(node, "norm", fields, { x }, params)
end

--- A norm over the last side. kind: cn or rms
function pixels.norm(context, node, ins, kind)
    local x, what, expected = values.points(ins, 1)
    if not x then
        return nil, what, expected
    end
    local rank <const> = x.vector and 2 or 4
    local axis <const> = values.integer(node, "axis", -1)
    if not (x.last or x.vector and x.h * x.w == 1) or (axis < 0 and axis or axis - rank) ~= -1 then
        return nil, "is over other sides than the channels",
            "the last side, of channels that are last"
    end
    local params
    params, what, expected = params_of(ins, roles_of(kind), x.c)
    if not params then
        return nil, what, expected
    end
    local epsilon <const> = node.attributes.epsilon and node.attributes.epsilon.f
    return context.emit(node, "norm",
        { kind = kind, eps = operators.shortest(epsilon or 1e-5) }, { x }, params)
end

function of.RMSNormalization(context, node, ins)
    local x <const>, weight <const> = values.points(ins, 1), values.numbers(ins, 2)
    local axis <const> = values.integer(node, "axis", -1)
    if x and not x.last and (axis == 1 or axis == -3) and weight
        and pixels.is_of_elements(weight, x) then
        local epsilon <const> = node.attributes.epsilon and node.attributes.epsilon.f
        return pixels.norm_of_elements(context, node, ins, x,
            { kind = "rms", eps = operators.shortest(epsilon or 1e-5) })
    end
    return pixels.norm(context, node, ins, "rms")
end

-- -- RMS norm in parts ---------------------------------------------------------------------------

--- What a mean over these axes is where it is that of the square of x over the channels, or over
--- the image; nil: it is another.
function pixels.mean_square(context, node, x, axes)
    local layer <const> = x and x.layer and not x.part and context.layers[x.layer]
    if not layer or layer.kind ~= "mul" or layer.inputs[1] ~= layer.inputs[2] or x.shared
        or x.vector or values.integer(node, "keepdims", 1) ~= 1 then
        return nil
    end
    local sides <const> = {}
    for i, axis in ipairs(axes) do
        sides[i] = axis < 0 and axis + 4 or axis
    end
    table.sort(sides)
    local list <const> = table.concat(sides, " ")
    local of_image <const> = list == "1 2 3" and not x.last
    if not of_image and list ~= (x.last and "3" or "1") then
        return nil
    end
    return values.changed(x, { part = "mean square", elements = of_image and x.h * x.w > 1 })
end

--- The mean square and eps, or 1 divided by the root, which some write for Reciprocal; nil where it
--- is something else. first: whether x stands first
function pixels.with_number(node, x, number, first)
    if not first and node.op_type == "Div" then
        return x.part == "root mean square" and number == 1
            and values.changed(x, { part = "1 / root mean square" }) or nil
    elseif x.part == "mean square" and node.op_type == "Add" and number and number > 0 then
        return values.changed(x, { part = "mean square + eps", eps = operators.shortest(number) })
    end
end

local function step(from, to)
    return function(_, _, ins)
        local x <const> = ins[1]
        if not x.layer or x.part ~= from then
            return nil, "is no part of an RMS norm", "the root of a mean square and eps"
        end
        return values.changed(x, { part = to })
    end
end

of.Sqrt = step("mean square + eps", "root mean square")
of.Reciprocal = step("root mean square", "1 / root mean square")

--- x divided by its root mean square: the layer of its square becomes the norm. nil: it is none.
function pixels.normal(context, node, a, b)
    local divides <const> = node.op_type == "Div"
    if node.op_type == "Mul" and a.part then
        a, b = b, a
    end
    local layer <const> = context.layers[b.layer]
    local wanted <const> = divides and "root mean square" or "1 / root mean square"
    if (not divides and node.op_type ~= "Mul") or a.part or b.part ~= wanted
        or layer.inputs[1] ~= a.layer or a.last ~= b.last then
        return nil
    end
    local shape <const> = b.elements and { a.c, a.h, a.w } or { a.c }
    local value <const>, what <const>, expected <const> = context.emit(node, "norm",
        { kind = "rms", eps = b.eps, elements = b.elements or nil }, { a },
        { weight = { shape = shape, bytes = ONE:rep(tensor.count(shape)) } })
    if value then
        context.layers[b.layer] = table.remove(context.layers)
        value.layer = b.layer
    end
    return value, what, expected
end

return pixels
