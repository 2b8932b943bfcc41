-- builder.lua - a plan under construction: buffers and the calls that touch them, phase by phase.
--
-- Which phases there are and what is computed in each was decided before (phases.lua); operations
-- say which calls that takes. Here these become the plan whose shape the head of calls.lua
-- describes: buffers get their scope from the phases that touch them, kernels their algorithm,
-- packed weights, scratch memory and name.

local argument <const> = require "ops/argument"
local grouped <const> = require "ops/conv/grouped"
local layout <const> = require "ops/layout"
local name <const> = require "emit/name"
local ops <const> = require "ops/ops"

local builder <const> = {}
builder.__index = builder

-- Images that run through a phase together.
local MICRO_BATCH <const> = 4

--- A plan without phases. planned: graph, layouts and set; is_eval, cut: see calls.plan
--- wishes = { algorithm = "auto", "direct" or "frozen", of convolutions; candidate, tuned: see
---            conv/choice.lua; micro_batch = images of one, or nil }
function builder.new(planned, is_eval, cut, wishes)
    local batch <const>, chunks <const> = planned.graph.recipe.batch, planned.graph.recipe.chunks
    local chunk <const> = (batch + chunks - 1) // chunks
    return setmetatable({
        -- What operations ask.
        graph = planned.graph, isa = planned.set, layouts = planned.layouts, eval = is_eval,
        micro_batch = math.min(wishes.micro_batch or MICRO_BATCH, chunk), by_name = {},
        -- The plan.
        phases = {}, buffers = {}, kernels = {}, chunks = chunks, chunk_images = chunk,
        -- The rest is asked here alone.
        wishes = wishes, cut = cut, buffer_of = {}, gradient_of = {}, calls = 0, held = {},
    }, builder)
end

-- -- Buffers -------------------------------------------------------------------------------------

