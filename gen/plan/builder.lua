-- builder.lua - a plan under construction: buffers and the calls that touch them, phase by phase.
--
-- calls.lua decides which calls are made; here each becomes part of the plan whose shape the
-- head of that file describes: buffers get their scope from the phases that touch them, kernels
-- their algorithm, packed weights, scratch memory and name.

local argument <const> = require "ops/argument"
local grouped <const> = require "ops/conv/grouped"
local layout <const> = require "ops/layout"
local name <const> = require "emit/name"
local ops <const> = require "ops/ops"
local place <const> = require "plan/place"

local builder <const> = {}
builder.__index = builder

local CHUNKS <const> = 16 -- MODEL_CHUNKS of runtime/model.h

-- Images that run through a phase together.
local MICRO_BATCH <const> = 4

--- A plan without calls. algorithm: "auto" or "direct", of convolutions; phased: whether training
--- is cut into phases; wishes: see choice.lua, and micro_batch = images of one, or nil.
function builder.new(fused, isa, algorithm, phased, wishes)
    local chunk <const> = (fused.graph.recipe.batch + CHUNKS - 1) // CHUNKS
    return setmetatable({
        fused = fused, isa = isa, layouts = place.layouts(fused, isa),
        micro_batch = math.min(wishes.micro_batch or MICRO_BATCH, chunk), chunk_images = chunk,
        algorithm = algorithm or "auto", phased = phased, wishes = wishes,
        phases = { { joins = {}, calls = {}, ahead_steps = 0 } }, buffers = {}, by_name = {},
        kernels = {}, data = {}, grad = {}, calls = 0, held = {},
    }, builder)
end

function builder:buffer(buffer_name, scope, floats, shape, l, copies)
    assert(not self.by_name[buffer_name], "two buffers of one name")
    local buffer <const> = {
        name = buffer_name, base = buffer_name, scope = scope, floats = floats, shape = shape,
        layout = l, copies = copies or 1,
    }
    self.buffers[#self.buffers + 1] = buffer
    self.by_name[buffer_name] = buffer
    return buffer
end

function builder:shared_buffer(buffer_name, scope, floats, shape, copies)
    return self.by_name[buffer_name]
        or self:buffer(buffer_name, scope, floats, shape, nil, copies)
end

--- A buffer of images. suffix: what tells it from an earlier one of this name, or nil
function builder:layout_buffer(buffer_name, l, suffix)
    local buffer <const> = self:buffer(buffer_name .. (suffix or ""), "scratch", layout.floats(l),
        layout.shape(l), l, self.micro_batch)
    buffer.base = buffer_name
    return buffer
end

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

--- Calls a function of this kind once for the micro-batch, or with `each` once for every image.
--- spec: of a kernel
function builder:call(kind, fn, args, note, spec, each)
    self.calls = self.calls + 1
    for _, arg in ipairs(args) do
        if type(arg) == "table" then
            self:touch(arg, self.calls)
        end
    end
    local calls <const> = self.phases[#self.phases].calls
    calls[#calls + 1] = {
        kind = kind, fn = fn, args = args, note = note, title = self.title, kernel = spec,
        each = each or false,
    }
end

-- Chooses the algorithm and the tile of a kernel whose layouts are known, if it has a choice.
function builder:choose_algorithm(spec)
    local choose <const> = ops[spec.op].choose
    if choose then
        spec.images = self.micro_batch
        spec.tile = choose(spec, self.isa, self.algorithm, self.wishes, name.key(spec))
        spec.algorithm = spec.tile.algorithm
    end
end

-- The packed weights that a forward ("w_") or data-gradient kernel ("wt_") reads.
function builder:packed_weights(prefix, node, spec)
    local inputs <const> = grouped.inputs(spec, self.isa)
    local floats <const> = ops[spec.op].packed_floats(spec, self.isa)
    local outputs <const> = (prefix == "w_" and spec.y or spec.dx).pitch
    return self:shared_buffer(prefix .. node.name, "weights", floats,
        string.format("%d x %d x %d%s", floats // (inputs * outputs), inputs, outputs,
            prefix == "wt_" and ", transposed" or ""))
end

-- Gives a kernel the memory that it works in, if it needs any.
function builder:give_scratch(spec, values)
    local floats, shape
    if ops[spec.op].scratch then
        floats, shape = ops[spec.op].scratch(spec)
    end
    if floats then
        values.scratch = self:buffer("tiles_" .. spec.layer .. "_" .. spec.pass, "scratch",
            floats, shape)
        table.insert(spec.params, "scratch")
    end
end

-- Lets a kernel fetch memory for the next micro-batch, if it can, where there are phases.
function builder:fetch_ahead(spec, values)
    local ahead_steps <const> = ops[spec.op].ahead_steps
    local steps <const> = self.phased and ahead_steps and ahead_steps(spec, self.isa)
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

function builder:new_phase(join)
    end_phase(self)
    self.phases[#self.phases + 1] = { joins = { join }, calls = {}, ahead_steps = 0 }
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
        chunk_images = self.chunk_images,
        chunk_micro_batches = (self.chunk_images + self.micro_batch - 1) // self.micro_batch,
    }
end

return builder
