-- The planning passes on the networks of gen/nets: what every plan must keep, whatever it decides.

local test <const> = ...

local emit <const> = require "emit/program"
local pipeline <const> = require "plan/pipeline"
local fuse <const> = require "plan/fuse"
local graph <const> = require "language/graph"
local isa <const> = require "emit/isa"
local network <const> = require "language/network"
local ops <const> = require "ops/ops"
local plan <const> = require "plan/show"
local tile <const> = require "ops/conv/tile"

local passes <const> = {}

local function options(norm, set)
    return {
        network = "gen/nets/s8.lua", norm = norm, isa = set, algorithm = "auto", unroll = "tile",
    }
end

local function build(net, norm)
    local file <const> = "gen/nets/" .. net .. ".lua"
    return graph.build(network.read(host.source(file), file, norm))
end

-- Calls check(planned, title) for every network, norm and instruction set.
local function every_plan(check)
    for _, net in ipairs { "s8", "resnet8" } do
        for _, norm in ipairs { "bn", "gn", "ln", "in", "cn", "rms", "none" } do
            for _, set in ipairs { "avx2", "avx512", "c" } do
                check(pipeline.plan(build(net, norm), options(norm, set)),
                    table.concat({ net, norm, set }, " "))
            end
        end
    end
end

function passes.tiles_cover_and_fit()
    for _, set in ipairs { "avx2", "avx512", "c" } do
        local target <const> = isa.get(set)
        for length = 1, 100 do
            for vectors = 1, 9 do
                local list <const> = tile.candidates(target, length, vectors)
                assert(#list > 0)
                for _, candidate in ipairs(list) do
                    local at = 0
                    local least, most = math.huge, 0
                    for _, span in ipairs(candidate.spans) do
                        test.equal(span.first, at)
                        test.equal((span.last - span.first) % span.mr, 0)
                        least, most = math.min(least, span.mr), math.max(most, span.mr)
                        at = span.last
                    end
                    test.equal(at, length)
                    assert(most - least <= 1 and most == candidate.mr)
                    test.equal(vectors % candidate.nr, 0)
                    local registers <const> = candidate.mr * candidate.nr + candidate.nr + 1
                    assert(registers <= target.registers)
                end
            end
        end
    end
end

function passes.buffers_alive_together_do_not_overlap()
    every_plan(function(planned, title)
        for _, part in ipairs { planned.train, planned.eval } do
            local offset <const> = part.memory.offset
            for i, a in ipairs(part.plan.buffers) do
                assert(offset[a] % 16 == 0, title)
                assert(offset[a] + a.floats <= part.memory.floats[a.scope], title)
                for k = i + 1, #part.plan.buffers do
                    local b <const> = part.plan.buffers[k]
                    local overlap <const> = a.scope == b.scope
                        and offset[a] < offset[b] + b.floats and offset[b] < offset[a] + a.floats
                    local timed <const> = a.scope == "micro_batch" or a.scope == "scratch"
                    assert(not overlap or timed and (a.first > b.last or b.first > a.last),
                        title .. ": " .. a.name .. " " .. b.name)
                end
            end
        end
    end)
end

-- The arenas start zeroed and kernels write interiors only; evaluation and the update of the
-- weights write to scratch memory too.
function passes.shared_borders_are_cleared_first()
    every_plan(function(planned, title)
        local memory <const>, buffers <const> = planned.train.memory, planned.train.plan.buffers
        for _, a in ipairs(buffers) do
            local shared = a.scope == "scratch"
            for _, b in ipairs(buffers) do
                shared = shared or a ~= b and a.scope == b.scope
                    and memory.offset[a] < memory.offset[b] + b.floats
                    and memory.offset[b] < memory.offset[a] + a.floats
            end
            if a.layout and a.layout.border > 0 and shared then
                local cleared = false
                for _, buffer in ipairs(memory.clears[a.first] or {}) do
                    cleared = cleared or buffer == a
                end
                assert(cleared, title .. ": " .. a.name)
            end
        end
    end)
end

function passes.only_batch_norm_cuts_phases()
    for _, case in ipairs { { "bn", 17 }, { "gn", 1 }, { "ln", 1 }, { "in", 1 }, { "none", 1 } } do
        local planned <const> = pipeline.plan(build("s8", case[1]), options(case[1], "avx2"))
        test.equal(#planned.train.plan.phases, case[2], case[1])
        test.equal(#planned.eval.plan.phases, 1, case[1])
    end
end

-- What outlives a phase: outputs of convolutions and additions, maxima, and gradients on their way.
function passes.only_kept_values_outlive_a_phase()
    local planned <const> = pipeline.plan(build("s8", "bn"), options("bn", "avx2"))
    for _, buffer in ipairs(planned.train.plan.buffers) do
        if buffer.scope == "micro_batch" and buffer.name:find("^y_") then
            assert(buffer.name:find("^y_relu") or buffer.name:find("^y_maxpool"), buffer.name)
        end
    end
end

-- In each step the first kernel that writes a gradient sets it, and the others add.
function passes.gradients_are_set_once_then_added_to()
    every_plan(function(planned, title)
        local written <const> = {}
        for _, phase in ipairs(planned.train.plan.phases) do
            for _, call in ipairs(phase.calls) do
                local spec <const> = call.kernel
                if spec and spec.pass == "bwd_data" then
                    local dx <const>, dy <const> = call.args[1], call.args[2]
                    if dx ~= dy then -- in place neither sets nor adds
                        test.equal(spec.adds == true, written[dx] == true, title .. spec.name)
                    end
                    written[dx] = true
                end
            end
        end
    end)
end

function passes.evaluation_drops_nothing()
    local planned <const> = pipeline.plan(build("s8", "gn"), options("gn", "avx2"))
    for _, call in ipairs(planned.eval.plan.phases[1].calls) do
        for _, arg in ipairs(call.args) do
            assert(type(arg) ~= "table" or not arg.keys, call.fn)
        end
    end
end

function passes.s8_fuses_into_its_blocks()
    local steps <const> = fuse.steps(build("s8", "bn")).steps
    test.equal(steps[1].op, "conv")
    test.equal(#steps[1].layers, 2)
    test.equal(steps[1].relu, true)
    test.equal(steps[1].stats.name, "norm1")
    test.equal(steps[2].op, "pointwise")
    test.equal(#steps[2].layers, 2)
    test.equal(steps[2].masks_x, true)
end

-- conv, norm, relu in a residual network: the norm reads no ReLU, the skip is not fused away.
function passes.resnet8_keeps_what_two_layers_read()
    for _, step in ipairs(fuse.steps(build("resnet8", "bn")).steps) do
        assert(step.op ~= "conv" or not step.relu, step.name)
        assert(step.op ~= "pointwise" or not step.masks_x, step.name)
        assert(step.op ~= "sums", "a convolution makes the input of every norm")
    end
end

function passes.names_are_identifiers_and_tell_shapes_apart()
    every_plan(function(planned, title)
        local shapes <const> = {}
        for _, spec in ipairs(planned.train.plan.kernels) do
            assert(spec.name:find("^[%a_][%w_]*$"), title .. " " .. spec.name)
            local _, params <const> = ops[spec.op].params(spec, planned.set, options("bn", "avx2"))
            local words <const> = { params.formula, params.shapes }
            for _, given in ipairs(params.given or {}) do
                words[#words + 1] = given.text
            end
            local shape <const> = table.concat(words, " ")
            assert(shapes[spec.name] == nil or shapes[spec.name] == shape, spec.name)
            shapes[spec.name] = shape
        end
    end)
end

function passes.text_is_the_same_twice_and_small()
    for _, set in ipairs { "avx2", "avx512", "c" } do
        local first <const> = emit.program(build("s8", "bn"), options("bn", set))
        test.equal(emit.program(build("s8", "bn"), options("bn", set)) == first, true)
        assert(#first < 400 * 1024, set .. ": " .. #first .. " bytes")
        assert(not first:find("${", 1, true))
    end
end

-- A path is the only text of the user's in the file that is no identifier.
function passes.paths_cannot_leave_their_comment_or_string()
    local asked <const> = options("gn", "c")
    asked.network = "my \"nets\"/a*/b\n??/x.lua"
    local text <const> = emit.program(build("s8", "gn"), asked)
    local head <const> = text:match("^(.-)#include")
    local _, ends <const> = head:gsub("%*/", "")
    test.equal(ends, 1)
    assert(not text:find("??/", 1, true))
    assert(not text:find("my \"nets", text:find("#include", 1, true), true))
end

-- `build/burin plan --norm NORM --isa ISA NET > tests/golden/NET_NORM_ISA.plan` makes one anew.
function passes.plans_are_the_golden_ones()
    local cases <const> = {
        { "s8", "bn", "avx2" }, { "s8", "gn", "avx512" }, { "resnet8", "bn", "c" },
    }
    for _, case in ipairs(cases) do
        local net <const>, norm <const>, set <const> = case[1], case[2], case[3]
        local stem <const> = string.format("%s_%s_%s.plan", net, norm, set)
        local golden <const> = assert(host.read_file(test.dir .. "/golden/" .. stem))
        local asked <const> = options(norm, set)
        asked.network = "gen/nets/" .. net .. ".lua"
        assert(plan.text(build(net, norm), asked) == golden, string.format(
            "the plan changed: build/burin plan --norm %s --isa %s %s > tests/golden/%s",
            norm, set, net, stem))
    end
end

return passes
