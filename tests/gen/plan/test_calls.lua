-- The calls of a plan: where images meet, what is kept, what is made again, who sets and who adds.

local test <const> = ...
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()

local argument <const> = require("ops/argument")

local tests <const> = {}

-- Calls check(plan, title, plans) for the plans of training and of evaluation of every network.
local function each_plan(check)
    local function both(plans, title)
        check(plans.train.plan, title, plans)
        check(plans.eval.plan, title .. " eval", plans)
    end
    nets.each(both)
    nets.each_varied(both)
end

local function each_training(check)
    local function train(plans, title)
        check(plans.train.plan, title, plans)
    end
    nets.each(train)
    nets.each_varied(train)
end

-- The names of a plan's buffers of one scope that start with `prefix`, in order.
local function names_of(plan, scope, prefix)
    local names <const> = {}
    for _, buffer in ipairs(plan.buffers) do
        if buffer.scope == scope and buffer.name:sub(1, #prefix) == prefix then
            names[#names + 1] = buffer.name
        end
    end
    return names
end

-- The calls of a plan in order, with the number of their phase.
local function calls_of(plan)
    local calls <const>, phase_of <const> = {}, {}
    for i, phase in ipairs(plan.phases) do
        for _, call in ipairs(phase.calls) do
            calls[#calls + 1] = call
            phase_of[#calls] = i
        end
    end
    return calls, phase_of
end

-- -- Phases --------------------------------------------------------------------------------------

local function joins_of(plan)
    local joins <const> = {}
    for i, phase in ipairs(plan.phases) do
        test.equal(#phase.joins, i == 1 and 0 or 1)
        for _, join in ipairs(phase.joins) do
            joins[#joins + 1] = join.kind .. " " .. join.norm.name
        end
    end
    return joins
end

-- Forward and backward, batch norm cuts once at each norm.
function tests.batch_norm_cuts_at_every_norm()
    local s8 <const>, resnet8 <const> = {}, {}
    for i = 1, 8 do
        s8[i], s8[17 - i] = "norm_fwd norm" .. i, "norm_bwd norm" .. i
    end
    local order <const> = {
        "norm1", "norm2", "norm3", "norm4", "stack2_main", "norm6", "stack3_main",
    }
    for i, name in ipairs(order) do
        resnet8[i], resnet8[15 - i] = "norm_fwd " .. name, "norm_bwd " .. name
    end
    local ghosts <const> = {}
    for i, join in ipairs(s8) do
        ghosts[i] = join:gsub("norm_", "ghosts_")
    end
    for _, isa_name in ipairs(nets.isas) do
        test.equal(joins_of(nets.plans(nets.graph("s8", "bn"), isa_name).train.plan), s8)
        test.equal(joins_of(nets.plans(nets.graph("s8", "bn16"), isa_name).train.plan), ghosts)
        test.equal(joins_of(nets.plans(nets.graph("resnet8", "bn"), isa_name).train.plan), resnet8)
    end
end

-- No statistic of the others crosses images: nothing is kept and nothing is made again.
function tests.other_norms_have_one_phase()
    nets.each(function(plans, title, graph)
        if not graph.norm:find("^bn") then
            local plan <const> = plans.train.plan
            test.equal(#plan.phases, 1, title)
            test.equal(#plan.phases[1].joins, 0, title)
            test.equal(names_of(plan, "micro_batch", ""), {}, title)
            for _, name in ipairs(names_of(plan, "scratch", "y_")) do
                assert(not name:find("_phase%d+$"), title .. ": " .. name)
            end
        end
    end)
end

-- A value that later phases read is the output of a convolution, a linear layer, an addition or an
-- exponential; any other is made again in each phase that reads it.
function tests.kept_is_what_takes_longer_than_a_load()
    local KEPT <const> = {
        conv = true, linear = true, add = true, maxpool = true,
        silu = true, gelu = true, gelu_tanh = true, sigmoid = true, tanh = true,
    }
    local again, exponentials = 0, 0
    each_training(function(plan, title, plans)
        local made_by <const> = {}
        for _, value in ipairs(plans.fused.values) do
            local maker <const> = value.maker
            made_by["y_" .. value.name] = maker and maker.op == "pointwise" and maker.activation
                and maker.activation.activation or maker and maker.op or "input"
        end
        for _, name in ipairs(names_of(plan, "micro_batch", "y_")) do
            assert(KEPT[made_by[name]], title .. ": keeps " .. name)
            exponentials = exponentials + (made_by[name] == "silu" and 1 or 0)
        end
        for _, name in ipairs(names_of(plan, "scratch", "y_")) do
            if name:find("_phase%d+$") then
                assert(not KEPT[made_by[name:gsub("_phase%d+$", "")]],
                    title .. ": makes again " .. name)
                again = again + 1
            end
        end
    end)
    assert(again > 0 and exponentials > 0)
end

-- Of a long row of values that are made again one from another every fifth is kept, so the calls of
-- a phase do not grow with the row.
function tests.long_rows_are_kept_in_part()
    local function calls_of_row(length)
        local plan <const> = nets.plans(nets.small("conv { 8, window = 1 }, "
            .. ("norm(), avgpool { 3, stride = 1, padding = 1 }, "):rep(length) .. "relu()"))
            .train.plan
        local most = 0
        for _, phase in ipairs(plan.phases) do
            most = math.max(most, #phase.calls)
        end
        return most, plan
    end
    local most <const>, plan <const> = calls_of_row(5)
    test.equal(names_of(plan, "micro_batch", "y_"), { "y_conv1", "y_norm3" })
    test.equal(calls_of_row(40), most)
end

function tests.s8_keeps_its_convolutions_and_maxima()
    local plan <const> = nets.plans(nets.graph("s8", "bn")).train.plan
    test.equal(names_of(plan, "micro_batch", "y_"), { "y_relu1", "y_relu2", "y_maxpool1", "y_relu3",
        "y_relu4", "y_relu5", "y_maxpool2", "y_relu6", "y_relu7", "y_relu8" })
    test.equal(names_of(plan, "micro_batch", "winner_"), { "winner_maxpool1", "winner_maxpool2" })
    local again <const> = {}
    for _, name in ipairs(names_of(plan, "scratch", "y_")) do
        again[#again + 1] = name:match("^(.*)_phase%d+$")
    end
    test.equal(again, { "y_dropout7", "y_dropout6", "y_dropout5", "y_dropout4", "y_dropout3",
        "y_dropout2", "y_dropout1", "y_input" })
end

function tests.evaluation_is_forward_alone()
    local function check(plans, title)
        local plan <const> = plans.eval.plan
        test.equal(#plan.phases, 1, title)
        test.equal(#plan.phases[1].joins, 0, title)
        local calls <const> = calls_of(plan)
        for _, call in ipairs(calls) do
            assert(not call.kernel or call.kernel.pass == "fwd", title .. ": " .. call.fn)
            for i, param in ipairs(call.kernel and call.kernel.params or {}) do
                test.equal(param ~= "key" or call.args[i] == "0", true, title .. ": drops")
            end
        end
        test.equal(calls[#calls - 1].fn, "softmax_loss", title)
        test.equal(calls[#calls - 1].args[1], "NULL", title)
        test.equal(calls[#calls].fn, "store_logits", title)
    end
    nets.each(check)
    nets.each_varied(check)
end

-- Each dropout is drawn once a step, with the key of its place in the table of layers, and used
-- forward, in the reduction and in the gradient, or again where a phase makes its values anew.
function tests.training_drops_by_the_layer()
    for _, norm in ipairs({ "gn", "bn" }) do
        local built <const> = nets.graph("s8", norm)
        local drawn <const>, used <const>, layers <const>, uses <const> = {}, {}, {}, {}
        for _, node in ipairs(built.nodes) do
            if node.kind == "dropout" then
                layers["keep_" .. node.name] = tostring(node.index - 1)
                -- the last one's values are averaged, and no weight gradient needs them
                uses["keep_" .. node.name] = (norm == "gn" or node.name == "dropout8") and 3 or 4
            end
        end
        for _, call in ipairs((calls_of(nets.plans(built).train.plan))) do
            if call.kind == "drop" then
                assert(not drawn[call.args[1].name], "drawn twice")
                drawn[call.args[1].name] = call.args[5]
            end
            for i, param in ipairs(call.kernel and call.kernel.params or {}) do
                if param == "keep" then
                    local keep <const> = call.args[i].name
                    assert(drawn[keep], "used before it is drawn")
                    used[keep] = (used[keep] or 0) + 1
                end
            end
        end
        test.equal(drawn, layers, norm)
        test.equal(used, uses, norm)
    end
end

-- Arguments are buffers or pieces of C.
local function is_buffer(arg)
    return type(arg) == "table" and arg.scope ~= nil
end

-- -- What every call touches ---------------------------------------------------------------------

local WRITTEN <const> = {
    y = true, dx = true, dw = true, db = true, sums = true, scratch = true,
}
local ADDED_TO <const> = { dw = true, db = true }

-- Which arguments of a call it reads and which it sets; the rest it adds to.
local function effects(call)
    local reads <const>, sets <const> = {}, {}
    if call.kernel then
        for i, param in ipairs(call.kernel.params) do
            local adds <const> = ADDED_TO[param] or param == "dx" and call.kernel.adds
            local written <const> = WRITTEN[param]
                or (param == "winner" or param == "place") and call.kernel.pass == "fwd"
            local list <const> = (not written or adds) and reads or sets
            list[#list + 1] = is_buffer(call.args[i]) and call.args[i] or nil
        end
        return reads, sets
    end
    -- load, the norms' own functions and the loss set their first argument.
    for i, arg in ipairs(call.args) do
        if is_buffer(arg) then
            local first <const> = i == 1 and call.kind ~= "logits"
            table.insert(first and sets or reads, arg)
        end
    end
    return reads, sets
end

-- Whatever a call reads of an image was made by an earlier call, and in the same phase unless the
-- memory lives across phases.
function tests.nothing_is_read_before_it_is_made()
    each_plan(function(plan, title)
        local calls <const>, phase_of <const> = calls_of(plan)
        local made <const> = {}
        for i, call in ipairs(calls) do
            local reads <const>, sets <const> = effects(call)
            for _, buffer in ipairs(reads) do
                if buffer.scope == "scratch" then
                    test.equal(made[buffer], phase_of[i], title .. ": " .. call.fn .. " reads "
                        .. buffer.name .. ", made in phase")
                elseif buffer.scope == "micro_batch" then
                    assert(made[buffer], title .. ": " .. call.fn .. " reads " .. buffer.name)
                end
            end
            for _, buffer in ipairs(sets) do
                made[buffer] = phase_of[i]
            end
        end
    end)
end

-- The sums of ghosts and their lines live to the end of the phase in which the lines are made:
-- other micro-batches read them.
function tests.lifetimes_are_those_of_the_calls()
    each_plan(function(plan, title)
        local first <const>, last <const>, last_of <const> = {}, {}, {}
        local calls <const>, phase_of <const> = calls_of(plan)
        for i in ipairs(calls) do
            last_of[phase_of[i]] = i
        end
        for i, call in ipairs(calls) do
            for _, arg in ipairs(call.args) do
                if is_buffer(arg) then
                    local shared <const> = call.kind == "ghosts"
                        and (arg.name:find("sums_") or arg == call.args[1])
                    first[arg] = first[arg] or i
                    last[arg] = math.max(last[arg] or 0, shared and last_of[phase_of[i]] or i)
                end
            end
        end
        for _, buffer in ipairs(plan.buffers) do
            if buffer.scope == "scratch" or buffer.scope == "micro_batch" then
                test.equal(buffer.first, first[buffer], title .. ": " .. buffer.name)
                test.equal(buffer.last, last[buffer], title .. ": " .. buffer.name)
            end
        end
    end)
end

-- The first that writes a gradient sets it, the others add; a pointwise step in place does neither.
function tests.gradients_are_set_once_then_added_to()
    local adding = 0
    each_training(function(plan, title)
        local written <const> = {}
        for _, call in ipairs((calls_of(plan))) do
            local kernel <const> = call.kernel
            if call.kind == "loss" then
                written[call.args[1]] = true
            elseif kernel and kernel.pass == "bwd_data" then
                local dx <const> = call.args[1]
                if call.args[2] == dx then
                    assert(written[dx] and not kernel.adds, title .. ": " .. call.fn)
                else
                    test.equal(kernel.adds or false, written[dx] or false,
                        title .. ": " .. call.fn .. " adds to " .. dx.name)
                end
                written[dx] = true
                adding = adding + (kernel.adds and 1 or 0)
            end
        end
    end)
    assert(adding > 0, "no skip")
end

-- A pointwise step that alone reads its input turns the gradient of its output into that of its
-- input where it lies; one of a shared value must not.
function tests.pointwise_steps_work_in_place_where_nobody_else_reads()
    local in_place, apart = 0, 0
    each_training(function(plan, title, plans)
        local alone <const> = {}
        for _, step in ipairs(plans.fused.steps) do
            if step.op == "pointwise" then
                alone[step.layers[1].name] = #step.x.readers == 1
            end
        end
        for _, call in ipairs((calls_of(plan))) do
            local kernel <const> = call.kernel
            local wanted = nil
            if kernel and kernel.op == "pointwise" and kernel.pass == "bwd_data" then
                wanted = alone[kernel.layer]
            end
            if wanted ~= nil then
                test.equal(call.args[1] == call.args[2], wanted, title .. ": " .. call.fn)
                in_place = in_place + (wanted and 1 or 0)
                apart = apart + (wanted and 0 or 1)
            end
        end
    end)
    assert(in_place > 0 and apart > 0)
end

-- What is fetched ahead for the next micro-batch is what a phase reads of memory that an earlier
-- phase made, and there is a kernel to fetch it wherever the phase has a transformed convolution.
function tests.phases_fetch_what_they_read()
    local fetched = 0
    each_training(function(plan, title)
        local calls <const>, phase_of <const> = calls_of(plan)
        local made <const>, reads_of <const> = {}, {}
        for i, call in ipairs(calls) do
            local reads <const>, sets <const> = effects(call)
            for _, buffer in ipairs(reads) do
                local phase <const> = phase_of[i]
                if buffer.scope == "micro_batch" and made[buffer] < phase then
                    reads_of[phase] = reads_of[phase] or {}
                    reads_of[phase][buffer.name] = true
                end
            end
            for _, buffer in ipairs(sets) do
                made[buffer] = made[buffer] or phase_of[i]
            end
        end
        for i, phase in ipairs(plan.phases) do
            local ahead <const> = {}
            for _, buffer in ipairs(phase.ahead) do
                ahead[buffer.name] = true
            end
            test.equal(ahead, reads_of[i] or {}, title .. ": phase " .. i)
            fetched = fetched + phase.ahead_steps
            assert(#plan.phases > 1 or phase.ahead_steps == 0, title)
        end
    end)
    assert(fetched > 0)
end

-- Each parameter's gradient is added to by one kernel call, or one join.
function tests.every_parameter_has_one_gradient()
    local function check(plans, title, built)
        local count <const> = {}
        local plan <const> = plans.train.plan
        for _, call in ipairs((calls_of(plan))) do
            for _, arg in ipairs(call.args) do
                if is_buffer(arg) and arg.name:find("^d[wb]_") then
                    count[arg.name] = (count[arg.name] or 0) + 1
                end
            end
        end
        for _, phase in ipairs(plan.phases) do
            for _, join in ipairs(phase.joins) do
                for _, buffer in ipairs({ join.dweight, join.dbias }) do
                    count[buffer.name] = (count[buffer.name] or 0) + 1
                end
            end
        end
        for _, param in ipairs(built.params) do
            local layer <const>, role <const> = param.name:match("^(.*)%.(%w+)$")
            local name <const> = (role == "weight" and "dw_" or "db_") .. layer
            test.equal(count[name], 1, title .. ": " .. name)
            count[name] = nil
        end
        test.equal(next(count), nil, title)
    end
    nets.each(check)
    nets.each_varied(check)
end

-- A convolution reads its window from the interior or the border, never outside the buffer.
function tests.borders_are_as_wide_as_windows_reach()
    each_plan(function(plan, title)
        for _, call in ipairs((calls_of(plan))) do
            local kernel <const> = call.kernel
            if kernel and kernel.op == "conv" and kernel.pass ~= "bwd_data" then
                local g <const> = kernel.geometry
                assert(kernel.x.border >= math.max(g.h.padding, g.w.padding),
                    title .. ": " .. call.fn)
            end
            for i, param in ipairs(kernel and kernel.params or {}) do
                local layout <const> = kernel[param]
                if layout and type(call.args[i]) == "table" and call.args[i].layout then
                    test.equal(call.args[i].layout, layout, title .. ": " .. call.fn)
                end
            end
        end
    end)
end

-- The emitter times calls by their kind; what one reads besides its buffers is what the function
-- around it has: net, n, and fields of `at`.
function tests.calls_say_what_they_are_and_read()
    local seen <const> = {}
    each_plan(function(plan, title)
        for _, call in ipairs((calls_of(plan))) do
            seen[call.kind] = true
            test.equal(call.kind == "kernel", call.kernel ~= nil, title)
            for _, arg in ipairs(call.args) do
                local word <const> = type(arg) == "string" and arg:match("^[%a_][%w_]*")
                assert(not word or word == "net" or word == "n" or word == "at" or word == "NULL"
                    or arg == argument.images, title .. ": " .. tostring(arg))
            end
        end
    end)
    test.equal(seen, {
        kernel = true, load = true, loss = true, logits = true, drop = true, sums = true,
        coef = true, ghosts = true,
    })
end

return tests