--- Makes a buffer, named by its role and its layer: y_conv1.
--- of = { role, layer, scope, floats, shape, and where they are not the usual: suffix of the name,
---        layout, copies (1), holds (floats), row (the floats): see calls.lua }
function builder:buffer(of)
    local buffer <const> = {
        name = of.role .. "_" .. of.layer .. (of.suffix or ""), role = of.role, layer = of.layer,
        scope = of.scope, floats = of.floats, shape = of.shape, layout = of.layout,
        copies = of.copies or 1, holds = of.holds, row = of.row,
    }
    assert(not self.by_name[buffer.name], "two buffers of one name")
    self.buffers[#self.buffers + 1] = buffer
    self.by_name[buffer.name] = buffer
    return buffer
end

--- The buffer of this role that a layer has, or nil.
function builder:named(role, layer)
    return self.by_name[role .. "_" .. layer]
end

--- The same; it is made where there is none yet.
function builder:shared_buffer(of)
    return self:named(of.role, of.layer) or self:buffer(of)
end

local function image_buffer(self, role, value, l, suffix)
    return self:buffer {
        role = role, layer = value.name, suffix = suffix, scope = "scratch",
        floats = layout.floats(l), shape = layout.shape(l), layout = l, copies = self.micro_batch,
        row = { pitch = l.pitch, used = l.c },
    }
end

--- A buffer for a value that a call of the current phase makes.
--- anew: whether an earlier phase has made it, too
function builder:make_value(value, anew)
    local buffer <const> = image_buffer(self, "y", value, self.layouts[value].data,
        anew and "_phase" .. #self.phases)
    self.buffer_of[value] = buffer
    return buffer
end

--- The buffer of a value that is in memory.
function builder:value(value)
    return assert(self.buffer_of[value], value.name)
end

--- The buffer of a value's gradient, or nil before any of its readers has written to it.
function builder:gradient(value)
    return self.gradient_of[value]
end

--- The buffer into which a step writes its part of a value's gradient, and whether it must add:
--- the last reader of a value comes first in backward order and sets it.
function builder:gradient_into(value)
    local known <const> = self.gradient_of[value]
    if known then
        return known, true
    end
    local buffer <const> = image_buffer(self, "dy", value, self.layouts[value].grad)
    self.gradient_of[value] = buffer
    return buffer, false
end

--- Lets the gradient of a value be in this buffer.
function builder:set_gradient(value, buffer)
    self.gradient_of[value] = buffer
end

-- -- Calls ---------------------------------------------------------------------------------------

-- Marks a buffer as touched by the call with this index; one that two phases touch must outlive
-- the first.
function builder:touch(buffer, index)
    local phase <const> = #self.phases
    buffer.first = buffer.first or index
    buffer.last = index
    if buffer.phase and buffer.phase ~= phase and buffer.scope == "scratch" then
        buffer.scope = "micro_batch"
    end
    buffer.phase = buffer.phase or phase
end

--- Calls a function of this kind for the micro-batch. spec: of a kernel
function builder:call(kind, fn, args, note, spec)
    self.calls = self.calls + 1
    for _, arg in ipairs(args) do
        if type(arg) == "table" then
            self:touch(arg, self.calls)
        end
    end
    local calls <const> = self.phases[#self.phases].calls
    calls[#calls + 1] = {
        kind = kind, fn = fn, args = args, note = note, title = self.title, kernel = spec,
    }
end

-- Chooses the algorithm and the tile of a kernel whose layouts are known, if it has a choice.
function builder:choose_algorithm(spec)
    local choose <const> = ops[spec.op].choose
    if choose then
        spec.images = self.micro_batch
        spec.tile = choose(spec, self.isa, self.wishes.algorithm, self.wishes, name.key(spec))
        spec.algorithm = spec.tile.algorithm
    end
end

--- The packed weights that a forward ("w") or data-gradient kernel ("wt") reads.
function builder:packed_weights(role, node, spec)
    local inputs <const> = grouped.inputs(spec, self.isa)
    local floats <const> = ops[spec.op].packed_floats(spec, self.isa)
    local of_outputs <const> = role == "w" or grouped.is_apart(spec, self.isa)
    local outputs <const> = (of_outputs and spec.y or spec.dx).pitch
    return self:shared_buffer {
        role = role, layer = node.name, scope = "weights", floats = floats,
        shape = string.format("%d x %d x %d%s", floats // (inputs * outputs), inputs, outputs,
            role == "wt" and ", transposed" or ""),
    }
end

-- Gives a kernel the memory that it works in, if it needs any.
function builder:give_scratch(spec, values)
    local floats, shape
    if ops[spec.op].scratch then
        floats, shape = ops[spec.op].scratch(spec)
    end
    if floats then
        values.scratch = self:buffer {
            role = "tiles", layer = spec.layer, suffix = "_" .. spec.pass, scope = "scratch",
            floats = floats, shape = shape,
        }
        table.insert(spec.params, "scratch")
    end
end

-- Lets a kernel fetch memory for the next micro-batch, if it can, where there are phases.
function builder:fetch_ahead(spec, values)
    local ahead_steps <const> = ops[spec.op].ahead_steps
    local steps <const> = self.cut and ahead_steps and ahead_steps(spec, self.isa)
    if not steps then
        return
    end
    local phase <const> = self.phases[#self.phases]
    phase.ahead_steps = phase.ahead_steps + steps
    values.ahead = self.eval and "NULL" or argument.ahead
    table.insert(spec.params, "ahead")
end

-- Calls a kernel; `values` gives the argument of each name in spec.params, to which the number
-- of images is added.
function builder:kernel_call(spec, values, note, layer)
    spec.layer = layer
    spec.vl = self.isa.vl
    spec.images = self.micro_batch
    self:give_scratch(spec, values)
    self:fetch_ahead(spec, values)
    values.n = "n"
    table.insert(spec.params, "n")
    spec.name = name.kernel(spec)
    local args <const> = {}
    for i, param in ipairs(spec.params) do
        args[i] = assert(values[param], param)
    end
    self.kernels[#self.kernels + 1] = spec
    self:call("kernel", spec.name, args, note, spec)
end

--- Lets a buffer live until the end of the current phase: other micro-batches read it.
function builder:keep_for_phase(buffer)
    self.held[#self.held + 1] = buffer
end

local function end_phase(self)
    for _, buffer in ipairs(self.held) do
        buffer.last = self.calls
    end
    self.held = {}
end

function builder:new_phase()
    end_phase(self)
    self.phases[#self.phases + 1] = { joins = {}, calls = {}, ahead_steps = 0 }
end

--- What every thread does before the current phase starts, where all images have met.
function builder:join(join)
    table.insert(self.phases[#self.phases].joins, join)
end

-- The buffers that the calls of phase i touch and an earlier phase made, in order.
local function made_before(phase, i)
    local list <const>, seen <const> = {}, {}
    for _, call in ipairs(phase.calls) do
        for _, arg in ipairs(call.args) do
            local made <const> = type(arg) == "table" and arg.scope == "micro_batch"
                and arg.phase < i
            if made and not seen[arg] then
                seen[arg] = true
                list[#list + 1] = arg
            end
        end
    end
    return list
end

--- The finished plan.
function builder:finish()
    end_phase(self)
    local touched <const> = {}
    for i, phase in ipairs(self.phases) do
        phase.ahead = made_before(phase, i)
    end
    for _, buffer in ipairs(self.buffers) do
        buffer.phase = nil
        if buffer.scope ~= "scratch" and buffer.scope ~= "micro_batch" or buffer.first then
            touched[#touched + 1] = buffer
        end
    end
    return {
        phases = self.phases, buffers = touched, kernels = self.kernels,
        micro_batch = self.micro_batch,
        chunks = self.chunks,
        chunk_images = self.chunk_images,
        chunk_micro_batches = (self.chunk_images + self.micro_batch - 1) // self.micro_batch,
    }
end

return builder
