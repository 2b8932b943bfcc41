-- memory.lua - lifetimes of buffers -> offsets in the arenas.
--
-- Buffers of the scopes "weights", "chunk" and "thread" live for the whole program and lie one
-- after another. Those of "group" and "scratch" live from their first call to their last one (see
-- schedule.lua), and share memory when their lifetimes do not overlap: largest first, each at the
-- lowest offset that is free for its whole life.
--
-- A bordered buffer that shares memory must have its border cleared before its first call (the
-- arenas start zeroed and kernels write interiors only); memory.place lists these calls. Scratch
-- memory is always shared: training, evaluation and the update of the weights use it in turn.
--
-- memory = { offset = { [buffer] = floats }, floats = { [scope] = floats },
--            clears = { [call index] = array of buffers to clear before that call } }

local memory <const> = {}

local ALIGN <const> = 16 -- floats: one cache line, one AVX-512 vector

local function aligned(floats)
    return (floats + ALIGN - 1) // ALIGN * ALIGN
end

-- What a buffer takes of its arena: all its images.
local function size(buffer)
    return aligned(buffer.floats * buffer.copies)
end

local function lives_together(a, b)
    return a.first <= b.last and b.first <= a.last
end

-- Lowest offset at which `buffer` collides with none of the buffers placed before it.
local function lowest_free(buffer, placed, offset)
    local at = 0
    local moved = true
    while moved do
        moved = false
        for _, other in ipairs(placed) do
            local begin <const> = offset[other]
            if lives_together(buffer, other) and at < begin + size(other)
                and begin < at + size(buffer) then
                at = begin + size(other)
                moved = true
            end
        end
    end
    return at
end

local function overlaps(a, b, offset)
    return offset[a] < offset[b] + size(b) and offset[b] < offset[a] + size(a)
end

-- Places the buffers of a plan (see schedule.lua).
function memory.place(plan)
    local offset <const>, clears <const> = {}, {}
    local floats <const> = { weights = 0, chunk = 0, group = 0, thread = 0, scratch = 0 }
    local overlapping <const> = { group = {}, scratch = {} }
    for _, buffer in ipairs(plan.buffers) do
        if overlapping[buffer.scope] then
            table.insert(overlapping[buffer.scope], buffer)
        else
            offset[buffer] = floats[buffer.scope]
            floats[buffer.scope] = offset[buffer] + size(buffer)
        end
    end
    for _, scope in ipairs { "group", "scratch" } do
        local list <const> = overlapping[scope]
        local order <const> = {}
        for i, buffer in ipairs(list) do
            order[buffer] = i
        end
        table.sort(list, function(a, b)
            if size(a) ~= size(b) then
                return size(a) > size(b)
            end
            return order[a] < order[b]
        end)
        local placed <const> = {}
        for _, buffer in ipairs(list) do
            offset[buffer] = lowest_free(buffer, placed, offset)
            placed[#placed + 1] = buffer
            floats[scope] = math.max(floats[scope], offset[buffer] + size(buffer))
        end
        for _, buffer in ipairs(list) do
            local shared = scope == "scratch"
            for _, other in ipairs(list) do
                shared = shared or other ~= buffer and overlaps(buffer, other, offset)
            end
            if shared and buffer.layout and buffer.layout.border > 0 then
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
