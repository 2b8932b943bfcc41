-- fold.lua - operators on known numbers, which a file has mostly to compute shapes with.
--
--     fold.operators[op](ins, node) -> tensor; or nil, what, expected
--
-- Whoever calls sees that fold.needed[op] inputs are there.
-- ins are tensors (tensor.lua), node has attributes by name: node.attributes.axis. Sizes may hold
-- the number of images, which nobody knows: tensor.BATCH goes wherever it is copied, and no
-- arithmetic takes it.

local floats <const> = require("onnx/floats")
local schema <const> = require("onnx/schema")
local tensor <const> = require("onnx/tensor")

local fold <const> = { operators = {} }

local operators <const> = fold.operators

-- The inputs that an operator cannot do without, where they are more than one.
fold.needed = { Gather = 2, Slice = 3, Reshape = 2, Add = 2, Sub = 2, Mul = 2, Div = 2 }

local function int_attribute(node, name, default)
    local found <const> = node.attributes[name]
    return found and found.i or default
end

-- The axes of a node, which are an attribute in old files and an input in new ones.
function fold.axes(node, input)
    local found <const> = node.attributes.axes
    if found then
        return found.ints
    end
    return input and tensor.integers(input)
end

local function with_shape(t, shape)
    return { type = t.type, shape = shape, bytes = t.bytes, values = t.values }
end

function operators.Identity(ins)
    return ins[1]
end

function operators.Cast(ins, node)
    local to <const>, t <const> = int_attribute(node, "to"), ins[1]
    if to == schema.types.FLOAT then
        return t.type == "float" and t or tensor.float(t.shape, floats.pack(t.values))
    elseif to == schema.types.INT64 or to == schema.types.INT32 then
        local list <const> = tensor.integers(t)
        if list then
            return tensor.int(t.shape, list)
        end
    end
    return nil, ("a cast to type %d"):format(to or 0), "FLOAT, INT64 or INT32"
end

