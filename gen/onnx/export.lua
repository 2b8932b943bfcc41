-- export.lua - a graph with the tensors of a trained model becomes an ONNX file.
--
--     export.model(graph, file, { opset = 17, preprocess = "outside" | "inside", version = "0.2.0",
--                                 description = text or nil }) -> bytes
--
-- graph is language/graph.lua's, file safetensors.lua's. One node a layer, called as the layer is;
-- its output is <layer>.out. Parameters keep their names, which are PyTorch's. What differs from
-- training: batch norm uses the running statistics, for ghost batch norm too, and dropout and the
-- loss are left out, so the outputs are logits, (N, classes).
--
-- Images are (N, C, H, W) throughout and vectors (N, F); linear layers give vectors, which become
-- images of 1 x 1 again where a layer asks for one.

local floats <const> = require("onnx/floats")
local operators <const> = require("onnx/operators")
local parts <const> = require("onnx/parts")
local protobuf <const> = require("onnx/protobuf")
local safetensors <const> = require("onnx/safetensors")
local schema <const> = require("onnx/schema")

local export <const> = {}

local MAX_DIFFERENCES <const> = 5

local function fail(...)
    error({ kind = "failed", messages = { ... } }, 0)
end

-- -- The tensors of the file ---------------------------------------------------------------------

local function shape_text(shape)
    return "[" .. table.concat(shape, ", ") .. "]"
end

-- What of a training is in a checkpoint besides the model.
local function is_training(name)
    return name:find("^optim%.") or name:find("^train%.") or name:find("%.num_batches_tracked$")
end

