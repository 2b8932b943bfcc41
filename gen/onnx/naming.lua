-- naming.lua - what imported layers are called.
--
-- A layer with parameters is called as they are: layer1.0.conv1.weight makes layer1_0_conv1. Where
-- a file does not say (exporters fold weights and number them), the place of the node in the model
-- does: /layer1/layer1.0/conv1/Conv, or PyTorch's list of scopes. Layers without parameters have a
-- name only where a later layer than the next one reads them, or their like in another block. The
-- rest have burin's default names.
--
--     naming.name(list) sets layer.name, and layer.named where it is not the default.

local identifier <const> = require("language/identifier")

local naming <const> = {}

local MAX_LENGTH <const> = 48 -- with room for a number, and for what follows in a function

-- /a/a.b/c/Op -> a.b.c: a part that the next one begins with says nothing.
local function of_path(name)
    local parts <const> = {}
    for part in name:gmatch("/([^/]+)") do
        local last <const> = parts[#parts]
        if last and part:sub(1, #last + 1) == last .. "." then
            parts[#parts] = part
        else
            parts[#parts + 1] = part
        end
    end
    -- The second call of a module has _1.
    return (table.concat(parts, ".", 1, math.max(#parts - 1, 0)):gsub("_%d+$", ""))
end

-- ['', 'a', 'a.b', 'op_1'] -> a.b
local function of_scopes(text)
    local parts <const> = {}
    for part in text:gmatch("'([^']*)'") do
        parts[#parts + 1] = part
    end
    return parts[#parts - 1]
end

-- Where in its model a node stands, or nil; and whether that is a name for the node alone.
local function place_of(node)
    local name <const> = node.proto.name or ""
    if name:find("^/") then
        return of_path(name)
    end
    for _, entry in ipairs(node.proto.metadata_props) do
        if entry.key == "pkg.torch.onnx.name_scopes" and #(entry.value or "") < 4096 then
            return of_scopes(entry.value)
        end
    end
    -- Exporters that have no names count: node_relu_1, Relu_12.
    local op <const> = node.op_type:gsub("%W", "")
    local counted <const> = name:find("^node_") or name:find("^" .. op .. "_")
    if not counted and not identifier.layer_problem(name) then
        return name, true
    end
end

local function of_weight(node)
    local name <const> = node.input[2] or ""
    local prefix <const> = name:match("^(.+)%.weight$")
    return prefix and not prefix:find("::", 1, true) and prefix or nil
end

-- As a name of a layer; nil where nothing is left of it.
local function clean(text)
    local name = text:gsub("[^%w]+", "_"):gsub("^_+", ""):sub(1, MAX_LENGTH):gsub("_+$", "")
    if name:find("^%d") then
        name = "layer_" .. name
    end
    if name ~= "" and identifier.layer_problem(name) then
        name = name .. "_layer"
    end
    return name ~= "" and not identifier.layer_problem(name) and name or nil
end

-- What layers in one place of a block that stands several times have in common.
local function role_of(list, i)
    local layer <const>, before <const> = list[i], list[list[i].inputs[1]]
    local place <const> = place_of(layer.node) or ""
    return table.concat({ layer.kind, before and before.kind or "", (place:gsub("%d+", "")) }, " ")
end

-- The roles of layers that another than the next one reads.
local function find_distant(list)
    local distant <const> = {}
    for i, layer in ipairs(list) do
        for k, input in ipairs(layer.inputs) do
            if input > 0 and (input ~= i - 1 or k > 1) then
                distant[role_of(list, input)] = true
            end
        end
    end
    return distant
end

local function wish_of(layer, distant)
    local place <const>, exact <const> = place_of(layer.node)
    if next(layer.params) then
        local found <const> = of_weight(layer.node) or place
        return found and clean(found)
    elseif not distant or not place or place == "" then
        return nil
    end
    local name <const> = clean(place)
    local kind <const> = layer.kind
    -- A sum stands in the block itself, which is no name for one of its layers.
    return name and ((exact or name:sub(-#kind) == kind) and name or clean(name .. "_" .. kind))
end

function naming.name(list)
    local distant <const> = find_distant(list)
    local numbers <const>, taken <const> = {}, {}
    for _, layer in ipairs(list) do
        numbers[layer.kind] = (numbers[layer.kind] or 0) + 1
        layer.default = layer.kind .. numbers[layer.kind]
        taken[layer.default:upper()] = layer
    end
    for i, layer in ipairs(list) do
        local wish <const> = wish_of(layer, distant[role_of(list, i)])
        local name, number = wish, 1
        while name and taken[name:upper()] and taken[name:upper()] ~= layer do
            number = number + 1
            name = wish .. "_" .. number
        end
        layer.name = name or layer.default
        layer.named = layer.name ~= layer.default
        taken[layer.name:upper()] = layer
    end
end

return naming
