-- phases.lua - planned phases -> the text of section 4: what each does for a micro-batch, and
-- the order of a step.

local argument <const> = require "ops/argument"
local c <const> = require "emit/c"
local layout <const> = require "ops/layout"
local name <const> = require "emit/name"
local norm <const> = require "ops/norm"
local template <const> = require "emit/template"

local phases <const> = {}

-- The pointer that each block of memory of a phase begins with, by the scope of its buffers, and
-- what declares it.
local BLOCKS <const> = {
    weights = { "packed", "const float *const packed = net->weights;" },
    chunk = { "totals", "float *const totals = net->chunks + (size_t)chunk * CHUNK_FLOATS;" },
    micro_batch = { "own",
        "float *const own = net->micro_batches + (size_t)micro_batch * MICRO_BATCH_FLOATS;" },
    thread = { "thread", "float *const thread = net->thread;" },
    scratch = { "at", "float *const at = net->scratch;" },
}

-- Where a buffer begins, for the first image of a micro-batch. Places in scratch memory are written
-- where their pointers are: nobody else asks for them. offset: of memory.lua
local function place_text(buffer, offset)
    local block <const> = BLOCKS[buffer.scope][1]
    return buffer.scope == "scratch" and c.add(block, offset[buffer])
        or block .. " + " .. name.offset(buffer.name)
end

-- Whether a buffer has a pointer of its own: what lies in scratch memory has, for its place is a
-- number, and what does not hold floats.
local function has_pointer(buffer)
    return buffer.scope == "scratch" or buffer.holds ~= nil
end

