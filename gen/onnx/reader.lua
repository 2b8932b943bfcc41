-- reader.lua - the nodes of an ONNX graph become layers, one after another.
--
--     reader.read(model, { file = "net.onnx", folder = "" or nil }) ->
--         { layers, input = { c, h, w }, classes, metadata = texts by key, bytes = whether the
--           input is, image = { scale, shift } a channel before the first layer, or {} }
--     Raises all problems together, { kind = "rejected" }.
--     layer = { kind, f = fields that were given, all = with defaults and what the shape rule
--               needs, inputs = { indices of layers, 0 for the image }, c, h, w,
--               params = { [role] = { shape, bytes } }, node = of the file }
--
-- A value is what a name of the graph stands for:
--
--     { tensor = ... }                                    known numbers (tensor.lua)
--     { layer = index, c, h, w, vector = bool, ... }      what a layer makes, 0 being the image:
--                                                         (N, C, H, W), or (N, F) in their order
--
-- A value may be seen another way: `split` = groups, reshaped to (N, groups, ...); `normal` = what
-- an instance norm made of the groups; `last`: transposed to (N, H, W, C); `softmax`; `raw` bytes,
-- `scale` and `shift` of the image. Only what comes next in a pattern that the rules know takes
-- such a value. `shared`: several nodes read what the layer makes. A value that a mistake left
-- unknown is `unknown`, and what reads it is not looked at again.

local fold <const> = require("onnx/fold")
local layers <const> = require("language/layers")
local record <const> = require("language/record")
local rules <const> = require("onnx/rules")
local schema <const> = require("onnx/schema")
local tensor <const> = require("onnx/tensor")

local reader <const> = {}

local MAX_NODES <const> = 20000
local MAX_LINES <const> = 30 -- of problems
local MAX_NAMES <const> = 8 -- of nodes with one problem
local MAX_NAME <const>, MAX_TEXT <const> = 80, 400 -- bytes of a name, and of what is wrong
local OLDEST, NEWEST <const> = 7, 23
local BATCH <const> = 128 -- images a step: what a description has that says nothing

-- What a file says is a stranger's, in messages too: no byte of it moves the cursor of a terminal,
-- and none is longer than people read.
local function shown(text, most)
    text = text:gsub("[^%g ]", "?")
    return #text > most and text:sub(1, most) .. "..." or text
end

local function quote(name)
    return shown(name, MAX_NAME)
end

-- -- Problems ------------------------------------------------------------------------------------

