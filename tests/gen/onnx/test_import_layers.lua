-- Which layers operators of an ONNX file become: views, norms, windows, activations, joins.

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

-- Every way to flatten, and the sizes that exporters compute for it.
function tests.views_are_seen_through()
    local function ends(nodes, initializers, changes)
        nodes[#nodes + 1] = node("Gemm", { "f", "w" }, "y", { { "transB", "int", 1 } })
        initializers[#initializers + 1] = tensor("w", { 2, 3 }, { 1, 2, 3, 4, 5, 6 })
        local made <const> = convert(files.write(nodes, initializers, changes))
        return table.concat(layers_of(made.text), " | ")
    end
    local want <const> = "global_avgpool() | linear { 2, bias = false }"
    local pool <const> = node("GlobalAveragePool", "x", "p")
    test.equal(ends({ pool, node("Reshape", { "p", "s" }, "f") },
        { tensor("s", { 2 }, { 0, -1 }, "INT64") }), want)
    test.equal(ends({ pool, node("Reshape", { "p", "s" }, "f") },
        { tensor("s", { 2 }, { -1, 3 }, "INT64") }), want)
    test.equal(ends({ pool, node("Reshape", { "p", "s" }, "f") },
        { tensor("s", { 2 }, { 5, 3 }, "INT64") }, { input = { 5, 3, 8, 8 } }), want)
    test.equal(ends({ pool, node("Squeeze", { "p", "s" }, "f") },
        { tensor("s", { 2 }, { 2, 3 }, "INT64") }), want)
    test.equal(ends({ pool, node("Squeeze", "p", "f", { { "axes", "ints", { -1, -2 } } }) }, {},
        { opset = 11 }), want)
    test.equal(ends({ node("ReduceMean", "x", "f",
        { { "axes", "ints", { 2, 3 } }, { "keepdims", "int", 0 } }) }, {}), want)
    test.equal(ends({ node("ReduceMean", { "x", "s" }, "p"), node("Flatten", "p", "f") },
        { tensor("s", { 2 }, { -1, -2 }, "INT64") }, { opset = 18 }), want)
    test.equal(ends({ node("ReduceMax", { "x", "s" }, "p"), node("Flatten", "p", "f") },
        { tensor("s", { 2 }, { 2, 3 }, "INT64") }, { opset = 18 }),
        (want:gsub("avgpool", "maxpool")))
    -- x.view(x.size(0), -1), with all that the exporter computes.
    test.equal(ends({ pool, node("Shape", "p", "shape"), node("Gather", { "shape", "zero" }, "n"),
        node("Unsqueeze", { "n", "axis" }, "list"), node("Concat", { "list", "rest" }, "s",
        { { "axis", "int", 0 } }), node("Reshape", { "p", "s" }, "f") }, {
        tensor("zero", {}, { 0 }, "INT64"), tensor("axis", { 1 }, { 0 }, "INT64"),
        tensor("rest", { 1 }, { -1 }, "INT64") }), want)
    test.equal(ends({ pool, node("Shape", "p", "shape"),
        node("Slice", { "shape", "zero", "one" }, "n"),
        node("Concat", { "n", "rest" }, "s", { { "axis", "int", 0 } }),
        node("Reshape", { "p", "s" }, "f") }, {
        tensor("zero", { 1 }, { 0 }, "INT64"), tensor("one", { 1 }, { 1 }, "INT64"),
        tensor("rest", { 1 }, { 3 }, "INT64") }), want)
    -- Dropout, identity and the softmax at the end are nothing.
    test.equal(ends({ node("Dropout", "x", "d"), node("Identity", "d", "i"),
        node("GlobalAveragePool", "i", "p"), node("Flatten", "p", "f") }, {}), want)
end

function tests.views_that_are_none_are_refused()
    local function reshape(...)
        return file_of({ node("Reshape", { "x", "s" }, "v") },
            { tensor("s", { select("#", ...) }, { ... }, "INT64") })
    end
    local across <const> = { "Reshape: reshapes across images: expected the first side left as it "
        .. "is: at Reshape_v" }
    for _, sides in ipairs({ { 7, 192 }, { 0, 191 }, { 0, 5, -1 }, { -1, -1 }, { 0, -2 } }) do
        refused({ table.unpack(across) }, reshape(table.unpack(sides)))
    end
    refused({ "Reshape: reshapes to 2 x 96: expected a vector, or channels cut into groups: at "
        .. "Reshape_v" }, reshape(0, 2, 96))
    refused({ "Gemm: weight is [2, 4]: expected the shape for its input: at Gemm_y" },
        files.write({ node("Flatten", "x", "f"), node("Gemm", { "f", "w" }, "y",
        { { "transB", "int", 1 } }) }, { tensor("w", { 2, 4 }, { 1, 2, 3, 4, 5, 6, 7, 8 }) }))
    refused({ "Reshape: another number of values: expected as many as there are: at Reshape_r" },
        file_of({ node("Reshape", { "w", "s" }, "r"), node("Conv", { "x", "r" }, "v") }, {
        tensor("w", { 9 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9 }),
        tensor("s", { 2 }, { 2, -1 }, "INT64") }))
end

-- A layer whose shape alone is asked for is none of the network.
function tests.what_leads_nowhere_is_left_out()
    local nodes <const> = { node("Tanh", "x", "t"), node("Shape", "t", "shape"),
        node("Gather", { "shape", "last" }, "width"), node("Unsqueeze", { "width", "zero" }, "w"),
        node("Concat", { "batch", "three", "w", "w" }, "s", { { "axis", "int", 0 } }),
        node("Reshape", { "r", "s" }, "v") }
    table.insert(nodes, 1, node("Relu", "x", "r"))
    test.equal(head(nodes, { tensor("last", {}, { -1 }, "INT64"), tensor("zero", { 1 }, { 0 },
        "INT64"), tensor("batch", { 1 }, { 0 }, "INT64"), tensor("three", { 1 }, { 3 }, "INT64") }),
        "relu()")
end

-- Groups of one channel are an instance norm, one group is a layer norm.
function tests.groups_say_which_norm_it_is()
    local one <const> = { node("Conv", { "x", "w" }, "c", { { "dilations", "ints", { 1, 1 } } }) }
    for groups, want in pairs({ [1] = "ln", [2] = "gn", [4] = "in" }) do
        local nodes <const> = { one[1], node("Reshape", { "c", "split" }, "g"),
            node("InstanceNormalization", { "g", "scale", "shift" }, "n"), node("Shape", "c", "s"),
            node("Reshape", { "n", "s" }, "v") }
        local scale <const>, list = {}, {}
        for i = 1, groups do
            scale[i] = i
        end
        for i = 1, 12 do
            list[i] = i
        end
        local made <const> = convert(file_of(nodes, { tensor("w", { 4, 3, 1, 1 }, list),
            tensor("split", { 3 }, { 0, groups, -1 }, "INT64"), tensor("scale", { groups }, scale),
            tensor("shift", { groups }, scale) }, { channels = 4 }))
        test.equal(layers_of(made.text)[2],
            want == "gn" and 'norm { "gn", groups = 2 }' or ('norm("%s")'):format(want))
        local spread <const> = { [1] = { 1.0, 1.0, 1.0, 1.0 }, [2] = { 1.0, 1.0, 2.0, 2.0 },
            [4] = { 1.0, 2.0, 3.0, 4.0 } }
        test.equal(weights_of(made)["norm1.weight"], spread[groups])
        test.equal(weights_of(made)["norm1.bias"], spread[groups])
    end
end

function tests.a_softmax_may_end_the_network()
    local nodes <const> = { node("Flatten", "x", "f"), node("Gemm", { "f", "w" }, "l"),
        node("Softmax", "l", "y") }
    local numbers <const> = { tensor("w", { 3, 2 }, { 1, 2, 3, 4, 5, 6 }) }
    local image <const> = { input = { "N", 3, 1, 1 } }
    test.equal(layers_of(convert(files.write(nodes, numbers, image)).text),
        { "linear { 2, bias = false }" })
    nodes[3].output[1] = "s"
    nodes[4] = node("Relu", "s", "y")
    refused({ "Relu: reads what a softmax makes: expected the softmax at the end: at Relu_y" },
        files.write(nodes, numbers, image))
end

function tests.windows_that_round_up_are_looked_at()
    local function pool(side, attributes)
        attributes[#attributes + 1] = { "ceil_mode", "int", 1 }
        return file_of({ node("MaxPool", "x", "v", attributes) }, {},
            { input = { "N", 3, side, side } })
    end
    local window <const> = { { "kernel_shape", "ints", { 3, 3 } }, { "strides", "ints", { 2, 2 } } }
    test.equal(layers_of(convert(pool(7, { table.unpack(window) })).text)[1],
        "maxpool { 3, stride = 2 }")
    refused({ "MaxPool: ceil_mode is 1, and its windows do not end with an image of 3 x 8 x 8: "
        .. "expected 0, or windows that do: at MaxPool_v" }, pool(8, { table.unpack(window) }))
end

-- What exporters make of activations that ONNX has no operator for, or not in every version.
function tests.activations_in_parts_are_one_layer()
    local numbers <const> = { tensor("root2", {}, { 1.4142135 }), tensor("half", { 1 }, { 0.5 }),
        tensor("root1_2", {}, { 0.70710677 }), tensor("one", {}, { 1 }), tensor("two", {}, { 2 }),
        tensor("three", {}, { 3 }), tensor("kappa", {}, { 0.044715 }),
        tensor("beta", {}, { 0.7978846 }),
        tensor("w", { 3, 3, 1, 1 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9 }) }
    local conv <const> = node("Conv", { "x", "w" }, "c")
    local function becomes(want, ...)
        test.equal(head({ conv, ... }, numbers), "conv { 3, window = 1 } | " .. want)
    end
    becomes("silu()", node("Sigmoid", "c", "s"), node("Mul", { "s", "c" }, "v"))
    becomes("silu()", node("Sigmoid", "c", "s"), node("Mul", { "c", "s" }, "v"))
    becomes("sigmoid()", node("Sigmoid", "c", "v"))
    -- A gate that another node reads too is a layer.
    local good <const>, made <const> = pcall(convert, file_of({ conv, node("Sigmoid", "c", "s"),
        node("Mul", { "c", "s" }, "m"), node("Add", { "m", "s" }, "v") }, numbers))
    test.equal(good and made.text:find("silu") or nil, nil)
    becomes("hard_swish()", node("HardSigmoid", "c", "s", { { "alpha", "float", 1 / 6 } }),
        node("Mul", { "c", "s" }, "v"))
    becomes("hard_swish()", node("HardSwish", "c", "v"))
    becomes("leaky_relu(0.1)", node("LeakyRelu", "c", "v", { { "alpha", "float", 0.1 } }))
    becomes("tanh()", node("Tanh", "c", "v"))
    becomes("gelu()", node("Gelu", "c", "v"))
    becomes('gelu { form = "tanh" }', node("Gelu", "c", "v", { { "approximate", "text", "tanh" } }))
    local erf <const> = { node("Div", { "c", "root2" }, "d"), node("Erf", "d", "e"),
        node("Add", { "e", "one" }, "f1") }
    becomes("gelu()", erf[1], erf[2], erf[3], node("Mul", { "c", "f1" }, "m"),
        node("Mul", { "m", "half" }, "v"))
    becomes("gelu()", erf[1], erf[2], erf[3], node("Mul", { "c", "half" }, "h"),
        node("Mul", { "h", "f1" }, "v"))
    becomes("gelu()", node("Mul", { "root1_2", "c" }, "d"), erf[2], erf[3],
        node("Div", { "f1", "two" }, "h"), node("Mul", { "h", "c" }, "v"))
    -- Its form with tanh, as PyTorch's exporters write it, in both orders of the products.
    local tanh <const> = { node("Pow", { "c", "three" }, "cube"),
        node("Mul", { "cube", "kappa" }, "small"), node("Add", { "c", "small" }, "sum"),
        node("Mul", { "beta", "sum" }, "inner"), node("Tanh", "inner", "t"),
        node("Add", { "one", "t" }, "f1") }
    local function with_tanh(...)
        local nodes <const> = { table.unpack(tanh) }
        table.move({ ... }, 1, select("#", ...), #nodes + 1, nodes)
        return table.unpack(nodes)
    end
    becomes('gelu { form = "tanh" }', with_tanh(node("Mul", { "c", "f1" }, "m"),
        node("Mul", { "half", "m" }, "v")))
    becomes('gelu { form = "tanh" }', with_tanh(node("Mul", { "half", "c" }, "h"),
        node("Mul", { "h", "f1" }, "v")))
    becomes('gelu { form = "tanh" }', with_tanh(node("Mul", { "f1", "half" }, "h"),
        node("Mul", { "h", "c" }, "v")))
    refused({ "Mul: reads a part of an activation: expected the operators of the whole activation: "
        .. "at Mul_v" }, file_of({ conv, tanh[1], node("Mul", { "cube", "half" }, "v") }, numbers))
    refused({ "GlobalAveragePool: reads a part of an activation: expected the operators of the "
        .. "whole activation: at GlobalAveragePool_p" }, file_of({ conv,
        node("HardSigmoid", "c", "v", { { "alpha", "float", 1 / 6 } }) }, numbers))
    refused({ "HardSigmoid: alpha is 0.2 and beta 0.5: expected 1/6 and 1/2: at HardSigmoid_v" },
        file_of({ conv, node("HardSigmoid", "c", "v") }, numbers))
    refused({ "Erf: is no part of a GELU: expected erf of a layer divided by the root of 2: at "
        .. "Erf_v" },
        file_of({ conv, node("Erf", "c", "v") }, numbers))
end

-- What lies side by side, of images and of vectors, and along the last axis but two.
function tests.concatenations_are_exported_and_imported()
    for _, lines in ipairs({
        'conv { 4, window = 1 }, relu(), concat("conv1"), concat { "input", "concat1", "relu1" }, '
            .. "linear(2)",
        'linear(4), relu(), concat { "relu1", "linear1" }, linear(2)',
    }) do
        local made <const> = convert(files.export(files.graph(lines)))
        test.equal(table.concat(layers_of(made.text), ", "), lines)
        import.check(made, "net.lua")
    end
    local numbers <const> = { tensor("w", { 3, 3, 1, 1 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9 }) }
    local conv <const> = node("Conv", { "x", "w" }, "c")
    local function joined(axis, ...)
        local parts <const> = { ... }
        local weight <const> = {}
        for i = 1, 9 * #parts do
            weight[i] = i
        end
        return file_of({ conv, node("Concat", parts, "j", { { "axis", "int", axis } }),
            node("Conv", { "j", "w2" }, "v") },
            { numbers[1], tensor("w2", { 3, 3 * #parts, 1, 1 }, weight) })
    end
    test.equal(layers_of(convert(joined(-3, "c", "x")).text)[2], 'concat { "conv1", "input" }')
    local one <const> = layers_of(convert(joined(1, "c")).text) -- nothing lies beside it
    test.equal({ one[1], one[2] }, { "conv { 3, window = 1 }", "conv { 3, window = 1 }" })
    refused({ "Concat: axis is 2: expected 1: at Concat_j" }, joined(2, "c", "c"))
end

-- The shortcut without weights, as burin writes it and as PyTorch does, x[:, :, ::2, ::2] and pad.
function tests.padded_shortcuts_are_exported_and_imported()
    local lines <const> = "conv { 4, window = 1 }, avgpool { 1, stride = 2 }, pad_channels(9), "
        .. "pad_channels { 12, before = 0 }, linear(5), pad_channels(8), linear(2)"
    local made <const> = convert(files.export(files.graph(lines)))
    test.equal(table.concat(layers_of(made.text), ", "), lines)
    import.check(made, "net.lua")
    local function integers(name, ...)
        return tensor(name, { select("#", ...) }, { ... }, "INT64")
    end
    local numbers <const> = { integers("from", 0), integers("to", math.maxinteger),
        integers("down", 2), integers("across", 3), integers("two", 2),
        integers("pads", 0, 2, 0, 0, 0, 1, 0, 0), tensor("zero", {}, { 0 }) }
    local down <const> = node("Slice", { "x", "from", "to", "down", "two" }, "s")
    local across <const> = node("Slice", { "s", "from", "to", "across", "two" }, "t")
    test.equal(head({ down, across, node("Pad", { "t", "pads", "zero" }, "v") }, numbers,
        { channels = 6 }), "avgpool { 1, stride = { 2, 1 } } | avgpool { 1, stride = { 1, 2 } } | "
        .. "pad_channels { 6, before = 2 }")
    test.equal(head({ node("Pad", { "x", "two_one", "zero", "channels" }, "v") }, {
        integers("two_one", 2, 1), numbers[7], integers("channels", -3) }, { channels = 6 }),
        "pad_channels { 6, before = 2 }")
    -- As PyTorch's older exporter turns its own pads, last sides first, into ONNX's.
    local function reshaped(from, shape, to)
        return node("Reshape", { from, shape }, to)
    end
    test.equal(head({ reshaped("given", "pairs", "p"),
        node("Slice", { "p", "last", "least", "rows", "back" }, "q"),
        node("Transpose", "q", "r", { { "perm", "ints", { 1, 0 } } }), reshaped("r", "flat", "s"),
        node("Pad", { "x", "s" }, "v") }, { integers("given", 0, 0, 0, 0, 2, 1, 0, 0),
        integers("pairs", -1, 2), integers("last", -1), integers("least", math.mininteger + 1),
        integers("rows", 0), integers("back", -1), integers("flat", -1) }, { channels = 6 }),
        "pad_channels { 6, before = 2 }")
    for _, wrong in ipairs({
        { "Pad: pads other sides than the channels: expected channels of zeros: at Pad_v",
          node("Pad", { "x", "sides" }, "v"), integers("sides", 0, 0, 1, 0, 0, 0, 1, 0) },
        { "Pad: pads with other numbers than zeros, or by numbers that are not known: expected "
              .. "zeros: at Pad_v", node("Pad", { "x", "two_one", "one" }, "v"),
          integers("two_one", 0, 1, 0, 0, 0, 1, 0, 0), tensor("one", {}, { 1 }) },
        { "Slice: takes a part of an image: expected all of it, in steps down and across: at "
              .. "Slice_v", node("Slice", { "x", "one", "end", "down" }, "v"), integers("one", 1),
          integers("end", 8), integers("down", 2) },
    }) do
        refused({ wrong[1] }, file_of({ wrong[2] }, { table.unpack(wrong, 3) }))
    end
end

-- Norms of pixels, between two transposes or in parts, and what works on channels that are last.
function tests.norms_of_pixels_are_exported_and_imported()
    local lines <const> = 'conv { 4, window = 1 }, norm("cn"), relu(), '
        .. 'norm { "rms", eps = 0.001 }, linear(5), norm("rms"), linear(2)'
    for _, opset in ipairs({ 17, 18, 23 }) do
        local made <const> = convert(files.export(files.graph(lines), { opset = opset }))
        test.equal(table.concat(layers_of(made.text), ", "), lines)
        import.check(made, "net.lua")
    end
    -- ConvNeXt's block as PyTorch writes it: linear layers of pixels, and GELU in parts.
    local numbers <const> = {
        tensor("g", { 3 }, { 1, 2, 3 }), tensor("b", { 3 }, { 4, 5, 6 }),
        tensor("w", { 3, 3 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9 }), tensor("two", {}, { 2 }),
        tensor("eps", {}, { 1e-6 }), tensor("one", {}, { 1 }),
    }
    local function perm(from, to, ...)
        return node("Transpose", from, to, { { "perm", "ints", { ... } } })
    end
    local function layer_norm(axis)
        return node("LayerNormalization", { "t", "g", "b" }, "n",
            { { "axis", "int", axis }, { "epsilon", "float", 1e-6 } })
    end
    local behind <const>, back <const> = perm("x", "t", 0, 2, 3, 1), perm("a", "v", 0, 3, 1, 2)
    local block <const> = { behind, layer_norm(-1), node("MatMul", { "n", "w" }, "m"),
        node("Add", { "b", "m" }, "k"), node("Relu", "k", "a"), back }
    test.equal(head(block, numbers),
        'norm { "cn", eps = 1e-06 } | conv { 3, window = 1, bias = true } | relu()')
    local weights <const> = weights_of(convert(file_of(block, numbers)))
    test.equal({ weights["norm1.bias"], weights["conv1.weight"], weights["conv1.bias"] },
        { { 4.0, 5.0, 6.0 }, { 1.0, 4.0, 7.0, 2.0, 5.0, 8.0, 3.0, 6.0, 9.0 }, { 4.0, 5.0, 6.0 } })
    -- RMS norm by its operator, and in parts: divided by a root, times the inverse of one.
    test.equal(head({ behind, node("RMSNormalization", { "t", "g" }, "a",
        { { "axis", "int", 3 } }), back }, numbers), 'norm("rms")')
    for _, ends in ipairs({ { node("Div", { "x", "r" }, "h") },
        { node("Div", { "one", "r" }, "i"), node("Mul", { "x", "i" }, "h") },
        { node("Reciprocal", "r", "i"), node("Mul", { "i", "x" }, "h") } }) do
        local nodes <const> = { node("Pow", { "x", "two" }, "s"),
            node("ReduceMean", "s", "u", { { "axes", "ints", { 1 } } }),
            node("Add", { "u", "eps" }, "e"), node("Sqrt", "e", "r"), table.unpack(ends) }
        nodes[#nodes + 1] = node("Mul", { "h", "image" }, "v")
        local all <const> = { tensor("image", { 3, 1, 1 }, { 1, 2, 3 }), table.unpack(numbers, 4) }
        test.equal(head(nodes, all), 'norm { "rms", eps = 1e-06 }')
        test.equal(weights_of(convert(file_of(nodes, all)))["norm1.weight"], { 1.0, 2.0, 3.0 })
    end
    for _, wrong in ipairs({
        { "LayerNormalization: is over other sides than the channels: expected the last side, of "
              .. "channels that are last: at LayerNormalization_n", behind, layer_norm(1),
          perm("n", "v", 0, 3, 1, 2) },
        { "Transpose: perm is 0 2 1 3: expected 0 2 3 1: at Transpose_v",
          perm("x", "v", 0, 2, 1, 3) },
        { "MaxPool: reads an image whose channels are last: expected a transpose back, perm 0, 3, "
              .. "1, 2: at MaxPool_v", behind,
          node("MaxPool", "t", "v", { { "kernel_shape", "ints", { 1, 1 } } }) },
        { "Sqrt: is no part of an RMS norm: expected the root of a mean square and eps: at Sqrt_v",
          node("Sqrt", "x", "v") },
        { "Pow: raises to another power: expected 2, or 3 in a GELU: at Pow_v",
          node("Pow", { "x", "eps" }, "v") },
    }) do
        refused({ wrong[1] }, file_of({ table.unpack(wrong, 2) }, numbers))
    end
end

-- Norms of images, whose weights are an element's.
function tests.norms_of_images_are_exported_and_imported()
    local lines <const> = 'conv { 4, window = 1 }, norm { "ln", elements = true, eps = 0.002 }, '
        .. 'relu(), norm { "rms", elements = true }, linear(2)'
    for _, opset in ipairs({ 17, 18 }) do
        local made <const> = convert(files.export(files.graph(lines), { opset = opset }))
        test.equal(table.concat(layers_of(made.text), ", "), lines)
        import.check(made, "net.lua")
    end
    local image <const> = {}
    for i = 1, 3 * 8 * 8 do
        image[i] = i / 4
    end
    local numbers <const> = {
        tensor("g", { 3, 8, 8 }, image), tensor("g3", { 3, 1, 1 }, { 1, 2, 3 }),
        tensor("two", {}, { 2 }), tensor("eps", {}, { 1e-6 }),
    }
    local function axis(first)
        return { { "axis", "int", first } }
    end
    for _, first in ipairs({ 1, -3 }) do
        local made <const> = file_of({ node("LayerNormalization", { "x", "g", "g" }, "v",
            axis(first)) }, numbers)
        test.equal(layers_of(convert(made).text)[1], 'norm { "ln", elements = true }')
        test.equal(weights_of(convert(made))["norm1.bias"], image)
        test.equal(head({ node("RMSNormalization", { "x", "g" }, "v", axis(first)) }, numbers),
            'norm { "rms", elements = true }')
    end
    local function parts(...)
        local nodes <const> = { node("Pow", { "x", "two" }, "s"),
            node("ReduceMean", "s", "u", { { "axes", "ints", { ... } } }),
            node("Add", { "u", "eps" }, "e"), node("Sqrt", "e", "r"),
            node("Div", { "x", "r" }, "h") }
        return nodes
    end
    local nodes <const> = parts(-2, 1, 3)
    nodes[6] = node("Mul", { "h", "g" }, "v")
    test.equal(head(nodes, numbers), 'norm { "rms", elements = true, eps = 1e-06 }')
    test.equal(weights_of(convert(file_of(nodes, numbers)))["norm1.weight"], image)
    local function refused_with(what, by)
        local wrong <const> = by
        wrong[#wrong + 1] = node("Mul", { "h", what }, "v")
        refused({ "Mul: combines a layer with numbers: expected numbers that a norm, or a sum that "
            .. "a conv or linear layer before it takes in: at Mul_v" }, file_of(wrong, numbers))
    end
    refused_with("g3", parts(1, 2, 3)) -- a channel's of one that has an element's
    refused_with("g", parts(1)) -- an element's of one that has a channel's
    refused({ "Mul: changes each element of the image by a number of its own: expected one a "
        .. "channel: at Mul_v" }, file_of({ node("Mul", { "x", "g" }, "v") }, numbers))
end

-- What is nearly such a norm is none.
function tests.other_quotients_are_no_norms_of_pixels()
    local numbers <const> = { tensor("two", {}, { 2 }), tensor("eps", {}, { 1e-6 }),
        tensor("w", { 3, 3, 1, 1 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9 }) }
    local function perm(from, to, ...)
        return node("Transpose", from, to, { { "perm", "ints", { ... } } })
    end
    local function parts(x, axis, more)
        return node("Pow", { x, "two" }, "s"),
            node("ReduceMean", "s", "u", { { "axes", "ints", { axis } }, more }),
            node("Add", { "u", "eps" }, "e"), node("Sqrt", "e", "r")
    end
    local behind <const>, back <const> = perm("x", "t", 0, 2, 3, 1), perm("h", "v", 0, 3, 1, 2)
    local nodes = { behind, parts("t", 3) }
    table.move({ node("Div", { "t", "r" }, "h"), back }, 1, 2, #nodes + 1, nodes)
    test.equal(head(nodes, numbers), 'norm { "rms", eps = 1e-06 }') -- of channels that are last
    nodes = { behind, node("LayerNormalization", "t", "h"), back }
    local weights <const> = weights_of(convert(file_of(nodes, numbers)))
    test.equal({ weights["norm1.weight"], weights["norm1.bias"] },
        { { 1.0, 1.0, 1.0 }, { 0.0, 0.0, 0.0 } })
    local conv <const> = node("Conv", { "x", "w" }, "c")
    for name, wrong in pairs({
        another_layer = { conv, parts("x", 1) },
        without_the_side = { conv, parts("c", 1, { "keepdims", "int", 0 }) },
        another_side = { conv, parts("c", 3) },
    }) do
        wrong[#wrong + 1] = node("Div", { "c", "r" }, "v")
        local good <const>, message <const> = pcall(convert, file_of(wrong, numbers))
        test.equal({ name, good, type(message) }, { name, false, "table" }) -- no error of Lua
    end
    -- A square that another node reads, too, stays a layer, so what is divided has no norm.
    local shared <const> = { conv, parts("c", 1) }
    table.move({ node("Div", { "c", "r" }, "h"), node("Add", { "h", "s" }, "v") }, 1, 2,
        #shared + 1, shared)
    local good <const>, message <const> = pcall(convert, file_of(shared, numbers))
    test.equal({ good, type(message) }, { false, "table" })
end

-- Each activation that burin writes comes back, at the first and a late opset.
function tests.activations_are_exported_and_imported()
    local lines <const> = [[linear(4), relu6(), linear(4), leaky_relu(0.25), linear(4),
        hard_swish(), linear(4), silu(), linear(4), gelu(), linear(4), sigmoid(), linear(4),
        tanh(), linear(2)]]
    for _, opset in ipairs({ 17, 21 }) do
        local built <const> = files.graph(lines)
        local made <const> = convert(files.export(built, { opset = opset }))
        test.equal(table.concat(layers_of(made.text), ", "), (lines:gsub(",%s+", ", ")))
        import.check(made, "net.lua")
    end
    local images <const> = (lines:gsub("linear%(4%)", "conv { 4, window = 1 }"))
    local back <const> = layers_of(convert(files.export(files.graph(images))).text)
    test.equal(table.concat(back, ", "), (images:gsub(",%s+", ", ")))
    local form <const> = files.graph('linear(4), gelu { form = "tanh" }, linear(2)')
    for _, opset in ipairs({ 17, 20 }) do
        test.equal(layers_of(convert(files.export(form, { opset = opset })).text)[2],
            'gelu { form = "tanh" }')
    end
end

function tests.clips_are_relus_where_they_can_be()
    local function clip(...)
        return node("Clip", { "x", ... }, "v")
    end
    local bounds <const> = { tensor("zero", {}, { 0 }), tensor("six", {}, { 6 }),
        tensor("one", {}, { 1 }) }
    test.equal(head({ clip("zero") }, bounds), "relu()")
    test.equal(head({ node("Clip", "x", "v", { { "min", "float", 0.0 } }) }, {}, { opset = 9 }),
        "relu()")
    test.equal(head({ clip("zero", "six") }, bounds), "relu6()")
    refused({ "Clip: clips to 0.0 and 1.0: expected 0 and 6, or 0 alone: at Clip_v" },
        file_of({ clip("zero", "one") }, bounds))
end

return tests
