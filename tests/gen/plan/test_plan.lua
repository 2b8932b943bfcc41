-- `burin plan`: the whole text against golden files, and each pass as a plain table.

local test <const> = ...
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()

local dump <const> = require("plan/dump")
local pipeline <const> = require("plan/pipeline")
local plan <const> = require("plan/show")

local tests <const> = {}

local function options(graph, isa_name)
    return {
        network = "gen/nets/" .. graph.name .. ".lua", norm = graph.norm, isa = isa_name,
        algorithm = "auto", unroll = "tile",
    }
end

-- -- Golden files --------------------------------------------------------------------------------

-- The plan must be tests/golden/<name>_<norm>_<isa>.plan, and the message says how to remake it.
local function expect_golden(name, norm, isa_name)
    local file <const> = ("golden/%s_%s_%s.plan"):format(name, norm, isa_name)
    local graph <const> = nets.graph(name, norm)
    test.equal(plan.text(graph, options(graph, isa_name)),
        host.read_file(test.dir .. "/" .. file) or "",
        ("tests/%s (where the change is wanted, from the root of the project: "
        .. "build/burin plan --norm %s --isa %s gen/nets/%s.lua > tests/%s)"):format(file, norm,
        isa_name, name, file))
end

function tests.s8_bn_avx2_is_golden()
    expect_golden("s8", "bn", "avx2")
end

function tests.s8_gn_avx512_is_golden()
    expect_golden("s8", "gn", "avx512")
end

function tests.resnet8_bn_c_is_golden()
    expect_golden("resnet8", "bn", "c")
end

-- -- Texts and tables ----------------------------------------------------------------------------

function tests.texts_have_all_sections()
    nets.each(function(plans, title, graph)
        local text <const> = plan.text(graph, options(graph, plans.set.name))
        for _, section in ipairs({ "\nPlan of a training step\n", "\nKernels\n", "\nMemory: ",
            "phase 1, for each micro-batch of 4 images:\n", "softmax_loss" }) do
            assert(text:find(section, 1, true), title .. ": no " .. section)
        end
        local joins = 0
        for _, phase in ipairs(plans.train.plan.phases) do
            joins = joins + #phase.joins
        end
        local _, met <const> = text:gsub("    all images meet: ", "")
        test.equal(met, joins, title)
        test.equal(text:sub(-1), "\n")
        assert(not text:find("[ \t]\n") and not text:find("[^\n -~]"), title)
    end)
end

-- What --pass prints is plain: no cycle, and no object of another pass.
function tests.passes_are_plain_tables()
    nets.each(function(plans, title, graph)
        local asked <const> = options(graph, plans.set.name)
        local rows <const> = {}
        for _, pass in ipairs({ "steps", "layouts", "phases", "calls", "memory",
            "kernels" }) do
            local planned <const> = plan.pass(graph, asked, pass)
            local text <const> = dump.text(planned)
            assert(not text:find("<cycle>", 1, true) and not text:find("<function>", 1, true)
                and not text:find("0x%x%x%x%x"), title .. " " .. pass)
            test.equal(dump.text(plan.pass(graph, asked, pass)), text, title .. " " .. pass)
            rows[pass] = #planned
        end
        test.equal(rows, {
            steps = #plans.fused.steps, layouts = #plans.fused.values,
            phases = #plans.phases.train, calls = #plans.train.plan.phases,
            memory = #plans.train.plan.buffers, kernels = #plans.train.plan.kernels,
        }, title)
    end)
end

-- A step names the layers and values it refers to.
function tests.steps_refer_by_name()
    local graph <const> = nets.graph("s8", "bn")
    local steps <const> = plan.pass(graph, options(graph, "avx2"), "steps")
    test.equal({ steps[1], steps[2] }, {
        { op = "conv", name = "conv1", layers = { "conv1", "relu1" }, x = "input", y = "relu1",
          relu = true, stats = "norm1" },
        { op = "pointwise", name = "norm1", layers = { "norm1", "dropout1" }, x = "relu1",
          y = "dropout1", norm = "norm1", dropout = "dropout1", masks_x = true },
    })
end

-- A kernel has all that its plan has, field by field.
function tests.kernels_are_whole()
    local graph <const> = nets.graph("s8", "bn")
    local asked <const> = options(graph, "avx2")
    local planned <const> = pipeline.plan(graph, asked).train.plan.kernels
    for i, kernel in ipairs(plan.pass(graph, asked, "kernels")) do
        for key, value in pairs(planned[i]) do
            test.equal(dump.text(kernel[key]), dump.text(value), planned[i].name .. " " .. key)
        end
    end
end

-- The table of memory is the plan's: sums of sizes give what the summary says.
function tests.memory_adds_up()
    local graph <const> = nets.graph("s8", "bn")
    local plans <const> = nets.plans(graph)
    local text <const> = plan.text(graph, options(graph, "avx2"))
    local sums <const> = { weights = 0, chunk = 0 }
    for _, buffer in ipairs(plan.pass(graph, options(graph, "avx2"), "memory")) do
        if sums[buffer.scope] then
            sums[buffer.scope] = sums[buffer.scope] + (buffer.floats + 15) // 16 * 16
        end
    end
    test.equal(sums.weights, plans.train.memory.floats.weights)
    test.equal(sums.chunk, plans.train.memory.floats.chunk)
    assert(text:find(("weights %.2f, gradients of 16 chunks %.2f,"):format(sums.weights * 4 / 1e6,
        16 * sums.chunk * 4 / 1e6), 1, true), text:match("Memory: [^\n]*"))
end

-- More chunks have as many sums more, and no fewer images.
function tests.memory_is_that_of_all_chunks()
    local graph <const> = nets.graph("s8", "bn")
    graph.recipe.chunks = 64
    local floats <const> = nets.plans(graph).train.memory.floats
    local text <const> = plan.text(graph, options(graph, "avx2"))
    assert(text:find(("gradients of 64 chunks %.2f, images of a batch of 128 %.2f,"):format(
        64 * floats.chunk * 4 / 1e6, 64 * floats.micro_batch * 4 / 1e6), 1, true),
        text:match("Memory: [^\n]*"))
end

function tests.ghosts_meet_where_the_batch_does()
    local function meetings(norm)
        local graph <const> = nets.graph("s8", norm)
        local list <const> = {}
        for meeting in plan.text(graph, options(graph, "c")):gmatch("all images meet: ([^\n]*)") do
            list[#list + 1] = meeting
        end
        return table.concat(list, "; ")
    end
    test.equal(meetings("bn16"), (meetings("bn"):gsub("norm_", "ghosts_")))
    test.equal(meetings("gn"), "")
end

return tests
