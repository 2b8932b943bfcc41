-- Candidates of convolutions, and files of measurements that choose among them.

local test <const> = ...

local choice <const> = require("ops/conv/choice")
local emit <const> = require("emit/program")
local pipeline <const> = require("plan/pipeline")
local name <const> = require("emit/name")
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()
local ops <const> = require("ops/ops")
local plan <const> = require("plan/show")
local tile <const> = require("ops/conv/tile")
local tuned <const> = require("plan/tuned")

local tests <const> = {}

local HEAD <const> = 'machine { "amd-1-2" }\n'

local function options(more)
    local all <const> = {
        network = "gen/nets/s8.lua", norm = "gn", isa = "avx2", algorithm = "auto",
        unroll = "tile",
    }
    for key, value in pairs(more or {}) do
        all[key] = value
    end
    return all
end

-- Calls check(spec, list of candidates, set) for the convolutions of the networks.
local function each_convolution(check)
    nets.each(function(plans)
        for _, spec in ipairs(plans.train.plan.kernels) do
            if spec.op == "conv" then
                check(spec, choice.candidates(spec, plans.set, "auto"), plans.set)
            end
        end
    end)
end

function tests.candidates_differ_and_fit()
    local transformed = 0
    each_convolution(function(spec, list, set)
        local seen <const> = {}
        for _, candidate in ipairs(list) do
            local text <const> = choice.text(candidate)
            assert(not seen[text], text)
            seen[text] = true
            transformed = transformed + (candidate.algorithm == "winograd4" and 1 or 0)
            assert(candidate.algorithm == "bank" or tile.fits(set, candidate.mr, candidate.nr),
                spec.name .. ": " .. text)
        end
        test.equal(spec.tile, list[1], "the model's choice")
    end)
    assert(transformed > 1000, transformed)
end

