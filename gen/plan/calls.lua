-- calls.lua - fused steps -> the order of the calls, forward and backward, and what they touch.
--
-- The calls of one training step are cut into phases. Within a phase a micro-batch runs through all
-- calls before the next one starts, so what it needs stays in cache; a phase ends only where the
-- images of a batch must meet, at the statistics of a batch norm and at the sums of its gradient. A
-- network without batch norm has a single phase: one micro-batch after another goes through the
-- whole network. It is more than one image so that weights are read once for several.
--
-- What later phases need of an image is the outputs of convolutions, linear layers and additions,
-- maxima with the places of their winners, and which elements a dropout kept; these alone are kept.
-- Inputs, normalized values and averages are cheaper to compute again than to store and load, so a
-- later phase that reads them makes them anew; of a long row of them some are kept, too.
--
-- plan = { phases, buffers, kernels, micro_batch = images of one, chunk_images,
--          chunk_micro_batches = images and micro-batches of a chunk }
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
--          each = made for one image of the micro-batch after another, with its part of buffers
--          that have copies, note = layers it computes,
--          title = the layers and shapes it belongs to, for a comment,
--          kernel = specification or nil }
-- join = { kind = "norm_fwd" or "norm_bwd", norm = node, pixels = h * w, fn = name of a C function,
--          and the buffers parts (per chunk), sums, coef, dcoef, dweight, dbias }; where the
--          statistics are those of ghosts
--          { kind = "ghosts_fwd" or "ghosts_bwd", norm, pixels, parts (per image) }
-- buffer = { name, base = the name without what tells it from others of its layer,
--            floats, copies, shape = text, layout or nil, scope, first, last,
--            holds = "bits" (of a dropout) or "bytes" where its elements are no floats }
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
local norms <const> = require "plan/norms"
local ops <const> = require "ops/ops"

local calls <const> = {}

-- A builder that knows the steps of a network.
local planner <const> = setmetatable({}, { __index = norms })
planner.__index = planner

--- The names of the layers that a step computes.
function planner.layer_names(step)
    local names <const> = {}
    for i, node in ipairs(step.layers) do
        names[i] = node.name
    end
    return table.concat(names, " ")
end

-- The comment above the calls of a step. A convolution and the pointwise step that follows it share
-- one, with the shapes at both ends, unless the images of a batch meet between them.
function planner:step_title(step)
    local first, last = step, step
    local function follows(part)
        return ops[part.op].shares_title
            and (self.eval or not (part.norm and norms.is_batch(part.norm)))
    end
    if follows(step) and step.x.maker and #step.x.readers == 1 then
        first = step.x.maker
    elseif step.y and #step.y.readers == 1 and follows(step.y.readers[1]) then
        last = step.y.readers[1]
    end
    local names <const> = {}
    for _, part in ipairs(first == last and { first } or { first, last }) do
        names[#names + 1] = planner.layer_names(part)
    end
    local title <const> = table.concat(names, " ")
    local x <const>, y <const> = first.x, last.y
    return y and string.format("%s: %d x %d x %d -> %d x %d x %d", title, x.c, x.h, x.w, y.c, y.h,
        y.w) or title
end

-- -- Forward -------------------------------------------------------------------------------------

-- Values that are made again one from another at most. One more is kept instead: else every phase
-- of a row of norms would begin at its start.
local MOST_REMADE <const> = 4

-- The values that later phases find in memory, as a set.
local function kept_values(fused)
    local kept <const>, remade <const> = {}, {}
    for _, value in ipairs(fused.values) do
        local maker <const> = value.maker
        remade[value] = maker and not ops[maker.op].keeps and remade[maker.x] + 1 or 0
        kept[value] = maker and (ops[maker.op].keeps or remade[value] > MOST_REMADE) or false
        remade[value] = kept[value] and 0 or remade[value]
    end
    return kept
end

-- Makes a value exist in memory in the current phase, and returns its buffer: one that was not kept
-- is computed anew, by calls that stand here.
function planner:materialize(value)
    local known <const> = self.data[value]
    local phase <const> = #self.phases
    if known and (known.phase == phase or self.kept_values[value]) then
        return known.buffer
    end
    local buffer <const> = self:layout_buffer("y_" .. value.name, self.layouts[value].data,
        known and "_phase" .. phase)
    self.data[value] = { buffer = buffer, phase = phase }
    if not value.maker then
        ops.load.forward(self, value, buffer)
    else
        ops[value.maker.op].forward(self, value.maker, buffer)
    end
    return buffer
end

local function make_value(self, step)
    local buffer <const> = self:layout_buffer("y_" .. step.y.name, self.layouts[step.y].data)
    self.data[step.y] = { buffer = buffer, phase = #self.phases }
    return buffer
end

function planner:forward_step(step)
    local op <const> = ops[step.op]
    self.title = self:step_title(step)
    if op.makes_no_value then
        op.forward(self, step)
        return
    end
    if step.norm then
        self:norm_forward(step)
    end
    op.forward(self, step, make_value(self, step))
end

-- -- Backward ------------------------------------------------------------------------------------

-- The buffer into which a step writes its part of a value's gradient, and whether it must add:
-- the last reader of a value comes first in backward order and sets it.
function planner:gradient_into(value)
    local known <const> = self.grad[value]
    if known then
        return known, true
    end
    local buffer <const> = self:layout_buffer("dy_" .. value.name, self.layouts[value].grad)
    self.grad[value] = buffer
    return buffer, false
end

-- -- Whole plans ---------------------------------------------------------------------------------

local function has_batch_norm(fused)
    for _, step in ipairs(fused.steps) do
        if step.norm and norms.is_batch(step.norm) then
            return true
        end
    end
    return false
end

-- A plan of all that runs forward. eval: in evaluation mode
local function forward_plan(fused, isa, algorithm, wishes, eval)
    local self <const> = setmetatable(builder.new(fused, isa, algorithm, has_batch_norm(fused),
        wishes or {}), planner)
    self.kept_values, self.eval = kept_values(fused), eval
    for _, step in ipairs(fused.steps) do
        local make_buffers <const> = ops[step.op].make_buffers
        if make_buffers then
            make_buffers(self, step)
        end
    end
    for _, step in ipairs(fused.steps) do
        self:forward_step(step)
    end
    return self
end

-- One training step: forward, loss, backward. algorithm: "auto" or "direct", of convolutions.
-- wishes: what is asked of choice.lua and of the micro-batch, or nil.
function calls.train(fused, isa, algorithm, wishes)
    local self <const> = forward_plan(fused, isa, algorithm, wishes, false)
    for i = #fused.steps, 1, -1 do
        local step <const> = fused.steps[i]
        local backward <const> = ops[step.op].backward
        if backward and step.y.trained then
            self.title = "Backward: " .. self:step_title(step)
            backward(self, step, self.grad[step.y])
        end
    end
    return self:finish()
end

-- Forward in evaluation mode: one phase; batch norms use their running statistics.
function calls.eval(fused, isa, algorithm, wishes)
    return forward_plan(fused, isa, algorithm, wishes, true):finish()
end

return calls
