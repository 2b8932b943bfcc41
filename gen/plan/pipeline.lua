-- pipeline.lua - the passes of planning in their order: from a graph to all that is known of a
-- program before its text.
--
--     planned = { graph,
--                 set       the instruction set (emit/isa.lua)
--                 fused     fused steps (fuse.lua)
--                 layouts   where pixels and channels of every value lie (place.lua)
--                 phases    { train, eval } (phases.lua)
--                 phased    whether training is cut into phases, or threads have memory that
--                           lives across micro-batches, as where there are several phases
--                 train     { plan = calls in phases (calls.lua), memory (memory.lua) }
--                 eval      the same of an evaluation
--                 scratch   floats of a thread's scratch memory }
--
-- A pass takes such a table and returns the fields that it adds; `burin plan --pass NAME` prints
-- what came of it (show.lua).

local calls <const> = require "plan/calls"
local fuse <const> = require "plan/fuse"
local isa <const> = require "emit/isa"
local memory <const> = require "plan/memory"
local norm <const> = require "ops/norm"
local phases <const> = require "plan/phases"
local place <const> = require "plan/place"

local pipeline <const> = {}

-- What is asked of plans besides the graph: see builder.new.
local function wishes_of(planned, options)
    local program <const> = planned.graph.name .. "_" .. options.norm
    local tuned <const> = options.tuned and options.tuned:micro_batch(program, planned.set.made_for)
    return {
        algorithm = options.algorithm, candidate = options.candidate, tuned = options.tuned,
        micro_batch = tuned and tuned.images,
    }
end

-- Programs of the direct algorithm round nothing, whatever the recipe says.
local function instruction_set(planned, options)
    local plain <const> = options.unroll == "none"
    local precision <const> = options.algorithm == "direct" and "fp32" or options.precision
        or planned.graph.recipe.precision
    return { set = isa.get(options.isa, options.real, plain, precision) }
end

local function fused_steps(planned)
    return { fused = fuse.steps(planned.graph) }
end

local function places_of_values(planned)
    return { layouts = place.layouts(planned.fused, planned.set) }
end

-- Whether there are norms that apply running statistics in training, which each thread turns into
-- coefficients before a step.
local function has_fixed_norms(graph)
    for _, node in ipairs(graph.nodes) do
        if node.kind == "norm" and norm.is_fixed(node) then
            return true
        end
    end
    return false
end

local function tasks_in_phases(planned)
    local train <const>, eval <const> = phases.train(planned.fused), phases.eval(planned.fused)
    return {
        phases = { train = train, eval = eval },
        phased = #train > 1 or has_fixed_norms(planned.graph),
    }
end

local function calls_of_tasks(planned, options)
    local wishes <const>, cut <const> = wishes_of(planned, options), planned.phased
    return {
        train = { plan = calls.plan(planned.phases.train, false, cut, planned, wishes) },
        eval = { plan = calls.plan(planned.phases.eval, true, cut, planned, wishes) },
    }
end

local function offsets_of_buffers(planned)
    local function with_memory(plan)
        return { plan = plan, memory = memory.place(plan) }
    end
    return { train = with_memory(planned.train.plan), eval = with_memory(planned.eval.plan) }
end

-- Training, evaluation and the update of the weights use a thread's scratch memory in turn, the
-- last one for the largest gradient of a weight.
local function scratch_memory(planned)
    local train <const>, eval <const> = planned.train, planned.eval
    local floats = math.max(1, train.memory.floats.scratch, eval.memory.floats.scratch)
    for _, buffer in ipairs(train.plan.buffers) do
        if buffer.scope == "chunk" then
            floats = math.max(floats, buffer.floats)
        end
    end
    return { scratch = floats }
end

local PASSES <const> = {
    instruction_set,
    fused_steps,
    places_of_values,
    tasks_in_phases,
    calls_of_tasks,
    offsets_of_buffers,
    scratch_memory,
}

--- The planned program of a graph.
--- options: isa, real, precision (nil: what the recipe says), algorithm, norm, candidate, tuned
--- (see main.lua)
function pipeline.plan(graph, options)
    local planned = { graph = graph }
    for _, pass in ipairs(PASSES) do
        local more <const> = pass(planned, options)
        local next_one <const> = {}
        for _, part in ipairs { planned, more } do
            for key, value in pairs(part) do -- a set: the order does not matter
                next_one[key] = value
            end
        end
        planned = next_one
    end
    return planned
end

return pipeline
