-- What becomes of a trained network that is frozen: which nodes are left, the numbers of folded
-- batch norms, and files of samples that do not fit.

local test <const> = ...

local files <const> = load(assert(host.read_file(test.dir .. "/support/onnx_files.lua")),
    "@onnx_files.lua")()

local apart <const> = require("freeze/apart")
local floats <const> = require("onnx/floats")
local freeze <const> = require("freeze/freeze")
local inference <const> = require("freeze/inference")
local numbers <const> = require("freeze/numbers")

local function names_of(graph)
    local list <const> = {}
    for i, node in ipairs(graph.nodes) do
        local inputs <const> = {}
        for k, index in ipairs(node.inputs) do
            inputs[k] = graph.nodes[index].name
        end
        list[i] = node.name .. (#inputs > 0 and " of " .. table.concat(inputs, ", ") or "")
        test.equal(node.index, i)
    end
    return table.concat(list, "; ")
end

local function text_of(list, ending)
    for _, one in ipairs(list) do
        if one.name == ending then
            return one.text
        end
    end
    error("there is no " .. ending)
end

local function frozen(built, file)
    return freeze.files(built, file, { isa = "c", remake = "" })
end

-- The numbers of an array of the frozen file.
local function array_of(text, name)
    local list <const> = {}
    local body <const> = text:match("\nconst float " .. name .. "%[%d+%] = {(.-)};")
    for word in assert(body, name):gmatch("[^%s,]+") do
        list[#list + 1] = assert(tonumber((word:gsub("f$", ""))), word)
    end
    return list
end

-- f(...) fails with a message that begins so.
local function refused(message, f, ...)
    local done <const>, problem <const> = pcall(f, ...)
    assert(not done and problem.kind == "failed", problem)
    test.equal(problem.messages[1]:sub(1, #message), message)
end

-- What inference.lua asks of trained numbers, where all batch norms are sign * 2 * x + 3.
local function trained_of(moves, sign)
    local function list(node, number)
        local made <const> = {}
        for k = 1, node.c do
            made[k] = number
        end
        return made
    end
    return {
        moves = function() return moves end,
        factors = function(_, node) return list(node, (sign or 1) * 2.0), list(node, 3.0) end,
    }
end

local tests <const> = {}

-- A norm that follows a convolution alone is folded; what read it reads the convolution. Neither is
-- one whose convolution has another reader, nor one behind a ReLU.
function tests.batch_norms_behind_weights_are_folded()
    local built <const> = files.graph([[
        conv { 4, window = 1 }, norm(), relu(), norm(), dropout(0.5),
        conv { 4, window = 1, name = "two" }, norm(), add("two"), global_avgpool(), linear(2)]])
    local graph <const>, folds <const> = inference.graph(built, trained_of(false))
    test.equal(names_of(graph), "input; conv1 of input; relu1 of conv1; norm2 of relu1; "
        .. "two of norm2; norm3 of two; add1 of norm3, two; "
        .. "global_avgpool1 of add1; linear1 of global_avgpool1; "
        .. "softmax_cross_entropy1 of linear1")
    test.equal(table.concat(folds.conv1.a_out, " "), "2.0 2.0 2.0 2.0")
    test.equal(table.concat(folds.conv1.b_out, " "), "3.0 3.0 3.0 3.0")
    test.equal(folds.conv1.b_in, nil)
    test.equal(folds.two, nil)
    test.equal(graph.nodes[2].bias, true)
    test.equal(built.nodes[2].bias, false) -- the graph itself stays as it was
end

function tests.folded_numbers_are_those_of_the_formula()
    local built <const> = files.graph([[
        conv { 4, window = 1, bias = true }, norm { eps = 0.5 }, relu(), global_avgpool(),
        linear(2)]])
    local file <const> = files.model(built)
    local text <const> = text_of(frozen(built, file), "small.c")
    local function tensor(name)
        return floats.unpack(file.tensors[name].bytes)
    end
    local w <const>, b <const> = array_of(text, "small_w_conv1"), array_of(text, "small_b_conv1")
    for k = 1, 4 do
        local a <const> = tensor("norm1.weight")[k]
            / math.sqrt(tensor("norm1.running_var")[k] + 0.5)
        for i = 1, 3 do
            local wanted <const> = tensor("conv1.weight")[(k - 1) * 3 + i] * a
            test.equal(math.abs(w[(i - 1) * 4 + k] - wanted) < 1e-6 * wanted, true)
        end
        local shift <const> = tensor("norm1.bias")[k]
            + (tensor("conv1.bias")[k] - tensor("norm1.running_mean")[k]) * a
        test.equal(math.abs(b[k] - shift) < 1e-5, true)
    end
end

-- Which norms are left, what layers take, "in" and "out", and the numbers that fill borders: of the
-- first channel.
local function moved(layers, sign)
    local graph <const>, folds <const>, fills <const> =
        inference.graph(files.graph(layers), trained_of(true, sign))
    local words <const> = {}
    for _, node in ipairs(graph.nodes) do
        local fold <const> = folds[node.name] or {}
        local function first(form, list, ...)
            words[#words + 1] = list and form:format(node.name, list[1], ...) or nil
        end
        words[#words + 1] = node.kind == "norm" and node.name or nil
        first("%s out %g%+g", fold.a_out, fold.b_out and fold.b_out[1] or 0)
        first("%s in %g%+g", fold.b_in and (fold.a_in or { 1 }), fold.b_in and fold.b_in[1])
        first("%s filled %g", fills[node.name])
    end
    return table.concat(words, ", ")
end

-- One behind a ReLU moves into all layers that read it, through averages, too. The borders that are
-- read are filled with what is a zero behind it.
function tests.batch_norms_ahead_of_weights_are_folded()
    test.equal(moved [[conv { 4, window = 1 }, relu(), norm(), dropout(0.5),
        conv { 4, window = 3, padding = 1, name = "two" }, relu(), norm(),
        conv { 4, window = 3, name = "three" }, global_avgpool(), linear(2)]],
        "relu1 filled -1.5, two in 2+3, three in 2+3")
    test.equal(moved [[conv { 4, window = 1 }, relu(), norm { name = "both" }, avgpool(2),
        conv { 4, window = 3, padding = 1, name = "two" },
        conv { 4, window = 1, stride = 2, from = "both", name = "three" }, add("two"),
        global_avgpool(), linear(2)]],
        "avgpool1 filled -1.5, two in 2+3, three in 2+3")
    test.equal(moved [[conv { 4, window = 1 }, relu { name = "both" }, norm { name = "n" },
        conv { 4, window = 1, name = "two" },
        conv { 4, window = 1, from = "both", name = "three" }, add("two"), global_avgpool(),
        linear(2)]], "n")
end

-- Where something else than weights reads it, a > 0 goes through the ReLU to the weights behind,
-- and shifts move through maxima and sums, where they add up.
function tests.batch_norms_are_split()
    local pooled <const> = [[conv { 4, window = 1 }, relu(), norm(), maxpool(2),
        conv { 4, window = 3, padding = 1, name = "two" }, global_avgpool(), linear(2)]]
    test.equal(moved(pooled), "conv1 out 2+0, maxpool1 filled -3, two in 1+3")
    test.equal(moved(pooled, -1), "norm1")
    test.equal(moved [[conv { 4, window = 1 }, norm(), leaky_relu(), norm { name = "n" },
        conv { 4, window = 3, padding = 1, name = "two" }, relu(), norm(), add { "n", name = "s" },
        global_maxpool(), linear(2)]],
        "conv1 out 4+6, leaky_relu1 filled -3, two out 2+0, two in 1+3, linear1 in 1+6")
    test.equal(moved [[conv { 4, window = 1 }, silu(), norm(), maxpool(2), global_avgpool(),
        linear(2)]], "norm1")
    test.equal(moved [[conv { 4, window = 1 }, relu(), norm(), maxpool(2), relu(), global_avgpool(),
        linear(2)]], "norm1")
    test.equal(moved [[conv { 4, window = 1, name = "one" }, relu(), norm(), add("one"),
        global_avgpool(), linear(2)]], "norm1") -- the weights have another reader
    test.equal(moved [[conv { 4, window = 1 }, relu(), norm(), maxpool { 3, padding = 1 },
        global_avgpool(), linear(2)]], "norm1")
    test.equal(moved "conv { 2, window = 1 }, norm(), norm(), global_avgpool()", "conv1 out 4+9")
end

-- w (a x + b) = (w a) x + sum of w b, and x = -b / a where a x + b = 0.
function tests.numbers_moved_ahead_are_those_of_the_formula()
    local built <const> = files.graph([[
        conv { 4, window = 1, bias = true }, relu(), norm { eps = 0.5 },
        conv { 3, window = 3, padding = 1, name = "two" }, global_avgpool(), linear(2)]])
    local file <const> = files.model(built)
    local text <const> = text_of(frozen(built, file), "small.c")
    local function tensor(name)
        return floats.unpack(file.tensors[name].bytes)
    end
    local w <const>, b <const> = array_of(text, "small_w_two"), array_of(text, "small_b_two")
    local zero <const>, sums <const> = array_of(text, "small_zero_relu1"), { 0.0, 0.0, 0.0 }
    for i = 1, 4 do
        local a <const> = tensor("norm1.weight")[i]
            / math.sqrt(tensor("norm1.running_var")[i] + 0.5)
        local shift <const> = tensor("norm1.bias")[i] - tensor("norm1.running_mean")[i] * a
        test.equal(math.abs(zero[i] + shift / a) < 1e-5, true)
        for k = 1, 3 do
            for tap = 0, 8 do
                local own <const> = tensor("two.weight")[((k - 1) * 4 + i - 1) * 9 + tap + 1]
                local made <const> = w[(tap * 4 + i - 1) * 4 + k]
                test.equal(math.abs(made - own * a) <= 1e-6 * math.abs(own * a), true)
                sums[k] = sums[k] + own * shift
            end
        end
    end
    for k = 1, 3 do
        test.equal(math.abs(b[k] - sums[k]) < 1e-6 * math.abs(sums[k]), true)
    end
end

-- A mean that is far from zero beside the deviation stays in a kernel of its own.
function tests.far_means_stay()
    local built <const> = files.graph(
        "conv { 4, window = 1 }, relu(), norm(), global_avgpool(), linear(2)")
    local file <const> = files.model(built)
    local function has_norm()
        return text_of(frozen(built, file), "small.c"):find("small_coef_norm1", 1, true) ~= nil
    end
    file.tensors["norm1.running_var"].bytes = string.pack("<ffff", 1, 1, 1, 1)
    file.tensors["norm1.running_mean"].bytes = string.pack("<ffff", 1, 1, 1, 25)
    test.equal(has_norm(), false)
    file.tensors["norm1.running_mean"].bytes = string.pack("<ffff", 1, 1, 1, 2500)
    test.equal(has_norm(), true)
    file.tensors["norm1.running_mean"].bytes = string.pack("<ffff", 1, 1, 1, 1)
    file.tensors["norm1.weight"].bytes = string.pack("<ffff", 1, 1, 0, 1)
    test.equal(has_norm(), true) -- nothing is a zero behind it
end

-- One that no weights can take is a scale and shift by its own numbers.
function tests.other_batch_norms_are_constants()
    local built <const> = files.graph(
        "conv { 4, window = 1 }, silu(), norm(), maxpool(2), global_avgpool(), linear(2)")
    local file <const> = files.model(built)
    local text <const> = text_of(frozen(built, file), "small.c")
    local rows <const> = array_of(text, "small_coef_norm1")
    test.equal(#rows, 12)
    test.equal(table.concat(rows, " ", 5, 8),
        table.concat(floats.unpack(file.tensors["norm1.bias"].bytes), " "))
    test.equal(table.concat(rows, " ", 9, 12),
        table.concat(floats.unpack(file.tensors["norm1.running_mean"].bytes), " "))
end

-- Weights apart are the arrays of the C that has them inside, where its pointers say.
function tests.weights_apart_are_those_inside()
    local built <const> = files.graph([[
        conv { 4, window = 3 }, relu(), norm(), conv { 5, window = 3, padding = 1 }, norm(),
        maxpool(2), global_avgpool(), linear(2)]])
    local file <const> = files.model(built)
    local inside <const> = text_of(frozen(built, file), "small.c")
    local list <const>, parts <const> = freeze.files(built, file,
        { isa = "c", remake = "", weights = "w" })
    local text <const>, bytes <const> = text_of(list, "small.c"), table.concat(parts)
    test.equal(text:find("const float small_w_conv1%[") == nil, true)
    local magic <const>, version <const>, _, size <const> = string.unpack("<c8I4I4I8", bytes)
    test.equal(magic .. version, "burinwts1")
    test.equal(size, #bytes)
    test.equal(text_of(list, "small.h"):match("#define SMALL_WEIGHTS_BYTES (%d+)"), tostring(size))
    local count = 0
    for name, at in text:gmatch("const float %*const (small_[%w_]+) = weights %+ (%d+);") do
        local wanted <const> = array_of(inside, name)
        test.equal(at % 16, 0)
        local found <const> = floats.unpack(bytes:sub(4 * at + 1, 4 * (at + #wanted)))
        test.equal(table.concat(found, " "), table.concat(wanted, " "))
        count = count + 1
    end
    test.equal(count, 6) -- weights of three layers, biases of two, the zeros of norm1
    -- Trained again, the header is the same; of other data or with other layers, it is not.
    local function header()
        local _, of <const> = freeze.files(built, file, { isa = "c", remake = "", weights = "w" })
        return of[1]
    end
    file.tensors["conv1.weight"].bytes = files.ramp(108, 3)
    test.equal(header(), parts[1])
    file.metadata.mean = "0.5 0.25 0.5"
    test.equal(header() == parts[1], false)
end

function tests.paths_are_those_from_the_folder()
    test.equal(apart.path_from("out", "out/a.w"), "a.w")
    test.equal(apart.path_from("./out/", "out/x/a.w"), "x/a.w")
    test.equal(apart.path_from("out/deep", "models/a.w"), "../../models/a.w")
    test.equal(apart.path_from("out", "/m/a.w"), "/m/a.w")
end

function tests.too_many_numbers_are_told()
    local built <const> = files.graph(
        "conv { 1000, window = 3 }, conv { 1000, window = 3 }, global_avgpool(), linear(2)")
    refused("m.safetensors: 9031004 packed weights are too many for arrays of C: expected at most "
        .. "8000000, or --weights FILE", frozen, built, files.model(built))
end

function tests.numbers_are_exact()
    local list <const> = { 0.0, -0.0, 1.0, -3.5, 2.0 ^ -149, 1 + 2.0 ^ -23 }
    local text <const> = table.concat(numbers.rows(list), " ")
    local back <const> = {}
    for word in text:gmatch("[^%s,]+") do
        back[#back + 1] = tonumber((word:gsub("f$", "")))
    end
    test.equal(table.concat(back, " "), "0.0 0.0 1.0 -3.5 1.4012984643248e-45 1.0000001192093")
    test.equal(numbers.bytes("\0\255A")[1], "0, 255, 65,")
end

function tests.what_does_not_fit_is_told()
    local built <const> = files.graph("conv { 4, window = 1 }, global_avgpool(), linear(2)")
    local file <const> = files.model(built)
    local function samples(images, shape, logits, isa)
        return { path = "s", metadata = { isa = isa }, tensors = {
            images = { dtype = "U8", shape = shape, bytes = images },
            logits = { dtype = "F32", shape = { logits, 2 }, bytes = files.ramp(2 * logits) },
        } }
    end
    local function made(with)
        return freeze.files(built, file, { isa = "c", remake = "", samples = with })
    end
    local good <const> = text_of(made(samples(("\1"):rep(192), { 1, 3, 8, 8 }, 1)), "main.c")
    test.equal(good:find("SAMPLES = 1", 1, true) ~= nil, true)
    test.equal(good:find("worst <= 2e-5 ?", 1, true) ~= nil, true)
    local in_bf16 <const> =
        text_of(made(samples(("\1"):rep(192), { 1, 3, 8, 8 }, 1, "avx512+bf16")), "main.c")
    test.equal(in_bf16:find("worst <= 1e-1 ?", 1, true) ~= nil, true)
    refused("s: images is U8 [1, 3, 8, 9]: expected U8 [1, 3, 8, 8]", made,
        samples(("\1"):rep(216), { 1, 3, 8, 9 }, 1))
    refused("s: 1 images, logits of 2: expected as many of both", made,
        samples(("\1"):rep(192), { 1, 3, 8, 8 }, 2))
    file.tensors["conv1.weight"].bytes = string.pack("<f", 0 / 0):rep(12)
    refused("m.safetensors: conv1.weight holds a number that is not finite", made)
    file.tensors["conv1.weight"].bytes = string.pack("<f", 1.0):rep(12)
    file.metadata.std = "1 2"
    refused("m.safetensors: does not say how its images were normalised: expected mean and std, 3 "
        .. "numbers each, in its metadata", made)
    -- What was trained on floats of another range takes no bytes.
    for _, wrong in ipairs({ { "0.5 127.5 0.5", "1 2 3", "mean 127.5 and deviation 2" },
        { "0.5 -0.25 0.5", "1 2 3", "mean -0.25 and deviation 2" },
        { "0 1 0.5", "1 2 0", "mean 0.5 and deviation 0" } }) do
        file.metadata.mean, file.metadata.std = wrong[1], wrong[2]
        refused("m.safetensors: takes no bytes, its images were normalised by " .. wrong[3]
            .. ": expected those of pixels from 0 to 1", made)
    end
end

return tests
