-- nets.lua - networks and their plans, for the tests of the planning passes.
--
--     local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")),
--         "@nets.lua")()

local graph <const> = require("language/graph")
local network <const> = require("language/network")
local pipeline <const> = require("plan/pipeline")

local nets <const> = {}

nets.norms = { "bn", "bn16", "gn", "ln", "in", "cn", "none" }
nets.isas = { "avx2", "avx512", "c" }
nets.shipped = { "s8", "resnet8" }

--- The graph of gen/nets/<name>.lua.
function nets.graph(name, norm)
    local file <const> = "gen/nets/" .. name .. ".lua"
    return graph.build(network.read(assert(host.source(file)), file, norm))
end

--- The graph of `lines`, layers between an image (3 x 9 x 8 without `input`) and two classes.
function nets.small(lines, norm, input)
    local text <const> = [[return network {
        name = "small", classes = 2, input = { ]] .. (input or "3, 9, 8") .. [[ },
        recipe = { optimizer = sgd { lr = 0.1 } },
        layers = { ]] .. lines .. [[, global_avgpool(), linear(2), softmax_cross_entropy() },
    }]]
    return graph.build(network.read(text, "small.lua", norm or "bn"))
end

--- The planned program of a graph: see pipeline.lua. algorithm: "auto" or "direct"
function nets.plans(built, isa_name, algorithm)
    return pipeline.plan(built, {
        norm = built.norm, isa = isa_name or "avx2", algorithm = algorithm or "auto",
    })
end

--- Calls f(plans, title, graph) for every shipped network, norm and instruction set.
function nets.each(f)
    for _, name in ipairs(nets.shipped) do
        for _, norm in ipairs(nets.norms) do
            local built <const> = nets.graph(name, norm)
            for _, isa_name in ipairs(nets.isas) do
                f(nets.plans(built, isa_name), name .. " " .. norm .. " " .. isa_name, built)
            end
        end
    end
end

--- What the description language allows in every place it may stand, in small: odd channels,
--- windows, strides, paddings, skips, branches, and layers that read the image itself. Layers
--- that nets.small takes.
nets.varied = {
    "conv { 5, window = 3, padding = 1, bias = true }, relu(), norm { groups = 5 }, dropout(0.1)",
    "conv { 3, window = 1 }, conv { 3, window = 1 }, relu(), norm { groups = 1 }, "
        .. "conv { 3, window = 1 }",
    "norm { groups = 3 }, relu(), conv { 8, window = 2 }, norm(), relu(), dropout(0.3)",
    "relu(), dropout(0.2), maxpool { 3, stride = 2, padding = 1 }, conv { 4, window = 1 }",
    "conv { 8, window = 5, stride = 2, padding = 3 }, relu(), maxpool(2), avgpool(2)",
    [[conv { 4, window = 4, stride = 2, padding = 2, name = "a" }, norm(),
        conv { 4, window = 3, padding = 1 }, norm(), add("a"), relu(),
        conv { 4, window = 3, padding = 1, bias = true }, relu { name = "b" }, norm(),
        add("b"), add("a"), relu()]],
    [[conv { 4, window = 1, stride = 2, name = "a" }, relu { name = "r" },
        conv { 4, window = 7, padding = 3, from = "a" }, norm(), dropout(0.1), add("r"),
        avgpool { 2, stride = 1, padding = 1, name = "p" }, maxpool { 3, stride = 2, padding = 1 },
        conv { 4, window = 1, stride = 2, from = "p" }, norm(), add("maxpool1")]],
    "conv { 17, window = 3, stride = 2 }, norm { groups = 1 }, relu(), linear(12), relu(), "
        .. "norm { groups = 3 }, dropout(0.5), linear { 7, bias = false }, dropout(0.25)",
    "conv { 16, window = 3, padding = 1 }, relu(), norm { groups = 4 }, conv { 24, window = 3 }, "
        .. "relu(), conv { 17, window = 3, padding = 2, bias = true }, norm { groups = 17 }, "
        .. "dropout(0.1), conv { 32, window = 3, padding = 1 }",
    "conv { 6, window = 2, stride = 2, padding = 1 }, dropout(0), relu(), dropout(0.5), "
        .. "conv { 33, window = 2, padding = 1 }, maxpool { 2, stride = 1 }",
    [[conv { 8, window = { 1, 5 }, padding = { 0, 7 }, dilation = { 1, 2 }, bias = true }, relu(),
        maxpool { { 3, 2 }, stride = { 1, 2 }, padding = { 1, 0 } }, norm(),
        conv { 8, window = { 2, 5 }, stride = { 2, 1 }, padding = 1, dilation = { 3, 1 } }]],
    [[conv { 5, window = 3, padding = 1 }, silu(), norm { groups = 5 }, silu(),
        dropout { 0.1, of = "channels" }, silu(), dropout { 0.2, of = "images" },
        silu { name = "a" }, gelu(), add("a"), gelu { form = "tanh" }, sigmoid(), tanh(),
        leaky_relu(0.2), relu6(), hard_swish()]],
    "conv { 6, window = 3, padding = 1, groups = 3 }, norm { groups = 3 }, relu(), "
        .. "conv { 16, window = 3, padding = 1, groups = 2 }, norm { groups = 4 }, "
        .. "conv { 16, window = 5, stride = 2, padding = 2, groups = 16, bias = true }, relu(), "
        .. "conv { 32, window = 2, stride = 2, padding = 1, groups = 4 }",
}

--- Calls f(plans, title, graph) for every network of nets.varied, norm and instruction set.
function nets.each_varied(f)
    for i, lines in ipairs(nets.varied) do
        for _, norm in ipairs({ "bn", "ln", "none" }) do
            local built <const> = nets.small(lines, norm)
            for _, isa_name in ipairs(nets.isas) do
                f(nets.plans(built, isa_name), "varied " .. i .. " " .. norm .. " " .. isa_name,
                    built)
            end
        end
    end
end

--- One line a step: "conv conv1 relu1", with what it gathers, applies and reads.
function nets.outline(fused)
    local lines <const> = {}
    for i, step in ipairs(fused.steps) do
        local words <const> = { step.op }
        for _, node in ipairs(step.layers) do
            words[#words + 1] = node.name
        end
        words[#words + 1] = "<- " .. step.x.name .. (step.x2 and " " .. step.x2.name or "")
        words[#words + 1] = step.relu and "relu" or nil
        words[#words + 1] = step.activation and step.activation.kind or nil
        words[#words + 1] = step.stats and "stats=" .. step.stats.name or nil
        words[#words + 1] = step.norm and "norm=" .. step.norm.name or nil
        words[#words + 1] = step.dropout and "p=" .. step.dropout.p or nil
        words[#words + 1] = step.masks_x and "masks_x" or nil
        lines[i] = table.concat(words, " ")
    end
    return lines
end

return nets
