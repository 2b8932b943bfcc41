-- rules.lua - what each operator of an ONNX graph makes of the values it reads.
--
--     rules.of[op](context, node, ins) -> value; or nil, what is wrong, what was expected
--
-- reader.lua says what values, nodes and the context are. ins[i] is false where an input is left
-- out. Most operators are layers as operators.lua has them. Those that only see a value in another
-- way are in views.lua, sums and products with numbers in sums.lua, norms in norms.lua, those of
-- pixels in pixels.lua.

local activations <const> = require("onnx/activations")
local floats <const> = require("onnx/floats")
local fold <const> = require("onnx/fold")
local layers <const> = require("language/layers")
local operators <const> = require("onnx/operators")
local pixels <const> = require("onnx/pixels")
local tensor <const> = require("onnx/tensor")
local values <const> = require("onnx/values")

local rules <const> = { of = {} }

local of <const> = rules.of

-- -- Layers without parameters -------------------------------------------------------------------

-- The two sides of a field of a layer.
local function sides(value)
    return type(value) == "table" and value or { value, value }
end

-- A window that rounds up where one that rounds down would leave pixels out is another layer.
local function check_ceil(node, f, x)
    if values.integer(node, "ceil_mode", 0) == 0 or not f.window then
        return nil
    end
    local window <const>, stride <const>, padding <const> = sides(f.window), sides(f.stride),
        sides(f.padding)
    for i, side in ipairs({ x.h, x.w }) do
        if (side + 2 * padding[i] - window[i]) % math.max(stride[i], 1) ~= 0 then
            return ("ceil_mode is 1, and its windows do not end with an image of %s"):format(
                layers.size_text(x)), "0, or windows that do"
        end
    end
end

-- An operator of the table whose inputs are all images.
local function plain(entry)
    local take <const> = entry.vectors ~= "too" and values.picture
        or entry.kind == "concat" and values.image or values.points
    return function(context, node, ins)
        local f, what, expected = values.fields(node, entry)
        local read <const> = {}
        for i = 1, f and #ins or 0 do
            read[i], what, expected = take(ins, i)
            if not read[i] then
                return nil, what, expected
            end
        end
        if f then
            what, expected = check_ceil(node, f, read[1] or { h = 0, w = 0 })
        end
        if what then
            return nil, what, expected
        end
        return context.emit(node, entry.kind, f, read)
    end
end

for _, entry in ipairs(operators.list) do
    if not entry.params then
        of[entry.op] = plain(entry)
    end
end

-- A layer, or the one in a GELU.
local tanh <const> = of.Tanh

function of.Tanh(context, node, ins)
    local part <const> = activations.tanh(ins[1])
    if part then
        return part
    end
    return tanh(context, node, ins)
end

-- Axis 1 is -3 of images and -1 of vectors.
local concat <const> = of.Concat

function of.Concat(context, node, ins)
    local axis <const> = values.integer(node, "axis", 0)
    if axis < 0 then
        node.attributes.axis.i = axis + (ins[1].vector and 2 or 4)
    end
    if #ins == 1 then
        return values.image(ins, 1)
    end
    return concat(context, node, ins)
end

-- -- Layers with parameters ----------------------------------------------------------------------

function of.Conv(context, node, ins)
    local x, what, expected = values.picture(ins, 1)
    local weight, bias, f
    if x then
        weight, what, expected = values.numbers(ins, 2)
    end
    if weight then
        bias, what, expected = values.numbers(ins, 3)
    end
    if what or not weight then
        return nil, what or "has no weights", expected or values.NUMBERS
    elseif #weight.shape ~= 4 then
        return nil, #weight.shape - 2 .. " dimensions", "a convolution of images"
    end
    if not node.attributes.kernel_shape then
        node.attributes.kernel_shape = { ints = { weight.shape[3], weight.shape[4] } }
    end
    f, what, expected = values.fields(node, operators.of_op.Conv)
    if not f then
        return nil, what, expected
    end
    f.channels, f.bias = weight.shape[1], bias ~= nil
    local inputs <const> = x.c // math.max(f.groups, 1)
    local window <const> = sides(f.window)
    if not values.has_shape(weight, f.channels, inputs, window[1], window[2]) then
        return values.wrong_shape("weight", weight)
    elseif bias and not values.has_shape(bias, f.channels) then
        return values.wrong_shape("bias", bias)
    end
    local params <const> =
        { weight = values.param(weight), bias = bias and values.param(bias) or nil }
    return context.emit(node, "conv", f, { x }, params)
end

