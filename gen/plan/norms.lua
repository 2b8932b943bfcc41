-- norms.lua - what a norm asks of a plan: sums, coefficients, and the phases at which images meet.
--
-- A builder (builder.lua) that knows norms; calls.lua makes it know all steps. A kernel before a
-- norm leaves the sums of each image. A norm of the whole batch gathers them in double, per chunk
-- and then over chunks (templates/ops/moments.c.tpl). From complete sums the norm's own functions
-- (templates/ops/norm.c.tpl) make the scale and shift that the pointwise step after it applies.

local argument <const> = require "ops/argument"
local builder <const> = require "plan/builder"
local layout <const> = require "ops/layout"
local name <const> = require "emit/name"

local norms <const> = setmetatable({}, { __index = builder })

local round_up <const> = layout.round_up

function norms:norm_pitch(node)
    return round_up(node.c, self.isa.vl)
end

--- Whether images meet at this norm.
function norms.is_batch(node)
    return node.norm == "batch"
end

--- Whether they all share its statistics. Else each image keeps coefficients, its own or a
--- copy of its ghost's.
function norms.is_whole(node)
    return norms.is_batch(node) and node.ghost == 0
end

-- As kernel_sum_rows of runtime/model.h.
local SUM_ROWS <const> = { sums = 3, dsums = 2 }

-- Where a kernel leaves the sums of a norm for each image. what: "sums" forward, "dsums" backward
function norms:norm_sums(node, what)
    local rows <const>, pitch <const> = SUM_ROWS[what], self:norm_pitch(node)
    return self:shared_buffer(what .. "_" .. node.name, "scratch", rows * pitch,
        string.format("%d x %d", rows, pitch), self.micro_batch)
end

-- Numbers in double of a norm of the whole batch, 2 rows of them.
local function doubles(self, buffer_name, scope, node)
    local pitch <const> = self:norm_pitch(node)
    local buffer <const> = self:shared_buffer(buffer_name, scope, 2 * pitch * 8 // self.isa.bytes,
        string.format("2 x %d doubles", pitch))
    buffer.holds = "doubles"
    return buffer
end

-- Adds what a kernel has left for each image to the sums of the chunk, where all images of a batch
-- share them.
function norms:gather_sums(node, what, x)
    if self.eval or not norms.is_whole(node) then
        return
    end
    local sums <const> = self.by_name[what .. "_" .. node.name]
    local part <const> = doubles(self, "chunk_" .. what .. "_" .. node.name, "chunk", node)
    local pitch <const> = tostring(self:norm_pitch(node))
    if what == "sums" then
        self:call("sums", "chunk_moments", {
            part, sums, "net", argument.chunk, argument.image, "n", pitch, x.h * x.w .. ".0",
        }, node.name)
    else
        self:call("sums", "chunk_sums", { part, sums, "n", pitch }, node.name)
    end
end

function norms:norm_coef(node)
    local pitch <const>, whole <const> = self:norm_pitch(node), norms.is_whole(node)
    return self:shared_buffer("coef_" .. node.name, whole and "thread" or "scratch", 5 * pitch,
        string.format("5 x %d: a, b, m, mean - m, 1/deviation", pitch),
        whole and 1 or self.micro_batch)
end

function norms:norm_dcoef(node)
    local pitch <const>, whole <const> = self:norm_pitch(node), norms.is_whole(node)
    return self:shared_buffer("dcoef_" .. node.name, whole and "thread" or "scratch", 3 * pitch,
        string.format("3 x %d: A, B, D", pitch), whole and 1 or self.micro_batch)
end

local function norm_weight(node)
    return "net->param + " .. name.param(node.name .. ".weight")
end

local function norm_bias(node)
    return "net->param + " .. name.param(node.name .. ".bias")
end

