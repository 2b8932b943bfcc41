-- show.lua - the planned program as text tables, for `burin plan`.

local choice <const> = require "ops/conv/choice"
local limits <const> = require "plan/limits"
local model <const> = require "emit/model"
local name <const> = require "emit/name"
local ops <const> = require "ops/ops"
local pipeline <const> = require "plan/pipeline"

local plan <const> = {}

local function append(lines, more)
    for _, line in ipairs(more) do
        lines[#lines + 1] = line
    end
end

local function tile_text(spec, planned, options)
    if not spec.tile then
        return ""
    end
    local _, params <const> = ops[spec.op].params(spec, planned.set, options)
    local mr <const> = params.mr or params.spans and params.spans[1].mr or params.block
    return string.format("%d x %d", mr, params.nr)
end

local function kernel_rows(planned, options)
    local rows <const>, seen <const> = { { "kernel", "layer", "pass", "MFLOP", "tile" } }, {}
    for _, spec in ipairs(planned.train.plan.kernels) do
        local key <const> = spec.layer .. " " .. spec.pass .. " " .. spec.name
        if not seen[key] then
            seen[key] = true
            rows[#rows + 1] = {
                spec.name, spec.layer, spec.pass,
                spec.flop and string.format("%.2f", spec.flop / 1e6) or "",
                tile_text(spec, planned, options),
            }
        end
    end
    return rows
end

local function memory_rows(planned)
    local rows <const> = { { "buffer", "where", "shape", "KB", "at", "calls" } }
    for _, buffer in ipairs(planned.train.plan.buffers) do
        local shared <const> = buffer.scope == "micro_batch" or buffer.scope == "scratch"
        rows[#rows + 1] = {
            buffer.name, buffer.scope, buffer.shape,
            string.format("%.1f", buffer.floats * 4 / 1024),
            tostring(planned.train.memory.offset[buffer]),
            shared and string.format("%d-%d", buffer.first, buffer.last) or "",
        }
    end
    return rows
end

local function phase_lines(planned)
    local lines <const> = {}
    for i, phase in ipairs(planned.train.plan.phases) do
        for _, join in ipairs(phase.joins) do
            lines[#lines + 1] = string.format("    all images meet: %s of %s", join.kind,
                join.norm.name)
        end
        if #phase.calls > 0 then
            lines[#lines + 1] = string.format("phase %d, for each micro-batch of %d images:", i,
                planned.train.plan.micro_batch)
        end
        for _, call in ipairs(phase.calls) do
            lines[#lines + 1] = string.format("    %s", call.fn)
        end
    end
    return lines
end

-- Megabytes of a training step with this many threads, parameters and momentum included.
local function memory_summary(graph, planned, threads)
    local floats <const>, chunks <const> = planned.train.memory.floats, planned.train.plan.chunks
    local micro_batches <const> = limits.micro_batch_floats(planned)
    local total <const> = limits.step_floats(graph, planned, threads)
    return string.format("%.1f MB with %d threads: weights %.2f, gradients of %d chunks %.2f, "
        .. "images of a batch of %d %.2f, each thread %.2f.", total * 4 / 1e6, threads,
        floats.weights * 4 / 1e6, chunks, chunks * floats.chunk * 4 / 1e6, graph.recipe.batch,
        micro_batches * 4 / 1e6,
        (floats.thread + planned.scratch) * 4 / 1e6)
end

local function title(graph, planned, options)
    return string.format("%s, norm %s, %s: %d parameters, %.1f MFLOP an image forward", graph.name,
        options.norm, planned.set.title, graph.param_floats, graph.flop / 1e6)
end

-- A text of two parts, of which the second begins behind the last colon, on lines of a terminal.
local function narrow(text)
    return (text:gsub("^(.*): ", "%1:\n    "):gsub(", images of", ",\n    images of"))
end

-- What a network comes to, in a few lines.
function plan.summary(graph, options)
    local planned <const> = pipeline.plan(graph, options)
    local kernels <const> = {}
    for _, spec in ipairs(planned.train.plan.kernels) do
        kernels[#kernels + 1] = not kernels[spec.name] and spec.name or nil
        kernels[spec.name] = true
    end
    return table.concat({
        narrow(title(graph, planned, options)),
        string.format("training: %d phases, %d kernels, micro-batches of %d images",
            #planned.train.plan.phases, #kernels, planned.train.plan.micro_batch),
        narrow("memory: " .. memory_summary(graph, planned, 2)),
    }, "\n") .. "\n"
end

-- The plan of a network: layers, calls, kernels, memory.
function plan.text(graph, options)
    local planned <const> = pipeline.plan(graph, options)
    local lines <const> = { title(graph, planned, options), "" }
    append(lines, model.layer_table(graph, planned))
    append(lines, { "", "Plan of a training step", "" })
    append(lines, phase_lines(planned))
    append(lines, { "", "Kernels", "" })
    append(lines, model.align(kernel_rows(planned, options), { [4] = true }))
    append(lines, { "", "Memory: " .. memory_summary(graph, planned, 2), "" })
    append(lines, model.align(memory_rows(planned), { [4] = true, [5] = true }))
    return table.concat(lines, "\n") .. "\n"
end

-- What was chosen, as tuned.lua reads it: sorted, one call a line.
function plan.choices(graph, options)
    local planned <const> = pipeline.plan(graph, options)
    local lines <const>, seen <const> = {}, {}
    for _, spec in ipairs(planned.train.plan.kernels) do
        local key <const> = spec.tile and name.key(spec)
        if key and not seen[key] then
            seen[key] = true
            lines[#lines + 1] = string.format('kernel { "%s", isa = "%s", %s }', key,
                planned.set.made_for, choice.text(spec.tile))
        end
    end
    table.sort(lines)
    table.insert(lines, 1, string.format(
        'micro_batch { "%s_%s", isa = "%s", images = %d }', graph.name, options.norm,
        planned.set.made_for, planned.train.plan.micro_batch))
    table.insert(lines, 1, string.format('machine { "%s" }', host.cpu_id()))
    return table.concat(lines, "\n") .. "\n"
end

-- -- Passes --------------------------------------------------------------------------------------

local function name_of(value)
    return value and value.name or nil
end

local function names_of(list)
    local names <const> = {}
    for i, item in ipairs(list) do
        names[i] = item.name
    end
    return names
end

-- A part of a planned program as rows of a plain table, by the name of the pass that made it. Graph
-- nodes, values and buffers refer to each other, so each is named where it is referred to.
local PRINTED <const> = {
    steps = function(planned) return planned.fused.steps, function(step)
        return {
            op = step.op, name = step.name, layers = names_of(step.layers), x = name_of(step.x),
            x2 = name_of(step.inputs[2]), y = name_of(step.y), relu = step.relu,
            activation = name_of(step.activation),
            stats = name_of(step.stats), norm = name_of(step.norm),
            dropout = name_of(step.dropout), masks_x = step.masks_x, global = step.global,
        }
    end end,

    layouts = function(planned) return planned.fused.values, function(value)
        local layout <const> = planned.layouts[value]
        return { value = value.name, data = layout.data, grad = layout.grad }
    end end,

    phases = function(planned) return planned.phases.train, function(phase)
        local tasks <const>, meeting <const> = {}, phase.meeting
        for i, task in ipairs(phase) do
            tasks[i] = {
                op = task.op, part = task.part, step = name_of(task.step),
                value = name_of(task.value), anew = task.anew, serves = task.serves.name,
                pass = task.pass,
            }
        end
        return {
            meeting = meeting and { norm = meeting.norm.name, pass = meeting.pass }, tasks = tasks,
        }
    end end,

    calls = function(planned) return planned.train.plan.phases, function(phase)
        local joins <const>, calls <const> = {}, {}
        for k, join in ipairs(phase.joins) do
            joins[k] = { kind = join.kind, norm = join.norm.name }
        end
        for k, call in ipairs(phase.calls) do
            local args <const> = {}
            for i, arg in ipairs(call.args) do
                args[i] = type(arg) == "table" and arg.name or arg
            end
            calls[k] = { kind = call.kind, fn = call.fn, args = args, note = call.note }
        end
        return { joins = joins, calls = calls }
    end end,

    memory = function(planned) return planned.train.plan.buffers, function(buffer)
        return {
            name = buffer.name, scope = buffer.scope, floats = buffer.floats,
            shape = buffer.shape, first = buffer.first, last = buffer.last,
            offset = planned.train.memory.offset[buffer],
        }
    end end,

    kernels = function(planned) return planned.train.plan.kernels, function(spec)
        local copy <const> = {}
        for key, value in pairs(spec) do -- the printer sorts the keys
            copy[key] = value
        end
        return copy
    end end,
}

--- One pass as a plain table. pass: "steps", "layouts", "phases", "calls", "memory" or "kernels"
function plan.pass(graph, options, pass)
    local list <const>, row_of <const> = PRINTED[pass](pipeline.plan(graph, options))
    local out <const> = {}
    for i, item in ipairs(list) do
        out[i] = row_of(item)
    end
    return out
end

return plan
