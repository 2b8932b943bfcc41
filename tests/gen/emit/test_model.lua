-- The tables of a generated file: one row for each layer, parameter and kernel, and safe commands.

local test <const> = ...
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()

local model <const> = require("emit/model")

local tests <const> = {}

local function options(graph, isa_name, network)
    return {
        network = network or "gen/nets/" .. graph.name .. ".lua", norm = graph.norm,
        isa = isa_name or "avx2", algorithm = "auto", unroll = "tile",
    }
end

local function params_of(graph, isa_name, network)
    return model.params(graph, nets.plans(graph, isa_name), options(graph, isa_name, network))
end

-- How many lines of `lines` hold the plain text `part`.
local function count(lines, part)
    local n = 0
    for _, line in ipairs(lines) do
        n = n + (line:find(part, 1, true) and 1 or 0)
    end
    return n
end

function tests.columns_are_aligned()
    local rows <const> = { { "a", "count", "end" }, { "long", "7", "" }, { "", "1000", "x" } }
    test.equal(model.align(rows, { [2] = true }), {
        "a     count  end", "long      7", "       1000  x",
    })
    test.equal(model.align({}, {}), {})
end

-- The layer table accounts for every parameter and every operation.
function tests.the_layer_table_adds_up()
    nets.each(function(plans, title, graph)
        local params, mflop = 0, 0.0
        for i, line in ipairs(model.layer_table(graph, plans)) do
            if i > 1 then
                local cells <const> = {}
                for cell in (line .. "  "):gmatch("(.-)%s%s+") do
                    cells[#cells + 1] = cell
                end
                assert(#cells == 5 or #cells == 6, title .. ": " .. line)
                params = params + tonumber(cells[4])
                mflop = mflop + (#cells == 6 and tonumber(cells[5]) or 0)
                assert(cells[#cells]:find("_"), title .. ": a step without a kernel: " .. line)
            end
        end
        test.equal(params, graph.param_floats, title)
        assert(math.abs(mflop - graph.flop / 1e6) < 0.1, title)
    end)
end

-- Every kernel call of a training step has its row, in order, and every type of kernels the
-- function that calls them.
function tests.the_kernel_table_is_complete()
    nets.each(function(plans, title, graph)
        local params <const> = model.params(graph, plans, options(graph, plans.set.name))
        local kernels <const> = plans.train.plan.kernels
        test.equal(#params.kernel_rows, #kernels, title)
        local types = 0
        local seen <const> = {}
        for i, spec in ipairs(kernels) do
            local row <const> = params.kernel_rows[i]
            local type <const>, name <const> = row:match("^{KERNEL%(([%w_]+), ([%w_]+), ")
            test.equal(name, spec.name, title)
            if not seen[type] then
                seen[type] = true
                types = types + 1
                test.equal(count(params.run_lines, "CALL(" .. type .. ","), 1, title)
            end
        end
        test.equal(#params.run_lines, types, title)
    end)
end

-- Sums of products of small integers are exact in any order; scaled by a norm, a dropout or an
-- average, or transformed, they are not.
function tests.exact_kernels_are_marked()
    local params <const> = params_of(nets.graph("resnet8", "bn"))
    for _, row in ipairs(params.kernel_rows) do
        local rounds <const> = row:find(", AVGPOOL, ", 1, true) or row:find(".affine", 1, true)
            or row:find("__winograd4", 1, true) and row:find(", CONV, ", 1, true)
        test.equal(row:find("EXACT", 1, true) ~= nil, not rounds, row)
    end
    local dropped <const> = params_of(nets.graph("s8", "none"))
    assert(count(dropped.kernel_rows, ".p = 0.01f") > 0)
    test.equal(count(dropped.kernel_rows, ".p = 0.01f, EXACT"), 0)
end

-- Indices of C count from 0, and none is -1.
function tests.layers_and_parameters_have_their_rows()
    local graph <const> = nets.graph("resnet8", "bn")
    local params <const> = params_of(graph)
    test.equal(#params.layer_rows, #graph.nodes)
    test.equal(#params.param_rows, #graph.params)
    test.equal(#params.state_rows, #graph.states)
    test.equal(params.layer_rows[1], '{LAYER(INPUT, "input", 3, 32, 32), FROM(-1), '
        .. "NO_PARAMS},")
    test.equal(params.layer_rows[2], '{LAYER(CONV, "conv1", 16, 32, 32), FROM(0), '
        .. "TAPS(3x3_P1), PARAMS(0, -1, -1), .mflop = 0.884736},")
    test.equal(params.param_rows[1], '{"conv1.weight", 4, {16, 3, 3, 3}, 0, 432, '
        .. "INIT_FAN_IN, 27, true},")
    test.equal(params.state_rows[2], '{.name = "norm1.running_var", '
        .. ".offset = 16, .count = 16, .init = 1.0f},")
end

-- Each way to write a program has a file of its own.
function tests.no_option_writes_over_the_file_of_another()
    local names <const> = {}
    for _, changes in ipairs { {}, { isa = "c" }, { isa = "c", unroll = "none" },
        { isa = "c", real = "double" }, { norm = "gn" } } do
        local one <const> = { norm = "bn", isa = "avx2", unroll = "tile" }
        for key, value in pairs(changes) do -- each sets its own field
            one[key] = value
        end
        local name <const> = model.file_name("s8", one)
        assert(not names[name], name)
        names[name] = true
    end
    assert(names["s8_bn_avx2.c"] and names["s8_bn_c.c"] and names["s8_bn_plain.c"])
end

function tests.the_recipe_has_every_field()
    local lines <const> = params_of(nets.graph("s8", "bn")).recipe_lines
    test.equal(lines, {
        ".batch = 128,", ".epochs = 20,", ".lr = 0.05f,", ".momentum = 0.9f,",
        ".weight_decay = 0.0005f,", ".nesterov = true,", ".label_smoothing = 0.0f,",
        ".schedule = LR_STEP,", ".step_epochs = 6,", ".step_gamma = 0.2f,", ".warmup = 0.0f,",
        ".start_div = 1.0f,", ".final_div = 1.0f,", ".crop = 2,", ".flip = FLIP_RANDOM,",
        ".cutout = 0,",
    })
end

-- The commands in the head work when they are pasted: a path is one word to the shell.
function tests.commands_quote_paths()
    local graph <const> = nets.graph("s8", "gn")
    test.equal(params_of(graph, "c").remake, "burin gen --norm gn --isa c gen/nets/s8.lua")
    test.equal(params_of(graph, "c").model.remake, '"make gen NET=s8 NORM=gn ISA="')
    test.equal(params_of(graph, "c", "my nets/it's.lua").remake,
        "burin gen --norm gn --isa c 'my nets/it'\\''s.lua'")
    test.equal(params_of(graph, "c", "$(x)`y`.lua").remake,
        "burin gen --norm gn --isa c '$(x)`y`.lua'")
end

return tests