-- Collects what is wrong: equal problems are told once, with the names of their nodes.
local function collector(file)
    local groups <const>, order <const> = {}, {}
    local collected <const> = {}

    -- node may be nil: then the problem is of the whole file.
    function collected.add(node, what, expected)
        local op <const> = node and quote(node.op_type) .. ": " or ""
        local text <const> = ("%s: %s%s: expected %s"):format(file, op, shown(what, MAX_TEXT),
            shown(expected, MAX_TEXT))
        if not groups[text] then
            groups[text] = {}
            order[#order + 1] = text
        end
        table.insert(groups[text], node and quote(node.title) or nil)
    end

    local function line_of(text)
        local names <const> = groups[text]
        if #names == 0 then
            return text
        end
        local told <const> = math.min(#names, MAX_NAMES)
        return ("%s: at %s%s"):format(text, table.concat(names, ", ", 1, told),
            #names > told and (", and %d more"):format(#names - told) or "")
    end

    function collected.raise()
        if #order == 0 then
            return
        end
        local messages <const> = {}
        for i = 1, math.min(#order, MAX_LINES) do
            messages[i] = line_of(order[i])
        end
        if #order > MAX_LINES then
            messages[#messages + 1] = ("%s: %d more problems: expected none"):format(file,
                #order - MAX_LINES)
        end
        error({ kind = "rejected", messages = messages }, 0)
    end

    return collected
end

-- -- The parts of a file -------------------------------------------------------------------------

-- A node as the rules see it: attributes by name, with those that are tensors read.
local function prepare_node(proto, folder)
    local node <const> = {
        op_type = proto.op_type or "?", input = proto.input, output = proto.output,
        attributes = {}, proto = proto,
    }
    node.title = proto.name ~= "" and proto.name or proto.output[1] or "?"
    for _, attribute in ipairs(proto.attribute) do
        local name <const> = attribute.name or "?"
        if attribute.ref_attr_name then
            return node, quote(name) .. " refers to a function's", "a plain attribute"
        elseif attribute.t then
            local what, expected
            attribute.tensor, what, expected = tensor.read(attribute.t, folder)
            if not attribute.tensor then
                return node, quote(name) .. ": " .. what, expected
            end
        end
        node.attributes[name] = attribute
    end
    return node
end

-- The shape of an input: { c, h, w }, the number of images where it is fixed, and the type.
local function image_of(info)
    local kind <const> = info.type and info.type.tensor_type
    local dims <const> = kind and kind.shape and kind.shape.dim or {}
    local sides <const> = {}
    for i = 1, 4 do
        sides[i] = dims[i] and dims[i].dim_value
    end
    if #dims ~= 4 or not sides[2] or not sides[3] or not sides[4] then
        return nil
    end
    return { c = sides[2], h = sides[3], w = sides[4] }, sides[1], kind.elem_type
end

-- Which nodes lead to the output, by index, and how often each value is read by them.
local function find_live(nodes, output)
    local live <const>, wanted <const> = {}, { [output] = 1 }
    for i = #nodes, 1, -1 do
        for _, name in ipairs(nodes[i].output) do
            live[i] = live[i] or name ~= "" and wanted[name] ~= nil
        end
        for _, name in ipairs(live[i] and nodes[i].input or {}) do
            wanted[name] = (wanted[name] or 0) + 1
        end
    end
    return live, wanted
end

-- -- Layers --------------------------------------------------------------------------------------

-- The layers that a sum or a concatenation names in a description are known here.
local function known_inputs(field)
    if field.type == "names" then
        return { "input" }
    end
    return field.name == "first" and "input" or nil
end

-- All fields of a layer, those that are not given with their defaults; or nil, what is wrong, what
-- was expected.
local function complete(spec, fields)
    local what, expected
    local given <const> = {}
    for _, field in ipairs(spec.fields) do
        given[field.name] = fields[field.name] or known_inputs(field)
    end
    local all <const> = record.check(spec, given, 0, function(_, problem, wanted)
        what, expected = what or record.words(problem), expected or wanted
    end)
    if not what then
        what, expected = spec.check(all)
    end
    if what then
        return nil, what, expected
    end
    return all
end

-- What is wrong, and was expected, where a value is the image and an earlier layer reads it scaled
-- in another way.
local function check_image(context, value)
    if value.layer ~= 0 then
        return nil
    end
    context.image = context.image or value
    for _, key in ipairs({ "scale", "shift" }) do
        for i = 1, value.c do
            if (value[key] or {})[i] ~= (context.image[key] or {})[i] then
                return "reads the image scaled in another way than other nodes", "one way"
            end
        end
    end
    return nil
end

-- Adds a layer that reads `ins`, values. Returns its value; or nil, what is wrong, what was
-- expected. params: { [role] = { shape, bytes } }, as the layer's rule says they have to be.
local function emit(context, node, kind, fields, ins, params)
    local spec <const> = layers.of[kind]
    if not spec then
        -- Told, and left out, so that what comes behind it is looked at, too.
        context.problems.add(node, "a description has no layer " .. kind, "other operators")
        return ins[1]
    end
    local all, what, expected = complete(spec, fields)
    if not all then
        return nil, what, expected
    end
    local net <const> = { norm = "bn", recipe = { batch = BATCH }, classes = 2 }
    spec.resolve(all, ins, net)
    local shape
    shape, what, expected = spec.shape(all, ins)
    if not shape then
        return nil, kind .. ": " .. what, expected
    elseif #context.layers >= layers.max_layers then
        return nil, "too many layers", "at most " .. layers.max_layers
    end
    local layer <const> = {
        kind = kind, f = fields, all = all, inputs = {}, c = shape.c, h = shape.h, w = shape.w,
        params = params or {}, node = node,
    }
    for i, value in ipairs(ins) do
        what, expected = check_image(context, value)
        if what then
            return nil, what, expected
        end
        layer.inputs[i] = value.layer
    end
    table.insert(context.layers, layer)
    return {
        layer = #context.layers, c = shape.c, h = shape.h, w = shape.w,
        vector = #ins > 0 and ins[1].vector, last = #ins > 0 and ins[1].last,
    }
end

-- What the rules work with.
local function new_context(options)
    local context <const> = {
        options = options, layers = {}, values = {}, problems = collector(options.file),
    }
    function context.emit(...)
        return emit(context, ...)
    end
    return context
end

-- Reads a node whose inputs are known, and notes what it makes.
local function read_node(context, node)
    local ins <const>, numbers <const> = {}, {}
    local all_known = true
    if not rules.of[node.op_type] and not fold.operators[node.op_type] then
        return "burin has no layer for this operator", "one of those in docs/onnx.md"
    end
    for i, name in ipairs(node.input) do
        local value <const> = name ~= "" and context.values[name] or nil
        if name ~= "" and not value then
            return "reads " .. quote(name) .. ", which no node before it makes", "nodes in order"
        elseif value and value.unknown then
            return nil -- it is told already
        end
        if value and context.uses[name] > 1 then
            value.shared = true -- also what is made of it, seen another way
        end
        ins[i] = value or false
        numbers[i] = value and value.tensor or false
        all_known = all_known and (not value or value.tensor ~= nil)
    end
    local value, what, expected
    if all_known and fold.operators[node.op_type] and #ins > 0 then
        for i = 1, fold.needed[node.op_type] or 1 do
            if not numbers[i] then
                return ("input %d is missing"):format(i), "as many as the operator needs"
            end
        end
        local t
        t, what, expected = fold.operators[node.op_type](numbers, node)
        value = t and { tensor = t }
    else
        local rule <const> = rules.of[node.op_type]
        if not rule or not ins[1] and node.op_type ~= "Constant" then
            return "computes with numbers of other sizes", "numbers that are parameters or sizes"
        end
        value, what, expected = rule(context, node, ins)
    end
    if value then
        context.values[node.output[1]] = value
    end
    return what, expected
end

local function read_nodes(context, nodes, live)
    for i, node in ipairs(nodes) do
        if live[i] then
            local what, expected = node.what, node.expected
            for _, name in ipairs(node.output) do
                context.values[name] = { unknown = true }
            end
            if (node.proto.domain or "") ~= "" and node.proto.domain ~= "ai.onnx" then
                what = "is of the domain " .. quote(node.proto.domain)
                expected = "operators of ONNX itself"
            elseif not what then
                what, expected = read_node(context, node)
            end
            if what then
                context.problems.add(node, what, expected)
            end
        end
    end
end

-- -- The whole file ------------------------------------------------------------------------------

local function check_versions(model, problems)
    local opset
    for _, entry in ipairs(model.opset_import) do
        if (entry.domain or "") == "" or entry.domain == "ai.onnx" then
            opset = entry.version
        end
    end
    if not model.graph then
        problems.add(nil, "has no graph", "an ONNX model")
    elseif not opset or opset < OLDEST or opset > NEWEST then
        problems.add(nil, ("its operators are of version %s"):format(opset or "?"),
            ("%d to %d"):format(OLDEST, NEWEST))
    elseif #model.graph.node > MAX_NODES then
        problems.add(nil, #model.graph.node .. " nodes", "at most " .. MAX_NODES)
    elseif #model.graph.output ~= 1 then
        problems.add(nil, #model.graph.output .. " outputs", "one, the logits")
    elseif #model.graph.sparse_initializer > 0 then
        problems.add(nil, "sparse tensors", "dense ones")
    end
    problems.raise()
    return opset
end

local function read_initializers(context, graph, wanted)
    for _, proto in ipairs(graph.initializer) do
        local name <const> = proto.name or ""
        if wanted[name] then
            local t <const>, what <const>, expected <const> =
                tensor.read(proto, context.options.folder)
            if not t then
                context.problems.add(nil, ("tensor %s: %s"):format(quote(name), what), expected)
            end
            context.values[name] = t and { tensor = t } or { unknown = true }
        end
    end
end

-- The one input that is no initializer, which old files list among the inputs too.
local function read_input(context, graph)
    local inputs <const> = {}
    for _, info in ipairs(graph.input) do
        if not context.values[info.name or ""] then
            inputs[#inputs + 1] = info
        end
    end
    if #inputs ~= 1 then
        context.problems.add(nil, #inputs .. " inputs", "one, the images")
        context.problems.raise()
    end
    local image <const>, batch <const>, kind <const> = image_of(inputs[1])
    local bytes <const> = kind == schema.types.UINT8
    local limit <const> = record.expected({ type = "shape" })
    if not image then
        context.problems.add(nil, "the shape of its input is not known",
            "N x C x H x W with numbers for all but N")
    elseif image.c < 1 or image.c > layers.max_channels or image.h < 1 or image.h > layers.max_side
        or image.w < 1 or image.w > layers.max_side then
        context.problems.add(nil, "images of " .. layers.size_text(image), limit)
    elseif kind ~= schema.types.FLOAT and not bytes then
        context.problems.add(nil, ("an input of type %d"):format(kind or 0), "FLOAT or UINT8")
    end
    context.problems.raise()
    context.batch, context.bytes = batch, bytes
    context.values[inputs[1].name or ""] =
        { layer = 0, c = image.c, h = image.h, w = image.w, vector = false, last = false,
          raw = bytes }
    return image
end

-- The number of classes. The last layer makes the logits, which are in the order of layers only if
-- nothing else comes after it.
local function check_output(context, graph)
    local output <const> = context.values[graph.output[1].name or ""]
    local list <const> = context.layers
    if not output then
        context.problems.add(nil, "no node makes its output", "one")
    elseif not output.layer or output.split or output.layer ~= #list or output.layer == 0 then
        context.problems.add(nil, "its output is not what the last layer makes", "logits")
    elseif output.h ~= 1 or output.w ~= 1 or output.c < 2 or output.c > 256 then
        context.problems.add(nil, "its output is " .. layers.size_text(output),
            "2 to 256 classes, C x 1 x 1")
    end
    context.problems.raise()
    return output.c
end

local function metadata_of(model)
    local map <const> = {}
    for _, entry in ipairs(model.metadata_props) do
        map[entry.key or ""] = entry.value
    end
    return map
end

function reader.read(model, options)
    local context <const> = new_context(options)
    context.opset = check_versions(model, context.problems)
    local graph <const> = model.graph
    local nodes <const> = {}
    for i, proto in ipairs(graph.node) do
        local node <const>, what <const>, expected <const> = prepare_node(proto, options.folder)
        node.what, node.expected = what, expected
        nodes[i] = node
    end
    local live <const>, wanted <const> = find_live(nodes, graph.output[1].name or "")
    context.uses = wanted
    read_initializers(context, graph, wanted)
    local image <const> = read_input(context, graph)
    read_nodes(context, nodes, live)
    context.problems.raise()
    local classes <const> = check_output(context, graph)
    return {
        layers = context.layers, input = image, classes = classes, metadata = metadata_of(model),
        image = context.image or {}, bytes = context.bytes,
    }
end

return reader
