-- inference.lua - the graph of a trained network without what only training needs.
--
--     inference.graph(graph, trained) -> graph, folds, fills
--
-- trained: of weights.lua, asked for the numbers of batch norms
-- folds = { a_out, b_out, a_in, b_in, lists or nil } by the name of the layer that takes them:
--         its weights w and bias become those of a_out * (w (a_in * x + b_in) + bias) + b_out
-- fills: the numbers of a pixel around an image, where these are not zeros, by the name of the
--        layer that made the value
--
-- Dropout is the identity. The statistics of batch norms, of ghosts too, are the running ones, so a
-- batch norm is a scale and shift by constants, y = a * x + b, and most of them need no kernel:
--
--   behind   a convolution or a linear layer, one is part of their weights and bias;
--   ahead of those, as behind a ReLU, it is, too: w * (a * x + b) = (w * a) * x + sum of w * b. It
--            moves through averages;
--   split    where something else reads it as well: with a > 0, a * relu(x) is relu(a * x), and a
--            is part of the weights behind which the ReLU stands. What is left, a shift, moves
--            through averages, maxima and sums to the weights ahead.
--
-- What pads the image of a convolution are zeros of y. Those are other numbers of x, with which the
-- border is filled: -b / a, or minus the shift.

local geometry <const> = require "geometry"

local inference <const> = {}

local function copy(from)
    local to <const> = {}
    for key, value in pairs(from) do -- a set: the order does not matter
        to[key] = value
    end
    return to
end

-- The nodes that read each node, by its index.
local function readers_of(graph)
    local readers <const> = {}
    for _, node in ipairs(graph.nodes) do
        readers[node.index] = {}
        for _, index in ipairs(node.inputs) do
            table.insert(readers[index], node)
        end
    end
    return readers
end

-- A copy of the graph in which what read a node that is gone reads its input.
local function without(graph, is_gone)
    local made <const>, place_of <const> = copy(graph), {} -- places by old index
    made.nodes = {}
    for _, old in ipairs(graph.nodes) do
        if is_gone(old) then
            place_of[old.index] = place_of[old.inputs[1]]
        else
            local node <const> = copy(old)
            node.inputs = {}
            for i, index in ipairs(old.inputs) do
                node.inputs[i] = place_of[index]
            end
            node.index = #made.nodes + 1
            made.nodes[node.index] = node
            place_of[old.index] = node.index
        end
    end
    return made
end

local function is_weighted(node)
    return node.kind == "conv" or node.kind == "linear"
end

local function pads(node)
    return node.geometry ~= nil and not geometry.alike(node.geometry, "padding", 0)
end

local function is_mean(node)
    return node.kind == "global_avgpool" or node.kind == "avgpool" and not pads(node)
end

-- -- Where a scale and shift may go -------------------------------------------------------------

-- f(a * x) = a * f(x) for a > 0.
local SCALES <const> = { relu = true, leaky_relu = true }

local function shifts(node)
    return is_mean(node) or node.kind == "add" or node.kind == "global_maxpool"
        or node.kind == "maxpool" and not pads(node)
end

-- Whether weights end all ways on from a node, through what `passes`. seen: nodes asked already
local function ends_in_weights(readers, node, passes, seen)
    for _, reader in ipairs(readers[node.index]) do
        if not is_weighted(reader) and not seen[reader] then
            seen[reader] = true
            if not passes(reader) or not ends_in_weights(readers, reader, passes, seen) then
                return false
            end
        end
    end
    return true
end

local function all_positive(list)
    for _, x in ipairs(list) do
        if x <= 0 then
            return false
        end
    end
    return true
end

-- Lists by channel, of which either may be none.
local function combined(one, other, combine)
    if not one or not other then
        return one or other
    end
    local made <const> = {}
    for k, x in ipairs(one) do
        made[k] = combine(x, other[k])
    end
    return made
end

local function sum(one, other)
    return combined(one, other, function(x, y) return x + y end)
