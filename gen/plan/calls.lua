-- calls.lua - phases -> the calls of each, in order, and the buffers and kernels of a plan.
--
-- A task becomes calls here: its operation makes them on a plan under construction (builder.lua).
-- Where all images meet before a phase, the operation of the norm says what is done there.
--
-- plan = { phases, buffers, kernels, micro_batch = images of one, chunks = of a batch, at most,
--          chunk_images, chunk_micro_batches = images and micro-batches of a chunk }
-- While a micro-batch is computed, the memory that the next one will read in the same phase is
-- fetched into cache: long kernels do that on the side.
--
-- phase = { joins = array of joins made by every thread before the phase starts,
--           calls = array of calls made for each micro-batch,
--           ahead = array of "micro_batch" buffers that calls read and earlier phases made,
--           ahead_steps = how often kernels of the phase fetch a part of them }
-- call = { kind = "kernel", "load", "loss", "logits", "drop", "sums" (of a chunk), "coef" (of a
--          norm, made of its sums) or "ghosts" (the same, where images meet),
--          fn = name of a C function, args = array of buffers and strings (C expressions: see
--          ops/argument.lua),
--          note = layers it computes,
--          title = the layers and shapes it belongs to, for a comment,
--          kernel = specification or nil }
-- join = { kind = "norm_fwd" or "norm_bwd", norm = node, pixels = h * w, fn = name of a C function,
--          and the buffers parts (per chunk), sums, coef, dcoef, dweight, dbias }; where the
--          statistics are those of ghosts
--          { kind = "ghosts_fwd" or "ghosts_bwd", norm, pixels, parts (per image) }
-- buffer = { name, role = "y", "dy", "w" and so on: see docs/words.md, layer = name of one, floats,
--            copies, shape = text, layout or nil, scope, first, last,
--            holds = "bits" (of a dropout), "bytes" or "doubles" where its elements are no floats,
--            row = { pitch, used } where only `used` of `pitch` floats mean something, or nil }
--   scope: "weights"  one, shared; packed weights
--          "chunk"    one for each chunk of images, zeroed before every step
--          "micro_batch"  one for each micro-batch of the batch, lives across phases
--          "thread"   one for each thread, lives across phases
--          "scratch"  one for each thread, only within a phase (memory.lua may overlap them)
--   copies: images of a micro-batch, one after another, `floats` apart; 1 when it is not of images
--   first, last: index of the first and last call that touches it, counted through all phases; of
--          what other micro-batches read too, the last call of the phase in which they do
-- kernel = { op, pass, layer, images = the most it takes at once, layouts x, y, dx, dy as the pass
--          needs them, algorithm and tile (see choice.lua) for a convolution, params, and the
--          fields of its operation }; params names the arguments in C order, by their names in
--          struct kernel_args

local builder <const> = require "plan/builder"
local kernel <const> = require "ops/kernel"
local norm <const> = require "ops/norm"
local ops <const> = require "ops/ops"

local calls <const> = {}

-- The comment above the calls of a step. A convolution and the pointwise step that follows it share
-- one, with the shapes at both ends, unless the images of a batch meet between them.
local function step_title(step, is_eval)
    local first, last = step, step
    local function follows(part)
        return ops[part.op].shares_title
            and (is_eval or not (part.norm and norm.meets(part.norm)))
    end
    if follows(step) and step.x.maker and #step.x.readers == 1 then
        first = step.x.maker
    elseif step.y and #step.y.readers == 1 and follows(step.y.readers[1]) then
        last = step.y.readers[1]
    end
    local names <const> = {}
    for _, part in ipairs(first == last and { first } or { first, last }) do
        names[#names + 1] = kernel.layer_names(part)
    end
    local title <const> = table.concat(names, " ")
    local x <const>, y <const> = first.x, last.y
    return y and string.format("%s: %d x %d x %d -> %d x %d x %d", title, x.c, x.h, x.w, y.c, y.h,
        y.w) or title
end

-- Lets the operation of a task make its calls.
local function make_calls(planner, task)
    local op <const> = ops[task.op]
    planner.title = (task.pass == "backward" and "Backward: " or "")
        .. step_title(task.serves, planner.eval)
    if task.part == "forward" then
        local buffer <const> = task.value and planner:make_value(task.value, task.anew)
        op.forward(planner, task.step or task.value, buffer)
    else
        op.backward[task.part](planner, task.step, planner:gradient(task.step.y))
    end
end

--- The plan of phases (phases.lua).
--- is_eval: whether they are an evaluation; cut: whether training is cut into several phases
--- planned: graph, fused, layouts and set: see pipeline.lua; wishes: of builder.new
function calls.plan(phases, is_eval, cut, planned, wishes)
    local planner <const> = builder.new(planned, is_eval, cut, wishes)
    for _, step in ipairs(planned.fused.steps) do
        local make_buffers <const> = ops[step.op].make_buffers
        if make_buffers then
            make_buffers(planner, step)
        end
    end
    for _, phase in ipairs(phases) do
        planner:new_phase()
        for _, task in ipairs(phase) do
            make_calls(planner, task)
        end
    end
    return planner:finish()
end

return calls
