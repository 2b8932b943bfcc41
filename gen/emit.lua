-- emit.lua - the planned program -> the text of one C file.
--
-- The last stage: nothing is decided here but the order of things in the file. Rows of tables are
-- written by model.lua, functions by the templates.

local c <const> = require "c"
local fuse <const> = require "fuse"
local isa <const> = require "isa"
local kernel <const> = require "kernel"
local limits <const> = require "limits"
local memory <const> = require "memory"
local model <const> = require "model"
local name <const> = require "name"
local packing <const> = require "packing"
local real <const> = require "real"
local schedule <const> = require "schedule"
local template <const> = require "template"

local emit <const> = {}

local function render(template_name, params)
    return (template.render(template_name, params):gsub("\n$", ""))
end

-- Appends to a list the text of a function unless the list has one of that name; two different
-- texts of one name would be a bug of name.lua.
local function add_once(list, seen, function_name, text)
    assert(seen[function_name] == nil or seen[function_name] == text,
        "one name for two kernels: " .. function_name)
    if not seen[function_name] then
        seen[function_name] = text
        list[#list + 1] = text .. "\n"
    end
end

-- -- Memory --------------------------------------------------------------------------------------

-- Where a buffer begins, for the first image of a group.
local function pointer_text(buffer, offset)
    if buffer.scope == "group" then
        return "own + " .. offset
    elseif buffer.scope == "chunk" then
        return "totals + " .. offset
    end
    return string.format("net->%s + %s", buffer.scope, offset)
end

local SCOPES <const> = {
    { "weights", "WEIGHT_FLOATS", "Packed weights, one copy for all threads." },
    { "chunk", "CHUNK_FLOATS",
        "One block for each chunk of images, zeroed before every step: sums over its images." },
    { "group", "GROUP_FLOATS",
        "One block for each group of images of the batch: what outlives a phase." },
    { "thread", "THREAD_FLOATS", "Each thread's own: what outlives a phase." },
    { "scratch", "SCRATCH_FLOATS",
        "Each thread's own, for one group of images within a phase. Lifetimes count calls." },
}

local function constant(buffer, is_eval)
    local own <const> = is_eval and (buffer.scope == "scratch" or buffer.scope == "group")
    return (own and "EVAL_" or "") .. name.offset(buffer.name)
end

-- bytes: of one number
local function buffer_line(buffer, offset, is_eval, bytes)
    local life = ""
    if buffer.scope == "group" or buffer.scope == "scratch" then
        life = string.format("; calls %d-%d%s", buffer.first, buffer.last,
            is_eval and " of an evaluation" or "")
    end
    local copies <const> = buffer.copies > 1 and buffer.copies .. " of " or ""
    return string.format("%s = %d, /* %s%s; %d bytes%s */", constant(buffer, is_eval), offset,
        copies, buffer.shape, buffer.copies * buffer.floats * bytes, life)
end

-- The enums of section 2. The scratch memory holds the largest gradient of a weight too, when the
-- weights are updated.
local function memory_scopes(train, eval, bytes)
    local scopes <const> = {}
    local largest = 1
    for _, buffer in ipairs(train.plan.buffers) do
        if buffer.scope == "chunk" then
            largest = math.max(largest, buffer.floats)
        end
    end
    for i, scope in ipairs(SCOPES) do
        local lines <const> = {}
        for _, buffer in ipairs(train.plan.buffers) do
            if buffer.scope == scope[1] then
                lines[#lines + 1] = buffer_line(buffer, train.memory.offset[buffer], false, bytes)
            end
        end
        local floats = train.memory.floats[scope[1]]
        if scope[1] == "scratch" then
            for _, buffer in ipairs(eval.plan.buffers) do
                if buffer.scope == "scratch" then
                    lines[#lines + 1] = buffer_line(buffer, eval.memory.offset[buffer], true, bytes)
                end
            end
            floats = math.max(floats, eval.memory.floats.scratch, largest)
        end
        scopes[i] = { title = scope[3], lines = lines, total = scope[2], floats = floats }
    end
    return scopes
end

-- -- Phases --------------------------------------------------------------------------------------

-- each: for image i of the group
local function argument_text(arg, each)
    if type(arg) == "string" then
        return arg
    elseif each and arg.copies > 1 then
        return string.format("%s + i * %d", arg.name, arg.floats)
    end
    return arg.name
end

-- What a profile counts the time up to the end of a call for, or nil: more follows that belongs to
-- the same. laps: of name.laps
local function lap_of(call, laps)
    if call.kernel then
        return laps[call.kernel]
    elseif call.fn:find("^load_") then
        return "LAP_LOAD"
    elseif call.fn == "softmax_loss" then
        return "LAP_LOSS"
    end
end

-- The declaration of the memory that a phase fetches for the next group.
local function ahead_lines(lines, phase)
    local floats = 0
    lines[#lines + 1] = "const float *const soon = net->groups + (size_t)next * GROUP_FLOATS;"
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
    bits = "uint8_t *const %s = net->run->dropout ? (uint8_t *)(%s) : NULL;",
}

-- The function of one phase: pointers to its buffers, then its calls. Those of training are timed
-- on request: laps is nil in evaluation.
local function phase_text(phase, function_name, title, first_call, placed, laps)
    local is_eval <const> = laps == nil
    local pointers <const>, lines <const>, declared <const> = {}, {}, {}
    local uses_chunk, uses_totals, uses_group, uses_image = false, false, false, false
    local uses_next <const> = not is_eval and phase.ahead_steps > 0 and #phase.ahead > 0
    local function declare(buffer)
        if declared[buffer] then
            return
        end
        declared[buffer] = true
        uses_totals = uses_totals or buffer.scope == "chunk"
        uses_chunk = uses_chunk or uses_totals
        uses_group = uses_group or buffer.scope == "group"
        local at <const> = pointer_text(buffer, constant(buffer, is_eval))
        pointers[#pointers + 1] = string.format(POINTERS[buffer.holds or "floats"], buffer.name, at)
    end
    local group
    for i, call in ipairs(phase.calls) do
        if call.group ~= group then
            group = call.group
            if #lines > 0 then
                lines[#lines + 1] = ""
            end
            lines[#lines + 1] = "/* " .. c.comment(group) .. " */"
        end
        for _, buffer in ipairs(placed.clears[first_call + i - 1] or {}) do
            declare(buffer)
            local layout <const> = buffer.layout
            lines[#lines + 1] = string.format("clear_border(%s, n, %d, %d, %d, %d);", buffer.name,
                layout.h, layout.w, layout.pitch, layout.border)
        end
        local args <const> = {}
        for k, arg in ipairs(call.args) do
            if type(arg) == "table" then
                declare(arg)
            else
                uses_chunk = uses_chunk or arg == "chunk"
                uses_image = uses_image or arg == "image" or arg:find("image)", 1, true) ~= nil
            end
            args[k] = arg == "&ahead" and not uses_next and "NULL" or argument_text(arg, call.each)
        end
        local text <const> = string.format("%s(%s);", call.fn, table.concat(args, ", "))
        if call.each then
            lines[#lines + 1] = "for (int i = 0; i < n; i++) {"
            lines[#lines + 1] = "    " .. text
            lines[#lines + 1] = "}"
        else
            lines[#lines + 1] = text
        end
        local lap <const> = laps and lap_of(call, laps)
        if lap then
            lines[#lines + 1] = string.format("lap(net, %s);", lap)
        end
    end
    if uses_next then
        ahead_lines(pointers, phase)
    end
    local head <const> = {}
    local function unused(parameter, used)
        head[#head + 1] = not used and string.format("(void)%s;", parameter) or nil
    end
    unused("chunk", uses_chunk)
    unused("group", uses_group)
    unused("next", uses_next)
    unused("image", uses_image)
    if uses_totals then
        head[#head + 1] = "float *const totals = net->chunks + (size_t)chunk * CHUNK_FLOATS;"
    end
    if uses_group then
        head[#head + 1] = "float *const own = net->groups + (size_t)group * GROUP_FLOATS;"
    end
    table.move(pointers, 1, #pointers, #head + 1, head)
    return render("phase.c.tpl", {
        name = function_name, title = title, pointers = head, lines = lines,
    }) .. "\n"
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

local function join_params(join, graph)
    local node <const> = join.norm
    local pixels <const> = string.format("(double)run->batch->n * %d.0", join.pixels)
    local weight <const> = "net.param + " .. name.param(node.name .. ".weight")
    local bias <const> = "net.param + " .. name.param(node.name .. ".bias")
    local function at(buffer)
        return name.offset(buffer.name)
    end
    local thread <const> = "net.thread + "
    local params <const> = {
        sums = join.sums and at(join.sums), parts = at(join.parts),
        floats = join.sums and join.sums.floats, track = false,
    }
    local state <const> = "run->store.state + " .. name.param(graph.states[node.state].name)
    local variance <const> =
        "run->store.state + " .. name.param(graph.states[node.state + 1].name)
    local forward <const> = join.kind == "norm_fwd" or join.kind == "ghosts_fwd"
    params.title = string.format("Every image has been summed up: the %s of %s.",
        forward and "statistics" or "gradient", node.name)
    if join.kind == "ghosts_fwd" then
        params.track = string.format("%s(%s, %s, &net, net.groups + %s, %d, %d.0);",
            name.norm(node, "ghosts_track"), state, variance, params.parts, node.ghost,
            join.pixels)
    elseif join.kind == "norm_fwd" then
        params.call = string.format("%s(%s%s, %s%s, %s, %s, %s);", join.fn, thread, at(join.coef),
            thread, at(join.sums), weight, bias, pixels)
        params.track = string.format("%s(%s, %s, %s%s, %s);", name.norm(node, "track"), state,
            variance, thread, at(join.sums), pixels)
    end
    if join.kind ~= "norm_bwd" then
        return params
    end
    params.call = string.format(
        "%s(%s%s, rank == 0 ? net.chunks + %s : NULL, rank == 0 ? net.chunks + %s : NULL, "
        .. "%s%s, %s%s, %s, %s);", join.fn, thread, at(join.dcoef), at(join.dweight),
        at(join.dbias), thread, at(join.sums), thread, at(join.coef), weight, pixels)
    return params
end

-- All phase functions and the two functions that call them.
local function schedule_texts(graph, train, eval, weight_count)
    local texts <const>, phases <const> = {}, {}
    local first = 1
    local _, laps <const> = name.laps(train.plan.kernels)
    local several <const> = #train.plan.phases > 1
    for i, phase in ipairs(train.plan.phases) do
        local function_name <const> = several and "train_phase" .. i or "train_group"
        local title <const> = phase_title(phase)
        -- Nothing follows the gradient of a norm before which there is nothing to learn.
        local runs <const> = #phase.calls > 0
        if runs then
            texts[#texts + 1] = phase_text(phase, function_name,
                several and "A group of n images in phase " .. i .. ": " .. c.comment(title) .. "."
                or "A group of n images through the whole network, forward and backward.",
                first, train.memory, laps)
        end
        first = first + #phase.calls
        local joins <const> = {}
        for k, join in ipairs(phase.joins) do
            joins[k] = join_params(join, graph)
        end
        phases[i] = {
            fn = function_name, runs = runs, joins = joins, title = c.comment(title),
            descends = i % 2 == 0,
        }
    end
    texts[#texts + 1] = phase_text(eval.plan.phases[1], "eval_group",
        "A group of n images in evaluation mode.", 1, eval.memory, nil)
    local eval_lines <const> = {}
    for _, node in ipairs(graph.nodes) do
        if node.kind == "norm" and node.norm == "batch" and node.ghost == 0 then
            local function state(index)
                return "run->store.state + " .. name.param(graph.states[index].name)
            end
            eval_lines[#eval_lines + 1] = string.format(
                "%s(net.thread + %s, %s, %s, net.param + %s, net.param + %s);",
                name.norm(node, "eval"), name.offset("coef_" .. node.name), state(node.state),
                state(node.state + 1), name.param(node.name .. ".weight"),
                name.param(node.name .. ".bias"))
        end
    end
    local story <const> = several
        and "Batch norm makes the images meet at every norm."
        or "No image needs another before the update."
    return texts, render("schedule.c.tpl", {
        phases = phases, eval_lines = eval_lines, story = story, weight_count = weight_count,
    }) .. "\n"
end

-- -- Kernels -------------------------------------------------------------------------------------

local function norm_texts(graph, set, list, seen)
    local whole <const>, ghosts <const> = {}, {}
    local function prefix_of(node)
        return (name.norm(node, "fwd"):gsub("_fwd$", ""))
    end
    for _, node in ipairs(graph.nodes) do
        if node.kind == "norm" and node.norm == "batch" then
            (node.ghost > 0 and ghosts or whole)[prefix_of(node)] = true
        end
    end
    for _, node in ipairs(graph.nodes) do
        if node.kind == "norm" then
            local prefix <const> = prefix_of(node)
            local batch <const> = node.norm == "batch"
            add_once(list, seen, prefix, render("norm.c.tpl", {
                whole = whole[prefix] or false, ghosts = ghosts[prefix] or false,
                prefix = prefix, title = batch and "batch norm" or "group norm", batch = batch,
                sets = batch and node.c or node.groups, channels = node.c,
                set_size = batch and 1 or node.c // node.groups,
                pitch = (node.c + set.vl - 1) // set.vl * set.vl,
                eps = string.format("%.17g", node.eps),
                momentum = batch and string.format("%.17g", node.momentum) or "0.0",
            }))
        end
    end
end

local function other_texts(graph, train, set, list, seen)
    local function load_text(call)
        local layout <const> = call.args[1].layout
        return render("load.c.tpl", {
            name = call.fn, channels = layout.c, h = layout.h, w = layout.w,
            pitch = layout.pitch, shapes = call.args[1].shape .. ".", y_border = layout.border,
            y_floats = call.args[1].floats, y_cols = layout.w + 2 * layout.border,
        })
    end
    local function loss_text(call)
        local function vector_at(layout)
            return (layout.border * (layout.w + 2 * layout.border) + layout.border) * layout.pitch
        end
        return render("loss.c.tpl", {
            classes = graph.classes, pitch = call.args[1].layout.pitch,
            dlogits_floats = call.args[1].floats, values_floats = call.args[2].floats,
            dlogits_at = vector_at(call.args[1].layout),
            logits_at = vector_at(call.args[2].layout),
        })
    end
    for _, phase in ipairs(train.plan.phases) do
        for _, call in ipairs(phase.calls) do
            if call.fn:find("^load_") then
                add_once(list, seen, call.fn, load_text(call))
            elseif call.fn == "softmax_loss" then
                add_once(list, seen, call.fn, loss_text(call))
            end
        end
    end
    norm_texts(graph, set, list, seen)
end

-- The helper functions of prelude.c.tpl and winograd_tile.c.tpl that only some kernels use.
local HELPERS <const> = {
    "fetch_ahead", "where_positive", "where_equal", "where_greater", "load_bytes",
    "store_bytes", "kept", "winograd_patch",
    "winograd_input", "winograd_output", "winograd_sums", "winograd_gradient", "winograd_filter",
}

-- Notes in `uses` which helpers the texts call.
local function note_helpers(uses, texts)
    for _, text in ipairs(texts) do
        for _, helper in ipairs(HELPERS) do
            uses[helper] = uses[helper] or text:find(helper .. "(", 1, true) ~= nil
        end
    end
end

local function kernel_texts(graph, train, eval, set, options)
    local list <const>, seen <const> = {}, {}
    local source <const> = limits.source(graph)
    local uses <const> = {}
    for _, helper in ipairs(HELPERS) do
        uses[helper] = false
    end
    uses.clear_border = next(train.memory.clears) ~= nil or next(eval.memory.clears) ~= nil
    for _, plan in ipairs { train.plan, eval.plan } do
        for _, spec in ipairs(plan.kernels) do
            local file <const>, params <const> = kernel.template(spec, set, options)
            local text <const> = render(file, params)
            if not seen[spec.name] then
                source.add(spec.name, #text)
            end
            add_once(list, seen, spec.name, text)
        end
    end
    other_texts(graph, train, set, list, seen)
    note_helpers(uses, list)
    return list, uses
end

-- The functions that pack and unpack weights, and the rows of the table of weights.
local function weight_texts(graph, train, set)
    local list <const>, seen <const>, rows <const> = {}, {}, {}
    local spec_of <const>, buffer_of <const> = {}, {}
    for _, spec in ipairs(train.plan.kernels) do
        if spec.op == "conv" or spec.op == "linear" then
            spec_of[spec.layer .. " " .. spec.pass] = spec
        end
    end
    for _, buffer in ipairs(train.plan.buffers) do
        buffer_of[buffer.name] = buffer
    end
    local function pack_function(spec, what)
        local file <const>, params <const> = packing.template(spec, what, set)
        add_once(list, seen, params.name, render(file, params))
        return params.name
    end
    for i, param in ipairs(graph.params) do
        local layer <const>, role <const> = param.name:match("^(.*)%.(%w+)$")
        local forward <const> = spec_of[layer .. " fwd"]
        local row <const> = {
            "{.param = " .. i - 1,
            ".gradient = " .. name.offset((role == "weight" and "dw_" or "db_") .. layer),
        }
        local gradient <const> = buffer_of[(role == "weight" and "dw_" or "db_") .. layer]
        row[#row + 1] = ".gradient_floats = " .. gradient.floats
        if forward and role == "weight" then
            row[#row + 1] = ".unpack = "
                .. pack_function(spec_of[layer .. " bwd_weights"], "unpack")
            row[#row + 1] = ".packed = true"
            row[#row + 1] = ".forward = " .. name.offset("w_" .. layer)
            row[#row + 1] = ".pack = " .. pack_function(forward, "pack")
            local data <const> = spec_of[layer .. " bwd_data"]
            if data then
                row[#row + 1] = ".transposed = " .. name.offset("wt_" .. layer)
                row[#row + 1] = ".pack_transposed = " .. pack_function(data, "pack_transposed")
            end
        elseif forward then
            row[#row + 1] = ".packed = true"
            row[#row + 1] = ".forward = " .. name.offset("b_" .. layer)
        end
        rows[i] = string.format("/* %s */ %s},", param.name, table.concat(row, ", "))
    end
    return list, rows
end

-- -- The file ------------------------------------------------------------------------------------

-- The planned program: fused steps, schedules and memory of training and evaluation.
-- options: isa, real, algorithm, unroll, norm, network, max_memory, candidate, tuned (see main.lua)
function emit.plan(graph, options)
    local set <const> = isa.get(options.isa, options.real)
    local fused <const> = fuse.steps(graph)
    local program <const> = graph.name .. "_" .. options.norm
    local group <const> = options.tuned and options.tuned:group(program, set.name)
    local wishes <const> = {
        candidate = options.candidate, tuned = options.tuned, group = group and group.images,
    }
    local train <const> = { plan = schedule.train(fused, set, options.algorithm, wishes) }
    local eval <const> = { plan = schedule.eval(fused, set, options.algorithm, wishes) }
    train.memory, eval.memory = memory.place(train.plan), memory.place(eval.plan)
    return { set = set, fused = fused, train = train, eval = eval }
end

-- The text of the program. Raises { kind = "rejected" } where it is beyond the limits.
function emit.program(graph, options)
    limits.check_unroll(graph, options)
    local planned <const> = emit.plan(graph, options)
    limits.check_memory(graph, planned, options)
    local set <const>, train <const>, eval <const> = planned.set, planned.train, planned.eval
    local kernels <const>, uses <const> = kernel_texts(graph, train, eval, set, options)
    local packs <const>, weights <const> = weight_texts(graph, train, set)
    note_helpers(uses, packs)
    local phases <const>, main <const> = schedule_texts(graph, train, eval, #graph.params)
    local params <const> = model.params(graph, planned, options)
    params.scopes = memory_scopes(train, eval, set.bytes)
    params.laps = name.laps(train.plan.kernels)
    params.uses, params.kernel_texts, params.pack_texts = uses, kernels, packs
    params.weights, params.phase_texts, params.schedule = weights, phases, main
    params.prelude = template.render("prelude.c.tpl", {
        isa = set.name, vec = set.vec, mm = set.mm, uses = uses, bytes = set.bytes,
    }) .. template.render("winograd_tile.c.tpl", { vec = set.vec, mm = set.mm, uses = uses })
    params.tuned = options.tuned and c.comment(model.tuned_text(graph, options)) or false
    params.group = train.plan.group
    params.chunk_groups = train.plan.chunk_groups
    params.most_ahead = 1
    for _, phase in ipairs(train.plan.phases) do
        params.most_ahead = math.max(params.most_ahead, #phase.ahead)
    end
    local text <const> = template.render("program.c.tpl", params)
    return set.real == "double" and real.double(text) or text
end

return emit
