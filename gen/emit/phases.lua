-- phases.lua - planned phases -> the text of sections 2 and 3: what each does for a micro-batch,
-- and the order of a step and of an evaluation.

local argument <const> = require "ops/argument"
local c <const> = require "emit/c"
local name <const> = require "emit/name"
local norm <const> = require "ops/norm"
local template <const> = require "emit/template"

local phases <const> = {}

-- The profile slots of calls that are no kernels.
local SLOTS <const> = {
    load = "SLOT_LOAD", loss = "SLOT_LOSS", sums = "SLOT_JOIN", ghosts = "SLOT_JOIN",
}

-- What a profile counts the time up to the end of a call for, or nil: more follows that belongs to
-- the same. slots: of name.slots
local function slot_of(call, slots)
    return call.kernel and slots[call.kernel] or SLOTS[call.kind]
end

-- The declaration of the memory that a phase fetches for the next micro-batch, in cache lines of 16
-- floats.
local function ahead_line(phase)
    local floats = 0
    local ranges <const> = {}
    for i, buffer in ipairs(phase.ahead) do
        local size <const> = buffer.floats * buffer.copies
        floats = floats + size
        ranges[i] = string.format("{at->next->%s, %d}", buffer.name, (size + 15) // 16)
    end
    local cache_lines <const> = (floats + 15) // 16
    return string.format("struct ahead ahead = {.ranges = {%s}, .lines = %d};",
        table.concat(ranges, ", "), (cache_lines + phase.ahead_steps - 1) // phase.ahead_steps)
end

-- A text while it grows: body = { is = of phase_text, lines, fetches = whether it fetches memory }
local function append(list, form, ...)
    list[#list + 1] = form:format(...)
end

local function clear_borders(body, list)
    for _, buffer in ipairs(list) do
        local l <const> = buffer.layout
        append(body.lines, "clear_border(at->%s, n, %d, %d, %d, %d);", buffer.name, l.h, l.w,
            l.pitch, l.border)
    end
end

-- The arguments of a call as C.
local function arguments_text(body, call)
    local args <const> = {}
    for k, arg in ipairs(call.args) do
        if type(arg) == "table" then
            args[k] = "at->" .. arg.name
        else
            args[k] = arg == argument.ahead and not body.fetches and "NULL" or arg
        end
    end
    return table.concat(args, ", ")
end

-- A call with its number; a timed one as well gives the time up to its end to its profile slot.
local function add_call(body, call, number)
    local text <const> = string.format("%s(%s)", call.fn, arguments_text(body, call))
    local slot <const> = body.is.slots and slot_of(call, body.is.slots)
    append(body.lines, "%s%s%s;", number and "/* " .. number .. " */ " or "", text,
        slot and ", TIMED(" .. slot:gsub("^SLOT_", "") .. ")" or "")
end

-- The function of one phase: its calls. Those of training are timed on request: is.slots is nil in
-- evaluation.
-- is = { name, title, first_call = its number, counted through all phases, or nil where the places
--        of buffers are those of other calls, memory = of memory.lua,
--        slots = of name.slots, begin = lines before its calls or nil }
local function phase_text(phase, is)
    local body <const> = {
        is = is, lines = table.move(is.begin or {}, 1, #(is.begin or {}), 1, {}),
        fetches = is.slots and phase.ahead_steps > 0 and #phase.ahead > 0,
    }
    local title
    for i, call in ipairs(phase.calls) do
        local number <const> = is.first_call and is.first_call + i - 1
        if call.title ~= title then
            title = call.title
            if #body.lines > 0 then
                append(body.lines, "")
            end
            append(body.lines, "/* %s */", c.comment(title))
        end
        clear_borders(body, number and is.memory.clears[number] or {})
        add_call(body, call, number)
    end
    return (template.render("emit/phase.c.tpl", {
        name = is.name, title = is.title, ahead = body.fetches and ahead_line(phase) or false,
        lines = body.lines,
    }))
end

-- Whether a phase has the loss: all that come behind it are of the backward pass.
local function has_loss(phase)
    for _, call in ipairs(phase.calls) do
        if call.kind == "loss" then
            return true
        end
    end
    return false
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

-- What every thread does when all images have come to a norm: adds up their sums and makes the
-- coefficients, or nothing but wait where each micro-batch does so for its ghosts. Images may be in
-- several processes: what each has summed up goes to all, a piece of each chunk or micro-batch.
-- Returns the lines, with `at` for the buffers of the first micro-batch.
local function join_lines(join, graph)
    local node <const> = join.norm
    local weight <const> = argument.param(node.name .. ".weight")
    local bias <const> = argument.param(node.name .. ".bias")
    local state <const> = argument.param(graph.states[node.state].name) .. ", "
        .. argument.param(graph.states[node.state + 1].name)
    local parts <const> = "at->" .. join.parts.name
    if join.kind == "norm_fwd" then
        return { string.format("%s(at->%s, &net, %s, at->%s, %s, %s, %s, %d.0);", join.fn,
            join.coef.name, parts, join.sums.name, weight, bias, state, join.pixels) }
    elseif join.kind == "norm_bwd" then
        return { string.format("%s(at->%s, at->%s, at->%s, &net, %s, at->%s, at->%s, %s, %d.0);",
            join.fn, join.dcoef.name, join.dweight.name, join.dbias.name, parts, join.sums.name,
            join.coef.name, weight, join.pixels) }
    end
    local lines <const> = {
        string.format("run_meet(run, rank, %s, CHUNK_MICRO_BATCHES, MICRO_BATCH_FLOATS, %d);",
            parts, join.parts.floats * join.parts.copies),
        "count_time(&net, SLOT_WAIT);",
    }
    if join.kind == "ghosts_fwd" then
        append(lines, "if (rank == 0) {")
        append(lines, "    %s(%s, &net, %s, %d, %d.0);", norm.fn(node, "ghosts_track"), state,
            parts, node.ghost, join.pixels)
        append(lines, "}")
        append(lines, "count_time(&net, SLOT_JOIN);")
    end
    return lines
end

local function join_title(join)
    local forward <const> = join.kind == "norm_fwd" or join.kind == "ghosts_fwd"
    return string.format("Every image has %s the %s of %s.",
        join.sums and "been summed up:" or "left its sums for",
        forward and "statistics" or "gradient", join.norm.name)
end

-- Appends the line that turns running statistics into what a norm applies to all images.
local function add_eval_line(lines, graph, node)
    append(lines, "%s(at->coef_%s, %s, %s, %s, %s, 1);", norm.fn(node, "eval"),
        node.name, argument.param(graph.states[node.state].name),
        argument.param(graph.states[node.state + 1].name),
        argument.param(node.name .. ".weight"), argument.param(node.name .. ".bias"))
end

-- Those of an evaluation.
local function eval_lines_of(graph)
    local eval_lines <const> = {}
    for _, node in ipairs(graph.nodes) do
        if node.kind == "norm" and norm.is_whole(node) then
            add_eval_line(eval_lines, graph, node)
        end
    end
    return eval_lines
end

-- The lines that make, before a step, what norms apply that are fixed: the same as an evaluation,
-- and of the gradient a * g, A = a, B = D = 0 of docs/words.md. plan: of training
local function fixed_lines_of(graph, plan)
    local lines <const>, dcoefs <const> = {}, {}
    for _, buffer in ipairs(plan.buffers) do
        dcoefs[buffer.role == "dcoef" and buffer.layer or ""] = buffer
    end
    for _, node in ipairs(graph.nodes) do
        if node.kind == "norm" and norm.is_fixed(node) then
            add_eval_line(lines, graph, node)
            local dcoef <const> = dcoefs[node.name]
            if dcoef then
                append(lines, "zero(at->%s, %d);", dcoef.name, dcoef.floats)
                append(lines, "memcpy(at->%s, at->coef_%s, %d * sizeof *at->%s);", dcoef.name,
                    node.name, node.c, dcoef.name)
            end
        end
    end
    return lines
end

-- -- An evaluation that is the forward pass of a training -----------------------------------------

-- Whether a call of an evaluation is that of a training, but for what it leaves out: such buffers
-- come into `without`.
local function is_same_call(of_training, call, without)
    if of_training.fn ~= call.fn then
        return false
    end
    for k, arg in ipairs(call.args) do
        local other <const> = of_training.args[k]
        local was <const> = type(other) == "table" and other.name or other
        if type(other) == "table" and arg == "NULL" then
            without[#without + 1] = other
        elseif was ~= (type(arg) == "table" and arg.name or arg) then
            return false
        end
    end
    return true
end

--- Whether an evaluation may be written as the forward pass of a training with some buffers left
--- out: how many calls that has, up to the loss, and these buffers; or nil. Without its buffer a
--- dropout's bits are not drawn.
function phases.shared(train, eval)
    local calls <const>, without <const> = eval.plan.phases[1].calls, {}
    local next_one = 1
    for i, call in ipairs(train.plan.phases[1].calls) do
        if call.kind == "loss" then
            return calls[next_one].kind == "loss" and { calls = i - 1, without = without } or nil
        elseif call.kind ~= "drop" then
            if not is_same_call(call, calls[next_one], without) then
                return nil
            end
            next_one = next_one + 1
        end
    end
end

-- The texts of a training and an evaluation of which the first calls are shared.
local function shared_texts(train, eval, shared, slots)
    local calls <const>, rest <const> = train.plan.phases[1].calls, eval.plan.phases[1].calls
    local function part(list, first, last)
        return { calls = table.move(list, first, last, 1, {}), ahead = {}, ahead_steps = 0 }
    end
    local begin <const> = { "forward(net, at, n);" }
    local loss = 1
    while rest[loss].kind ~= "loss" do
        loss = loss + 1
    end
    return {
        phase_text(part(calls, 1, shared.calls), {
            name = "forward",
            title = "A micro-batch through the whole network, in a training and in an evaluation.",
            first_call = 1, memory = train.memory, slots = slots,
        }),
        phase_text(part(calls, shared.calls + 1, #calls), {
            name = "train_micro_batch", title = "A micro-batch forward and backward.",
            begin = begin, first_call = shared.calls + 1, memory = train.memory, slots = slots,
        }),
    }, phase_text(part(rest, loss, #rest), {
        name = "eval_micro_batch", title = "A micro-batch in evaluation mode.", begin = begin,
        memory = { clears = {} },
    })
end

-- -- Step and evaluation -------------------------------------------------------------------------

--- The text of the training step and that of an evaluation: the functions of phases, and those that
--- call them. phased: whether there are several phases; shared: of phases.shared, or nil; update:
--- what an update is, in words
function phases.texts(graph, train, eval, phased, shared, update)
    local texts, steps <const> = {}, {}
    local first, is_backward = 1, false
    local _, slots <const> = name.slots(train.plan.kernels)
    for i, phase in ipairs(train.plan.phases) do
        local function_name <const> = phased and "train_phase" .. i or "train_micro_batch"
        local title <const> = phase_title(phase)
        -- Nothing follows the gradient of a norm before which there is nothing to learn.
        local runs <const> = #phase.calls > 0
        if runs then
            texts[#texts + 1] = phase_text(phase, {
                name = function_name,
                title = phased and ("Phase %d%s: %s."):format(i, is_backward and ", backward" or "",
                    c.comment(title))
                    or "A micro-batch through the whole network, forward and backward.",
                first_call = first, memory = train.memory, slots = slots,
            })
        end
        first, is_backward = first + #phase.calls, is_backward or has_loss(phase)
        local joins <const> = {}
        for k, join in ipairs(phase.joins) do
            joins[k] = { title = join_title(join), lines = join_lines(join, graph) }
        end
        steps[i] = {
            fn = function_name, runs = runs, joins = joins, title = c.comment(title),
            descends = i % 2 == 0,
        }
    end
    local eval_text
    if shared then
        texts, eval_text = shared_texts(train, eval, shared, slots)
    else
        eval_text = phase_text(eval.plan.phases[1], {
            name = "eval_micro_batch", title = "A micro-batch in evaluation mode.", first_call = 1,
            memory = eval.memory,
        })
    end
    return texts, template.render("emit/step.c.tpl", {
        phases = steps, phased = phased,
        fixed_lines = fixed_lines_of(graph, train.plan), update = update,
    }), eval_text, template.render("emit/evaluation.c.tpl", {
        phased = phased, eval_lines = eval_lines_of(graph),
    })
end

return phases
