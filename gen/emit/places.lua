-- places.lua - the memory of a step: the names of all buffers, which the step calls them by, and
-- where each lies, which a reader may look up last.
--
--     struct buffers {                             /* names, before the step */
--         float *y_input, *y_relu1;
--     };
--     at.y_input = scratch + 624896; /* 4 of 34 x 34 x 3, border 1; calls 1-88 */
--
-- Buffers of training and evaluation with one name are one field. What outlives a phase lies where
-- training has it.

local argument <const> = require "ops/argument"
local c <const> = require "emit/c"

local places <const> = {}

-- The C type of a field by what the buffer holds, with the place R of the type of numbers; in the
-- order of the struct.
local TYPES <const> = { "const R", "R", "uint8_t", "double" }

local TYPE_OF <const> = { bits = "uint8_t", bytes = "uint8_t", doubles = "double" }

-- What buffers of a scope are cut from, what declares it, and what the comment above them says.
local BLOCKS <const> = {
    { scope = "param", base = "param",
        begin = "const R *const param = net->run->store.param;",
        title = "parameters that are read where they lie" },
    { scope = "state", base = "state", begin = "R *const state = net->run->store.state;",
        title = "running statistics" },
    { scope = "weights", base = "packed", begin = "const R *const packed = net->weights;",
        title = "packed weights" },
    { scope = "chunk", base = "totals",
        begin = "R *const totals = net->chunks + (size_t)chunk * CHUNK_FLOATS;",
        title = "sums over the images of a chunk" },
    { scope = "thread", base = "thread", begin = "R *const thread = net->thread;",
        title = "of a thread, for all phases" },
    { scope = "micro_batch", base = "own", begin = "R *const own = net->micro_batches "
        .. "+ (size_t)micro_batch * MICRO_BATCH_FLOATS;",
        title = "of a micro-batch, for all phases" },
}

local function type_of(buffer)
    return buffer.scope == "weights" and "const R" or TYPE_OF[buffer.holds] or "R"
end

-- "weight_norm1" and the like: parameters that are read where they lie, and running statistics.
-- One row each: { name, type, scope, offset }.
local function canonical(graph, known)
    local rows <const> = {}
    for _, param in ipairs(graph.params) do
        local packed <const> = (param.role == "weight" and "w_" or "b_") .. param.layer
        if not known[packed] then
            rows[#rows + 1] = { name = argument.field(param.name), type = "const R",
                scope = "param", offset = param.offset }
        end
    end
    for _, state in ipairs(graph.states) do
        rows[#rows + 1] = { name = argument.field(state.name), type = "R", scope = "state",
            offset = state.offset }
    end
    return rows
end

-- -- Names ---------------------------------------------------------------------------------------

-- Lines "const float *w_conv1, *w_conv2;", one a type, of the fields of all rows.
local function field_lines(rows, real)
    local names <const>, lines <const>, seen <const> = {}, {}, {}
    for _, row in ipairs(rows) do
        if not seen[row.name] then
            seen[row.name] = row.type
            names[row.type] = names[row.type] or {}
            table.insert(names[row.type], "*" .. row.name)
        end
        assert(seen[row.name] == row.type, row.name)
    end
    for _, type in ipairs(TYPES) do
        if names[type] then
            lines[#lines + 1] = c.fill(type, { R = real }) .. " " .. table.concat(names[type], ", ")
                .. ";"
        end
    end
    return lines
end

-- -- Places --------------------------------------------------------------------------------------

-- Where a buffer begins, for the first image of a micro-batch. Without dropout there are no bits.
local FORMS <const> = {
    floats = "%s", bytes = "(uint8_t *)(%s)", doubles = "(double *)(%s)",
    bits = "bits_or_null(net, %s)",
}

-- "packed + 432": also 0 is written, so that places stand in one form.
local function place_text(buffer, base, offset)
    return FORMS[buffer.holds or "floats"]:format(string.format("%s + %d", base, offset))
end

--- What lies in a buffer, and for which calls of its plan.
local function note_of(buffer)
    local rows <const> = buffer.row and not buffer.layout and not buffer.holds
        and string.format("%d x %d", buffer.floats // buffer.row.pitch, buffer.row.pitch)
    return string.format("%s%s; %s", buffer.copies > 1 and buffer.copies .. " of " or "",
        rows or buffer.shape, buffer.first == buffer.last and "call " .. buffer.first
            or string.format("calls %d-%d", buffer.first, buffer.last))
end

-- The blocks of what outlives a phase: { begin, title, lines of initializers }. rows: canonical
local function shared_blocks(train, rows, real)
    local all <const> = {}
    for _, row in ipairs(rows) do
        all[#all + 1] = { scope = row.scope, name = row.name, offset = row.offset, of = {} }
    end
    for _, buffer in ipairs(train.plan.buffers) do
        all[#all + 1] = { scope = buffer.scope, name = buffer.name, of = buffer,
            offset = train.memory.offset[buffer],
            note = buffer.scope == "micro_batch" and note_of(buffer) }
    end
    local blocks <const> = {}
    for _, block in ipairs(BLOCKS) do
        local list <const>, lines <const> = {}, {}
        for _, one in ipairs(all) do
            local text <const> = one.scope == block.scope and string.format(".%s = %s,", one.name,
                place_text(one.of, block.base, one.offset))
            if text and one.note then
                lines[#lines + 1] = text .. " /* " .. one.note .. " */"
            elseif text then
                list[#list + 1] = text
            end
        end
        lines[#lines + 1] = #list > 0 and table.concat(list, " ") or nil
        if #lines > 0 then
            blocks[#blocks + 1] = {
                begin = c.fill(block.begin, { R = real }), title = block.title, lines = lines,
            }
        end
    end
    return blocks
end

-- The lines that place what a plan has in scratch memory.
local function scratch_lines(part)
    local lines <const> = {}
    for _, buffer in ipairs(part.plan.buffers) do
        if buffer.scope == "scratch" then
            lines[#lines + 1] = string.format("at.%s = %s; /* %s */", buffer.name,
                place_text(buffer, "scratch", part.memory.offset[buffer]), note_of(buffer))
        end
    end
    return lines
end

--- What program.c.tpl says of memory: the fields of the struct, the blocks of what outlives a
--- phase, and the lines for the scratch memory of training and of evaluation. real: the type of
--- numbers
function places.params(graph, train, eval, real)
    local rows <const>, known <const> = {}, {}
    for _, part in ipairs { train, eval } do
        for _, buffer in ipairs(part.plan.buffers) do
            known[buffer.name] = true
            rows[#rows + 1] = { name = buffer.name, type = type_of(buffer) }
        end
    end
    local canonical_rows <const> = canonical(graph, known)
    table.move(canonical_rows, 1, #canonical_rows, #rows + 1, rows)
    return {
        fields = field_lines(rows, real), blocks = shared_blocks(train, canonical_rows, real),
        train = scratch_lines(train), eval = scratch_lines(eval),
    }
end

return places
