-- The memory of a step: one field a buffer, each placed once, where its plan has it.

local test <const> = ...
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()

local argument <const> = require("ops/argument")
local places <const> = require("emit/places")

local tests <const> = {}

-- Fields of one name would be one memory for two buffers.
local function check_fields(params, title)
    local fields <const> = {}
    for _, line in ipairs(params.fields) do
        for name in line:gmatch("%*([%w_]+)") do
            assert(not fields[name], title .. ": two of " .. name)
            fields[name] = true
        end
    end
    return fields
end

-- Lines "... name = base + offset ..." -> { name = offset }; each is a field, placed once.
local function offsets_of(lines, pattern, fields, title)
    local offsets <const> = {}
    for _, line in ipairs(lines) do
        for name, offset in line:gmatch(pattern) do
            assert(fields[name], title .. ": no field " .. name)
            assert(not offsets[name], title .. ": placed twice: " .. name)
            offsets[name] = tonumber(offset)
        end
    end
    return offsets
end

local function check(plans, title, graph)
    local params <const> = places.params(graph, plans.train, plans.eval, "float")
    local fields <const> = check_fields(params, title)
    local shared <const> = {}
    for _, block in ipairs(params.blocks) do
        table.move(block.lines, 1, #block.lines, #shared + 1, shared)
    end
    local lasting <const> = offsets_of(shared, "%.([%w_]+) = [^=]- %+ (%d+)", fields, title)
    for part, lines in pairs { train = params.train, eval = params.eval } do -- in any order
        local scratch <const> = offsets_of(lines, "at%.([%w_]+) = .- %+ (%d+)", fields, title)
        for _, buffer in ipairs(plans[part].plan.buffers) do
            local offset = lasting[buffer.name]
            if buffer.scope == "scratch" then
                offset = scratch[buffer.name]
            end
            if buffer.scope == "scratch" or part == "train" then
                test.equal(offset, plans[part].memory.offset[buffer], title .. " " .. buffer.name)
            else
                assert(offset, title .. ": not placed: " .. buffer.name)
            end
        end
    end
    for _, state in ipairs(graph.states) do
        test.equal(lasting[argument.field(state.name)], state.offset, title .. " " .. state.name)
    end
end

function tests.every_buffer_has_its_place()
    nets.each(check)
    nets.each_varied(check)
end

return tests
