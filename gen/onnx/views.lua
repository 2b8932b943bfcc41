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
    return values.points(ins, 1)
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
    if not x.layer or x.split or x.last then
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
    if not x or not x.layer or x.softmax or x.raw or x.last or not target or #target > 8 then
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

local TO_LAST <const>, BACK <const> = "0 2 3 1", "0 3 1 2"

-- The channels go behind the pixels, or back.
function of.Transpose(_, node, ins)
    local perm <const> = node.attributes.perm and table.concat(node.attributes.perm.ints, " ")
    local x <const>, what <const>, expected <const> = values.points(ins, 1)
    if not x then
        return nil, what, expected
    elseif x.vector or perm ~= (x.last and BACK or TO_LAST) then
        return nil, "perm is " .. (perm or "not given"), x.last and BACK or TO_LAST
    end
    return values.changed(x, { last = not x.last })
end

-- Whole numbers for all four sides from a list for some. default: of the other sides
local function for_all_sides(list, axes, default)
    local sides <const> = { default, default, default, default }
    for i, value in ipairs(list) do
        local axis <const> = axes and axes[i] or i - 1
        sides[(axis < 0 and axis + 4 or axis) + 1] = value
    end
    return sides
end

local function integers_of(ins, i)
    return ins[i] and ins[i].tensor and tensor.integers(ins[i].tensor)
end

-- Zeros before and behind the channels, in an input, or in old files an attribute.
function of.Pad(context, node, ins)
    local x <const>, what <const>, expected <const> = values.picture(ins, 1)
    local attribute <const> = node.attributes.pads
    local pads <const> = attribute and attribute.ints or integers_of(ins, 2)
    local number <const> = ins[3] and (ins[3].tensor and tensor.number(ins[3].tensor) or 1)
        or node.attributes.value and node.attributes.value.f or 0
    local mode <const> = node.attributes.mode and node.attributes.mode.s or "constant"
    if not x then
        return nil, what, expected
    elseif not pads or mode ~= "constant" or number ~= 0 or ins[4] and not integers_of(ins, 4) then
        return nil, "pads with other numbers than zeros, or by numbers that are not known", "zeros"
    end
    local half <const> = #pads // 2
    local axes <const> = integers_of(ins, 4)
    local before <const> = for_all_sides(table.move(pads, 1, half, 1, {}), axes, 0)
    local behind <const> = for_all_sides(table.move(pads, half + 1, 2 * half, 1, {}), axes, 0)
    for _, side in ipairs({ 1, 3, 4 }) do
        if before[side] ~= 0 or behind[side] ~= 0 then
            return nil, "pads other sides than the channels", "channels of zeros"
        end
    end
    if before[2] == 0 and behind[2] == 0 then
        return x
    end
    local more <const> = before[2] + behind[2]
    return context.emit(node, "pad_channels", {
        channels = x.c + more, before = before[2] ~= more // 2 and before[2] or nil,
    }, { x })
end

-- Each s-th pixel down or across, x[:, :, ::2, ::2], is a mean of one pixel with a stride.
function of.Slice(context, node, ins)
    local x <const>, what <const>, expected <const> = values.picture(ins, 1)
    local from <const>, to <const> = integers_of(ins, 2), integers_of(ins, 3)
    if not x then
        return nil, what, expected
    elseif not from or not to then
        return nil, "slices without known ends", "starts and ends that are known"
    end
    local axes <const> = ins[4] and integers_of(ins, 4)
    local whole <const> = { math.maxinteger, x.c, x.h, x.w }
    local starts <const> = for_all_sides(from, axes, 0)
    local ends <const> = for_all_sides(to, axes, math.maxinteger)
    local steps <const> = for_all_sides(integers_of(ins, 5) or {}, axes, 1)
    for side = 1, 4 do
        if starts[side] ~= 0 or ends[side] < whole[side] or steps[side] < 1
            or side < 3 and steps[side] ~= 1 then
            return nil, "takes a part of an image", "all of it, in steps down and across"
        end
    end
    if steps[3] == 1 and steps[4] == 1 then
        return x
    end
    return context.emit(node, "avgpool",
        { window = 1, stride = steps[3] == steps[4] and steps[3] or { steps[3], steps[4] } }, { x })
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