-- A bank takes neighbours, and transforms are those of one square window.
function tests.windows_of_another_kind_are_direct()
    for fields, want in pairs {
        ["padding = 1"] = "bank direct winograd4",
        ["padding = 2, dilation = 2"] = "direct",
        ["padding = { 1, 2 }, dilation = { 1, 2 }"] = "direct",
        ["padding = { 1, 0 }"] = "bank direct",
        ["stride = { 1, 2 }, padding = 1"] = "bank direct",
    } do
        local conv <const> = "conv { 16, window = 3, " .. fields .. " }, "
        local plans <const> = nets.plans(nets.small(conv .. conv .. "relu()", "none", "1, 9, 8"),
            "avx512")
        local offered <const>, names <const> = {}, {}
        for _, spec in ipairs(plans.train.plan.kernels) do
            for _, one in ipairs(spec.op == "conv"
                and choice.candidates(spec, plans.set, "auto") or {}) do
                names[#names + 1] = not offered[one.algorithm] and one.algorithm or nil
                offered[one.algorithm] = true
            end
        end
        table.sort(names)
        test.equal(table.concat(names, " "), want, fields)
    end
end

-- Products in bf16 are offered where they are asked for, first, and need pairs of channels.
function tests.bf16_is_asked_for()
    for _, c in ipairs { 16, 15 } do
        local one <const> = ("conv { %d, window = 3, padding = 1 }, "):format(c)
        local graph <const> = nets.small(one .. one .. "relu()", "none", "1, 9, 8")
        for _, precision in ipairs { "fp32", "bf16" } do
            local planned <const> = pipeline.plan(graph, options { precision = precision })
            test.equal(planned.set.made_for, precision == "bf16" and "avx2+bf16" or "avx2")
            for _, spec in ipairs(planned.train.plan.kernels) do
                if spec.op == "conv" and spec.c == c then
                    local pairs_up <const> = precision == "bf16"
                        and (c == 16 or spec.pass == "bwd_weights")
                    local list <const> = choice.candidates(spec, planned.set, "auto")
                    test.equal(list[1].algorithm, pairs_up and "winograd4_bf16" or "winograd4")
                end
            end
        end
    end
end

-- Where no transforms are to be had direct convolutions are in bf16, but for those of one pixel, as
-- logits are. What is asked to be direct does not round.
function tests.direct_convolutions_are_in_bf16()
    local graph <const> = nets.small("conv { 16, window = 3, stride = 2 }, conv { 8, window = 1 }, "
        .. "conv { 8, window = 3, padding = 1 }, global_avgpool(), conv { 10, window = 1 }",
        "none", "3, 17, 17")
    for wanted, expected in pairs { -- the order does not matter
        auto = "direct_bf16 direct_bf16 winograd4_bf16 bank",
        direct = "bank bank direct bank",
    } do
        local planned <const> = pipeline.plan(graph, options {
            isa = "avx512", precision = "bf16", algorithm = wanted,
        })
        local algorithms <const> = {}
        for _, spec in ipairs(planned.train.plan.kernels) do
            if spec.op == "conv" and spec.pass == "fwd" then
                algorithms[#algorithms + 1] = spec.algorithm
            end
        end
        test.equal(table.concat(algorithms, " "), expected)
    end
end

-- In tiles of AMX are convolutions whose runs of pairs can be cut into products, not those of 17
-- pairs, and weight gradients whose inputs can be, not of 34.
function tests.convolutions_are_in_tiles()
    local planned <const> = pipeline.plan(
        nets.small("conv { 34, window = 3, padding = 1 }, conv { 16, window = 1 }, "
            .. "conv { 16, window = 3, groups = 2 }, global_avgpool(), conv { 10, window = 1 }",
            "none", "4, 17, 17"),
        options { isa = "amx", precision = "bf16" })
    local found <const> = {}
    for _, spec in ipairs(planned.train.plan.kernels) do
        if spec.op == "conv" then
            found[#found + 1] = spec.pass .. " " .. spec.algorithm
            for _, candidate in ipairs(choice.candidates(spec, planned.set, "direct")) do
                assert(candidate.algorithm == "direct" or candidate.algorithm == "bank")
            end
        end
    end
    test.equal(table.concat(found, ", "), "fwd direct_amx, fwd direct_bf16, fwd direct, fwd bank, "
        .. "bwd_weights direct, bwd_data direct, bwd_weights direct, bwd_data direct, "
        .. "bwd_weights direct_bf16, bwd_data direct_amx, bwd_weights direct_amx")
end

-- The weight gradient pairs each pixel with that of the next output, or with none: rows narrower
-- than a stride have no next one.
function tests.pairs_of_pixels_stay_in_their_row()
    local planned <const> = pipeline.plan(
        nets.small("conv { 16, window = { 3, 1 } }, conv { 16, window = { 3, 1 }, stride = 2 }, "
            .. "conv { 16, window = { 2, 1 }, stride = { 1, 4 } }", "none", "3, 17, 3"),
        options { isa = "avx512", precision = "bf16" })
    local seen = 0
    for _, spec in ipairs(planned.train.plan.kernels) do
        if spec.algorithm == "direct_bf16" and spec.pass == "bwd_weights" then
            local _, params <const> = ops[spec.op].params(spec, planned.set, options())
            assert(params.next <= params.x_row, spec.name)
            seen = seen + 1
        end
    end
    test.equal(seen, 3)
end

function tests.direct_offers_no_transforms()
    nets.each(function(plans)
        for _, spec in ipairs(plans.train.plan.kernels) do
            if spec.op == "conv" then
                for _, candidate in ipairs(choice.candidates(spec, plans.set, "direct")) do
                    assert(candidate.algorithm ~= "winograd4")
                end
            end
        end
    end)
end

-- The transforms are of whole convolutions.
function tests.groups_offer_no_transforms()
    local count = 0
    nets.each_varied(function(plans)
        for _, spec in ipairs(plans.train.plan.kernels) do
            local is_grouped <const> = spec.op == "conv" and spec.groups > 1
            for _, candidate in ipairs(is_grouped
                and choice.candidates(spec, plans.set, "auto") or {}) do
                count = count + (spec.groups == 2 and 1 or 0)
                assert(candidate.algorithm ~= "winograd4", spec.name)
            end
        end
    end)
    assert(count > 0)
end

-- Past the end of a kernel's list the model chooses.
function tests.a_candidate_is_taken_by_its_number()
    local graph <const> = nets.graph("s8", "gn")
    local first <const> = pipeline.plan(graph, options())
    for _, number in ipairs({ 1, 2, 7, 1000 }) do
        local planned <const> = pipeline.plan(graph, options({ candidate = number }))
        for i, spec in ipairs(planned.train.plan.kernels) do
            if spec.op == "conv" then
                local list <const> =
                    choice.candidates(first.train.plan.kernels[i], planned.set, "auto")
                test.equal(spec.tile, list[number] or list[1], spec.name)
            end
        end
    end
end

function tests.keys_are_names_without_the_algorithm()
    each_convolution(function(spec)
        local pattern <const> = "^(.*)__" .. spec.algorithm .. "_?(.*)$"
        local start <const>, rest <const> = spec.name:match(pattern)
        test.equal(name.key(spec), rest == "" and start or start .. "__" .. rest)
    end)
end

-- What plan.choices writes, tuned.lua reads, and it leads to the same plan.
function tests.choices_come_back()
    local graph <const> = nets.graph("s8", "gn")
    for number = 2, 9, 7 do
        for _, precision in ipairs({ "fp32", "bf16" }) do
            local function chosen(more)
                more.precision = precision
                return plan.choices(graph, options(more))
            end
            local text <const> = chosen({ candidate = number })
            local read <const> = tuned.read(text, "t.lua", host.cpu_id())
            test.equal(chosen({ tuned = read }), text)
            assert(text ~= chosen({}), "as the model")
        end
    end
end

function tests.the_plan_shows_a_tuned_tile_and_group()
    local graph <const> = nets.graph("s8", "gn")
    local read <const> = tuned.read(HEAD .. [[
        micro_batch { "s8_gn", isa = "avx2", images = 2, measured = "2026-01-31" }
        kernel { "conv3x3_c32_k32_8x8_bwd_data__b1_1", isa = "avx2", algorithm = "direct", mr = 4,
                 nr = 2 }]], "t.lua")
    local text <const> = plan.text(graph, options({ tuned = read }))
    assert(text:find("for each micro-batch of 2 images:", 1, true))
    local row <const> = "\n" .. "conv3x3_c32_k32_8x8_bwd_data__direct_b1_1 +%w+ +bwd_data +[%d.]+ +"
    test.equal(text:match(row .. "(%d x %d)"), "4 x 2")
    local program <const> = emit.program(graph, options({ tuned = read }))
    local head <const> = " * Kernels chosen by t.lua, measured on amd-1-2, 2026-01-31.\n"
    assert(program:find(head, 1, true))
    assert(not emit.program(graph, options()):find("Kernels chosen", 1, true))
end

-- Measurements of floats say nothing of bf16, nor the other way around.
function tests.each_precision_has_its_measurements()
    local graph <const> = nets.graph("s8", "gn")
    local read <const> = tuned.read(HEAD .. [[
        micro_batch { "s8_gn", isa = "avx2+bf16", images = 2, measured = "2026-01-31" }]], "t.lua")
    local images = " micro-batch of 2 images:"
    local function text(precision)
        return emit.program(graph, options({ tuned = read, precision = precision }))
    end
    assert(text("bf16"):find("measured on amd-1-2, 2026-01-31.", 1, true))
    assert(not text("fp32"):find("2026-01-31", 1, true))
    assert(plan.text(graph, options({ tuned = read, precision = "bf16" })):find(images, 1, true))
    assert(not plan.text(graph, options({ tuned = read })):find(images, 1, true))
end

-- -- Wrong files ---------------------------------------------------------------------------------

function tests.all_mistakes_are_told()
    local text <const> = HEAD .. [[
kernel { "a", isa = "sse", algorithm = "direct", mr = 0, nr = 2 }
kernel { "a", isa = "avx2", algorithm = "fft", mr = 1, nr = 1.5, tile = 3 }
micro_batch { "s8_gn", isa = "avx2", measured = "today" }
micro_batch { 7, isa = "avx2", images = 2, measured = "today" }
kernel { "b", isa = "c", algorithm = "direct", mr = 1, nr = 1 }
kernel { "b", isa = "c", algorithm = "direct", mr = 2, nr = 1 }
machine { "amd-1-3" }
]]
    test.raises({
        't.lua:2: kernel: isa is "sse": expected one of avx2, avx512, c, avx2+bf16, '
            .. "avx512+bf16, amx+bf16 or c+bf16",
        "t.lua:2: kernel: mr is 0: expected an integer from 1 to 64",
        't.lua:3: kernel: algorithm is "fft": expected one of depthwise, direct_amx, '
            .. "winograd4_bf16, direct_bf16, bank, winograd4 or direct",
        "t.lua:3: kernel: nr is 1.5: expected an integer from 1 to 64",
        't.lua:3: kernel: has no field "tile": expected key, isa, algorithm, mr, nr or block',
        "t.lua:4: micro_batch: images is missing: expected an integer from 1 to 64",
        "t.lua:5: micro_batch: program is 7: expected a name (letters, digits and _, at most 64, "
            .. "no digit first)",
        't.lua:7: kernel: "b" for c is given twice: expected one entry',
        "t.lua:8: machine: is given twice: expected one processor a file",
        't.lua:8: machine: id is "amd-1-3": expected "amd-1-2", which the file is named after',
    }, tuned.read, text, "t.lua", "amd-1-2")
end

function tests.foreign_files_are_refused()
    local function refused(text, message)
        local raised <const> = test.raises({ message }, tuned.read, text, "t.lua")
        test.equal(raised.kind, "failed")
    end
    refused("", "t.lua:1: no machine { ... }: expected a file that `make tune` wrote")
    refused("return network { name = 'x' }",
        "t.lua:1: attempt to call a nil value (global 'network')")
    refused("\nkernel {", "t.lua:2: unexpected symbol near <eof>")
    refused("machine(host.read_file('x'))", "t.lua:1: attempt to index a nil value (global 'host')")
end

-- A tile that the planner does not offer is not believed.
function tests.an_impossible_choice_is_refused()
    local graph <const> = nets.graph("s8", "gn")
    local read <const> = tuned.read(HEAD .. [[
        kernel { "conv3x3_c32_k32_8x8_bwd_data__b1_1", isa = "avx2", algorithm = "direct", mr = 40,
                 nr = 4 }]], "t.lua")
    test.raises({
        "t.lua:2: conv3x3_c32_k32_8x8_bwd_data__b1_1: algorithm = \"direct\", mr = 40, nr = 4: "
            .. "expected a candidate such as algorithm = \"winograd4\", mr = 4, nr = 2; "
            .. "`make tune` measures anew",
    }, pipeline.plan, graph, options({ tuned = read }))
end

return tests
