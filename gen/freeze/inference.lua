-- inference.lua - the graph of a trained network without what only training needs.
--
-- Dropout is the identity. The statistics of batch norms, of ghosts too, are the running ones, so a
-- batch norm is a scale and shift by constants, y = a * x + b, and most of them need no kernel:
--
--   behind   a convolution or a linear layer, one is part of their weights and bias;
--   ahead of those, as behind a ReLU, it is, too: w * (a * x + b) = (w * a) * x + sum of w * b. It
--            moves through averages. What pads the image of a convolution are zeros of y: that is
--            -b / a of x, with which the border is filled.
--
-- Neither is a node any more.

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

-- Those that may take the scale and shift of a norm ahead of them, appended to a list; nil where a
-- reader is of another kind. padded: gets the names of the values between, `at` or a mean of it,
-- whose border a convolution reads.
local function takers_of(readers, node, at, list, padded)
    for _, reader in ipairs(readers[node.index]) do
        if is_weighted(reader) then
            list[#list + 1] = reader
            if pads(reader) then
                padded[#padded + 1] = at.name
            end
        elseif not is_mean(reader) or not takers_of(readers, reader, reader, list, padded) then
            return nil
        end
    end
    return list
end

--- The graph; the batch norms that convolutions and linear layers have taken from behind, and from
--- ahead of them, by the name of the layer; and those whose -b / a fills the border of a value, by
--- the name of the layer that makes it.
--- moves: function(node): whether the numbers of a batch norm allow it to be taken from ahead
function inference.graph(graph, moves)
    local bare <const> = without(graph, function(node) return node.kind == "dropout" end)
    for _, node in ipairs(bare.nodes) do
        node.frozen = nil -- nothing is trained
    end
    local readers <const> = readers_of(bare)
    local behind <const>, ahead <const>, fills <const>, gone <const> = {}, {}, {}, {}
    local function take(node, takers, takes)
        for _, taker in ipairs(takers) do
            takes[taker.name], taker.bias = node, true
        end
        gone[node] = true
    end
    for _, node in ipairs(bare.nodes) do
        if node.kind == "norm" and node.norm == "batch" then
            local source <const>, padded <const> = bare.nodes[node.inputs[1]], {}
            local alone <const> = #readers[source.index] == 1
            local movable <const> = alone and source.kind ~= "input" and moves(node)
            local takers <const> = movable and takers_of(readers, node, source, {}, padded)
            node.ghost = 0
            if alone and is_weighted(source) then
                take(node, { source }, behind)
            elseif takers then
                take(node, takers, ahead)
                for _, name in ipairs(padded) do
                    fills[name] = node
                end
            end
        end
    end
    return without(bare, function(node) return gone[node] end), behind, ahead, fills
end

return inference
