-- onnx_files.lua - models and ONNX files, for the tests of gen/onnx.
--
--     local files <const> = load(assert(host.read_file(test.dir .. "/support/onnx_files.lua")),
--         "@onnx_files.lua")()

local export <const> = require("onnx/export")
local floats <const> = require("onnx/floats")
local graph <const> = require("language/graph")
local network <const> = require("language/network")
local operators <const> = require("onnx/operators")
local protobuf <const> = require("onnx/protobuf")
local schema <const> = require("onnx/schema")

local files <const> = {}

--- The graph of `lines`, layers between an image of 3 x 8 x 8 and two classes.
function files.graph(lines, norm)
    local text <const> = [[return network {
        name = "small", classes = 2, input = { 3, 8, 8 },
        recipe = { optimizer = sgd { lr = 0.1 } },
        layers = { ]] .. lines .. [[, softmax_cross_entropy() },
    }]]
    return graph.build(network.read(text, "small.lua", norm or "bn"))
end

--- An F32 array of so many different numbers.
function files.ramp(count, first)
    local list <const> = {}
    for i = 1, count do
        list[i] = (first or 0) + i / 16
    end
    return floats.pack(list)
end

--- A model of a graph as safetensors.read gives it, no two numbers alike.
function files.model(built)
    local file <const> = { path = "m.safetensors", tensors = {}, names = {}, metadata = {
        mean = "0.5 0.25 0.75", std = "0.25 0.5 0.125",
    } }
    local function add(name, shape, count, dtype, bytes)
        file.names[#file.names + 1] = name
        file.tensors[name] = {
            dtype = dtype or "F32", shape = shape,
            bytes = bytes or files.ramp(count, #file.names),
        }
    end
    for _, param in ipairs(built.params) do
        add(param.name, param.shape, param.count)
    end
    for _, state in ipairs(built.states) do
        add(state.name, { state.count }, state.count)
        if state.name:find("mean$") then
            add(state.name:gsub("running_mean", "num_batches_tracked"), {}, 1, "I64",
                string.pack("<i8", 7))
        end
    end
    return file
end

--- The bytes of the ONNX file of a graph.
function files.export(built, options)
    options = options or {}
    return export.model(built, options.file or files.model(built), {
        opset = options.opset or 17, preprocess = options.preprocess or "outside",
        version = "1", description = "text",
    })
end

--- The file as tables again.
function files.read(bytes)
    return assert(protobuf.read(schema.model, bytes))
end

-- -- Files by hand -------------------------------------------------------------------------------

--- An initializer of floats, or with `kind` "INT64" of integers.
function files.tensor(name, dims, values, kind)
    local raw <const> = kind == "INT64"
        and string.pack("<" .. ("i8"):rep(#values), table.unpack(values)) or floats.pack(values)
    return { name = name, dims = dims, data_type = schema.types[kind or "FLOAT"], raw_data = raw }
end

--- A node: files.node("Relu", "x", "y"), with lists of names and { { name, type, value }, ... }.
function files.node(op, inputs, output, attributes)
    local list <const> = {}
    for i, a in ipairs(attributes or {}) do
        list[i] = operators.attribute(table.unpack(a))
    end
    return {
        op_type = op, name = op .. "_" .. output, output = { output }, attribute = list,
        input = type(inputs) == "table" and inputs or { inputs },
    }
end

local function value_info(name, dims, kind)
    local list <const> = {}
    for i, side in ipairs(dims) do
        list[i] = side == "N" and { dim_param = "N" } or { dim_value = side }
    end
    return {
        name = name,
        type = {
            tensor_type = { elem_type = schema.types[kind or "FLOAT"], shape = { dim = list } },
        },
    }
end

--- The bytes of a file with these nodes from "x" to "y". changes: { opset, input = dims, kind,
--- graph = further parts of it, model = further parts of that }
function files.write(nodes, initializers, changes)
    changes = changes or {}
    local whole <const> = {
        ir_version = 8,
        opset_import = { { domain = "", version = changes.opset or 17 } },
        graph = {
            name = "g", node = nodes, initializer = initializers,
            input = { value_info("x", changes.input or { "N", 3, 8, 8 }, changes.kind) },
            output = { value_info("y", { "N", 2 }) },
        },
    }
    for key, value in pairs(changes.graph or {}) do
        whole.graph[key] = value
    end
    for key, value in pairs(changes.model or {}) do
        whole[key] = value
    end
    return protobuf.write(schema.model, whole)
end

return files
