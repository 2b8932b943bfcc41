-- phases.lua - fused steps -> phases: what is computed between two meetings of the images of a
-- batch.
--
-- Within a phase a micro-batch runs through all tasks before the next one starts, so what it needs
-- stays in cache; a phase ends only where the images of a batch must meet, at the statistics of a
-- batch norm and at the sums of its gradient. A network without batch norm has a single phase: one
-- micro-batch after another goes through the whole network. It is more than one image so that
-- weights are read once for several.
--
-- What later phases need of an image is the outputs of convolutions, linear layers, additions and
-- concatenations, maxima with the places of their winners, which elements a dropout kept, and
-- values of activations that take an exponential (activation.lua); these alone are kept. Inputs,
-- normalized values and averages are cheaper to compute again than to store and load, so a later
-- phase that reads them makes them anew; of a long row of them some are kept, too.
--
-- phases = array of phase; an evaluation has one
-- phase = array of task, with meeting = { norm = node, pass = "forward" or "backward" } where all
--         images meet before it
-- task = { op      name of an operation (ops.lua)
--          part    "forward", or what the operation calls a part of its backward pass
--          step    whose work it is; nil for "load"
--          value   the value that it makes, or nil
--          anew    whether an earlier phase has made that value, too
--          serves  the step for which it is done: another one where a value is made anew
--          pass    "forward" or "backward", of that step }

local norm <const> = require "ops/norm"
local ops <const> = require "ops/ops"

local phases <const> = {}

-- Values that are made again one from another at most. One more is kept instead: else every phase
-- of a row of norms would begin at its start.
local MOST_REMADE <const> = 4

-- The values that later phases find in memory, as a set.
local function kept_values(fused)
    local kept <const>, remade <const> = {}, {}
    for _, value in ipairs(fused.values) do
        local maker <const> = value.maker
        remade[value] = 0
        local keeps <const> = maker and (ops[maker.op].keeps or maker.keeps)
        for _, read in ipairs(maker and not keeps and maker.inputs or {}) do
            remade[value] = math.max(remade[value], remade[read] + 1)
        end
        kept[value] = maker and (keeps or remade[value] > MOST_REMADE) or false
        remade[value] = kept[value] and 0 or remade[value]
    end
    return kept
end

-- Phases that grow by one task after another: list, the phases; made, the last phase that made a
-- value, by value; kept, of kept_values.
local function add(growing, serves, pass, task)
    task.serves, task.pass = serves, pass
    table.insert(growing.list[#growing.list], task)
end

local function meet(growing, node, pass)
    growing.list[#growing.list + 1] = { meeting = { norm = node, pass = pass } }
end

-- Makes a value exist in memory in the current phase: one that was not kept is computed anew, and
-- before it what it is computed from.
local function materialize(growing, value, serves, pass)
    local phase <const> = growing.made[value]
    if phase and (growing.kept[value] or phase == #growing.list) then
        return
    end
    growing.made[value] = #growing.list
    local maker <const> = value.maker
    if maker then
        for _, read in ipairs(maker.inputs) do
            materialize(growing, read, serves, pass)
        end
    end
    add(growing, serves, pass, {
        op = maker and maker.op or "load", part = "forward", step = maker, value = value,
        anew = phase ~= nil,
    })
end

local function forward(growing, step, is_eval)
    local norm_node <const> = step.y and step.norm
    if norm_node then
        if norm.meets(norm_node) and not is_eval then
            meet(growing, norm_node, "forward")
        end
        add(growing, step, "forward", { op = "norm", part = "forward", step = step })
    end
    for _, read in ipairs(step.inputs) do
        materialize(growing, read, step, "forward")
    end
    local makes_value <const> = not ops[step.op].makes_no_value
    if makes_value then
        growing.made[step.y] = #growing.list
    end
    add(growing, step, "forward", {
        op = step.op, part = "forward", step = step, value = makes_value and step.y or nil,
        anew = false,
    })
end

local function backward(growing, step)
    for _, part in ipairs(ops[step.op].backward_parts(step)) do
        if part.norm and norm.meets(part.norm) then
            meet(growing, part.norm, "backward")
        end
        for _, read in ipairs(part.reads) do
            materialize(growing, read, step, "backward")
        end
        add(growing, step, "backward", {
            op = part.norm and "norm" or step.op, part = part.name, step = step,
        })
    end
end

local function forward_phases(fused, is_eval)
    local growing <const> = { list = { {} }, made = {}, kept = kept_values(fused) }
    for _, step in ipairs(fused.steps) do
        local skips <const> = ops[step.op].skips_eval
        if not (is_eval and skips and skips(step)) then
            forward(growing, step, is_eval)
        end
    end
    return growing
end

--- The phases of a training step: forward, loss, backward.
function phases.train(fused)
    local growing <const> = forward_phases(fused, false)
    for i = #fused.steps, 1, -1 do
        local step <const> = fused.steps[i]
        if ops[step.op].backward and step.y.trained then
            backward(growing, step)
        end
    end
    return growing.list
end

--- The one phase of an evaluation: batch norms use their running statistics.
function phases.eval(fused)
    return forward_phases(fused, true).list
end

return phases
