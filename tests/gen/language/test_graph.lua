-- The graph: shapes, parameters, FLOP, names and the networks that come with the generator.

local test <const> = ...

local geometry <const> = require("geometry")
local graph <const> = require("language/graph")
local network <const> = require("language/network")

local tests <const> = {}

local function build_net(name, norm)
    local file <const> = "gen/nets/" .. name .. ".lua"
    return graph.build(network.read(assert(host.source(file)), file, norm))
end

-- The graph of `lines`, layers between an image (3 x 9 x 8 without `input`) and two classes.
local function build(lines, norm, input)
    local text <const> = [[return network {
        name = "small", classes = 2, input = { ]] .. (input or "3, 9, 8") .. [[ },
        recipe = { optimizer = sgd { lr = 0.1 } },
        layers = { ]] .. lines .. [[, global_avgpool(), linear(2), softmax_cross_entropy() },
    }]]
    return graph.build(network.read(text, "small.lua", norm or "bn"))
end

local function find(built, name)
    for _, node in ipairs(built.nodes) do
        if node.name == name then
            return node
        end
    end
    error("no node " .. name, 2)
end

local function shape(built, name)
    local node <const> = find(built, name)
    return ("%d %d %d"):format(node.c, node.h, node.w)
end

-- -- Networks ------------------------------------------------------------------------------------

function tests.s8_has_46000_parameters_in_every_norm()
    for _, norm in ipairs({ "bn", "gn", "ln", "in", "cn" }) do
        test.equal(build_net("s8", norm).param_floats, 46000, norm)
    end
    test.equal(build_net("s8", "rms").param_floats, 46000 - 224, "rms, which has no biases")
    test.equal(build_net("s8", "none").param_floats, 46000 - 448, "none")
    test.equal(build_net("s8", "bn").state_floats, 448)
    test.equal(build_net("s8", "gn").state_floats, 0)
end

function tests.s8_is_22_8_mflop()
    test.equal(("%.1f"):format(build_net("s8", "bn").flop / 1e6), "22.8")
    test.equal(math.type(build_net("s8", "bn").flop), "integer")
end

function tests.s8_is_the_reference_network()
    local built <const> = build_net("s8", "bn")
    local convs <const> = {}
    for _, node in ipairs(built.nodes) do
        if node.kind == "conv" then
            local input <const> = built.nodes[node.inputs[1]]
            convs[#convs + 1] = ("%d>%d/%d@%d"):format(input.c, node.c, node.geometry.h.taps,
                node.h)
        end
    end
    test.equal(table.concat(convs, " "), "3>16/3@32 16>32/3@32 32>16/1@32 16>16/3@16 16>32/3@16 "
        .. "32>32/3@16 32>16/1@16 16>32/3@8 32>32/3@8 32>32/3@8 32>10/1@1")
    test.equal(built.recipe.batch, 128)
    test.equal(built.recipe.epochs, 20)
end