-- What lies in scratch memory, and for which calls of its plan.
local function scratch_note(buffer)
    local rows <const> = buffer.row and not buffer.layout and not buffer.holds
        and string.format("%d x %d", buffer.floats // buffer.row.pitch, buffer.row.pitch)
    return string.format(" /* %s%s; %s */",
        buffer.copies > 1 and buffer.copies .. " of " or "", rows or buffer.shape,
        buffer.first == buffer.last and "call " .. buffer.first
            or string.format("calls %d-%d", buffer.first, buffer.last))
end

-- The profile slots of calls that are no kernels.
local SLOTS <const> = {
    load = "SLOT_LOAD", loss = "SLOT_LOSS", sums = "SLOT_JOIN", ghosts = "SLOT_JOIN",
}

-- What a profile counts the time up to the end of a call for, or nil: more follows that belongs to
-- the same. slots: of name.slots
local function slot_of(call, slots)
    return call.kernel and slots[call.kernel] or SLOTS[call.kind]
end

-- The declaration of the memory that a phase fetches for the next micro-batch.
local function ahead_lines(lines, phase)
    local floats = 0
    lines[#lines + 1] = "const float *const soon = "
        .. "net->micro_batches + (size_t)next * MICRO_BATCH_FLOATS;"
    lines[#lines + 1] = "struct ahead ahead = {"
    local ranges <const> = {}
    for i, buffer in ipairs(phase.ahead) do
        local size <const> = buffer.floats * buffer.copies
        floats = floats + size
        local at <const> = name.offset(buffer.name)
        ranges[i] = string.format("{soon + %s, soon + %s + %d}", at, at, size)
    end
    local cache_lines <const> = (floats + 15) // 16
    lines[#lines + 1] = string.format("    .lines = %d,",
        (cache_lines + phase.ahead_steps - 1) // phase.ahead_steps)
    lines[#lines + 1] = "    .ranges = {" .. table.concat(ranges, ", ") .. "},"
    lines[#lines + 1] = "};"
end

-- The pointer to a buffer, by what it holds. Without dropout there are no bits.
local POINTERS <const> = {
    floats = "float *const %s = %s;",
    bytes = "uint8_t *const %s = (uint8_t *)(%s);",
    doubles = "double *const %s = (double *)(%s);",
    bits = "uint8_t *const %s = bits(net, %s);",
}

-- The text of one phase while it grows.
-- body = { phase, is = of phase_text, pointers, lines, declared = set of the buffers that have a
--          pointer, uses = set of the parameters and blocks of memory that the text reads }
local function new_body(phase, is)
    return { phase = phase, is = is, pointers = {}, lines = {}, declared = {}, uses = {} }
end

local function append(list, form, ...)
    list[#list + 1] = form:format(...)
end

-- What stands for a buffer in a call: its pointer, declared where it is first used, or its place.
local function buffer_text(body, buffer)
    if not body.declared[buffer] then
        body.declared[buffer] = true
        body.uses[buffer.scope] = true -- the parameter that says which block, if one does
        body.uses[buffer.scope .. " block"] = true
        if has_pointer(buffer) then
            append(body.pointers, "%s%s", POINTERS[buffer.holds or "floats"]:format(buffer.name,
                place_text(buffer, body.is.memory.offset)),
                buffer.scope == "scratch" and scratch_note(buffer) or "")
        end
    end
    return has_pointer(buffer) and buffer.name or place_text(buffer, body.is.memory.offset)
end

local function clear_borders(body, list)
    for _, buffer in ipairs(list) do
        append(body.lines, "clear_border(%s, n, (struct image)%s);", buffer_text(body, buffer),
            (layout.macro(buffer.layout)))
    end
end

-- The arguments of a call as C, whose buffers are declared.
local function arguments_text(body, call)
    local args <const> = {}
    for k, arg in ipairs(call.args) do
        if type(arg) == "table" then
            args[k] = buffer_text(body, arg)
        else
            body.uses[argument.reads[arg] or ""] = true
            args[k] = arg == argument.ahead and not body.uses.next and "NULL" or arg
        end
    end
    return table.concat(args, ", ")
end

-- A call with its number; a timed one as well gives the time up to its end to its profile slot.
local function add_call(body, call, number)
    local text <const> = string.format("%s(%s)", call.fn, arguments_text(body, call))
    local slot <const> = body.is.slots and slot_of(call, body.is.slots)
    append(body.lines, "/* %d */ %s%s;", number, text,
        slot and ", count_time(net, " .. slot .. ")" or "")
end

-- What stands before the pointers: parameters that are not read, and the blocks that others point
-- into.
local function head_of(body)
    local head <const>, uses <const>, phased <const> = {}, body.uses, body.is.phased
    for _, parameter in ipairs(phased and { "chunk", "micro_batch", "next", "image" }
        or { "chunk", "image" }) do
        if not uses[parameter] then
            append(head, "(void)%s;", parameter)
        end
    end
    for _, scope in ipairs { "weights", "chunk", "micro_batch", "thread", "scratch" } do
        if uses[scope .. " block"] then
            append(head, "%s", BLOCKS[scope][2])
        end
    end
    return head
end

-- The function of one phase: pointers to its buffers, then its calls. Those of training are timed
-- on request: is.slots is nil in evaluation.
-- is = { name, title, first_call = its number, counted through all phases, memory = of memory.lua,
--        phased = whether there are several phases, slots = of name.slots }
local function phase_text(phase, is)
    local body <const> = new_body(phase, is)
    body.uses.next = is.slots and phase.ahead_steps > 0 and #phase.ahead > 0
    local title
    for i, call in ipairs(phase.calls) do
        local number <const> = is.first_call + i - 1
        if call.title ~= title then
            title = call.title
            if i > 1 then
                append(body.lines, "")
            end
            append(body.lines, "/* %s */", c.comment(title))
        end
        clear_borders(body, is.memory.clears[number] or {})
        add_call(body, call, number)
    end
    if body.uses.next then
        ahead_lines(body.pointers, phase)
    end
    local head <const> = head_of(body)
    table.move(body.pointers, 1, #body.pointers, #head + 1, head)
    return template.render("emit/phase.c.tpl", {
        name = is.name, title = is.title, phased = is.phased, pointers = head, lines = body.lines,
    })
end

-- The layers that a phase computes, for its comment.
local function phase_title(phase)
    local names <const>, seen <const> = {}, {}
    for _, call in ipairs(phase.calls) do
        if call.kernel and not seen[call.note] then
            seen[call.note] = true
            names[#names + 1] = call.note
        end
    end
    return table.concat(names, ", ")
end

-- The images of a batch may be in several processes: what each has summed up goes to all, a piece
-- of each chunk or of each micro-batch.
local function meet_text(join)
    local parts <const> = name.offset(join.parts.name)
    if join.sums then
        return string.format("run_meet(run, rank, net.chunks + %s, 1, CHUNK_FLOATS, %d);", parts,
            join.parts.floats * join.parts.copies)
    end
    return string.format("run_meet(run, rank, net.micro_batches + %s, CHUNK_MICRO_BATCHES, "
        .. "MICRO_BATCH_FLOATS, %d);", parts, join.parts.floats * join.parts.copies)
end

-- What every thread does when all images have come to a norm: adds up their sums and makes the
-- coefficients, or nothing but wait where each micro-batch does so for its ghosts. One thread moves
-- the running statistics.
local function join_params(join, graph)
    local node <const> = join.norm
    local forward <const> = join.kind == "norm_fwd" or join.kind == "ghosts_fwd"
    local weight <const> = "net.param + " .. c.constant(node.name .. ".weight")
    local bias <const> = "net.param + " .. c.constant(node.name .. ".bias")
    local pixels <const> = string.format("(double)run->batch->n * %d.0", join.pixels)
    local state <const> = string.format("run->store.state + %s, run->store.state + %s",
        c.constant(graph.states[node.state].name), c.constant(graph.states[node.state + 1].name))
    local function at(buffer)
        return "net.thread + " .. name.offset(buffer.name)
    end
    local params <const> = {
        title = string.format("Every image has %s the %s of %s.",
            join.sums and "been summed up:" or "left its sums for",
            forward and "statistics" or "gradient", node.name),
        parts = name.offset(join.parts.name), sums = false, track = false,
        meet = meet_text(join),
    }
    if join.kind == "ghosts_fwd" then
        params.track = string.format("%s(%s, &net, net.micro_batches + %s, %d, %d.0);",
            norm.fn(node, "ghosts_track"), state, params.parts, node.ghost, join.pixels)
    end
    if not join.sums then
        return params
    end
    local total <const> = string.format("(double *)(%s)", at(join.sums))
    local parts <const> = "net.chunks + " .. params.parts
    if forward then
        params.sums = string.format("batch_moments(%s, run, %s, %d, %d.0);", total, parts,
            join.pitch, join.pixels)
        params.call = string.format("%s(%s, %s, %s, %s, %s);", join.fn, at(join.coef), total,
            weight, bias, pixels)
        params.track = string.format("%s(%s, %s, %s);", norm.fn(node, "track"), state, total,
            pixels)
    else
        params.sums = string.format("batch_sums(%s, run, %s, %d);", total, parts, join.pitch)
        local function of_rank_0(buffer)
            return "rank == 0 ? net.chunks + " .. name.offset(buffer.name) .. " : NULL"
        end
        params.call = string.format("%s(%s, %s, %s, %s, %s, %s, %s);", join.fn, at(join.dcoef),
            of_rank_0(join.dweight), of_rank_0(join.dbias), total, at(join.coef), weight,
            pixels)
    end
    return params
end

-- The lines that turn running statistics into what an evaluation applies to all images.
local function eval_lines_of(graph)
    local eval_lines <const> = {}
    for _, node in ipairs(graph.nodes) do
        if node.kind == "norm" and norm.is_whole(node) then
            local function state(index)
                return "run->store.state + " .. c.constant(graph.states[index].name)
            end
            eval_lines[#eval_lines + 1] = string.format(
                "%s(net.thread + %s, %s, %s, net.param + %s, net.param + %s, 1);",
                norm.fn(node, "eval"), name.offset("coef_" .. node.name), state(node.state),
                state(node.state + 1), c.constant(node.name .. ".weight"),
                c.constant(node.name .. ".bias"))
        end
    end
    return eval_lines
end

-- What the numbers in calls are, for the comment of a step.
local NUMBERS <const> = "The number behind the parameters of a norm is the pixels of an image; "
    .. "those of drop() are the layer's index in layers[] (not the call's number), the "
    .. "threshold, and the 32-bit words of an image."

--- All phase functions, as an array of texts, and the functions that call them. phased: whether
--- there are several.
function phases.texts(graph, train, eval, phased)
    local texts <const>, steps <const> = {}, {}
    local first = 1
    local _, slots <const> = name.slots(train.plan.kernels)
    for i, phase in ipairs(train.plan.phases) do
        local function_name <const> = phased and "train_phase" .. i or "train_micro_batch"
        local title <const> = phase_title(phase)
        -- Nothing follows the gradient of a norm before which there is nothing to learn.
        local runs <const> = #phase.calls > 0
        if runs then
            texts[#texts + 1] = phase_text(phase, {
                name = function_name,
                title = phased
                    and ("A micro-batch of n images in phase %d: %s."):format(i, c.comment(title))
                    or "A micro-batch of n images through the whole network, forward and "
                        .. "backward. " .. NUMBERS,
                first_call = first, memory = train.memory, phased = phased, slots = slots,
            })
        end
        first = first + #phase.calls
        local joins <const> = {}
        for k, join in ipairs(phase.joins) do
            joins[k] = join_params(join, graph)
        end
        steps[i] = {
            fn = function_name, runs = runs, joins = joins, title = c.comment(title),
            descends = i % 2 == 0,
        }
    end
    texts[#texts + 1] = phase_text(eval.plan.phases[1], {
        name = "eval_micro_batch", title = "A micro-batch of n images in evaluation mode.",
        first_call = 1,
        memory = eval.memory, phased = phased,
    })
    return texts, template.render("emit/step.c.tpl", {
        phases = steps, phased = phased, eval_lines = eval_lines_of(graph),
        weight_count = #graph.params,
    })
end

return phases