local function wanted_shapes(graph)
    local wanted <const>, names <const> = {}, {}
    for _, param in ipairs(graph.params) do
        wanted[param.name] = param.shape
        names[#names + 1] = param.name
    end
    for _, state in ipairs(graph.states) do
        wanted[state.name] = { state.count }
        names[#names + 1] = state.name
    end
    return wanted, names
end

-- How the file differs from what the graph needs: texts.
function export.differences(graph, file)
    local wanted <const>, names <const> = wanted_shapes(graph)
    local list <const> = {}
    for _, name in ipairs(names) do
        local tensor <const> = file.tensors[name]
        local shape <const> = shape_text(wanted[name])
        if not tensor then
            list[#list + 1] = ("there is no %s: expected %s"):format(name, shape)
        elseif shape_text(tensor.shape) ~= shape then
            list[#list + 1] =
                ("%s is %s: expected %s"):format(name, shape_text(tensor.shape), shape)
        elseif not floats.width(tensor.dtype) then
            list[#list + 1] =
                ("%s is %s: expected F32, F16, BF16 or F64"):format(name, tensor.dtype)
        end
    end
    for _, name in ipairs(file.names) do
        if not wanted[name] and not is_training(name) then
            list[#list + 1] = ("%s is there: expected no such tensor"):format(
                name:gsub("[^%g]", "?"):sub(1, 80))
        end
    end
    return list
end

--- Raises how the file differs from what the graph needs, if it does.
function export.check_tensors(graph, file)
    local list <const> = export.differences(graph, file)
    if #list == 0 then
        return
    end
    local messages <const> = { ("%s: is no model of the network %s with NORM %s"):format(file.path,
        graph.name, graph.norm) }
    for i = 1, math.min(#list, MAX_DIFFERENCES) do
        messages[#messages + 1] = ("%s: %s"):format(file.path, list[i])
    end
    if #list > MAX_DIFFERENCES then
        messages[#messages + 1] = ("%s: %d differences more"):format(file.path,
            #list - MAX_DIFFERENCES)
    end
    fail(table.unpack(messages))
end

-- -- Writing nodes -------------------------------------------------------------------------------

-- What the writers of layers share: nodes and initializers of the file so far, and for each node of
-- the graph its value, { name, c, h, w, flat = whether it is a vector }.
local function builder(graph, file, options)
    local built <const> = {
        graph = graph, file = file, options = options, nodes = {}, initializers = {}, values = {},
    }
    local eps <const> = {} -- of standardized weights, by name
    for _, param in ipairs(graph.params) do
        eps[param.name] = param.standardize
    end

    function built.node(op, name, inputs, attributes, output)
        built.nodes[#built.nodes + 1] = {
            op_type = op, name = name, input = inputs, output = { output or name .. ".out" },
            attribute = attributes,
        }
        return output or name .. ".out"
    end

    function built.floats(name, shape, bytes)
        built.initializers[#built.initializers + 1] = {
            name = name, dims = shape, data_type = schema.types.FLOAT, raw_data = bytes,
        }
        return name
    end

    function built.integers(name, list)
        built.initializers[#built.initializers + 1] = {
            name = name, dims = { #list }, data_type = schema.types.INT64,
            raw_data = string.pack("<" .. ("i8"):rep(#list), table.unpack(list)),
        }
        return name
    end

    -- A parameter or statistic of a layer, by its name in the file of the model. ONNX sees weights
    -- that are standardized as the layer does.
    function built.parameter(name)
        local tensor <const> = file.tensors[name]
        local bytes <const> = floats.convert(tensor.bytes, tensor.dtype)
        return built.floats(name, tensor.shape,
            eps[name] and host.standardize(bytes, tensor.shape[1], eps[name]) or bytes)
    end

    return built
end

-- The name of a value as an image, or as a vector.
local function as_image(built, value, name)
    if not value.flat then
        return value.name
    end
    local shape <const> = built.integers(name .. ".image_shape", { 0, value.c, value.h, value.w })
    return built.node("Reshape", name .. ".image", { value.name, shape }, {})
end

local function as_vector(built, value, name)
    if value.flat then
        return value.name
    end
    local axis <const> = operators.attribute("axis", "int", 1)
    return built.node("Flatten", name .. ".flat", { value.name }, { axis })
end

-- The parameters and statistics of a layer that the graph has, in the order of the operator.
local function parameters_of(built, entry, node)
    local names <const> = {}
    for _, role in ipairs(entry.params or {}) do
        local name <const> = node.name .. "." .. role
        if built.file.tensors[name] then
            names[#names + 1] = built.parameter(name)
        end
    end
    return names
end

-- Kinds of parts.lua whose operators are not those of vectors.
local IMAGES_ONLY <const> = { norm = true, pad_channels = true }

-- Writes a node of the graph and notes its value.
local function write_layer(built, node)
    local ins <const> = {}
    for i, index in ipairs(node.inputs) do
        ins[i] = built.values[index]
    end
    local entry <const> = operators.for_node(node, built.options.opset)
    local vectors <const> = entry and entry.vectors
        or not entry and not IMAGES_ONLY[node.kind] and "too"
    local flat = vectors ~= nil and vectors ~= false
    for _, value in ipairs(ins) do
        flat = flat and (value.flat or vectors == "only")
    end
    local inputs <const> = {}
    for i, value in ipairs(ins) do
        local suffix <const> = node.name .. (#ins > 1 and "." .. i or "")
        inputs[i] = (flat and as_vector or as_image)(built, value, suffix)
    end
    local output
    if entry then
        table.move(parameters_of(built, entry, node), 1, 4, #inputs + 1, inputs)
        output = built.node(entry.op, node.name, inputs, operators.write(entry, node))
    elseif parts[node.kind] then
        output = parts[node.kind](built, node, inputs[1])
    else
        fail(("%s: %s: has no operator of ONNX yet: expected a network without it"):format(
            node.where, node.kind))
    end
    built.values[node.index] = { name = output, c = node.c, h = node.h, w = node.w, flat = flat }
end

-- -- The input -----------------------------------------------------------------------------------

-- Pixels from 0 to 255 become what the network was trained on: (x / 255 - mean) / std.
local function write_preprocessing(built)
    local c <const>, file <const> = built.graph.input.c, built.file
    local mean <const>, std <const> =
        safetensors.normalisation(file, c, ", or --preprocess outside")
    local scale <const>, shift <const> = {}, {}
    for i = 1, c do
        scale[i], shift[i] = 1 / (255 * std[i]), -mean[i] / std[i]
    end
    local real <const> = built.node("Cast", "input.real", { "pixels" },
        { operators.attribute("to", "int", schema.types.FLOAT) })
    local scaled <const> = built.node("Mul", "input.scale", { real,
        built.floats("input.scale.factors", { c, 1, 1 }, floats.pack(scale)) }, {})
    return built.node("Add", "input.shift", { scaled,
        built.floats("input.shift.terms", { c, 1, 1 }, floats.pack(shift)) }, {})
end

-- -- The file ------------------------------------------------------------------------------------

local function value_info(name, kind, ...)
    local dims <const> = { { dim_param = "N" } }
    for _, side in ipairs({ ... }) do
        dims[#dims + 1] = { dim_value = side }
    end
    return {
        name = name,
        type = { tensor_type = { elem_type = schema.types[kind], shape = { dim = dims } } },
    }
end

local function metadata_of(graph, file, options)
    local list <const> = {}
    local function add(key, value)
        if value then
            list[#list + 1] = { key = key, value = value }
        end
    end
    add("program", "burin " .. options.version)
    add("network", graph.name)
    add("norm", graph.norm)
    for _, key in ipairs({ "classes", "data", "warning", "mean", "std" }) do
        add(key, file.metadata[key])
    end
    add("preprocess", options.preprocess)
    add("description", options.description)
    return list
end

function export.model(graph, file, options)
    export.check_tensors(graph, file)
    local built <const> = builder(graph, file, options)
    local inside <const> = options.preprocess == "inside"
    local input <const> = graph.input
    for _, node in ipairs(graph.nodes) do
        if node.kind == "input" then
            built.values[1] = {
                name = inside and write_preprocessing(built) or "input",
                c = input.c, h = input.h, w = input.w, flat = false,
            }
        elseif node.kind == "dropout" then
            built.values[node.index] = built.values[node.inputs[1]]
        elseif node.kind == "softmax_cross_entropy" then
            local value <const> = built.values[node.inputs[1]]
            local logits <const> = as_vector(built, value, "logits")
            local last <const> = built.nodes[#built.nodes]
            assert(last.output[1] == logits, "the loss reads the last layer")
            last.output[1] = "logits"
        else
            write_layer(built, node)
        end
    end
    return protobuf.write(schema.model, {
        ir_version = operators.ir_version(options.opset),
        producer_name = "burin",
        producer_version = options.version,
        opset_import = { { domain = "", version = options.opset } },
        graph = {
            name = graph.name,
            node = built.nodes,
            initializer = built.initializers,
            input = { inside and value_info("pixels", "UINT8", input.c, input.h, input.w)
                or value_info("input", "FLOAT", input.c, input.h, input.w) },
            output = { value_info("logits", "FLOAT", graph.classes) },
        },
        metadata_props = metadata_of(graph, file, options),
    })
end

return export