function tests.resnet8_has_skips_and_strides()
    local built <const> = build_net("resnet8", "bn")
    local sums <const> = {}
    for _, node in ipairs(built.nodes) do
        if node.kind == "add" then
            local a <const>, b <const> = table.unpack(node.inputs)
            sums[#sums + 1] = built.nodes[a].name .. "+" .. built.nodes[b].name
                .. "=" .. shape(built, node.name)
        end
    end
    test.equal(table.concat(sums, ", "), "norm3+stem=16 32 32, "
        .. "stack2_skip+stack2_main=32 16 16, stack3_skip+stack3_main=64 8 8")
    test.equal(built.param_floats, 77850)
    test.equal(("%.2f"):format(built.flop / 1e6), "25.00")
end

-- -- Nodes ---------------------------------------------------------------------------------------

function tests.windows_give_the_shapes_of_pytorch()
    local built <const> = build([[
        conv { 4, window = 3, stride = 2, padding = 1 },
        conv { 5, window = 4, stride = 2, padding = 2, from = "input" },
        maxpool { 3, stride = 2, padding = 1, from = "input" },
        avgpool { 2, from = "input" }, relu(), add("avgpool1"),
        conv { 1, window = 1, from = "conv1" }, global_avgpool { name = "a" },
        conv { 1, window = 1, from = "conv2" }, global_avgpool { name = "b" }, add("a"),
        conv { 1, window = 1, from = "maxpool1" }, global_avgpool { name = "c" }, add("add2"),
        conv { 1, window = 1, from = "add1" }, global_avgpool { name = "d" }, add("add3")]])
    test.equal(shape(built, "conv1"), "4 5 4")
    test.equal(shape(built, "conv2"), "5 5 5")
    test.equal(shape(built, "maxpool1"), "3 5 4")
    test.equal(shape(built, "avgpool1"), "3 4 4")
    test.equal(shape(built, "a"), "1 1 1")
    test.equal(find(built, "avgpool1").geometry.h.stride, 2)
end

function tests.nodes_say_all_that_passes_read()
    local built <const> = build("conv { 8, window = 3, padding = 1, bias = true }, norm()")
    local axis <const> = { taps = 3, stride = 1, padding = 1, dilation = 1, reach = 3 }
    test.equal(built.nodes[1], {
        index = 1, kind = "input", name = "input", where = "small.lua:1", inputs = {},
        c = 3, h = 9, w = 8, flop = 0,
    })
    test.equal(built.nodes[2], {
        index = 2, kind = "conv", name = "conv1", where = "small.lua:4", inputs = { 1 },
        c = 8, h = 9, w = 8, geometry = geometry.of(axis, axis), groups = 1, bias = true,
        standardize = false,
        weight = 1, bias_param = 2, flop = 2 * 3 * 9 * 8 * 9 * 8,
    })
    test.equal(built.nodes[3], {
        index = 3, kind = "norm", name = "norm1", where = "small.lua:4", inputs = { 2 },
        c = 8, h = 9, w = 8, norm = "batch", groups = 0, ghost = 0, eps = 1e-5,
        momentum = 0.1, weight = 3, bias_param = 4, state = 1, flop = 0,
    })
    test.equal(built.flop, 2 * 3 * 9 * 8 * 9 * 8 + 2 * 8 * 2)
end

function tests.parameters_have_pytorch_names_layouts_and_inits()
    local built <const> = build(
        "conv { 8, window = 3, bias = true }, norm(), maxpool(2), linear(4)")
    test.equal(built.params, {
        { name = "conv1.weight", layer = "conv1", role = "weight",
          shape = { 8, 3, 3, 3 }, count = 216, offset = 0, init = "fan_in",
          fan_in = 27, decays = true },
        { name = "conv1.bias", layer = "conv1", role = "bias",
          shape = { 8 }, count = 8, offset = 216, init = "fan_in",
          fan_in = 27, decays = true },
        { name = "norm1.weight", layer = "norm1", role = "weight",
          shape = { 8 }, count = 8, offset = 224, init = "one", fan_in = 1,
          decays = true },
        { name = "norm1.bias", layer = "norm1", role = "bias",
          shape = { 8 }, count = 8, offset = 232, init = "zero", fan_in = 1,
          decays = true },
        { name = "linear1.weight", layer = "linear1", role = "weight",
          shape = { 4, 72 }, count = 288, offset = 240, init = "fan_in",
          fan_in = 72, decays = true },
        { name = "linear1.bias", layer = "linear1", role = "bias",
          shape = { 4 }, count = 4, offset = 528, init = "fan_in",
          fan_in = 72, decays = true },
        { name = "linear2.weight", layer = "linear2", role = "weight",
          shape = { 2, 4 }, count = 8, offset = 532, init = "fan_in",
          fan_in = 4, decays = true },
        { name = "linear2.bias", layer = "linear2", role = "bias",
          shape = { 2 }, count = 2, offset = 540, init = "fan_in",
          fan_in = 4, decays = true },
    })
    test.equal(built.param_floats, 542)
    test.equal(built.states, {
        { name = "norm1.running_mean", count = 8, offset = 0, init = 0 },
        { name = "norm1.running_var", count = 8, offset = 8, init = 1 },
    })
    test.equal(built.state_floats, 16)
end

-- An output of a group has weights for the inputs of its own group.
function tests.groups_divide_weights_and_work()
    local built <const> = build("conv { 8, window = 1 }, conv { 16, window = 3, groups = 4 }")
    test.equal(built.nodes[3].flop, 2 * 2 * 9 * 16 * 7 * 6)
    test.equal(built.params[2], {
        name = "conv2.weight", layer = "conv2", role = "weight",
        shape = { 16, 2, 3, 3 }, count = 288, offset = 24, init = "fan_in",
        fan_in = 18, decays = true,
    })
end

function tests.norms_are_batch_or_groups()
    local lines <const> = 'conv { 8, window = 1 }, '
        .. 'norm(), norm { groups = 2 }, norm("gn"), norm "bn"'
    local function groups(norm)
        local texts <const> = {}
        for _, node in ipairs(build(lines, norm).nodes) do
            if node.kind == "norm" then
                texts[#texts + 1] = node.norm .. node.groups
            end
        end
        return table.concat(texts, " ")
    end
    test.equal(groups("bn"), "batch0 batch0 group4 batch0")
    test.equal(groups("gn"), "group4 group2 group4 batch0")
    test.equal(groups("ln"), "group1 group1 group4 batch0")
    test.equal(groups("in"), "group8 group8 group4 batch0")
    test.equal(groups("none"), "group4 batch0")
end

-- NORM=bn8 is for layers that leave their kind to NORM, and their own ghost wins; a ghost of the
-- whole batch (128) is none.
function tests.ghosts_come_from_the_layer_or_from_norm()
    local lines <const> = 'conv { 8, window = 1 }, norm(), norm { ghost = 4 }, norm("bn"), '
        .. 'norm { kind = "bn", ghost = 16 }, norm { ghost = 128 }, norm { "gn" }'
    local function ghosts(norm)
        local list <const> = {}
        for _, node in ipairs(build(lines, norm).nodes) do
            list[#list + 1] = node.ghost
        end
        return list
    end
    test.equal(ghosts("bn"), { 0, 4, 0, 16, 0, 0 })
    test.equal(ghosts("bn8"), { 8, 4, 0, 16, 0, 0 })
    test.equal(ghosts("bn128"), { 0, 4, 0, 16, 0, 0 })
    test.equal(ghosts("ln"), { 0, 0, 0, 16, 0, 0 })
end

-- So is NORM=gn8, of groups.
function tests.groups_come_from_the_layer_or_from_norm()
    local lines <const> = 'conv { 8, window = 1 }, norm(), norm { groups = 2 }, norm("gn"), '
        .. 'norm { kind = "gn", groups = 1 }, norm { "ln" }'
    local function groups(norm)
        local list <const> = {}
        for _, node in ipairs(build(lines, norm).nodes) do
            list[#list + 1] = node.kind == "norm" and node.groups or nil
        end
        return list
    end
    test.equal(groups("gn"), { 4, 2, 4, 1, 1 })
    test.equal(groups("gn8"), { 8, 2, 4, 1, 1 })
    test.equal(groups("bn"), { 0, 0, 4, 1, 1 })
    test.equal(groups("in"), { 8, 8, 4, 1, 1 })
    test.raises({ "small.lua:4: norm: 8 channels in 3 groups: expected a number of groups that "
        .. "divides the channels" }, build, "conv { 8, window = 1 }, norm()", "gn3")
end

-- NORM is no part of the description, and neither is its mistake.
function tests.ghosts_of_norm_divide_the_batch()
    for _, norm in ipairs({ "bn3", "bn256", "bn9999" }) do
        local raised <const> = test.raises({ ("--norm %s: the network has a batch of 128 images: "
            .. "expected a number that divides it"):format(norm) }, build, "norm()", norm)
        test.equal(raised.kind, "usage")
    end
end

-- A mean of two values is one, whether they are pixels, channels or images.
function tests.norms_take_two_values()
    build('norm { "in" }', "bn", "2, 1, 2")
    build('norm { "ln" }', "bn", "2, 1, 1")
    build('norm { "bn", ghost = 2 }', "bn", "2, 1, 1")
    build('norm { "none" }', "bn", "1, 1, 1")
end

-- A norm of kind none leaves no node; who names it reads what it read.
function tests.norm_none_vanishes()
    local built <const> = build(
        'relu(), norm { name = "n" }, norm { name = "m" }, relu(), add("m")', "none")
    local names <const> = {}
    for i, node in ipairs(built.nodes) do
        names[i] = node.name
    end
    test.equal(names, { "input", "relu1", "relu2", "add1", "global_avgpool1", "linear1",
        "softmax_cross_entropy1" })
    test.equal(built.nodes[4].inputs, { 3, 2 })
    test.equal(built.nodes[3].inputs, { 2 })
end

function tests.recipe_is_flat_and_complete()
    test.equal(build("relu()").recipe, {
        batch = 128, chunks = 16, epochs = 20, lr = 0.1, momentum = 0, weight_decay = 0,
        nesterov = false,
        label_smoothing = 0, precision = "fp32",
        schedule = "constant", step_epochs = 1, step_gamma = 1, warmup = 0,
        start_div = 1, final_div = 1, crop = 0, crop_border = "reflect",
        flip = "none", flip_vertical = false, cutout = 0,
        rotate = 0, brightness = 0, contrast = 0, mixup = 0, plain_epochs = 0,
        milestones = {}, patience = 0, freeze = {}, warmup_epochs = 0, warmup_div = 1,
        optimizer = "sgd",
        beta1 = 0, beta2 = 0, eps = 0, others = "sgd", others_lr = 0, newton_schulz = 0,
        renormalize = false, clip = 0, ema = 0, ema_start = 0, ema_batches = 0,
    })
    local recipe <const> = build_net("s8", "bn").recipe
    test.equal(recipe.schedule, "step")
    test.equal(recipe.nesterov, true)
    test.equal(build_net("resnet8", "bn").recipe.schedule, "onecycle")
end

-- Inputs of every node come before it, and offsets leave no gap.
function tests.order_and_offsets_hold()
    for _, name in ipairs({ "s8", "resnet8" }) do
        for _, norm in ipairs({ "bn", "gn", "ln", "in", "none" }) do
            local built <const> = build_net(name, norm)
            for i, node in ipairs(built.nodes) do
                test.equal(node.index, i)
                for _, input in ipairs(node.inputs) do
                    assert(input < i, node.name)
                end
            end
            local offset = 0
            for _, param in ipairs(built.params) do
                test.equal(param.offset, offset, param.name)
                offset = offset + param.count
            end
            test.equal(built.param_floats, offset)
        end
    end
end

return tests
