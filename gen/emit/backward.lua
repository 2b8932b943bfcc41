-- backward.lua - what the backward pass of a plan reads of the forward pass, in words: what is kept
-- from there, and what is made again.

local backward <const> = {}

-- What buffers of a role hold, in the order of the text; images (y) come before them.
local HELD <const> = {
    { "coef", "coefficients of norms (coef_)" }, { "keep", "bits of dropouts (keep_)" },
    { "winner", "winners of max pools (winner_)" }, { "place", "winners of max pools (place_)" },
}

-- The kind of each layer by its name.
local function kinds_of(graph)
    local kinds <const> = {}
    for _, node in ipairs(graph.nodes) do
        kinds[node.name] = node.kind
    end
    return kinds
end

-- Appends what is not in a list yet.
local function add_once(list, text)
    if not list[text] then
        list[text] = true
        list[#list + 1] = text
    end
end

-- "a, b and c"
local function enumerate(list)
    local last <const> = list[#list]
    return #list > 1 and table.concat(list, ", ", 1, #list - 1) .. " and " .. last or last
end

-- Whether a buffer is a value that a phase made again.
local function is_again(buffer)
    return buffer.role == "y" and buffer.name:find("_phase%d+$") ~= nil
end

-- The buffers that calls up to the loss touch, as a set, and those behind it, in order.
local function sides(plan)
    local before <const>, behind <const> = {}, {}
    local into = before
    for _, phase in ipairs(plan.phases) do
        for _, call in ipairs(phase.calls) do
            for _, arg in ipairs(call.args) do
                if type(arg) == "table" and into == before then
                    before[arg] = true
                elseif type(arg) == "table" then
                    behind[#behind + 1] = arg
                end
            end
            into = call.kind == "loss" and behind or into
        end
    end
    return before, behind
end

-- The kinds of layers whose images backward reads, each with those that it does not read: "dropout
-- (not y_dropout8)". read: images, as a set; order: the kinds
local function kinds_read(plan, kinds, read, order)
    local texts <const> = {}
    for i, kind in ipairs(order) do
        local others <const> = {}
        for _, buffer in ipairs(plan.buffers) do
            if buffer.role == "y" and kinds[buffer.layer] == kind and not read[buffer]
                and not is_again(buffer) then
                add_once(others, buffer.name)
            end
        end
        texts[i] = kind .. (#others > 0 and " (not " .. enumerate(others) .. ")" or "")
    end
    return texts
end

--- "y_ of input, relu and maxpool; bits of dropouts (keep_)": what backward reads that forward has
--- left; false: nothing.
function backward.kept(graph, plan)
    local kinds <const>, images <const>, held <const> = kinds_of(graph), {}, {}
    local before <const>, behind <const> = sides(plan)
    local read <const> = {}
    for _, buffer in ipairs(behind) do
        if before[buffer] and buffer.role == "y" then
            add_once(images, kinds[buffer.layer])
            read[buffer] = true
        elseif before[buffer] or buffer.role == "coef" then
            held[buffer.role] = true
        end
    end
    local list <const> = {
        #images > 0 and "y_ of " .. enumerate(kinds_read(plan, kinds, read, images)) or nil,
    }
    for _, one in ipairs(HELD) do
        list[#list + 1] = held[one[1]] and one[2] or nil
    end
    return #list > 0 and table.concat(list, "; ")
end

--- "y_ of dropout and input": the values of the forward pass that are made again; false: none.
function backward.again(graph, plan)
    local kinds <const>, images <const> = kinds_of(graph), {}
    for _, buffer in ipairs(plan.buffers) do
        if is_again(buffer) then
            add_once(images, kinds[buffer.layer])
        end
    end
    return #images > 0 and "y_ of " .. enumerate(images)
end

return backward
