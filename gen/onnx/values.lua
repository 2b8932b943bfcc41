-- values.lua - what the rules of operators ask of the values and attributes that a node has.
--
-- reader.lua says what values and nodes are. Functions that may refuse return nil, what is wrong
-- and what was expected.

local values <const> = {}

values.NUMBERS = "numbers that are known, not computed from the images"

-- -- Inputs --------------------------------------------------------------------------------------

-- The input as what a layer reads that goes value by value: its channels may stand behind its
-- pixels; or nil, what, expected.
function values.points(ins, i)
    local value <const> = ins[i]
    if not value or not value.layer then
        return nil, ("input %d is not computed from the images"):format(i), "an image"
    elseif value.split then
        return nil, "reads channels cut into groups", "instance norm and a reshape back"
    elseif value.softmax then
        return nil, "reads what a softmax makes", "the softmax at the end"
    elseif value.part then
        return nil, "reads a part of an activation", "the operators of the whole activation"
    elseif value.raw then
        return nil, "reads the bytes of the image", "a cast to FLOAT first"
    end
    return value
end

-- The same with the channels in front of the pixels, as other layers read it.
function values.image(ins, i)
    local value <const>, what <const>, expected <const> = values.points(ins, i)
    if value and value.last then
        return nil, "reads an image whose channels are last", "a transpose back, perm 0, 3, 1, 2"
    end
    return value, what, expected
end

-- The same as (N, C, H, W), and not as a vector of more than channels.
function values.picture(ins, i)
    local value <const>, what <const>, expected <const> = values.image(ins, i)
    if value and value.vector and value.h * value.w > 1 then
        return nil, "reads an image that was flattened", "a layer that takes vectors"
    end
    return value, what, expected
end

function values.numbers(ins, i)
    local value <const> = ins[i]
    if value == nil or value == false then
        return nil
    elseif not value.tensor or value.tensor.type ~= "float" then
        return nil, ("input %d is computed"):format(i), values.NUMBERS
    end
    return value.tensor
end

function values.changed(value, changes)
    local copy <const> = {}
    for key, x in pairs(value) do
        copy[key] = x
    end
    for key, x in pairs(changes) do
        copy[key] = x
    end
    return copy
end

-- -- Attributes ----------------------------------------------------------------------------------

local value_keys <const> = { float = "f", int = "i", text = "s", ints = "ints", floats = "floats" }

-- The fields of a layer from the attributes of a node.
function values.fields(node, entry)
    local f <const>, known <const> = {}, {}
    for _, row in ipairs(entry.attributes) do
        local attribute <const> = node.attributes[row.name]
        known[row.name] = true
        local what <const>, expected <const> =
            row.read(attribute and attribute[value_keys[row.type]], f)
        if what then
            return nil, what, expected
        end
    end
    local stranger
    for name in pairs(node.attributes) do
        if not known[name] and (not stranger or name < stranger) then
            stranger = name
        end
    end
    if stranger then
        return nil, "has an attribute " .. stranger, "none of that name"
    end
    return f
end

function values.integer(node, name, default)
    local found <const> = node.attributes[name]
    return found and found.i or default
end

-- -- Parameters ----------------------------------------------------------------------------------

-- A tensor as a parameter of a layer.
function values.param(t)
    return { shape = t.shape, bytes = t.bytes }
end

-- Whether a tensor has these sides.
function values.has_shape(t, ...)
    local sides <const> = { ... }
    if #t.shape ~= #sides then
        return false
    end
    for i, side in ipairs(sides) do
        if t.shape[i] ~= side then
            return false
        end
    end
    return true
end

function values.wrong_shape(name, t)
    return nil, ("%s is [%s]"):format(name, table.concat(t.shape, ", ")), "the shape for its input"
end

return values
