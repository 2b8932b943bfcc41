-- norms.lua - the operators that are norms, and those that are parts of one.
--
-- A table of rules (rules.lua). A group norm may be a reshape that cuts the channels into groups,
-- an instance norm of the groups and a reshape back (views.lua), which ends here, and then a scale
-- and shift a channel (sums.lua).

local floats <const> = require("onnx/floats")
local operators <const> = require("onnx/operators")
local pixels <const> = require("onnx/pixels")
local tensor <const> = require("onnx/tensor")
local values <const> = require("onnx/values")

local norms <const> = { of = {} }

local of <const> = norms.of

local function channel_params(x, ins, roles)
    local params <const> = {}
    for i, role in ipairs(roles) do
        local t <const>, what <const>, expected <const> = values.numbers(ins, i + 1)
        if not t then
            return nil, what or "has no " .. role, expected or values.NUMBERS
        elseif not values.has_shape(t, x.c) then
            return values.wrong_shape(role, t)
        end
        params[role] = values.param(t)
    end
    return params
end

-- A norm whose parameters are one number a channel.
local function norm(entry, kind)
    return function(context, node, ins)
        local x, what, expected = values.picture(ins, 1)
        local params, f
        if x then
            params, what, expected = channel_params(x, ins, entry.params)
        end
        if params then
            f, what, expected = values.fields(node, entry)
        end
        if not f then
            return nil, what, expected
        end
        f.kind = kind
        if kind == "gn" and f.groups == 1 then
            f.kind, f.groups = "ln", nil
        end
        return context.emit(node, "norm", f, { x }, params)
    end
end

of.BatchNormalization = norm(operators.of_op.BatchNormalization, "bn")
of.GroupNormalization = norm(operators.of_op.GroupNormalization, "gn")

local instance_norm <const> = norm(operators.of_op.InstanceNormalization, "in")

-- -- Norms in parts ------------------------------------------------------------------------------

function of.InstanceNormalization(context, node, ins)
    local x <const> = ins[1]
    if not x or not x.split then
        return instance_norm(context, node, ins)
    elseif x.normal then
        return nil, "normalises groups twice", "a reshape back"
    end
    local f <const>, what <const>, expected <const> =
        values.fields(node, operators.of_op.InstanceNormalization)
    if not f then
        return nil, what, expected
    end
    local params <const>, problem <const>, wanted <const> =
        channel_params({ c = x.split }, ins, { "weight", "bias" })
    if not params then
        return nil, problem, wanted
    end
    return values.changed(x, { normal = { eps = f.eps, node = node, params = params } })
end

-- One number a channel from one a group.
local function spread(bytes, channels)
    local list <const>, out <const> = floats.unpack(bytes), {}
    for i = 1, channels do
        out[i] = list[(i - 1) * #list // channels + 1]
    end
    return floats.pack(out)
end

-- The groups were normalised and are channels again: a group norm.
function norms.end_groups(context, x)
    local normal <const>, groups <const> = x.normal, x.split
    local fields <const> = { eps = normal.eps, kind = "gn", groups = groups }
    if groups == 1 then
        fields.kind, fields.groups = "ln", nil
    elseif groups == x.c then
        fields.kind, fields.groups = "in", nil
    end
    local params <const> = {}
    for role, given in pairs(normal.params) do
        params[role] = { shape = { x.c }, bytes = spread(given.bytes, x.c) }
    end
    local plain_x <const> = values.changed(x, {})
    plain_x.split, plain_x.normal = nil, nil
    return context.emit(normal.node, "norm", fields, { plain_x }, params)
end

-- Over the features of a vector; of an image, over all of it where a channel or an element has one
-- weight, or over the channels where these are last.
function of.LayerNormalization(context, node, ins)
    if ins[1].last then
        return pixels.norm(context, node, ins, "cn")
    end
    local x, what, expected = values.picture(ins, 1)
    if not x then
        return nil, what, expected
    end
    local rank <const> = x.vector and 2 or 4
    local axis <const> = values.integer(node, "axis", -1)
    if (axis < 0 and axis + rank or axis) ~= 1 then
        return nil, "axis is " .. axis, "1, over all of an image or vector"
    end
    local epsilon <const> = node.attributes.epsilon and node.attributes.epsilon.f
    local fields <const> = { kind = "ln", eps = operators.shortest(epsilon or 1e-5) }
    local weight <const> = values.numbers(ins, 2)
    if weight and pixels.is_of_elements(weight, x) then
        return pixels.norm_of_elements(context, node, ins, x, fields)
    end
    local params <const> = {}
    for i, role in ipairs({ "weight", "bias" }) do
        local t
        t, what, expected = values.numbers(ins, i + 1)
        local list <const> = t and tensor.per_channel(t, x.c, x.vector)
        if what or t and not list then
            return nil, what or role .. " is not one number a channel", expected or "one a channel"
        end
        params[role] = {
            shape = { x.c },
            bytes = list and floats.pack(list) or string.pack("<f", 2 - i):rep(x.c),
        }
    end
    return context.emit(node, "norm", fields, { x }, params)
end

return norms