-- weight: [outputs][inputs]; by columns: [inputs][outputs].
local function linear(context, node, ins, by_columns)
    local x, what, expected = values.image(ins, 1)
    local weight, bias
    if x then
        weight, what, expected = values.numbers(ins, 2)
    end
    if weight then
        bias, what, expected = values.numbers(ins, 3)
    end
    if what or not weight then
        return nil, what or "has no weights", expected or values.NUMBERS
    end
    local inputs <const> = x.c * x.h * x.w
    local side <const> = by_columns and 1 or 2
    if not x.vector then
        return nil, "reads images", "vectors: a flatten before it"
    elseif #weight.shape ~= 2 or weight.shape[side] ~= inputs then
        return values.wrong_shape("weight", weight)
    end
    local outputs <const> = weight.shape[3 - side]
    local bytes <const> = by_columns and floats.transpose(weight.bytes, inputs, outputs)
        or weight.bytes
    local terms <const> = bias and tensor.per_channel(bias, outputs, true)
    if bias and not terms then
        return values.wrong_shape("bias", bias)
    end
    local params <const> = {
        weight = { shape = { outputs, inputs }, bytes = bytes },
        bias = terms and { shape = { outputs }, bytes = floats.pack(terms) },
    }
    local value
    value, what, expected = context.emit(node, "linear", { channels = outputs, bias = bias ~= nil },
        { x }, params)
    if value then
        value.vector = true
    end
    return value, what, expected
end

function of.Gemm(context, node, ins)
    local by_columns <const> = values.integer(node, "transB", 0) == 0
    node.attributes.transB = { i = 1 }
    local f <const>, what <const>, expected <const> = values.fields(node, operators.of_op.Gemm)
    if not f then
        return nil, what, expected
    end
    return linear(context, node, ins, by_columns)
end

-- Of an image whose channels are last it is a convolution of each pixel.
function of.MatMul(context, node, ins)
    if ins[1].last then
        return pixels.linear(context, node, ins)
    end
    return linear(context, node, { ins[1], ins[2] }, true)
end

-- -- Others --------------------------------------------------------------------------------------

-- A mean or a maximum over height and width. kind: its layer; does: in messages
local function over_the_image(kind, does)
    return function(context, node, ins)
        local axes <const> = fold.axes(node, ins[2] and ins[2].tensor) or {}
        local square <const> = kind == "global_avgpool"
            and pixels.mean_square(context, node, ins[1], axes)
        if square then
            return square
        end
        local x, what, expected = values.picture(ins, 1)
        if not x then
            return nil, what, expected
        end
        local found <const> = {}
        for _, axis in ipairs(axes) do
            found[axis < 0 and axis + 4 or axis] = true
        end
        if x.vector or #axes ~= 2 or not found[2] or not found[3] then
            return nil, does .. " over other axes", "2 and 3, height and width"
        end
        local value
        value, what, expected = context.emit(node, kind, {}, { x })
        if value and values.integer(node, "keepdims", 1) == 0 then
            value.vector = true
        end
        return value, what, expected
    end
end

of.ReduceMean = over_the_image("global_avgpool", "takes the mean")
of.ReduceMax = over_the_image("global_maxpool", "takes the maximum")

-- The loss has a softmax of its own.
local function softmax(_, node, ins)
    local x <const>, what <const>, expected <const> = values.image(ins, 1)
    local axis <const> = values.integer(node, "axis", -1)
    if not x then
        return nil, what, expected
    elseif axis ~= 1 and not (axis == -1 and x.vector) then
        return nil, "axis is " .. axis, "1, over the classes"
    end
    return values.changed(x, { softmax = true })
end

of.Softmax, of.LogSoftmax = softmax, softmax

-- A bound of a clip, an input or in old files an attribute.
local function bound(node, ins, i, name, default)
    local given <const> = ins[i]
    if given then
        return given.tensor and tensor.number(given.tensor)
    end
    local attribute <const> = node.attributes[name]
    return attribute and attribute.f or default
end

function of.Clip(context, node, ins)
    local x <const>, what <const>, expected <const> = values.points(ins, 1)
    if not x then
        return nil, what, expected
    end
    local low <const> = bound(node, ins, 2, "min", -math.huge)
    local high <const> = bound(node, ins, 3, "max", math.huge)
    if low == 0 and high == 6 then
        return context.emit(node, "relu6", {}, { x })
    elseif low == 0 and high and high > 1e30 then
        return context.emit(node, "relu", {}, { x })
    end
    return nil, ("clips to %s and %s"):format(low or "a value", high or "a value"),
        "0 and 6, or 0 alone"
end

for _, name in ipairs({ "activations", "norms", "pixels", "sums", "views" }) do
    for op, rule in pairs(require("onnx/" .. name).of) do
        of[op] = rule
    end
end

return rules
