-- import.lua - an ONNX file becomes a description and a safetensors file of its weights.
--
--     import.convert(bytes, { file = "a/net.onnx", name = "net", external = bool }) ->
--         { text = description, tensors = a list for safetensors.write, metadata }
--     import.check(made, path)    reads the description again: it has these weights and no others
--
-- A file is a stranger's: protobuf.lua and reader.lua bound what it may hold, and what cannot be a
-- network of burin's layers is refused with all reasons, { kind = "rejected" }. Its names become
-- those of layers in naming.lua; no other text of it is written.

local describe <const> = require("onnx/describe")
local export <const> = require("onnx/export")
local graph <const> = require("language/graph")
local identifier <const> = require("language/identifier")
local naming <const> = require("onnx/naming")
local network <const> = require("language/network")
local protobuf <const> = require("onnx/protobuf")
local reader <const> = require("onnx/reader")
local schema <const> = require("onnx/schema")

local import <const> = {}

import.max_file = 1 << 29

local function reject(text)
    error({ kind = "rejected", messages = { text } }, 0)
end

-- The layers that lead to the last one that the output needs, with their inputs renumbered.
local function without_dead(list)
    local live <const> = { [#list] = true }
    for i = #list, 1, -1 do
        for _, input in ipairs(live[i] and list[i].inputs or {}) do
            live[input] = true
        end
    end
    local kept <const>, index_of <const> = {}, { [0] = 0 }
    for i, layer in ipairs(list) do
        if live[i] then
            kept[#kept + 1] = layer
            index_of[i] = #kept
        end
    end
    for _, layer in ipairs(kept) do
        for k, input in ipairs(layer.inputs) do
            layer.inputs[k] = index_of[input]
        end
    end
    return kept
end

-- -- The weights ---------------------------------------------------------------------------------

local ORDER <const> = { "weight", "bias", "running_mean", "running_var" }

-- The tensors of a model of these layers, as the generated program writes and reads them.
local function tensors_of(list)
    local tensors <const> = {}
    for _, layer in ipairs(list) do
        for _, role in ipairs(ORDER) do
            local given <const> = layer.params[role]
            if given then
                tensors[#tensors + 1] = {
                    name = layer.name .. "." .. role, dtype = "F32", shape = given.shape,
                    bytes = given.bytes,
                }
            end
        end
        if layer.params.running_mean then
            tensors[#tensors + 1] = {
                name = layer.name .. ".num_batches_tracked", dtype = "I64", shape = {},
                bytes = string.pack("<i8", 0),
            }
        end
    end
    return tensors
end

-- Numbers in a text as `eval` reads them, or nil.
local function numbers_in(text, count, low, high)
    local list <const> = {}
    for word in (text or ""):sub(1, 4096):gmatch("[^%s,]+") do
        list[#list + 1] = tonumber(word)
    end
    for i = 1, count do
        if not list[i] or not (list[i] >= low and list[i] <= high) then
            return nil
        end
    end
    return #list == count and list or nil
end

local function join(list)
    local words <const> = {}
    for i, number in ipairs(list) do
        words[i] = ("%.9g"):format(number)
    end
    return table.concat(words, " ")
end

local MEAN_RANGE <const>, STD_RANGE <const> = { 0, 1 }, { 1e-6, 1e6 }

-- How the images are normalised: as the graph does itself, or as the file says they were.
local function normalisation(read, file)
    local c <const> = read.input.c
    local scale <const>, shift <const> = read.image.scale, read.image.shift
    local mean, std
    if scale then
        local means <const>, stds <const> = {}, {}
        local unit <const> = read.bytes and 255 or 1
        for i = 1, c do
            stds[i] = 1 / (scale[i] * unit)
            means[i] = -shift[i] * stds[i]
        end
        mean, std = join(means), join(stds)
    else
        mean, std = read.metadata.mean, read.metadata.std
    end
    local means <const> = numbers_in(mean, c, table.unpack(MEAN_RANGE))
    local stds <const> = numbers_in(std, c, table.unpack(STD_RANGE))
    if scale and not (means and stds) then
        reject(("%s: normalises its images by mean %s and deviation %s: expected a mean of pixels "
            .. "from 0 to 1"):format(file, mean, std))
    end
    return means and stds and { { "mean", join(means) }, { "std", join(stds) } } or {}
end

-- -- The whole -----------------------------------------------------------------------------------

-- The last part of a path, fit for a comment and with nothing that could end it.
local function base_name(path)
    return (path:match("[^/]*$"):gsub("[^%w_.+-]", "?"):sub(1, 60))
end

function import.convert(bytes, options)
    if #bytes > import.max_file then
        reject(("%s: is too large: expected at most %d MiB"):format(options.file,
            import.max_file >> 20))
    end
    local model <const>, problem <const> = protobuf.read(schema.model, bytes)
    if not model then
        reject(("%s: is no ONNX model: %s"):format(options.file, problem))
    end
    local read <const> = reader.read(model, {
        file = options.file,
        folder = options.external and (options.file:match("^.*/") or "") or nil,
    })
    local list <const> = without_dead(read.layers)
    naming.name(list)
    local name <const> = identifier.problem(options.name) and "imported" or options.name
    local metadata <const> = normalisation(read, options.file)
    table.insert(metadata, 1, { "format", "pt" })
    table.insert(metadata, 2, { "network", name })
    return {
        text = describe.text {
            name = name, source = base_name(options.file), input = read.input,
            classes = read.classes, layers = list,
        },
        tensors = tensors_of(list),
        metadata = metadata,
    }
end

-- A description that does not mean what was read is a bug of ours: says so before it is written.
function import.check(made, path)
    local built <const> = graph.build(network.read(made.text, path, "bn"))
    local file <const> = { tensors = {}, names = {} }
    for i, tensor in ipairs(made.tensors) do
        file.tensors[tensor.name] = tensor
        file.names[i] = tensor.name
    end
    local differences <const> = export.differences(built, file)
    assert(#differences == 0, differences[1])
    return built
end

return import
