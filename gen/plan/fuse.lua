-- fuse.lua - graph -> fused steps: which layers one kernel computes together.
--
-- conv (linear) takes a ReLU behind it, and gathers the sums of a norm behind that, in its
-- epilogue. norm, ReLU and dropout, in this order and each where present, become one `map`: a line
-- a*x + b per channel, then ReLU, then dropout. add takes a ReLU. Only a value with one reader is
-- fused away, so every value that two layers read exists in memory.
--
-- fused = {
--   graph    the graph it was made from
--   steps    array, in forward order
--   values   array of values; values[1] is the input
-- }
-- step = {
--   op       "conv", "linear", "map", "sums", "maxpool", "avgpool", "add" or "loss"
--   name     name of its first layer, which also names its buffers
--   layers   array of graph nodes computed here, the first one first
--   x, x2    values it reads (x2: add only)
--   y        value it makes
--   relu     ReLU in the epilogue (conv, linear, add) or after the line (map)
--   stats    conv, linear: the norm node whose sums the epilogue gathers, or nil
--   norm     map: the norm node, or nil; sums: the norm node it serves
--   dropout  map: the dropout node, or nil
--   masks_x  map: its x comes from a ReLU whose gradient mask this step applies
--   global   avgpool: averages the whole image
-- }
-- value = {
--   name     name of the layer that finished it
--   c, h, w
--   maker    step that makes it; nil for the input
--   readers  array of steps
--   trained  whether a gradient must flow into it
-- }

local fuse <const> = {}

local function single_reader(readers, node, kind)
    local list <const> = readers[node.index]
    if #list == 1 and list[1].kind == kind then
        return list[1]
    end
    return nil
end

local function readers_of(graph)
    local readers <const> = {}
    for _, node in ipairs(graph.nodes) do
        readers[node.index] = {}
        for _, input in ipairs(node.inputs) do
            table.insert(readers[input], node)
        end
    end
    return readers
end

-- Dropout with p = 0 is the identity: it makes no step and no value of its own.
local function is_identity(node)
    return node.kind == "dropout" and node.p == 0
end

function fuse.steps(graph)
    local readers <const> = readers_of(graph)
    local steps <const>, values <const> = {}, {}
    local value_of <const> = {} -- graph node index -> value
    local absorbed <const> = {} -- graph node index -> true when an earlier step computes it

    local function new_value(node, maker)
        local value <const> = {
            name = node.name, c = node.c, h = node.h, w = node.w, maker = maker, readers = {},
            trained = false,
        }
        values[#values + 1] = value
        value_of[node.index] = value
        return value
    end

    local function absorb(step, node)
        absorbed[node.index] = true
        step.layers[#step.layers + 1] = node
        return node
    end

    -- Follows identities, so that they neither end a fusion nor make a value.
    local function absorb_next(step, node, kind)
        local next_node = single_reader(readers, node, kind)
        local through = single_reader(readers, node, "dropout")
        while not next_node and through and is_identity(through) do
            next_node = single_reader(readers, through, kind)
            if next_node then
                absorb(step, through)
            else
                through = single_reader(readers, through, "dropout")
            end
        end
        return next_node and absorb(step, next_node) or nil
    end

    local function read(step, field, node_index)
        local value <const> = assert(value_of[node_index], "a value is read before it is made")
        step[field] = value
        table.insert(value.readers, step)
    end

    local make <const> = {}

    local function make_weighted(node)
        local step <const> = { op = node.kind, name = node.name, layers = { node }, relu = false }
        read(step, "x", node.inputs[1])
        local last = node
        local relu <const> = absorb_next(step, node, "relu")
        if relu then
            step.relu = true
            last = relu
        end
        return step, last
    end

    make.conv = make_weighted
    make.linear = make_weighted

    local function make_map(node)
        local step <const> = { op = "map", name = node.name, layers = {}, relu = false }
        read(step, "x", node.inputs[1])
        local last = node
        absorb(step, node)
        if node.kind == "norm" then
            step.norm = node
            local relu <const> = absorb_next(step, node, "relu")
            if relu then
                last = relu
                step.relu = true
            end
        elseif node.kind == "relu" then
            step.relu = true
        end
        if node.kind == "dropout" then
            step.dropout = node
        else
            local drop <const> = single_reader(readers, last, "dropout")
            if drop then
                absorb(step, drop)
                last = drop
                step.dropout = not is_identity(drop) and drop or nil
            end
        end
        return step, last
    end

    make.norm = make_map
    make.relu = make_map
    make.dropout = make_map

    local function make_pool(node)
        local op <const> = node.kind == "maxpool" and "maxpool" or "avgpool"
        local step <const> = {
            op = op, name = node.name, layers = { node }, global = node.kind == "global_avgpool",
        }
        read(step, "x", node.inputs[1])
        return step, node
    end

    make.maxpool = make_pool
    make.avgpool = make_pool
    make.global_avgpool = make_pool

    function make.add(node)
        local step <const> = { op = "add", name = node.name, layers = { node }, relu = false }
        read(step, "x", node.inputs[1])
        read(step, "x2", node.inputs[2])
        local relu <const> = absorb_next(step, node, "relu")
        step.relu = relu ~= nil
        return step, relu or node
    end

    function make.softmax_cross_entropy(node)
        local step <const> = { op = "loss", name = node.name, layers = { node } }
        read(step, "x", node.inputs[1])
        return step, node
    end

    -- A norm's sums come from the epilogue of the conv that makes its input, else from a step.
    local function provide_sums(step)
        local maker <const> = step.x.maker
        if maker and (maker.op == "conv" or maker.op == "linear") and not maker.stats then
            maker.stats = step.norm
            return
        end
        local sums <const> = {
            op = "sums", name = step.norm.name, layers = {}, norm = step.norm, x = step.x,
        }
        table.insert(steps, sums)
    end

    for _, node in ipairs(graph.nodes) do
        if node.kind == "input" then
            new_value(node, nil)
        elseif is_identity(node) and not absorbed[node.index] then
            value_of[node.index] = value_of[node.inputs[1]]
        elseif not absorbed[node.index] then
            local step <const>, last <const> = make[node.kind](node)
            if step.norm then
                provide_sums(step)
            end
            steps[#steps + 1] = step
            step.y = new_value(last, step)
        end
    end

    for _, step in ipairs(steps) do
        if step.op == "map" then
            local maker <const> = step.x.maker
            step.masks_x = maker ~= nil and (maker.op == "conv" or maker.op == "linear")
                and maker.relu and #step.x.readers == 1
        end
        if step.op ~= "sums" then
            local has_params <const> = step.op == "conv" or step.op == "linear" or step.norm ~= nil
            step.y.trained = has_params or step.x.trained or (step.x2 ~= nil and step.x2.trained)
        end
    end
    return { graph = graph, steps = steps, values = values }
end

return fuse
