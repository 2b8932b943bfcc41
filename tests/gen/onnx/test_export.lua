-- The ONNX file of a network: its nodes one by one, what it says of itself, and models that are not
-- of the network.

local test <const> = ...

local files <const> = load(assert(host.read_file(test.dir .. "/support/onnx_files.lua")),
    "@onnx_files.lua")()

local floats <const> = require("onnx/floats")
local schema <const> = require("onnx/schema")
local tensor <const> = require("onnx/tensor")

local function text_of(value)
    if type(value) ~= "table" then
        return math.type(value) == "float" and ("%.6g"):format(value) or tostring(value)
    end
    local words <const> = {}
    for i, part in ipairs(value) do
        words[i] = text_of(part)
    end
    return "[" .. table.concat(words, " ") .. "]"
end

-- "Conv conv1: input conv1.weight -> conv1.out (kernel_shape [3 3])"
local function node_text(node)
    local words <const> = {}
    for i, a in ipairs(node.attribute) do
        words[i] = a.name .. " " .. text_of(a.f or a.i or #a.ints > 0 and a.ints or a.s)
    end
    return ("%s %s: %s -> %s%s"):format(node.op_type, node.name, table.concat(node.input, " "),
        table.concat(node.output, " "),
        #words > 0 and " (" .. table.concat(words, ", ") .. ")" or "")
end

local function nodes_of(built, options)
    local lines <const> = {}
    for i, node in ipairs(files.read(files.export(built, options)).graph.node) do
        lines[i] = node_text(node)
    end
    return table.concat(lines, "\n")
end

local tests <const> = {}

function tests.every_layer_is_a_node()
    local built <const> = files.graph([[
        conv { 8, window = 3, stride = 2, padding = 1 }, norm(), relu(), dropout(0.25),
        conv { 8, window = { 1, 3 }, stride = { 2, 1 }, padding = { 0, 2 }, dilation = { 1, 2 },
        bias = true, groups = 4, name = "mix" }, maxpool { 3, stride = 1, padding = 1 },
        avgpool { 3, stride = 2, padding = 1 }, add { "avgpool1", "avgpool1" },
        global_maxpool(), linear(2)]])
    local conv <const> = "kernel_shape [%d %d], strides [%d %d], pads [%d %d %d %d], "
        .. "dilations [%d %d], group %d"
    test.equal(nodes_of(built), table.concat({
        "Conv conv1: input conv1.weight -> conv1.out ("
            .. conv:format(3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1) .. ")",
        "BatchNormalization norm1: conv1.out norm1.weight norm1.bias norm1.running_mean "
            .. "norm1.running_var -> norm1.out (epsilon 1e-05, momentum 0.9)",
        "Relu relu1: norm1.out -> relu1.out",
        "Conv mix: relu1.out mix.weight mix.bias -> mix.out ("
            .. conv:format(1, 3, 2, 1, 0, 2, 0, 2, 1, 2, 4) .. ")",
        "MaxPool maxpool1: mix.out -> maxpool1.out (kernel_shape [3 3], strides [1 1], "
            .. "pads [1 1 1 1])",
        "AveragePool avgpool1: maxpool1.out -> avgpool1.out (kernel_shape [3 3], strides [2 2], "
            .. "pads [1 1 1 1], count_include_pad 1)",
        "Add add1: avgpool1.out avgpool1.out -> add1.out",
        "GlobalMaxPool global_maxpool1: add1.out -> global_maxpool1.out",
        "Flatten linear1.flat: global_maxpool1.out -> linear1.flat.out (axis 1)",
        "Gemm linear1: linear1.flat.out linear1.weight linear1.bias -> logits (transB 1)",
    }, "\n"))
end

-- Group norm has an operator with a weight a channel since opset 21.
function tests.norms_are_those_of_the_opset()
    local lines <const> =
        'conv { 4, window = 1 }, norm { groups = 2, eps = 0.5 }, global_avgpool(), linear(2)'
    local head <const> = "Conv conv1: input conv1.weight -> conv1.out (kernel_shape [1 1], "
        .. "strides [1 1], pads [0 0 0 0], dilations [1 1], group 1)\n"
    local tail <const> = "\nGlobalAveragePool global_avgpool1: norm1.out -> global_avgpool1.out\n"
        .. "Flatten linear1.flat: global_avgpool1.out -> linear1.flat.out (axis 1)\n"
        .. "Gemm linear1: linear1.flat.out linear1.weight linear1.bias -> logits (transB 1)"
    local parts <const> = table.concat({
        "Unsqueeze norm1.weight_image: norm1.weight norm1.axes -> norm1.weight_image.out",
        "Unsqueeze norm1.bias_image: norm1.bias norm1.axes -> norm1.bias_image.out",
        "Reshape norm1.groups: conv1.out norm1.groups_shape -> norm1.groups.out",
        "InstanceNormalization norm1.normal: norm1.groups.out norm1.ones norm1.zeros -> "
            .. "norm1.normal.out (epsilon 0.5)",
        "Reshape norm1.joined: norm1.normal.out norm1.joined_shape -> norm1.joined.out",
        "Mul norm1.scale: norm1.joined.out norm1.weight_image.out -> norm1.scale.out",
        "Add norm1: norm1.scale.out norm1.bias_image.out -> norm1.out",
    }, "\n")
    local function nodes(norm, opset)
        return nodes_of(files.graph(lines:gsub("groups = 2, ", norm == "gn" and "%0" or ""), norm),
            { opset = opset })
    end
    for _, opset in ipairs({ 17, 18, 20 }) do
        test.equal(nodes("gn", opset), head .. parts .. tail)
        test.equal(nodes("ln", opset), head .. parts .. tail)
    end
    local whole <const> = "GroupNormalization norm1: conv1.out norm1.weight norm1.bias -> "
        .. "norm1.out (epsilon 0.5, num_groups %d)"
    test.equal(nodes("gn", 21), head .. whole:format(2) .. tail)
    test.equal(nodes("ln", 23), head .. whole:format(1) .. tail)
    test.equal(nodes("in", 21), head .. "InstanceNormalization norm1: conv1.out norm1.weight "
        .. "norm1.bias -> norm1.out (epsilon 0.5)" .. tail)
    test.equal(nodes("none", 17), head .. tail:sub(2):gsub("norm1", "conv1"))
    test.equal(nodes("bn16", 17), nodes("bn", 17))
end

-- Vectors stay vectors where the operators take them, and become images where they have to.
function tests.vectors_are_images_of_one_pixel()
    local built <const> = files.graph([[linear { 4, bias = false }, norm("bn"), relu(),
        conv { 2, window = 1 }]])
    test.equal(nodes_of(built), table.concat({
        "Flatten linear1.flat: input -> linear1.flat.out (axis 1)",
        "Gemm linear1: linear1.flat.out linear1.weight -> linear1.out (transB 1)",
        "BatchNormalization norm1: linear1.out norm1.weight norm1.bias norm1.running_mean "
            .. "norm1.running_var -> norm1.out (epsilon 1e-05, momentum 0.9)",
        "Relu relu1: norm1.out -> relu1.out",
        "Reshape conv1.image: relu1.out conv1.image_shape -> conv1.image.out",
        "Conv conv1: conv1.image.out conv1.weight -> conv1.out (kernel_shape [1 1], "
            .. "strides [1 1], pads [0 0 0 0], dilations [1 1], group 1)",
        "Flatten logits.flat: conv1.out -> logits (axis 1)",
    }, "\n"))
    for _, proto in ipairs(files.read(files.export(built)).graph.initializer) do
        if proto.name == "conv1.image_shape" then
            test.equal(tensor.read(proto).values, { 0, 4, 1, 1 })
        end
    end
end

function tests.parameters_keep_names_shapes_and_bits()
    local built <const> = files.graph("conv { 4, window = 3 }, norm(), linear(2)")
    local model <const> = files.model(built)
    local found <const> = {}
    for _, proto in ipairs(files.read(files.export(built, { file = model })).graph.initializer) do
        found[proto.name] = proto
    end
    for _, name in ipairs(model.names) do
        local want <const> = model.tensors[name]
        if want.dtype == "F32" then
            test.equal(found[name].dims, want.shape, name)
            test.equal(found[name].raw_data, want.bytes, name)
            test.equal(found[name].data_type, schema.types.FLOAT)
        else
            test.equal(found[name], nil, name) -- the batches that a norm has seen
        end
    end
end

-- What is no operator of the opset is written in parts.
-- An ONNX file has the weights that a layer sees.
function tests.standardized_weights_are_written_so()
    local built <const> = files.graph(
        "conv { 4, window = 1, standardize = true }, global_avgpool(), linear(2)")
    local file <const> = files.model(built)
    local weight <const> = floats.unpack(file.tensors["conv1.weight"].bytes)
    local seen
    for _, one in ipairs(files.read(files.export(built, { file = file })).graph.initializer) do
        seen = one.name == "conv1.weight" and floats.unpack(one.raw_data) or seen
    end
    for k = 0, 3 do
        local mean, variance = 0.0, 0.0
        for i = 1, 3 do
            mean = mean + weight[3 * k + i] / 3
        end
        for i = 1, 3 do
            variance = variance + (weight[3 * k + i] - mean) ^ 2 / 3
        end
        for i = 1, 3 do
            local want <const> = (weight[3 * k + i] - mean) / math.sqrt(variance + 1e-6)
            assert(math.abs(seen[3 * k + i] - want) < 1e-6, want .. " " .. seen[3 * k + i])
        end
    end
end

function tests.activations_are_operators_or_parts()
    local function ops(layer, opset)
        local list <const> = {}
        local built <const> = files.graph(layer .. ", linear(2)")
        for i, node in ipairs(files.read(files.export(built, { opset = opset })).graph.node) do
            list[i] = node.op_type
        end
        return table.concat(list, " ", 1, #list - 2)
    end
    test.equal(ops("relu6()", 17), "Clip")
    test.equal(ops("silu()", 17), "Sigmoid Mul")
    test.equal(ops("hard_swish()", 17), "HardSwish")
    test.equal(ops("gelu()", 19), "Div Erf Add Mul Mul")
    test.equal(ops('gelu { form = "tanh" }', 19), "Pow Mul Add Mul Tanh Add Mul Mul")
    test.equal(ops("gelu()", 20), "Gelu")
end

-- Weights of 16 and 64 bits become floats.
function tests.other_types_are_converted()
    local built <const> = files.graph("linear(2)")
    local model <const> = files.model(built)
    model.tensors["linear1.bias"] = { dtype = "F16", shape = { 2 }, bytes = "\x00\x3c\x01\x80" }
    local function bias()
        for _, proto in ipairs(files.read(files.export(built, { file = model })).graph.initializer)
        do
            if proto.name == "linear1.bias" then
                return floats.unpack(proto.raw_data)
            end
        end
    end
    test.equal(bias(), { 1.0, -2.0 ^ -24 })
    model.tensors["linear1.bias"] = { dtype = "BF16", shape = { 2 }, bytes = "\x80\x3f\x20\xc0" }
    test.equal(bias(), { 1.0, -2.5 })
    model.tensors["linear1.bias"] =
        { dtype = "F64", shape = { 2 }, bytes = string.pack("<dd", 0.5, -3) }
    test.equal(bias(), { 0.5, -3.0 })
end

function tests.the_file_says_what_it_is()
    local built <const> = files.graph("linear(2)", "gn")
    local model <const> = files.model(built)
    model.metadata.classes = '["cat","dog"]'
    local read <const> = files.read(files.export(built, { file = model, opset = 21 }))
    local metadata <const> = {}
    for _, entry in ipairs(read.metadata_props) do
        metadata[entry.key] = entry.value
    end
    test.equal(metadata, {
        program = "burin 1", network = "small", norm = "gn", classes = '["cat","dog"]',
        mean = "0.5 0.25 0.75", std = "0.25 0.5 0.125", preprocess = "outside",
        description = "text",
    })
    test.equal({ read.ir_version, read.producer_name, read.producer_version },
        { 10, "burin", "1" })
    test.equal(read.opset_import, { { domain = "", version = 21 } })
    local graph <const> = read.graph
    local function info(name, kind, ...)
        local dims <const> = { { dim_param = "N" } }
        for _, side in ipairs({ ... }) do
            dims[#dims + 1] = { dim_value = side }
        end
        return { name = name,
            type = { tensor_type = { elem_type = schema.types[kind], shape = { dim = dims } } } }
    end
    test.equal(graph.input, { info("input", "FLOAT", 3, 8, 8) })
    test.equal(graph.output, { info("logits", "FLOAT", 2) })
    local inside <const> = files.read(files.export(built, { preprocess = "inside" })).graph
    test.equal(inside.input, { info("pixels", "UINT8", 3, 8, 8) })
    for i, version in ipairs({ 8, 8, 9, 9, 10, 10, 11 }) do
        test.equal(files.read(files.export(built, { opset = 16 + i })).ir_version, version)
    end
end

-- (x / 255 - mean) / std as one product and one sum.
function tests.preprocessing_normalises_bytes()
    local graph <const> = files.read(files.export(files.graph("linear(2)"),
        { preprocess = "inside" })).graph
    local lines <const> = {}
    for i = 1, 4 do
        lines[i] = node_text(graph.node[i])
    end
    test.equal(lines, {
        "Cast input.real: pixels -> input.real.out (to 1)",
        "Mul input.scale: input.real.out input.scale.factors -> input.scale.out",
        "Add input.shift: input.scale.out input.shift.terms -> input.shift.out",
        "Flatten linear1.flat: input.shift.out -> linear1.flat.out (axis 1)",
    })
    local factors <const> = tensor.read(graph.initializer[1])
    local terms <const> = tensor.read(graph.initializer[2])
    test.equal({ factors.shape, terms.shape }, { { 3, 1, 1 }, { 3, 1, 1 } })
    for i, pair in ipairs({ { 0.5, 0.25 }, { 0.25, 0.5 }, { 0.75, 0.125 } }) do
        local scale <const> = floats.unpack(factors.bytes)[i]
        local shift <const> = floats.unpack(terms.bytes)[i]
        for _, pixel in ipairs({ 0, 100, 255 }) do
            local want <const> = (pixel / 255 - pair[1]) / pair[2]
            test.equal(math.abs(pixel * scale + shift - want) < 1e-5, true)
        end
    end
end

function tests.what_is_wrong_with_a_model_is_told()
    local built <const> = files.graph("conv { 4, window = 3 }, linear(2)")
    local model <const> = files.model(built)
    model.tensors["conv1.weight"].shape = { 4, 3, 1, 1 }
    model.tensors["linear1.bias"] = nil
    model.tensors["linear1.weight"].dtype = "I32"
    model.tensors["x\ny"] = model.tensors["conv1.weight"]
    model.tensors["optim.momentum.conv1.weight"] = model.tensors["conv1.weight"]
    model.names = { "conv1.weight", "linear1.weight", "optim.momentum.conv1.weight", "train.step",
        "x\ny" }
    test.raises({
        "m.safetensors: is no model of the network small with NORM bn",
        "m.safetensors: conv1.weight is [4, 3, 1, 1]: expected [4, 3, 3, 3]",
        "m.safetensors: linear1.weight is I32: expected F32, F16, BF16 or F64",
        "m.safetensors: there is no linear1.bias: expected [2]",
        "m.safetensors: x?y is there: expected no such tensor",
    }, files.export, built, { file = model })
    local bare <const> = files.model(built)
    bare.metadata = { mean = "1 2" }
    test.raises({ "m.safetensors: does not say how its images were normalised: expected mean and "
        .. "std, 3 numbers each, in its metadata, or --preprocess outside" },
        files.export, built, { file = bare, preprocess = "inside" })
    bare.metadata = { mean = "127.5 127.5 127.5", std = "64 64 64" }
    test.raises({ "m.safetensors: takes no bytes, its images were normalised by mean 127.5 and "
        .. "deviation 64: expected those of pixels from 0 to 1, as of a training on bytes or on "
        .. "floats of that range, or --preprocess outside" },
        files.export, built, { file = bare, preprocess = "inside" })
end

return tests
