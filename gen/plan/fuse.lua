-- fuse.lua - graph -> fused steps: which layers one kernel computes together.
--
-- conv (linear) takes a ReLU behind it, and gathers the sums of a norm behind that, in its
-- epilogue. norm, an activation and dropout, in this order and each where present, become one
-- `pointwise`: a scale and shift a*x + b per channel, then the activation, then dropout. add takes
-- a ReLU. A norm over the channels of a pixel is a step of its own, `set_norm`. Only a value with
-- one reader is fused away, so every value that two layers read exists in memory.
--
-- fused = {
--   graph    the graph it was made from
--   steps    array, in forward order
--   values   array of values; values[1] is the input
-- }
-- step = {
--   op       "conv", "linear", "pointwise", "sums", "set_norm", "maxpool", "avgpool", "add",
--            "mul", "concat" or "loss"
--   name     name of its first layer, which also names its buffers
--   layers   array of graph nodes computed here, the first one first
--   inputs   array of the values that it reads; x is the first, and of an add x2 the second, of
--            a mul x the one that has its shape and x2 the other
--   y        value it makes
--   relu     ReLU in the epilogue (conv, linear, add)
--   activation  pointwise: the node of the activation, a ReLU or another, or nil
--   stats    conv, linear: the norm node whose sums the epilogue gathers, or nil
--   norm     pointwise: the norm node, or nil; sums: the norm node it serves
--   dropout  pointwise: the dropout node, or nil
--   keeps    pointwise: whether later phases find its value in memory: see ops.lua
--   masks_x  pointwise, set_norm: its x comes from a ReLU whose gradient mask this step applies
--   global   avgpool: averages the whole image
-- }
-- value = {
--   name     name of the layer that finished it
--   c, h, w
--   maker    step that makes it; nil for the input
--   readers  array of steps
--   trained  whether a gradient must flow into it
-- }

local norm <const> = require "ops/norm"
local ops <const> = require "ops/ops"

local fuse <const> = {}

-- What an operation is given to make a step of a layer and of those that it computes, too.
-- fusion = { readers = arrays of nodes by the index of the node that they read,
--            value_of = value by the index of the node that finished it,
--            absorbed = set of the indices of nodes that an earlier step computes }
local fusion <const> = {}
fusion.__index = fusion

-- Whether a node is of this kind; all activations are "activation", too.
local function is_a(node, kind)
    return node.kind == kind or kind == "activation" and node.activation ~= nil
end

--- The one reader of a node if it is of this kind.
function fusion:single_reader(node, kind)
    local list <const> = self.readers[node.index]
    return #list == 1 and is_a(list[1], kind) and list[1] or nil
end

--- Dropout with p = 0 is the identity: it makes no step and no value of its own.
function fusion.is_identity(node)
    return node.kind == "dropout" and node.p == 0
end

--- Lets a step compute a node. Returns the node.
function fusion:absorb(step, node)
    self.absorbed[node.index] = true
    step.layers[#step.layers + 1] = node
    return node
end

--- Lets a step compute the one reader of a node, too, if it is of this kind; else returns nil. It
--- follows identities, so that they neither end a fusion nor make a value.
function fusion:absorb_next(step, node, kind)
    local next_node = self:single_reader(node, kind)
    local through = self:single_reader(node, "dropout")
    while not next_node and through and self.is_identity(through) do
        next_node = self:single_reader(through, kind)
        if next_node then
            self:absorb(step, through)
        else
            through = self:single_reader(through, "dropout")
        end
    end
    return next_node and self:absorb(step, next_node) or nil
end

--- Lets a step read the values of nodes, the first as x.
function fusion:read(step, node_indices)
    step.inputs = {}
    for i, index in ipairs(node_indices) do
        local value <const> = assert(self.value_of[index], "a value is read before it is made")
        step.inputs[i] = value
        table.insert(value.readers, step)
    end
    step.x = step.inputs[1]
end

local function new_fusion(graph)
    local readers <const> = {}
    for _, node in ipairs(graph.nodes) do
        readers[node.index] = {}
        for _, input in ipairs(node.inputs) do
            table.insert(readers[input], node)
        end
    end
    return setmetatable({ readers = readers, value_of = {}, absorbed = {} }, fusion)
end

-- The operation with which a layer begins a step. A norm whose kernels make its statistics
-- themselves is one of its own.
local OP_OF <const> = {}
for _, op in pairs(ops) do -- a set: the order does not matter
    for _, kind in ipairs(op.kinds or {}) do
        OP_OF[kind] = op
    end
end

-- Whether the kernel that makes a step's input could do something of the step besides.
local function gathers(maker)
    return maker ~= nil and ops[maker.op].gathers or false
end

-- A norm's sums come from the epilogue of the kernel that makes its input, else from a step.
local function provide_sums(steps, step)
    local maker <const> = step.x.maker
    if gathers(maker) and not maker.stats then
        maker.stats = step.norm
        return
    end
    steps[#steps + 1] = {
        op = "sums", name = step.norm.name, layers = {}, norm = step.norm, x = step.x,
        inputs = { step.x },
    }
end

-- What is known of steps when all are made: masks, and where gradients flow.
local function finish(steps)
    for _, step in ipairs(steps) do
        if ops[step.op].masks then
            local maker <const> = step.x.maker
            step.masks_x = gathers(maker) and maker.relu and #step.x.readers == 1
        end
        if step.y then
            local learns <const> = ops[step.op].make_buffers and step.layers[1] or step.norm
            step.y.trained = learns ~= nil and not learns.frozen
            for _, x in ipairs(step.inputs) do
                step.y.trained = step.y.trained or x.trained
            end
        end
    end
end

function fuse.steps(graph)
    local self <const> = new_fusion(graph)
    local steps <const>, values <const> = {}, {}
    local function new_value(node, maker)
        local value <const> = {
            name = node.name, c = node.c, h = node.h, w = node.w, maker = maker, readers = {},
            trained = false,
        }
        values[#values + 1] = value
        self.value_of[node.index] = value
        return value
    end
    for _, node in ipairs(graph.nodes) do
        if node.kind == "input" then
            new_value(node, nil)
        elseif fusion.is_identity(node) and not self.absorbed[node.index] then
            self.value_of[node.index] = self.value_of[node.inputs[1]]
        elseif not self.absorbed[node.index] then
            local op <const> = OP_OF[node.activation and "activation" or node.over and "set_norm"
                or node.kind]
            local step <const>, last <const> = op.fuse(self, node)
            if step.norm and not norm.is_fixed(step.norm) then
                provide_sums(steps, step)
            end
            steps[#steps + 1] = step
            step.y = new_value(last, step)
        end
    end
    finish(steps)
    return { graph = graph, steps = steps, values = values }
end

return fuse
