-- Phases: tasks find in memory what they read, images meet where a batch norm is, and nothing else
-- ends a phase.

local test <const> = ...
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()

local norm <const> = require("ops/norm")
local ops <const> = require("ops/ops")
local phases <const> = require("plan/phases")

local tests <const> = {}

local function each_program(f)
    nets.each(f)
    nets.each_varied(f)
end

-- The values that a task reads.
local function reads_of(task)
    if task.op == "norm" or task.op == "load" then
        return {}
    elseif task.part == "forward" then
        return { task.step.x, task.step.x2 }
    end
    for _, part in ipairs(ops[task.op].backward_parts(task.step)) do
        if part.name == task.part then
            return part.reads
        end
    end
    error("no part of " .. task.op .. ": " .. task.part)
end

-- A value is in memory in the phase that made it, and later when a convolution, a linear layer, an
-- addition or a maximum made it, or no later phase makes it anew.
function tests.tasks_find_what_they_read()
    local anew = 0
    local function check(list, title)
        local made_in <const>, made_anew <const> = {}, {}
        for _, phase in ipairs(list) do
            for _, task in ipairs(phase) do
                made_anew[task.value or false] = made_anew[task.value or false] or task.anew
            end
        end
        for i, phase in ipairs(list) do
            for _, task in ipairs(phase) do
                for _, value in ipairs(reads_of(task)) do
                    local place <const> = title .. ": " .. value.name
                    assert(made_in[value], place .. " is read before it is made")
                    assert(made_in[value] == i or not made_anew[value],
                        place .. " is read after its phase")
                end
                if task.value then
                    assert((made_in[task.value] ~= nil) == task.anew, title)
                    assert(made_in[task.value] ~= i, title .. ": made twice in a phase")
                    made_in[task.value] = i
                    anew = anew + (task.anew and 1 or 0)
                end
            end
        end
    end
    each_program(function(plans, title)
        check(plans.phases.train, title .. " train")
        check(plans.phases.eval, title .. " eval")
        test.equal(#plans.phases.eval, 1, title)
    end)
    assert(anew > 0)
end

-- Each norm of a batch ends two phases, one forward and one backward, and its task begins the next.
function tests.images_meet_at_batch_norms_alone()
    each_program(function(plans, title, graph)
        local expected = 0
        for _, node in ipairs(graph.nodes) do
            expected = expected + (node.kind == "norm" and norm.is_batch(node) and 2 or 0)
        end
        local train <const> = plans.phases.train
        test.equal(#train, expected + 1, title)
        for i, phase in ipairs(train) do
            test.equal(phase.meeting ~= nil, i > 1, title)
            if phase.meeting then
                test.equal({ phase[1].op, phase[1].pass, phase[1].step.norm.name },
                    { "norm", phase.meeting.pass, phase.meeting.norm.name }, title)
            end
        end
        test.equal(#plans.train.plan.phases, #train, title)
    end)
end

-- Every step runs once forward, and its backward pass has the parts that its operation names.
function tests.every_part_is_done_once()
    each_program(function(plans, title)
        local done <const> = {}
        for _, phase in ipairs(plans.phases.train) do
            for _, task in ipairs(phase) do
                if task.step and not task.anew then
                    local key <const> = task.step.name .. " " .. task.op .. " " .. task.part
                    assert(not done[key], title .. ": twice: " .. key)
                    done[key] = true
                end
            end
        end
        for _, step in ipairs(plans.fused.steps) do
            assert(done[step.name .. " " .. step.op .. " forward"], title .. ": " .. step.name)
            local trains <const> = ops[step.op].backward and step.y.trained
            for _, part in ipairs(trains and ops[step.op].backward_parts(step) or {}) do
                local op <const> = part.norm and "norm" or step.op
                assert(done[step.name .. " " .. op .. " " .. part.name],
                    title .. ": " .. step.name .. " " .. part.name)
            end
        end
    end)
end

-- A pass changes nothing that it is given: made once more of the same steps, phases are the same.
function tests.phases_are_a_function_of_the_steps()
    local fused <const> = nets.plans(nets.graph("resnet8", "bn")).fused
    local function outline()
        local list <const> = {}
        for i, phase in ipairs(phases.train(fused)) do
            for _, task in ipairs(phase) do
                list[#list + 1] = ("%d %s %s %s %s"):format(i, task.op, task.part,
                    task.step and task.step.name or "", task.serves.name)
            end
        end
        return list
    end
    test.equal(outline(), outline())
end

return tests
