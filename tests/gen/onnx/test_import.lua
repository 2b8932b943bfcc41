-- What becomes of an ONNX file: the description, the weights, and reasons why not.

local test <const> = ...

local onnx <const> = load(assert(host.read_file(test.dir .. "/support/onnx_import.lua")),
    "@onnx_import.lua")(test)

local import <const> = require("onnx/import")

local files <const> = onnx.files
local node <const> = onnx.node
local tensor <const> = onnx.tensor
local convert <const> = onnx.convert
local layers_of <const> = onnx.layers_of
local weights_of <const> = onnx.weights_of
local file_of <const> = onnx.file_of
local head <const> = onnx.head
local refused <const> = onnx.refused

local tests <const> = {}

-- Every layer and norm that burin writes, with the bits of its weights.
function tests.what_is_exported_is_imported()
    local lines <const> = [[
        conv { 8, window = 3, stride = 2, padding = 1 }, norm(), relu { name = "r" }, dropout(0.25),
        conv { 8, window = 1, bias = true, groups = 4, name = "mix" },
        maxpool { 3, stride = 1, padding = 1 }, add("r"),
        avgpool { { 3, 1 }, stride = { 2, 1 }, padding = { 1, 0 } },
        conv { 4, window = 3, padding = { 2, 4 }, dilation = { 2, 4 }, name = "wide" },
        conv { 4, window = { 2, 1 }, padding = { 1, 0 }, stride = { 1, 2 } },
        linear { 4, bias = false }, norm { kind = "bn",
        eps = 0.5, momentum = 0.25 }, linear(2)]]
    local kinds <const> = { bn = "bn", bn16 = "bn", gn = "gn", ln = "ln", ["in"] = "in" }
    for norm, kind in pairs(kinds) do
        for _, opset in ipairs({ 17, 21 }) do
            local built <const> = files.graph(lines, norm)
            local model <const> = files.model(built)
            local made <const> = convert(files.export(built, { file = model, opset = opset }))
            test.equal(layers_of(made.text), {
                "conv { 8, window = 3, stride = 2, padding = 1 }",
                kind == "gn" and 'norm { "gn", groups = 4 }' or ('norm("%s")'):format(kind),
                'relu { name = "r" }',
                'conv { 8, window = 1, groups = 4, bias = true, name = "mix" }',
                "maxpool { 3, stride = 1, padding = 1 }",
                'add("r")',
                "avgpool { { 3, 1 }, stride = { 2, 1 }, padding = { 1, 0 } }",
                'conv { 4, window = 3, padding = { 2, 4 }, dilation = { 2, 4 }, name = "wide" }',
                "conv { 4, window = { 2, 1 }, stride = { 1, 2 }, padding = { 1, 0 } }",
                "linear { 4, bias = false }",
                'norm { "bn", eps = 0.5, momentum = 0.25 }',
                "linear(2)",
            }, norm)
            for _, t in ipairs(made.tensors) do
                local zero <const> = t.name:find("tracked$") and string.pack("<i8", 0)
                test.equal(t.bytes, zero or model.tensors[t.name].bytes, t.name)
            end
            test.equal(#made.tensors, #model.names)
            test.equal(made.metadata, { { "format", "pt" }, { "network", "net" },
                { "mean", "0.5 0.25 0.75" }, { "std", "0.25 0.5 0.125" } })
        end
    end
end

-- A window of two sides that is all a pool says, also in a function.
function tests.two_sides_alone_are_one_value()
    local block <const> = "conv { 4, window = 3, padding = 1 }, relu(), conv { 8, window = 1 }, "
        .. "norm(), relu(), maxpool { { 2, 1 } }, "
    local made <const> = convert(files.export(files.graph(block .. block
        .. "avgpool { { 1, 4 } }, linear(2)", "bn")))
    test.equal(made.text:match("\n        maxpool { { 2, 1 } },") ~= nil, true, made.text)
    test.equal(layers_of(made.text)[3], "avgpool { { 1, 4 } }")
    import.check(made, "net.lua")
end

-- The same network as both exporters of PyTorch write it: fixtures/onnx/make.py. One of them leaves
-- out a bias of zeros.
function tests.files_of_pytorch_are_imported()
    local found <const> = {}
    for i, exporter in ipairs({ "script", "dynamo" }) do
        local path <const> = ("%s/fixtures/onnx/small_%s.onnx"):format(test.dir, exporter)
        local made <const> = convert(assert(host.read_file(path)))
        test.equal(layers_of(made.text), {
            ('conv { 4, window = 3, padding = 1, %sname = "stem_0" }'):format(
                exporter == "script" and "bias = true, " or ""),
            'norm { "gn", groups = 2, name = "gn" }',
            'relu6 { name = "act_relu6" }',
            'conv { 4, window = 3, padding = 1, groups = 4, bias = true, name = "mix" }',
            'norm { "in", name = "inorm" }',
            "silu()",
            'add("act_relu6")',
            "maxpool(2)",
            'linear { 6, name = "fc1" }',
            'norm { "ln", name = "ln" }',
            "gelu()",
            'linear { 3, bias = false, name = "fc2" }',
        }, exporter)
        import.check(made, "net.lua")
        found[i] = weights_of(made)
    end
    test.equal(found[1]["stem_0.bias"], { 0.0, 0.0, 0.0, 0.0 })
    found[1]["stem_0.bias"] = nil
    test.equal(found[1], found[2])
end

-- The graph normalises its images itself: what it does is how they were normalised.
function tests.preprocessing_becomes_mean_and_deviation()
    local built <const> = files.graph("linear(2)")
    local made <const> = convert(files.export(built, { preprocess = "inside" }))
    for i, want in ipairs({ { 0.5, 0.25, 0.75 }, { 0.25, 0.5, 0.125 } }) do
        local k = 0
        for word in made.metadata[2 + i][2]:gmatch("%S+") do
            k = k + 1
            test.equal(math.abs(tonumber(word) - want[k]) < 1e-6, true, word)
        end
        test.equal(k, 3)
    end
    -- Pixels from 0 to 1, by a difference and a quotient.
    local sub <const> = convert(file_of({ node("Sub", { "x", "m" }, "a"),
        node("Div", { "a", "s" }, "v") }, { tensor("m", { 1, 3, 1, 1 }, { 0.5, 0.25, 0.125 }),
        tensor("s", {}, { 0.5 }) }))
    test.equal(sub.metadata[3], { "mean", "0.5 0.25 0.125" })
    test.equal(sub.metadata[4], { "std", "0.5 0.5 0.5" })
    refused({ "normalises its images by mean -2 -2 -2 and deviation 1 1 1: expected a mean of "
        .. "pixels from 0 to 1" }, file_of({ node("Add", { "x", "t" }, "v") },
        { tensor("t", {}, { 2 }) }))
    refused({ "Conv: reads the image scaled in another way than other nodes: expected one way: at "
        .. "Conv_b" }, file_of({ node("Mul", { "x", "t" }, "a"), node("Relu", "a", "r"),
        node("Conv", { "x", "w" }, "b"), node("Add", { "r", "b" }, "v") },
        { tensor("t", {}, { 2 }), tensor("w", { 3, 3, 1, 1 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9 }) }))
end

function tests.weights_by_columns_are_turned()
    local nodes <const> = { node("Flatten", "x", "f"), node("MatMul", { "f", "w" }, "m"),
        node("Add", { "m", "b" }, "y") }
    local made <const> = convert(files.write(nodes, {
        tensor("w", { 3, 2 }, { 1, 2, 3, 4, 5, 6 }), tensor("b", { 2 }, { 7, 8 }),
    }, { input = { "N", 3, 1, 1 } }))
    test.equal(layers_of(made.text), { "linear(2)" })
    test.equal(weights_of(made), { ["linear1.weight"] = { 1.0, 3.0, 5.0, 2.0, 4.0, 6.0 },
        ["linear1.bias"] = { 7.0, 8.0 } })
    local gemm <const> = convert(files.write({ node("Flatten", "x", "f"),
        node("Transpose", "w", "t"), node("Gemm", { "f", "t", "b" }, "y") }, {
        tensor("w", { 2, 3 }, { 1, 3, 5, 2, 4, 6 }), tensor("b", { 1, 2 }, { 7, 8 }),
    }, { input = { "N", 3, 1, 1 } }))
    test.equal(weights_of(gemm), weights_of(made))
end

-- A product and a sum after a norm change its weight and bias; a sum goes into a convolution.
function tests.numbers_go_into_the_layer_before()
    local numbers <const> = {
        tensor("w", { 3, 3, 1, 1 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9 }),
        tensor("t", { 3, 1, 1 }, { 1, 2, 3 }), tensor("b", { 3 }, { 4, 5, 6 }),
        tensor("one", { 3 }, { 1, 2, 1 }), tensor("f", { 1, 3, 1, 1 }, { 2, 3, 4 }),
    }
    local nodes <const> = {
        node("Conv", { "x", "w" }, "c"), node("Add", { "c", "t" }, "d"),
        node("InstanceNormalization", { "d", "one", "b" }, "n"),
        node("Mul", { "f", "n" }, "s"), node("Sub", { "s", "t" }, "v"),
    }
    local found <const> = weights_of(convert(file_of(nodes, numbers)))
    test.equal(found["conv1.bias"], { 1.0, 2.0, 3.0 })
    test.equal(found["norm1.weight"], { 2.0, 6.0, 4.0 })
    test.equal(found["norm1.bias"], { 8.0 - 1, 15.0 - 2, 24.0 - 3 })
    test.equal(head(nodes, numbers), 'conv { 3, window = 1, bias = true } | norm("in")')
    -- (3) is a number a column.
    nodes[5] = node("Sub", { "s", "b" }, "v")
    refused({ "Sub: combines a layer with other numbers than one a channel: expected one a channel"
        .. ": at Sub_v" }, file_of(nodes, numbers))
    nodes[5] = node("Sub", { "t", "s" }, "v")
    refused({ "Sub: takes a layer from numbers or divides by it: expected the layer first: at "
        .. "Sub_v" },
        file_of(nodes, numbers))
    -- What another node reads too is not changed.
    nodes[2], nodes[5] = node("Identity", "c", "e"), node("Add", { "s", "c" }, "v")
    table.insert(nodes, 3, node("Add", { "e", "t" }, "d"))
    refused({ "Add: changes a value that other nodes read too: expected one reader: at Add_d" },
        file_of(nodes, numbers))
end

-- All that a description cannot say, together, each with its nodes.
function tests.what_is_no_layer_is_listed()
    local nodes <const> = {
        node("Tanhh", "x", "a"), node("Tanhh", "a", "b"), node("Erf\n", "b", "c"),
        node("MaxPool", "x", "d", { { "kernel_shape", "ints", { 1, 1 } },
            { "dilations", "ints", { 2, 2 } } }),
        node("Conv", { "x", "w" }, "e", { { "pads", "ints", { 1, 0, 0, 0 } } }),
        node("Conv", { "x", "w" }, "k", { { "pads", "ints", { 0, 1, 0, 2 } } }),
        node("Conv", { "x", "w" }, "g", { { "o\27d\n", "int", 1 } }),
        node("Constant", {}, "l", { { "value\n", "t",
            { data_type = 99, dims = {}, name = "\27", raw_data = "" } } }),
        node("Sigmoid", "x", "m", { { ("y"):rep(5000), "int", 1 } }),
        node("Add", { "c", "d" }, "h"), node("Add", { "e", "g" }, "i"),
        node("Add", { "i", "k" }, "j"), node("Add", { "h", "j" }, "n"),
        node("Add", { "l", "m" }, "o"), node("Add", { "n", "o" }, "v"),
    }
    nodes[2].name = ("x"):rep(200)
    refused({
        "Tanhh: burin has no layer for this operator: expected one of those in docs/onnx.md: at "
            .. "Tanhh_a, " .. ("x"):rep(80) .. "...",
        "Erf?: burin has no layer for this operator: expected one of those in docs/onnx.md: at "
            .. "Erf?_c",
        "MaxPool: dilations is [2, 2]: expected [1, 1]: at MaxPool_d",
        "Conv: pads is [1, 0, 0, 0]: expected four numbers, as many pixels below as above "
            .. "and right as left: at Conv_e",
        "Conv: pads is [0, 1, 0, 2]: expected four numbers, as many pixels below as above "
            .. "and right as left: at Conv_k",
        "Conv: has an attribute o?d?: expected none of that name: at Conv_g",
        "Constant: value?: its type is 99: expected numbers of at most 64 bits: at Constant_l",
        "Sigmoid: has an attribute " .. ("y"):rep(383) .. "...: expected none of that name: at "
            .. "Sigmoid_m",
    }, file_of(nodes, { tensor("w", { 3, 3, 1, 1 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9 }) }))
end

function tests.files_that_are_none_are_refused()
    refused({ "is no ONNX model: byte 1: wire type 3: expected 0, 1, 2 or 5" }, "\x0b")
    refused({ "has no graph: expected an ONNX model" }, "")
    local image <const> = { node("Relu", "x", "v") }
    refused({ "its operators are of version 99: expected 7 to 23" },
        file_of(image, {}, { opset = 99 }))
    refused({ "its operators are of version ?: expected 7 to 23" },
        file_of(image, {}, { model = { opset_import = {} } }))
    refused({ "0 outputs: expected one, the logits" },
        file_of(image, {}, { graph = { output = {} } }))
    refused({ "0 inputs: expected one, the images" },
        file_of(image, {}, { graph = { input = {} } }))
    refused({ "the shape of its input is not known: expected N x C x H x W with numbers for all "
        .. "but N" },
        file_of(image, {}, { input = { "N", 3, "N", 8 } }))
    refused({ "images of 3 x 8 x 4096: expected { channels, height, width }, at most 4096 channels "
        .. "of 1024 x 1024" }, file_of(image, {}, { input = { "N", 3, 8, 4096 } }))
    refused({ "an input of type 11: expected FLOAT or UINT8" },
        file_of(image, {}, { kind = "DOUBLE" }))
    refused({ "Relu: reads the bytes of the image: expected a cast to FLOAT first: at Relu_v" },
        file_of(image, {}, { kind = "UINT8" }))
    refused({ "Relu: reads q, which no node before it makes: expected nodes in order: at Relu_v" },
        file_of({ node("Relu", "q", "v") }))
    refused({ "its output is 3 x 8 x 8: expected 2 to 256 classes, C x 1 x 1" },
        files.write({ node("Relu", "x", "y") }, {}))
    refused({ "its output is 1 x 1 x 1: expected 2 to 256 classes, C x 1 x 1" },
        files.write({ node("Flatten", "x", "f"), node("Gemm", { "f", "w" }, "y",
        { { "transB", "int", 1 } }) }, { tensor("w", { 1, 3 }, { 1, 2, 3 }) },
        { input = { "N", 3, 1, 1 } }))
    refused({ "its output is not what the last layer makes: expected logits" },
        files.write({ node("Identity", "x", "y") }, {}))
    refused({ "no node makes its output: expected one" }, files.write({}, {}))
end

-- Numbers in another shape, one side of which says itself.
function tests.numbers_take_another_shape()
    local numbers <const> = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }
    local straight <const> = file_of({ node("Conv", { "x", "r" }, "v") },
        { tensor("r", { 3, 3, 1, 1 }, numbers) })
    local reshaped <const> = file_of({ node("Reshape", { "w", "s" }, "r"),
        node("Conv", { "x", "r" }, "v") },
        { tensor("w", { 9 }, numbers), tensor("s", { 4 }, { 3, -1, 1, 1 }, "INT64") })
    test.equal(layers_of(convert(reshaped).text), layers_of(convert(straight).text))
    test.equal(weights_of(convert(reshaped)), weights_of(convert(straight)))
