-- views.lua - the operators that leave numbers as they are and see them in another way.
--
-- A table of rules (rules.lua). Images become vectors and vectors of 1 x 1 images again; channels
-- are cut into groups, for a group norm; shapes become numbers that fold.lua computes with.

local fold <const> = require("onnx/fold")
local norms <const> = require("onnx/norms")
local schema <const> = require("onnx/schema")
local tensor <const> = require("onnx/tensor")
local values <const> = require("onnx/values")

local views <const> = { of = {} }

local of <const> = views.of

function of.Identity(_, _, ins)
    return ins[1]
end

-- A node that is nothing at evaluation. Its mask has no readers.
function of.Dropout(context, node, ins)
    if node.output[2] and context.uses[node.output[2]] then
        return nil, "its mask is read", "dropout at evaluation"
    end
    return values.image(ins, 1)
end

function of.Cast(_, node, ins)
    local x <const> = ins[1]
    if not x.layer or values.integer(node, "to") ~= schema.types.FLOAT then
        return nil, "casts to another type", "FLOAT"
    end
    return values.changed(x, { raw = false })
end

function of.Constant(_, node)
    local a <const> = node.attributes
    if a.value and a.value.tensor then
        return { tensor = a.value.tensor }
    elseif a.value_float then
        return { tensor = tensor.float({}, string.pack("<f", a.value_float.f or 0.0)) }
    elseif a.value_int then
        return { tensor = tensor.int({}, { a.value_int.i or 0 }) }
    elseif a.value_ints then
        return { tensor = tensor.int({ #a.value_ints.ints }, a.value_ints.ints) }
    end
    return nil, "has no numbers", "a tensor, a number or integers"
end

-- The sides of a value after the number of images.
local function sides_of(x)
    if x.vector then
        return { x.c * x.h * x.w }
    end
    return { x.c, x.h, x.w }
end

function of.Shape(_, node, ins)
    local x <const> = ins[1]
    if not x.layer or x.split then
        return nil, "asks for the shape of groups", "of an image"
    end
    local list <const> = { tensor.BATCH, table.unpack(sides_of(x)) }
    local from <const> = values.integer(node, "start", 0)
    local to <const> = values.integer(node, "end", #list)
    local first <const> = math.max(from < 0 and from + #list or from, 0)
    local last <const> = math.min(to < 0 and to + #list or to, #list)
    local part <const> = table.move(list, first + 1, last, 1, {})
    return { tensor = tensor.int({ #part }, part) }
end

local function as_vector(x)
    return values.changed(x, { vector = true })
end

function of.Flatten(_, node, ins)
    local x <const>, what <const>, expected <const> = values.image(ins, 1)
    if not x then
        return nil, what, expected
    elseif values.integer(node, "axis", 1) ~= 1 then
        return nil, "axis is " .. values.integer(node, "axis"), "1"
    end
    return as_vector(x)
end

-- The sides behind the number of images that a reshape asks for, with 0 and -1 replaced; nil where
-- the images are not kept apart.
local function resolve_sides(context, x, target)
    local before <const>, count <const> = sides_of(x), x.c * x.h * x.w
    local keeps <const> = target[1] == tensor.BATCH or target[1] == 0 or target[1] == context.batch
    local sides <const> = {}
    local known, open = 1, nil
    for i = 2, #target do
        local side <const> = target[i] == 0 and before[i - 1] or target[i]
        if side == -1 and not open then
            open = i - 1
        elseif side < 1 or side > count then
            return nil
        else
            known = known * side
        end
        sides[i - 1] = side
    end
    if open and known <= count then
        sides[open] = count // known
        known = known * sides[open]
    end
    return (keeps or target[1] == -1 and not open) and known == count and sides or nil
end

function of.Reshape(context, _, ins)
    local x <const> = ins[1]
    local target <const> = ins[2] and ins[2].tensor and tensor.integers(ins[2].tensor)
    if not x or not x.layer or x.softmax or x.raw or not target or #target > 8 then
        return nil, "reshapes to sides that are not known", "an image and known sides"
    end
    local sides <const> = resolve_sides(context, x, target)
    if not sides then
        return nil, "reshapes across images", "the first side left as it is"
    end
    local is_image <const> = #sides == 3 and sides[1] == x.c and sides[2] == x.h and sides[3] == x.w
    if x.split then
        local back <const> = is_image and not x.vector or #sides == 1 and x.vector
        if not back or not x.normal then
            return nil, "reshapes channels cut into groups", "instance norm and a reshape back"
        end
        return norms.end_groups(context, x)
    elseif #sides == 1 then
        return as_vector(x)
    elseif is_image then
        return values.changed(x, { vector = false })
    elseif #sides >= 2 and x.c % sides[1] == 0 and not (x.vector and x.h * x.w > 1) then
        return values.changed(x, { split = sides[1] })
    end
    return nil, ("reshapes to %s"):format(table.concat(sides, " x ")),
        "a vector, or channels cut into groups"
end

-- 1 x 1 images lose their last two sides, or vectors get them.
local function resize(vector)
    return function(_, node, ins)
        local x <const>, what <const>, expected <const> = values.image(ins, 1)
        if not x then
            return nil, what, expected
        end
        local axes <const> = fold.axes(node, ins[2] and ins[2].tensor)
        local found <const> = {}
        for _, axis in ipairs(axes or {}) do
            found[axis < 0 and axis + 4 or axis] = true
        end
        if not axes or #axes ~= 2 or not found[2] or not found[3] or x.h ~= 1 or x.w ~= 1
            or x.vector == vector then
            return nil, "changes other sides than the last two of 1 x 1", "axes 2 and 3"
        end
        return values.changed(x, { vector = vector })
    end
end

of.Squeeze, of.Unsqueeze = resize(true), resize(false)

return views