end

local function product(one, other)
    return combined(one, other, function(x, y) return x * y end)
end

-- -- Folding -------------------------------------------------------------------------------------

local folding <const> = {}
folding.__index = folding

local function fold_of(self, layer)
    self.folds[layer.name] = self.folds[layer.name] or {}
    layer.bias = true
    return self.folds[layer.name]
end

-- What a layer makes is multiplied by a, then b is added.
function folding:put_behind(layer, a, b)
    local fold <const> = fold_of(self, layer)
    fold.b_out = sum(fold.b_out and product(fold.b_out, a), b)
    fold.a_out = product(fold.a_out, a)
end

-- The node that made what a node reads, past batch norms that are gone; nil where others read it.
local function only_source(self, node)
    local source
    repeat
        source = self.nodes[(source or node).inputs[1]]
        if #self.readers[source.index] > 1 then
            return nil
        end
    until not self.gone[source]
    return source
end

-- The weights that may take the scale of a norm whose input is an activation.
local function scaled_source(self, activation)
    local layer <const> = SCALES[activation.activation] and only_source(self, activation)
    return layer and is_weighted(layer) and layer or nil
end

-- Decides where a batch norm goes, if it need not stay. Then `ahead` has the a, if any, and b that
-- go on with what its input made.
function folding:take(node, trained)
    local source <const> = only_source(self, node)
    if not source or source.kind == "input" then
        return
    end
    local a <const>, b <const> = trained:factors(node)
    local scaled <const> = scaled_source(self, source)
    if is_weighted(source) then
        self:put_behind(source, a, b)
    elseif not trained:moves(node) then
        return
    elseif ends_in_weights(self.readers, node, is_mean, {}) then
        self.ahead[node] = { a = a, b = b }
    elseif scaled and all_positive(a) and ends_in_weights(self.readers, node, shifts, {}) then
        self:put_behind(scaled, a, nil)
        self.ahead[node] = { b = b }
    else
        return
    end
    self.gone[node] = true
end

-- The numbers that a * x + b makes zero.
local function zero_of(a, b)
    local made <const> = {}
    for k, shift in ipairs(b) do
        made[k] = -shift / (a and a[k] or 1.0)
    end
    return made
end

-- Gives weights what goes on from the norms that are gone, and borders their numbers. `at` of a
-- node: what its readers take for y is a * x + b of the value x with this name.
function folding:move()
    local at <const> = {}
    for _, node in ipairs(self.nodes) do
        local from <const> = node.inputs[1] and at[node.inputs[1]] or {}
        local here <const> = { name = self.gone[node] and from.name or node.name }
        if is_weighted(node) and from.b then
            local fold <const> = fold_of(self, node)
            fold.a_in, fold.b_in = from.a, from.b
            if pads(node) then
                self.fills[from.name] = zero_of(from.a, from.b)
            end
        elseif self.ahead[node] then
            here.a, here.b = self.ahead[node].a, self.ahead[node].b
        elseif not is_weighted(node) then
            here.a, here.b = from.a, from.b
            for i = 2, #node.inputs do
                here.b = sum(here.b, at[node.inputs[i]].b)
            end
        end
        at[node.index] = here
    end
end

--- The graph that is left, what its layers take, and the pixels of borders.
function inference.graph(graph, trained)
    local bare <const> = without(graph, function(node) return node.kind == "dropout" end)
    local self <const> = setmetatable({
        nodes = bare.nodes, readers = readers_of(bare), gone = {}, ahead = {}, folds = {},
        fills = {},
    }, folding)
    for _, node in ipairs(bare.nodes) do
        node.frozen = nil -- nothing is trained
        if node.kind == "norm" and node.norm == "batch" then
            node.ghost = 0
            self:take(node, trained)
        end
    end
    self:move()
    return without(bare, function(node) return self.gone[node] end), self.folds, self.fills
end

return inference
