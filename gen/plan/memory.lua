-- memory.lua - lifetimes of buffers -> offsets in the arenas.
--
-- Buffers of the scopes "weights", "chunk" and "thread" live for the whole program and lie one
-- after another. Those of "micro_batch" and "scratch" live from their first call to their last one
-- (see calls.lua), and share memory when their lifetimes do not overlap: largest first, each at
-- the lowest offset that is free for its whole life (occupancy.lua).
--
-- A bordered buffer that shares memory must have its border cleared before its first call (the
-- arenas start zeroed and kernels write interiors only); memory.place lists these calls. Scratch
-- memory is always shared: training, evaluation and the update of the weights use it in turn.
--
-- memory = { offset = { [buffer] = floats }, floats = { [scope] = floats },
--            clears = { [call index] = array of buffers to clear before that call } }

local occupancy <const> = require "plan/occupancy"

local memory <const> = {}

local ALIGN <const> = 16 -- floats: one cache line, one AVX-512 vector

local function aligned(floats)
    return (floats + ALIGN - 1) // ALIGN * ALIGN
end

-- What a buffer takes of its arena: all its images.
local function size(buffer)
    return aligned(buffer.floats * buffer.copies)
end

-- The buffers of a list whose memory another one of it has at another time, as a set. In the order
-- of their offsets, one shares with those before it that reach beyond its begin, or with the next.
local function find_shared(list, offset)
    local order <const> = table.move(list, 1, #list, 1, {})
    table.sort(order, function(a, b) return offset[a] < offset[b] end)
    local shared <const> = {}
    local reach = 0 -- of those before
    for i, buffer in ipairs(order) do
        local stop <const> = offset[buffer] + size(buffer)
        shared[buffer] = offset[buffer] < reach
            or order[i + 1] ~= nil and offset[order[i + 1]] < stop
        reach = math.max(reach, stop)
    end
    return shared
end

-- Places buffers that live for some calls, largest first; returns the floats they need together.
local function place_by_size(list, offset)
    local order <const> = {}
    local last_call = 0
    for i, buffer in ipairs(list) do
        order[buffer] = i
        last_call = math.max(last_call, buffer.last)
    end
    table.sort(list, function(a, b)
        if size(a) ~= size(b) then
            return size(a) > size(b)
        end
        return order[a] < order[b]
    end)
    local taken <const> = occupancy.new(last_call)
    local floats = 0
    for _, buffer in ipairs(list) do
        local first <const>, last <const> = buffer.first, buffer.last
        local at <const> = occupancy.lowest_free(taken, first, last, size(buffer))
        occupancy.take(taken, first, last, at, size(buffer))
        offset[buffer] = at
        floats = math.max(floats, at + size(buffer))
    end
    return floats
end

-- Places the buffers of a plan (see calls.lua).
function memory.place(plan)
    local offset <const>, clears <const> = {}, {}
    local floats <const> = { weights = 0, chunk = 0, micro_batch = 0, thread = 0, scratch = 0 }
    local overlapping <const> = { micro_batch = {}, scratch = {} }
    for _, buffer in ipairs(plan.buffers) do
        if overlapping[buffer.scope] then
            table.insert(overlapping[buffer.scope], buffer)
        else
            offset[buffer] = floats[buffer.scope]
            floats[buffer.scope] = offset[buffer] + size(buffer)
        end
    end
    for _, scope in ipairs { "micro_batch", "scratch" } do
        local list <const> = overlapping[scope]
        floats[scope] = place_by_size(list, offset)
        local shared <const> = find_shared(list, offset)
        for _, buffer in ipairs(list) do
            local is_shared <const> = scope == "scratch" or shared[buffer]
            if is_shared and buffer.layout and buffer.layout.border > 0 then
                clears[buffer.first] = clears[buffer.first] or {}
                table.insert(clears[buffer.first], buffer)
            end
        end
    end
    for _, list in pairs(clears) do -- each list is sorted by itself, so the order does not matter
        table.sort(list, function(a, b) return a.name < b.name end)
    end
    return { offset = offset, floats = floats, clears = clears }
end

return memory
