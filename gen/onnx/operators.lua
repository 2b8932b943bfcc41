-- operators.lua - which operator of ONNX is which layer: one table for both directions.
--
--     entry = { op = "Conv", kind = "conv",
--               params = { "weight", "bias" },    -- inputs after the image, by their names
--               attributes = { row, ... },
--               takes(node, opset) }              -- whether a node of the graph is written so;
--                                                 -- without it every node of the kind is
--     row   = { name = "kernel_shape", type = "ints",     -- of schema.attribute_types
--               write(node) -> value,                     -- nil: is left out
--               read(value, f) -> what, expected }        -- sets fields of f; value may be nil
--
-- node is a node of the graph (language/graph.lua), f a table of fields of the layer as a
-- description gives them. A row without a field has one value only that is a layer of burin.
-- Attributes that no row names are not taken.

local operators <const> = {}

-- The version of the format that first had an opset.
local ir_versions <const> =
    { [17] = 8, [18] = 8, [19] = 9, [20] = 9, [21] = 10, [22] = 10, [23] = 11 }

function operators.ir_version(opset)
    return ir_versions[opset]
end

local function show(value)
    if type(value) ~= "table" then
        return math.type(value) == "float" and ("%.9g"):format(value) or tostring(value)
    end
    local texts <const> = {}
    for i = 1, math.min(#value, 8) do
        texts[i] = show(value[i])
    end
    return "[" .. table.concat(texts, ", ") .. (#value > 8 and ", ..." or "") .. "]"
end

-- The shortest decimal number that is this float: 9.99999975e-06 in a file is 1e-05.
function operators.shortest(float)
    for digits = 1, 9 do
        local text <const> = ("%." .. digits .. "g"):format(float)
        if string.pack("<f", tonumber(text)) == string.pack("<f", float) then
            return tonumber(text)
        end
    end
    return float
end

-- -- Rows ----------------------------------------------------------------------------------------

-- One number.
local function number(name, kind, field, default)
    return {
        name = name,
        type = kind,
        write = function(node) return node[field] end,
        read = function(value, f)
            value = value or default
            if value == nil then
                return "there is no " .. name, "one"
            end
            f[field] = kind == "float" and operators.shortest(value) or value
        end,
    }
end

-- A field of two sides as a description has it.
local function sides_of(h, w)
    return h == w and h or { h, w }
end

-- Height and width. of: the field of a geometry; field: that of a layer
local function sides(name, of, field, default)
    return {
        name = name,
        type = "ints",
        write = function(node) return { node.geometry.h[of], node.geometry.w[of] } end,
        read = function(value, f)
            value = value or default and { default, default }
            if not value or #value ~= 2 then
                return name .. " is " .. show(value), "two numbers, of height and width"
            end
            f[field] = sides_of(value[1], value[2])
        end,
    }
end

-- Above, left, below, right.
local pads <const> = {
    name = "pads",
    type = "ints",
    write = function(node)
        local h <const>, w <const> = node.geometry.h.padding, node.geometry.w.padding
        return { h, w, h, w }
    end,
    read = function(value, f)
        value = value or { 0, 0, 0, 0 }
        if #value ~= 4 or value[1] ~= value[3] or value[2] ~= value[4] then
            return "pads is " .. show(value),
                "four numbers, as many pixels below as above and right as left"
        end
        f.padding = sides_of(value[1], value[2])
    end,
}

-- Of a convolution or pool.
local kernel_shape <const> = sides("kernel_shape", "taps", "window")
local strides <const> = sides("strides", "stride", "stride", 1)
local dilations <const> = sides("dilations", "dilation", "dilation", 1)

-- One value is a layer of burin. `written`: it is not the default, so it has to be said.
local function only(name, kind, wanted, written)
    local list <const> = type(wanted) == "table"
    return {
        name = name,
        type = kind,
        write = function() return written and wanted or nil end,
        read = function(value)
            for i, want in ipairs(list and wanted or { wanted }) do
                local got = value
                if list and value then
                    got = value[i]
                end
                if value ~= nil and got ~= want then
                    return name .. " is " .. show(value), show(wanted)
                end
            end
            if value == nil and written then
                return "there is no " .. name, show(wanted)
            end
        end,
    }
end

-- Looked at where the shapes are known: read.lua.
local function later(name, kind)
    return { name = name, type = kind, write = function() end, read = function() end }
end

local auto_pad <const> = only("auto_pad", "text", "NOTSET")
local epsilon <const> = number("epsilon", "float", "eps", 1e-5)

-- -- Operators -----------------------------------------------------------------------------------

local function norm(op, params, attributes, takes)
    return {
        op = op, kind = "norm", params = params, attributes = attributes, takes = takes,
        vectors = op == "BatchNormalization" and "too" or nil,
    }
end

local affine <const> = { "weight", "bias" }

operators.list = {
    {
        op = "Conv",
        kind = "conv",
        params = affine,
        attributes = {
            kernel_shape, strides, pads, dilations, number("group", "int", "groups", 1), auto_pad,
        },
    },
    {
        op = "MaxPool",
        kind = "maxpool",
        attributes = {
            kernel_shape, strides, pads, only("dilations", "ints", { 1, 1 }),
            only("storage_order", "int", 0), later("ceil_mode", "int"), auto_pad,
        },
    },
    {
        op = "AveragePool",
        kind = "avgpool",
        attributes = {
            kernel_shape, strides, pads, only("dilations", "ints", { 1, 1 }),
            {
                name = "count_include_pad",
                type = "int",
                write = function() return 1 end,
                read = function(value, f)
                    if value ~= 1 and f.padding ~= 0 then
                        return "count_include_pad is 0 with padding", "1"
                    end
                end,
            },
            later("ceil_mode", "int"), auto_pad,
        },
    },
    { op = "GlobalAveragePool", kind = "global_avgpool", attributes = {} },
    { op = "GlobalMaxPool", kind = "global_maxpool", attributes = {} },
    { op = "Relu", kind = "relu", vectors = "too", attributes = {} },
    { op = "Sigmoid", kind = "sigmoid", vectors = "too", attributes = {} },
    { op = "Tanh", kind = "tanh", vectors = "too", attributes = {} },
    { op = "HardSwish", kind = "hard_swish", vectors = "too", attributes = {} },
    {
        op = "LeakyRelu",
        kind = "leaky_relu",
        vectors = "too",
        attributes = { number("alpha", "float", "slope", 0.01) },
    },
    {
        op = "Gelu",
        kind = "gelu",
        vectors = "too",
        takes = function(_, opset) return opset >= 20 end,
        attributes = {
            {
                name = "approximate",
                type = "text",
                write = function(node)
                    return node.activation == "gelu_tanh" and "tanh" or "none"
                end,
                read = function(value, f)
                    value = value or "none"
                    if value ~= "none" and value ~= "tanh" then
                        return "approximate is another", "none or tanh"
                    end
                    f.form = value == "tanh" and "tanh" or nil
                end,
            },
        },
    },
    { op = "Add", kind = "add", vectors = "too", attributes = {} },
    { op = "Mul", kind = "mul", vectors = "too", attributes = {} },
    {
        op = "Concat", kind = "concat", vectors = "too",
        attributes = { only("axis", "int", 1, true) },
    },
    norm("BatchNormalization", { "weight", "bias", "running_mean", "running_var" }, {
        epsilon,
        {
            name = "momentum", -- the weight of what was before
            type = "float",
            write = function(node) return 1 - node.momentum end,
            read = function(value, f)
                f.momentum = operators.shortest(1 - operators.shortest(value or 0.9))
            end,
        },
        only("training_mode", "int", 0),
    }, function(node) return node.norm == "batch" end),
    norm("InstanceNormalization", affine, { epsilon },
        function(node) return node.norm == "group" and node.groups == node.c end),
    norm("GroupNormalization", affine,
        { epsilon, number("num_groups", "int", "groups"), only("stash_type", "int", 1) },
        function(node, opset) return node.norm == "group" and opset >= 21 end),
    {
        op = "Gemm",
        kind = "linear",
        vectors = "only",
        params = affine,
        attributes = {
            only("transB", "int", 1, true), only("transA", "int", 0), only("alpha", "float", 1.0),
            only("beta", "float", 1.0),
        },
    },
}

operators.of_op = {}
for _, entry in ipairs(operators.list) do
    operators.of_op[entry.op] = entry
end

-- The entry that writes a node of the graph, or nil.
function operators.for_node(node, opset)
    for _, entry in ipairs(operators.list) do
        if entry.kind == node.kind and (not entry.takes or entry.takes(node, opset)) then
            return entry
        end
    end
end

-- The attributes of a node as a file has them, in the order of the table.
function operators.write(entry, node)
    local list <const> = {}
    for _, row in ipairs(entry.attributes) do
        local value <const> = row.write(node)
        if value ~= nil then
            list[#list + 1] = operators.attribute(row.name, row.type, value)
        end
    end
    return list
end

local value_keys <const> = { float = "f", int = "i", text = "s", tensor = "t" }

-- One attribute as a file has it.
function operators.attribute(name, kind, value)
    local types <const> = require("onnx/schema").attribute_types
    return { name = name, type = types[kind], [value_keys[kind] or kind] = value }
end

return operators