end

-- An operator on numbers without one of its inputs.
function tests.inputs_that_are_missing_are_told()
    local numbers <const> = { tensor("w", { 9 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9 }) }
    for _, op in ipairs({ "Add", "Reshape", "Gather", "Slice" }) do
        refused({ ("%s: input 2 is missing: expected as many as the operator needs: at %s_r")
            :format(op, op) },
            file_of({ node(op, "w", "r"), node("Conv", { "x", "r" }, "v") }, numbers))
    end
    refused({ "Relu: computes with numbers of other sizes: expected numbers that are parameters or "
        .. "sizes: at Relu_r" }, file_of({ node("Relu", "", "r"), node("Add", { "x", "r" }, "v") }))
    -- A slice whose start is one number and whose end is two.
    refused({ "Slice: slices without known ends: expected one start and one end: at Slice_r" },
        file_of({ node("Slice", { "from", "from", "ends" }, "r"),
            node("Reshape", { "x", "r" }, "v") },
            { tensor("from", { 1 }, { 0 }, "INT64"), tensor("ends", { 2 }, { 1, 1 }, "INT64") }))
end

function tests.tensors_have_the_bytes_of_their_shape()
    local function weight(changes)
        local proto <const> = tensor("w", { 3, 3, 1, 1 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9 })
        for key, value in pairs(changes) do
            proto[key] = value
        end
        return file_of({ node("Conv", { "x", "w" }, "v") }, { proto })
    end
    refused({ "tensor w: it has 35 bytes: expected 36" }, weight { raw_data = ("a"):rep(35) })
    refused({ "tensor w: it has 37 bytes: expected 36" }, weight { raw_data = ("a"):rep(37) })
    refused({ "tensor w: a side of -1: expected 0 to 268435456" }, weight { dims = { 3, -1 } })
    refused({ "tensor w: too many numbers: expected at most 268435456" },
        weight { dims = { 1 << 20, 1 << 20 } })
    refused({ "tensor w: 9 dimensions: expected at most 8" },
        weight { dims = { 1, 1, 1, 1, 1, 1, 1, 1, 1 } })
    refused({ "tensor w: its type is 8: expected numbers of at most 64 bits" },
        weight { data_type = 8 })
    refused({ "Conv: weight is [1, 9, 1, 1]: expected the shape for its input: at Conv_v" },
        weight { dims = { 1, 9, 1, 1 } })
