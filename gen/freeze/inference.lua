-- inference.lua - the graph of a trained network without what only training needs.
--
-- Dropout is the identity. The statistics of batch norms, of ghosts too, are the running ones, so a
-- batch norm is a scale and shift by constants: where it follows a convolution or a linear layer,
-- it becomes part of their weights and bias and is no node any more.

local inference <const> = {}

local function copy(from)
    local to <const> = {}
    for key, value in pairs(from) do -- a set: the order does not matter
        to[key] = value
    end
    return to
end

-- The number of nodes that read each node, by its index.
local function readers_of(graph)
    local readers <const> = {}
    for _, node in ipairs(graph.nodes) do
        for _, index in ipairs(node.inputs) do
            readers[index] = (readers[index] or 0) + 1
        end
    end
    return readers
end

--- The graph, and the batch norm that each convolution or linear layer has taken, by their names.
function inference.graph(graph)
    local readers <const> = readers_of(graph)
    local made <const>, folded <const> = copy(graph), {}
    local place_of <const> = {} -- of what a node leaves, by its old index
    made.nodes = {}
    for _, old in ipairs(graph.nodes) do
        local node <const> = copy(old)
        node.inputs = {}
        for i, index in ipairs(old.inputs) do
            node.inputs[i] = place_of[index]
        end
        local source <const> = graph.nodes[old.inputs[1]]
        if node.kind == "norm" and node.norm == "batch" then
            node.ghost = 0
        elseif node.kind == "dropout" then
            node.p = 0
        end
        if node.kind == "norm" and node.norm == "batch"
            and (source.kind == "conv" or source.kind == "linear")
            and readers[source.index] == 1 then
            made.nodes[place_of[source.index]].bias = true
            folded[source.name] = old
            place_of[old.index] = place_of[source.index]
        else
            node.index = #made.nodes + 1
            made.nodes[node.index] = node
            place_of[old.index] = node.index
        end
    end
    return made, folded
end

return inference