-- Picks the i-th values along the first axis.
local function pick(t, indices)
    local list <const> = {}
    for i, index in ipairs(indices) do
        list[i] = t.values[index < 0 and index + #t.values + 1 or index + 1]
        if not list[i] then
            return nil, "an index outside", "one of the values"
        end
    end
    return list
end

local function is_list(t)
    return t and t.type == "int" and #t.shape == 1
end

function operators.Gather(ins, node)
    if not is_list(ins[1]) or ins[2].type ~= "int" or int_attribute(node, "axis", 0) ~= 0 then
        return nil, "gathers from numbers that are no list", "a list of integers"
    end
    local list <const>, what <const>, expected <const> = pick(ins[1], ins[2].values)
    return list and tensor.int(ins[2].shape, list), what, expected
end

-- The only integer of a tensor, or nil.
local function integer_of(t)
    local list <const> = t and tensor.count(t.shape) == 1 and tensor.integers(t)
    return list and list[1] ~= tensor.BATCH and list[1] or nil
end

-- Of a list, or rows of a matrix: what PyTorch's exporter turns around to have the pads of a Pad.
function operators.Slice(ins)
    local t <const> = ins[1]
    local step <const> = not ins[5] and 1 or integer_of(ins[5])
    local is_rows <const> = t.type == "int" and #t.shape == 2 and integer_of(ins[4]) == 0
    if not is_list(t) and not is_rows or step ~= 1 and step ~= -1 then
        return nil, "slices numbers that are no list", "a list of integers, in steps of 1"
    end
    local from, to = integer_of(ins[2]), integer_of(ins[3])
    if not from or not to then
        return nil, "slices without known ends", "one start and one end"
    end
    local count <const>, width <const> = t.shape[1], is_rows and t.shape[2] or 1
    from, to = from < 0 and from + count or from, to < 0 and to + count or to
    if step == 1 then
        from, to = math.max(from, 0), math.min(to, count) - 1
    else
        from, to = math.min(from, count - 1), math.max(to, -1) + 1
    end
    local list <const>, rows = {}, 0
    for row = from, to, step do
        table.move(t.values, row * width + 1, (row + 1) * width, #list + 1, list)
        rows = rows + 1
    end
    return tensor.int(is_rows and { rows, width } or { rows }, list)
end

function operators.Concat(ins)
    local list <const> = {}
    for _, t in ipairs(ins) do
        if not is_list(t) or #list > 64 then
            return nil, "joins numbers that are no lists", "lists of integers"
        end
        table.move(t.values, 1, #t.values, #list + 1, list)
    end
    return tensor.int({ #list }, list)
end

function operators.Unsqueeze(ins, node)
    local t <const>, axes <const> = ins[1], fold.axes(node, ins[2])
    if not axes or #axes + #t.shape > 8 then
        return nil, "has no known axes", "axes"
    end
    local rank <const> = #t.shape + #axes
    local is_new <const>, shape <const> = {}, {}
    for _, axis in ipairs(axes) do
        is_new[axis < 0 and axis + rank or axis] = true
    end
    local next_side = 1
    for i = 0, rank - 1 do
        shape[i + 1] = is_new[i] and 1 or t.shape[next_side] or 1
        next_side = next_side + (is_new[i] and 0 or 1)
    end
    return with_shape(t, shape)
end

function operators.Squeeze(ins, node)
    local t <const>, axes <const> = ins[1], fold.axes(node, ins[2])
    local goes <const>, shape <const> = {}, {}
    for _, axis in ipairs(axes or {}) do
        goes[axis < 0 and axis + #t.shape or axis] = true
    end
    for i, side in ipairs(t.shape) do
        if side ~= 1 or axes and not goes[i - 1] then
            shape[#shape + 1] = side
        end
    end
    return with_shape(t, shape)
end

function operators.Reshape(ins)
    local t <const>, target <const> = ins[1], ins[2] and tensor.integers(ins[2])
    if not target or #target > 8 then
        return nil, "has no known shape", "a shape"
    end
    local count <const>, shape <const> = tensor.count(t.shape), {}
    local known, open = 1, nil
    for i, side in ipairs(target) do
        shape[i] = side == 0 and t.shape[i] or side
        if side == -1 and not open then
            open = i
        elseif not shape[i] or shape[i] < 1 or shape[i] > count then
            return nil, "another number of values", "as many as there are"
        else
            known = known * shape[i]
        end
    end
    if open then
        shape[open] = known > 0 and count // known or 0
        known = known * shape[open]
    end
    if known ~= count then
        return nil, "another number of values", "as many as there are"
    end
    return with_shape(t, shape)
end

function operators.Transpose(ins, node)
    local t <const>, perm <const> = ins[1], node.attributes.perm
    local swaps <const> = not perm or perm.ints[1] == 1 and perm.ints[2] == 0
    if #t.shape ~= 2 or not swaps then
        return nil, "transposes numbers that are no matrix", "a matrix"
    elseif t.type == "int" then
        local list <const> = {}
        for column = 1, t.shape[2] do
            for row = 0, t.shape[1] - 1 do
                list[#list + 1] = t.values[row * t.shape[2] + column]
            end
        end
        return tensor.int({ t.shape[2], t.shape[1] }, list)
    end
    return tensor.float({ t.shape[2], t.shape[1] },
        floats.transpose(t.bytes, t.shape[1], t.shape[2]))
end

function operators.ConstantOfShape(ins, node)
    local shape <const> = tensor.integers(ins[1])
    local value <const> = node.attributes.value and node.attributes.value.tensor
    local number <const> = value and tensor.number(value) or not value and 0.0
    local count = 1
    for _, side in ipairs(shape or { -1 }) do
        count = side >= 0 and side <= 4096 and count * side or 1 << 20
        if count > 4096 then
            return nil, "has no known shape", "at most 4096 numbers"
        end
    end
    if not number then
        return nil, "has no known value", "one number"
    end
    if value and value.type == "int" then
        local list <const> = {}
        for i = 1, count do
            list[i] = value.values[1]
        end
        return tensor.int(shape, list)
    end
    return tensor.float(shape, string.pack("<f", number):rep(count))
end

-- Arithmetic of one number with some, or of as many.
local function arithmetic(f)
    return function(ins)
        local a <const>, b <const> = ins[1], ins[2]
        local x <const>, y <const> = tensor.integers(a), tensor.integers(b)
        local few <const> = x and y and #x >= 1 and #x <= 64 and #y >= 1 and #y <= 64
        if not few or a.type ~= b.type or #x ~= #y and #x ~= 1 and #y ~= 1 then
            return nil, "computes with many numbers", "integers that are sizes"
        end
        local list <const> = {}
        for i = 1, math.max(#x, #y) do
            local p <const>, q <const> = x[i] or x[1], y[i] or y[1]
            if p == tensor.BATCH or q == tensor.BATCH then
                return nil, "computes with the number of images", "sizes that do not depend on it"
            end
            list[i] = f(p, q)
        end
        local shape <const> = #x >= #y and a.shape or b.shape
        return a.type == "int" and tensor.int(shape, list) or tensor.float(shape, floats.pack(list))
    end
end

operators.Add = arithmetic(function(p, q) return p + q end)
operators.Sub = arithmetic(function(p, q) return p - q end)
operators.Mul = arithmetic(function(p, q) return p * q end)
operators.Div = arithmetic(function(p, q) return q == 0 and 0 or p // q end)

return fold