end

-- Names become identifiers, and no two layers have the same.
function tests.names_are_kept()
    local w <const> = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }
    local nodes <const>, numbers <const> = {}, {}
    local before = "x"
    local names <const> = { "layer1.0.conv1.weight", "layer1_0.conv1.weight", "0.weight",
        "a/b.weight", "input.weight", "_.weight", "onnx::Conv_12", ("long"):rep(30) .. ".weight",
        "conv9.weight" }
    for i, name in ipairs(names) do
        nodes[i] = node("Conv", { before, name }, i < #names and "t" .. i or "v")
        nodes[i].name = i == 7 and "/body/body.3/conv/Conv" or "odd name"
        numbers[i] = tensor(name, { 3, 3, 1, 1 }, w)
        before = "t" .. i
    end
    test.equal(head(nodes, numbers):gsub("conv { 3, window = 1, ", ""), table.concat({
        'name = "layer1_0_conv1" }', 'name = "layer1_0_conv1_2" }', 'name = "layer_0" }',
        'name = "a_b" }', 'name = "input_layer" }', "conv { 3, window = 1 }",
        'name = "body_3_conv" }', 'name = "' .. ("long"):rep(12) .. '" }', "conv { 3, window = 1 }",
    }, " | "))
end

-- Blocks that repeat are functions, and the description means the same layers.
function tests.what_repeats_is_a_function()
    local nodes <const>, numbers <const> = {}, {}
    local inputs = 3
    local function conv(name, from, to, channels, stride)
        nodes[#nodes + 1] = node("Conv", { from, name .. ".weight" }, to,
            { { "strides", "ints", { stride, stride } }, { "kernel_shape", "ints", { 1, 1 } } })
        local list <const> = {}
        for i = 1, channels * inputs do
            list[i] = i
        end
        numbers[#numbers + 1] = tensor(name .. ".weight", { channels, inputs, 1, 1 }, list)
        inputs = channels
    end
    conv("stem", "x", "s", 4, 1)
    local before = "s"
    for i = 1, 4 do
        local stage <const> = "stage" .. i
        conv(stage .. ".conv1", before, stage .. "a", 4, 1)
        nodes[#nodes + 1] = node("Relu", stage .. "a", stage .. "b")
        conv(stage .. ".conv2", stage .. "b", stage .. "c", 4, 1)
        nodes[#nodes + 1] = node("Add", { stage .. "c", before }, stage .. "d")
        nodes[#nodes + 1] = node("Relu", stage .. "d", i < 4 and stage .. "e" or "v")
        nodes[#nodes].name = "/" .. stage .. "/relu/Relu"
        before = stage .. "e"
    end
    local made <const> = convert(file_of(nodes, numbers, { channels = 4 }))
    test.equal(made.text:match("\n\n(.*)"), [[
local function residual(name, skip)
    return {
        conv { 4, window = 1, name = name .. "_conv1" },
        relu(),
        conv { 4, window = 1, name = name .. "_conv2" },
        add(skip),
        relu { name = name .. "_relu" },
    }
end

return network {
    name = "net",
    input = { 3, 8, 8 },
    classes = 2,
    recipe = {
        optimizer = sgd { lr = 0.01, momentum = 0.9, weight_decay = 5e-4 },
        schedule = cosine { final_div = 100 },
    },
    layers = {
        conv { 4, window = 1, name = "stem" }, -- 4 x 8 x 8
        residual("stage1", "stem"),
        residual("stage2", "stage1_relu"),
        residual("stage3", "stage2_relu"),
        residual("stage4", "stage3_relu"),
        global_avgpool(), -- 4 x 1 x 1
        linear { 2, bias = false, name = "fc" }, -- 2 x 1 x 1
        softmax_cross_entropy(),
    },
}
]])
    import.check(made, "net.lua")
end

-- Where the names of a row begin alike in some places alone, each is a parameter of its own.
function tests.names_that_do_not_begin_alike_are_parameters()
    local nodes <const>, numbers <const> = {}, {}
    local before, count = "x", 0
    local names <const> =
        { "a.1", "b.2", "c.3", "c.4", "d.5", "d.6", "e.7", "f.8", "g.9", "h.1" }
    for _, name in ipairs(names) do
        count = count + 1
        nodes[#nodes + 1] = node("Conv", { before, name .. ".weight" }, "c" .. count,
            { { "kernel_shape", "ints", { 1, 1 } }, { "group", "int", count % 2 == 1 and 1 or 3 } })
        nodes[#nodes + 1] = node("Relu", "c" .. count, count < 10 and "t" .. count or "v")
        local inputs <const> = count % 2 == 1 and 3 or 1
        numbers[count] = tensor(name .. ".weight", { 3, inputs, 1, 1 },
            table.move({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, 1, 3 * inputs, 1, {}))
        before = "t" .. count
    end
    local made <const> = convert(file_of(nodes, numbers))
    test.equal(made.text:match("local function.-\nend\n"), [[
local function block(conv_name, conv_name2)
    return {
        conv { 3, window = 1, name = conv_name },
        relu(),
        conv { 3, window = 1, groups = 3, name = conv_name2 },
        relu(),
    }
end
]])
    import.check(made, "net.lua")
end

-- Tensors in another file: only when asked for, only beside the model, under a bare name.
function tests.other_files_are_read_only_on_demand()
    local function with(location, options)
        local proto <const> = { name = "w", dims = { 3, 3, 1, 1 }, data_type = 1, data_location = 1,
            external_data = {
                { key = "location", value = location }, { key = "offset", value = "4" },
            } }
        return file_of({ node("Conv", { "x", "w" }, "v") }, { proto }), options
    end
    refused({ "tensor w: its numbers are in another file: expected --external, to read files "
        .. "beside the model" }, with("data.bin"))
    local kept <const> = host.read_file
    local asked
    host.read_file = function(...) -- luacheck: ignore 122
        asked = { ... }
        return files.ramp(9)
    end
    local function external(location)
        return pcall(convert, with(location, { external = true }))
    end
    test.equal(external("data.bin"), true)
    test.equal(asked, { "a/data.bin", 36, 4 })
    asked = nil
    local others <const> = { "../data.bin", "/etc/passwd", "a/b", "", ".hidden", "a\0b", "~" }
    for _, location in ipairs(others) do
        test.equal(external(location), false, location)
        test.equal(asked, nil)
    end
    host.read_file = kept -- luacheck: ignore 122
end

return tests
