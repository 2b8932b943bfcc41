-- onnx_import.lua - for tests: ONNX files of a few nodes, and what becomes of them.
--
--     local onnx <const> = load(...)(test)      -- in a file of tests, which gets `test`
--     onnx.head({ onnx.node("Relu", "x", "v") })  -- the layers before the end, as text

local test <const> = ...

local files <const> = load(assert(host.read_file(test.dir .. "/support/onnx_files.lua")),
    "@onnx_files.lua")()

local floats <const> = require("onnx/floats")
local import <const> = require("onnx/import")

local node <const>, tensor <const> = files.node, files.tensor

local function convert(bytes, options)
    options = options or {}
    return import.convert(bytes, { file = "a/net.onnx", name = "net", external = options.external })
end

-- The layers of a description, a line each, without comments.
local function layers_of(text)
    local lines <const> = {}
    for line in text:match("    layers = {\n(.-)        softmax_cross_entropy"):gmatch("[^\n]+") do
        lines[#lines + 1] = line:gsub(" %-%- .*", ""):gsub("^ +", ""):gsub(",$", "")
    end
    return lines
end

local function weights_of(made)
    local found <const> = {}
    for _, t in ipairs(made.tensors) do
        found[t.name] = t.dtype == "F32" and floats.unpack(t.bytes) or t.bytes
    end
    return found
end

-- The end of a network after "v", a value of 3 channels, or so many as `channels`.
local function ending(channels)
    return node("GlobalAveragePool", "v", "p"), node("Flatten", "p", "f", { { "axis", "int", 1 } }),
        node("Gemm", { "f", "fc.weight" }, "y", { { "transB", "int", 1 } }),
        tensor("fc.weight", { 2, channels or 3 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 })
end

-- A file whose nodes before the end are these.
local function file_of(nodes, initializers, changes)
    local pool <const>, flat <const>, gemm <const>, weight <const> =
        ending(changes and changes.channels)
    local all <const> = table.move(nodes, 1, #nodes, 1, {})
    table.move({ pool, flat, gemm }, 1, 3, #all + 1, all)
    local numbers <const> = table.move(initializers or {}, 1, #(initializers or {}), 1, {})
    numbers[#numbers + 1] = { name = "fc.weight", dims = { 2, changes and changes.channels or 3 },
        data_type = 1, raw_data = weight.raw_data:sub(1, 8 * (changes and changes.channels or 3)) }
    return files.write(all, numbers, changes)
end

local function layers(nodes, initializers, changes)
    return layers_of(convert(file_of(nodes, initializers, changes)).text)
end

local TAIL <const> = { "global_avgpool()", 'linear { 2, bias = false, name = "fc" }' }

-- The layers before the end.
local function head(nodes, initializers, changes)
    local list <const> = layers(nodes, initializers, changes)
    test.equal({ list[#list - 1], list[#list] }, TAIL)
    return table.concat(list, " | ", 1, #list - 2)
end

local function refused(want, bytes, options)
    for i, message in ipairs(want) do
        want[i] = "a/net.onnx: " .. message
    end
    test.raises(want, convert, bytes, options)
end

return {
    files = files, node = node, tensor = tensor, convert = convert, layers_of = layers_of,
    weights_of = weights_of, file_of = file_of, layers = layers, head = head, refused = refused,
}