function norms:norm_gradient_buffers(node)
    local shape <const> = tostring(node.c)
    return self:shared_buffer("dw_" .. node.name, "chunk", node.c, shape),
        self:shared_buffer("db_" .. node.name, "chunk", node.c, shape)
end

-- Scale and shift from the running statistics. Where all images share them, they were made before
-- the first one.
function norms:norm_eval(node, coef)
    if not norms.is_whole(node) then
        local function state(index)
            return "net->run->store.state + " .. name.param(self.fused.graph.states[index].name)
        end
        self:call("coef", name.norm(node, "eval"), {
            coef, state(node.state), state(node.state + 1), norm_weight(node), norm_bias(node),
        }, node.name, nil, true)
    end
end

-- The sums of every image are complete, and each micro-batch adds up those of its ghosts, which
-- others have left in their memory, or copies the coefficients of the one before: both must stay as
-- they are until all have read them. The coefficients are the first argument.
function norms:ghosts_meet(kind, node, pixels, sums, fn, args)
    self:new_phase { kind = kind, norm = node, pixels = pixels, parts = sums }
    self:call("ghosts", fn, args, node.name)
    self:keep_for_phase(sums)
    args[1].scope = "micro_batch"
    self:keep_for_phase(args[1])
end

-- The sums are complete: turn them into the scale and shift that the pointwise step applies.
function norms:norm_forward(step)
    local node <const> = step.norm
    local coef <const> = self:norm_coef(node)
    local sums <const> = self.by_name["sums_" .. node.name]
    local pixels <const> = step.x.h * step.x.w
    if self.eval and norms.is_batch(node) then
        self:norm_eval(node, coef)
    elseif norms.is_whole(node) then
        self:new_phase {
            kind = "norm_fwd", norm = node, pixels = pixels, pitch = self:norm_pitch(node),
            parts = self.by_name["chunk_sums_" .. node.name],
            sums = doubles(self, "total_" .. node.name, "thread", node), coef = coef,
            fn = name.norm(node, "fwd"),
        }
    elseif norms.is_batch(node) then
        self:ghosts_meet("ghosts_fwd", node, pixels, sums, name.norm(node, "ghosts_fwd"), {
            coef, "net", sums, "micro_batch", argument.image, "n", tostring(node.ghost),
            norm_weight(node), norm_bias(node), pixels .. ".0",
        })
    else
        self:call("coef", name.norm(node, "fwd"), {
            coef, sums, norm_weight(node), norm_bias(node), pixels .. ".0",
        }, node.name, nil, true)
    end
end

-- The sums of the gradient are complete: turn them into the A, B, D of dx and add the
-- gradients of weight and bias.
function norms:norm_backward(step)
    local node <const> = step.norm
    local coef <const>, dcoef <const> = self:norm_coef(node), self:norm_dcoef(node)
    local dweight <const>, dbias <const> = self:norm_gradient_buffers(node)
    local sums <const> = self.by_name["dsums_" .. node.name]
    local pixels <const> = step.x.h * step.x.w
    if norms.is_whole(node) then
        self:new_phase {
            kind = "norm_bwd", norm = node, pixels = pixels, pitch = self:norm_pitch(node),
            parts = self.by_name["chunk_dsums_" .. node.name],
            sums = self.by_name["total_" .. node.name], coef = coef, dcoef = dcoef,
            dweight = dweight, dbias = dbias, fn = name.norm(node, "bwd"),
        }
    elseif norms.is_batch(node) then
        self:ghosts_meet("ghosts_bwd", node, pixels, sums, name.norm(node, "ghosts_bwd"), {
            dcoef, dweight, dbias, "net", sums, "micro_batch", argument.image, "n",
            tostring(node.ghost), coef, norm_weight(node), pixels .. ".0",
        })
    else
        self:call("coef", name.norm(node, "bwd"), {
            dcoef, dweight, dbias, sums, coef, norm_weight(node), pixels .. ".0",
        }, node.name, nil, true)
    end
end

return norms
