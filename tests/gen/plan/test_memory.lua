-- Memory: buffers that live at the same time lie apart, and borders are zero when they are read.

local test <const> = ...
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()

local tests <const> = {}

local LINE <const> = 16 -- floats of a cache line

local function each_placed(check)
    local function both(plans, title, graph)
        check(plans.train, title, graph)
        check(plans.eval, title .. " eval", graph)
    end
    nets.each(both)
    nets.each_varied(both)
end

local function lives_in_calls(buffer)
    return buffer.scope == "micro_batch" or buffer.scope == "scratch"
end

-- The cache lines of a buffer, from the first to the last.
local function lines_of(buffer, placed)
    local at <const> = placed.memory.offset[buffer]
    return at // LINE, (at + buffer.floats * buffer.copies - 1) // LINE
end

function tests.buffers_are_aligned_and_inside()
    each_placed(function(placed, title)
        for _, buffer in ipairs(placed.plan.buffers) do
            local at <const> = placed.memory.offset[buffer]
            test.equal(at % LINE, 0, title .. ": " .. buffer.name)
            assert(at + buffer.floats * buffer.copies <= placed.memory.floats[buffer.scope],
                title .. ": " .. buffer.name .. " is outside")
        end
        for scope, floats in pairs(placed.memory.floats) do
            test.equal(floats % LINE, 0, title .. ": " .. scope)
        end
    end)
end

-- Memory that lives for the whole program is nobody else's.
function tests.lasting_buffers_lie_apart()
    each_placed(function(placed, title)
        local owner <const> = {}
        for _, buffer in ipairs(placed.plan.buffers) do
            if not lives_in_calls(buffer) then
                local lines <const> = owner[buffer.scope] or {}
                owner[buffer.scope] = lines
                local first <const>, last <const> = lines_of(buffer, placed)
                for line = first, last do
                    assert(not lines[line], title .. ": " .. buffer.name)
                    lines[line] = buffer
                end
            end
        end
    end)
end

-- Walks the calls as the program makes them: a buffer takes its lines at the first call that
-- touches it and gives them back after the last. Lifetimes are found here, not read from the plan.
local function walk(placed, take)
    local first <const>, last <const> = {}, {}
    local count = 0
    for _, phase in ipairs(placed.plan.phases) do
        for _, call in ipairs(phase.calls) do
            count = count + 1
            for _, arg in ipairs(call.args) do
                if type(arg) == "table" and lives_in_calls(arg) then
                    first[arg] = first[arg] or count
                    last[arg] = count
                end
            end
        end
    end
    local starts <const>, ends <const> = {}, {}
    for i = 1, count do
        starts[i], ends[i] = {}, {}
    end
    for _, buffer in ipairs(placed.plan.buffers) do
        if first[buffer] then
            table.insert(starts[first[buffer]], buffer)
            table.insert(ends[last[buffer]], buffer)
        end
    end
    local owner <const> = { micro_batch = {}, scratch = {} }
    for i = 1, count do
        for _, buffer in ipairs(starts[i]) do
            local from <const>, to <const> = lines_of(buffer, placed)
            for line = from, to do
                take(owner[buffer.scope], line, buffer)
                owner[buffer.scope][line] = buffer
            end
        end
        for _, buffer in ipairs(ends[i]) do
            local from <const>, to <const> = lines_of(buffer, placed)
            for line = from, to do
                owner[buffer.scope][line] = nil
            end
        end
    end
end

function tests.buffers_alive_together_lie_apart()
    each_placed(function(placed, title)
        walk(placed, function(owner, line, buffer)
            local other <const> = owner[line]
            assert(not other, title .. ": " .. buffer.name .. " takes memory of a living buffer")
        end)
    end)
end

-- Scratch memory is everyone's: training, evaluation and the update of the weights write to it in
-- turn. So each border in it is cleared, once, before the call that first touches the buffer; in
-- the memory of a micro-batch, borders are that share their lines with others.
function tests.borders_are_cleared_before_first_use()
    each_placed(function(placed, title)
        local users <const> = {} -- how many buffers ever use a line of the memory of a micro-batch
        for _, buffer in ipairs(placed.plan.buffers) do
            if buffer.scope == "micro_batch" then
                local from <const>, to <const> = lines_of(buffer, placed)
                for line = from, to do
                    users[line] = (users[line] or 0) + 1
                end
            end
        end
        local cleared <const> = {}
        for index, list in pairs(placed.memory.clears) do
            for _, buffer in ipairs(list) do
                assert(not cleared[buffer], title .. ": cleared twice")
                test.equal(index, buffer.first, title .. ": " .. buffer.name)
                assert(buffer.layout.border > 0, title .. ": no border in " .. buffer.name)
                cleared[buffer] = true
            end
        end
        for _, buffer in ipairs(placed.plan.buffers) do
            if lives_in_calls(buffer) and buffer.layout and buffer.layout.border > 0 then
                local shared = buffer.scope == "scratch"
                local from <const>, to <const> = lines_of(buffer, placed)
                for line = from, to do
                    shared = shared or users[line] > 1
                end
                assert(cleared[buffer] or not shared, title .. ": not cleared: " .. buffer.name)
            end
        end
    end)
end

-- Sharing is worth it: the scratch memory is far smaller than the sum of its buffers.
function tests.memory_is_shared()
    for _, norm in ipairs(nets.norms) do
        local placed <const> = nets.plans(nets.graph("s8", norm)).train
        local sum = 0
        for _, buffer in ipairs(placed.plan.buffers) do
            sum = sum + (lives_in_calls(buffer) and buffer.floats * buffer.copies or 0)
        end
        assert(placed.memory.floats.scratch + placed.memory.floats.micro_batch < sum * 3 // 4, norm)
    end
end

return tests
