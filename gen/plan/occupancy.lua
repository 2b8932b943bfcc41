-- occupancy.lua - which offsets of an arena are taken during which calls, and the lowest free ones.
--
--     local taken <const> = occupancy.new(calls)           nothing is taken in calls 1 .. calls
--     occupancy.lowest_free(taken, first, last, floats)    the lowest offset of so many floats
--                                                          that are free in all those calls
--     occupancy.take(taken, first, last, at, floats)       takes them
--
-- A binary tree over the calls: a node stands for a range of calls, its children for the halves. A
-- range of calls is cut into the largest nodes that fit. Each node has two unions of ranges of
-- floats, as sorted arrays of their begins and ends:
--
--     whole   taken during all of its calls: by what has this node among its largest
--     any     taken during one of its calls or more, but for what a node above has in `whole`
--
-- What is taken during one call or more of a range of calls is in `any` of its largest nodes and in
-- `whole` of the nodes above them, a number of unions that grows as the logarithm of the calls.
-- Neighbours in a union melt into one range, so the search leaps over what lies side by side.

local occupancy <const> = {}

-- -- Unions of ranges ----------------------------------------------------------------------------

local function new_union()
    return { begins = {}, ends = {} }
end

-- The index of the first range that ends after `at`, or at it where `touching`.
local function first_after(union, at, touching)
    local ends <const> = union.ends
    local low, high = 1, #ends + 1
    while low < high do
        local middle <const> = (low + high) // 2
        if ends[middle] > at or touching and ends[middle] == at then
            high = middle
        else
            low = middle + 1
        end
    end
    return low
end

local function add_range(union, from, to)
    local begins <const>, ends <const> = union.begins, union.ends
    local first <const> = first_after(union, from, true)
    local after = first -- of the ranges that melt
    while begins[after] and begins[after] <= to do
        from, to = math.min(from, begins[after]), math.max(to, ends[after])
        after = after + 1
    end
    if after == first then
        table.insert(begins, first, from)
        table.insert(ends, first, to)
        return
    end
    begins[first], ends[first] = from, to
    for _, list in ipairs { begins, ends } do
        local length <const> = #list
        table.move(list, after, length, first + 1)
        for i = length - (after - first - 1) + 1, length do
            list[i] = nil
        end
    end
end

-- -- The tree ------------------------------------------------------------------------------------

local function new_node(low, high)
    return { low = low, high = high, whole = new_union(), any = new_union() }
end

function occupancy.new(calls)
    return new_node(1, math.max(1, calls))
end

local function halves(node)
    if not node.left then
        local middle <const> = (node.low + node.high) // 2
        node.left, node.right = new_node(node.low, middle), new_node(middle + 1, node.high)
    end
    return node.left, node.right
end

local function is_within(node, first, last)
    return first <= node.low and node.high <= last
end

local function is_apart(node, first, last)
    return last < node.low or node.high < first
end

function occupancy.take(node, first, last, at, floats)
    if is_apart(node, first, last) then
        return
    end
    add_range(node.any, at, at + floats)
    if is_within(node, first, last) then
        add_range(node.whole, at, at + floats)
        return
    end
    local left <const>, right <const> = halves(node)
    occupancy.take(left, first, last, at, floats)
    occupancy.take(right, first, last, at, floats)
end

-- Appends the unions in which everything is that is taken in one of these calls or more.
local function gather(node, first, last, unions)
    if is_within(node, first, last) then
        unions[#unions + 1] = node.any
    elseif not is_apart(node, first, last) then
        unions[#unions + 1] = node.whole
        if node.left then -- else nothing is taken in a part of it
            gather(node.left, first, last, unions)
            gather(node.right, first, last, unions)
        end
    end
end

function occupancy.lowest_free(node, first, last, floats)
    local unions <const> = {}
    gather(node, first, last, unions)
    local at = 0
    repeat
        local before <const> = at
        for _, union in ipairs(unions) do
            local i = first_after(union, at, false)
            while union.begins[i] and union.begins[i] < at + floats do
                at = union.ends[i]
                i = i + 1
            end
        end
    until at == before
    return at
end

return occupancy
