-- places.lua - the memory of a step: the names of all buffers, which the step calls them by, and
-- where each lies, which a reader may look up last.
--
--     struct buffers {                             /* names, before the step */
--         float *y_input, *y_relu1;
--     };
--     /* 1-88 */ at.y_input = scratch + 624896; /* 2-87 */ at.y_relu1 = scratch + 353024;
--
-- Buffers of training and evaluation with one name are one field. What outlives a phase lies where
-- training has it.

local argument <const> = require "ops/argument"
local c <const> = require "emit/c"
local wrap <const> = require "emit/wrap"

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
    { scope = "weights", base = "packed", begin = "const R *const packed = net->packed;",
        title = "packed weights" },
    { scope = "chunk", base = "block",
        begin = "R *const block = net->chunks + (size_t)chunk * CHUNK_FLOATS;",
        title = "the block of a chunk: sums over its images" },
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

-- From which call of its plan to which it lives: "3-87".
local function calls_of(buffer)
    return buffer.first == buffer.last and tostring(buffer.first)
        or string.format("%d-%d", buffer.first, buffer.last)
end

-- Lines of C that place buffers, each behind the calls for which it lives, as many a line as it
-- takes. list = { { buffer, text = C } }; inner: the columns before a line
local function placed(list, inner)
    local lines <const> = {}
    for _, one in ipairs(list) do
        local text <const> = string.format("/* %s */ %s", calls_of(one.buffer), one.text)
        local last <const> = lines[#lines]
        if last and inner + #last + 1 + #text <= wrap.WIDTH then
            lines[#lines] = last .. " " .. text
        else
            lines[#lines + 1] = text
        end
    end
    return lines
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
            buffer = buffer.scope == "micro_batch" and buffer or nil }
    end
    local blocks <const> = {}
    for _, block in ipairs(BLOCKS) do
        local list <const>, of_calls <const> = {}, {}
        for _, one in ipairs(all) do
            local text <const> = one.scope == block.scope and string.format(".%s = %s,", one.name,
                place_text(one.of, block.base, one.offset))
            if text and one.buffer then
                of_calls[#of_calls + 1] = { buffer = one.buffer, text = text }
            elseif text then
                list[#list + 1] = text
            end
        end
        local lines <const> = placed(of_calls, 8)
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
    local list <const> = {}
    for _, buffer in ipairs(part.plan.buffers) do
        if buffer.scope == "scratch" then
            list[#list + 1] = { buffer = buffer, text = string.format("at.%s = %s;", buffer.name,
                place_text(buffer, "scratch", part.memory.offset[buffer])) }
        end
    end
    return placed(list, 4)
end

-- The lines that leave out buffers, one a type.
local function left_out(buffers)
    local lines <const> = {}
    for _, type in ipairs(TYPES) do
        local names <const> = {}
        for _, buffer in ipairs(buffers) do
            names[#names + 1] = type_of(buffer) == type and "at." .. buffer.name or nil
        end
        lines[#lines + 1] = #names > 0 and table.concat(names, " = ") .. " = NULL;" or nil
    end
    return lines
end

--- What program.c.tpl says of memory: the fields of the struct, the blocks of what outlives a
--- phase, and the lines for the scratch memory of training and of evaluation. real: the type of
--- numbers; shared: of phases.shared, where an evaluation has the places of a training, or nil
function places.params(graph, train, eval, real, shared)
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
        train = scratch_lines(train), eval = shared and left_out(shared.without)
            or scratch_lines(eval), shared = shared ~= nil,
    }
end

return places
