-- program.lua - the planned program -> the text of one C file.
--
-- The last stage: nothing is decided here but the order of things in the file. Rows of tables are
-- written by model.lua, functions by the templates.

local c <const> = require "emit/c"
local digest <const> = require "emit/digest"
local limits <const> = require "plan/limits"
local model <const> = require "emit/model"
local name <const> = require "emit/name"
local ops <const> = require "ops/ops"
local phases <const> = require "emit/phases"
local pipeline <const> = require "plan/pipeline"
local real <const> = require "emit/real"
local template <const> = require "emit/template"
local watch <const> = require "emit/watch"

local emit <const> = {}

local function render(template_name, params)
    return (template.render(template_name, params):gsub("\n$", ""))
end

-- Whether two values are the same, tables part by part but for the key `but`.
local function equal(a, b, but)
    if type(a) ~= "table" or type(b) ~= "table" then
        return a == b
    end
    for key, value in pairs(a) do -- the order does not matter
        if key ~= but and not equal(value, b[key]) then
            return false
        end
    end
    for key in pairs(b) do
        if key ~= but and a[key] == nil then
            return false
        end
    end
    return true
end

-- Whether `seen` has a function of that name, made from the same; else notes it. A text follows
-- from what it is made from, and two functions of one name that differ would be a bug of name.lua.
local function is_made(seen, function_name, source, but)
    local known <const> = seen[function_name]
    seen[function_name] = known or source
    assert(not known or equal(known, source, but), "one name for two kernels: " .. function_name)
    return known ~= nil
end

-- Appends to a list the text of a function unless the list has one of that name.
local function add_once(list, seen, function_name, file, params)
    if not is_made(seen, function_name, params) then
        list[#list + 1] = render(file, params) .. "\n"
    end
end

-- -- Memory --------------------------------------------------------------------------------------

local SCOPES <const> = {
    { "weights", "WEIGHT_FLOATS", "Packed weights, one copy for all threads." },
    { "chunk", "CHUNK_FLOATS",
        "One block for each chunk of images, zeroed before every step: sums over its images." },
    { "group", "GROUP_FLOATS",
        "One block for each group of images of the batch: what outlives a phase." },
    { "thread", "THREAD_FLOATS", "Each thread's own: what outlives a phase." },
    { "scratch", "SCRATCH_FLOATS",
        "Each thread's own, for one group of images within a phase: the pointers of each phase "
            .. "say what lies where." },
}

local UNPHASED_SCOPES <const> = {
    SCOPES[1], SCOPES[2],
    { "scratch", "SCRATCH_FLOATS",
        "Each thread's own, for one group of images: the pointers of train_group and "
            .. "eval_group say what lies where." },
}

-- bytes: of one number
local function buffer_line(buffer, offset, bytes)
    local copies <const> = buffer.copies > 1 and buffer.copies .. " of " or ""
    local life <const> = buffer.scope == "group"
        and string.format("; calls %d-%d", buffer.first, buffer.last) or ""
    return string.format("%s = %d, /* %s%s; %d bytes%s */", name.offset(buffer.name), offset,
        copies, buffer.shape, buffer.copies * buffer.floats * bytes, life)
end

-- The enums of the memory that outlives a phase, in the scopes that this program has, and the size
-- of each.
local function memory_scopes(planned)
    local train <const> = planned.train
    local scopes <const> = {}
    for _, scope in ipairs(planned.phased and SCOPES or UNPHASED_SCOPES) do
        local lines <const> = {}
        for _, buffer in ipairs(scope[1] == "scratch" and {} or train.plan.buffers) do
            if buffer.scope == scope[1] then
                lines[#lines + 1] = buffer_line(buffer, train.memory.offset[buffer],
                    planned.set.bytes)
            end
        end
        scopes[#scopes + 1] = {
            title = scope[3], lines = lines, total = scope[2],
            floats = scope[1] == "scratch" and planned.scratch or train.memory.floats[scope[1]],
        }
    end
    return scopes
end

-- -- Kernels -------------------------------------------------------------------------------------

local function norm_texts(graph, set, list, seen)
    local whole <const>, ghosts <const> = {}, {}
    local function prefix_of(node)
        return (name.norm(node, "fwd"):gsub("_fwd$", ""))
    end
    local has_norms, gathers = false, false
    for _, node in ipairs(graph.nodes) do
        has_norms = has_norms or node.kind == "norm"
        if node.kind == "norm" and node.norm == "batch" then
            (node.ghost > 0 and ghosts or whole)[prefix_of(node)] = true
            gathers = gathers or node.ghost == 0
        end
    end
    if has_norms then
        add_once(list, seen, "moments", "ops/moments.c.tpl", { gathers = gathers })
    end
    for _, node in ipairs(graph.nodes) do
        if node.kind == "norm" then
            local prefix <const> = prefix_of(node)
            local batch <const> = node.norm == "batch"
            local pitch <const> = (node.c + set.vl - 1) // set.vl * set.vl
            add_once(list, seen, prefix, "ops/norm.c.tpl", {
                whole = whole[prefix] or false, ghosts = ghosts[prefix] or false,
                prefix = prefix, title = batch and "batch norm" or "group norm", batch = batch,
                inputs = batch and string.format("moments: 2 x %d, those", pitch)
                    or string.format("sums: 3 x %d, those (see add_image_moments)", pitch),
                sets = batch and node.c or node.groups, channels = node.c,
                set_size = batch and 1 or node.c // node.groups,
                pitch = pitch,
                eps = c.double(node.eps),
                momentum = batch and c.double(node.momentum) or "0.0",
            })
        end
    end
end

local function other_texts(graph, train, set, list, seen)
    local function load_params(call)
        local layout <const> = call.args[1].layout
        return {
            name = call.fn, channels = layout.c, h = layout.h, w = layout.w,
            pitch = layout.pitch, shapes = call.args[1].shape .. ".", y_border = layout.border,
            y_floats = call.args[1].floats, y_cols = layout.w + 2 * layout.border,
        }
    end
    local function loss_params(call)
        local function vector_at(layout)
            return (layout.border * (layout.w + 2 * layout.border) + layout.border) * layout.pitch
        end
        return {
            classes = graph.classes, pitch = call.args[1].layout.pitch,
            dlogits_floats = call.args[1].floats, values_floats = call.args[2].floats,
            dlogits_at = vector_at(call.args[1].layout),
            logits_at = vector_at(call.args[2].layout),
        }
    end
    for _, phase in ipairs(train.plan.phases) do
        for _, call in ipairs(phase.calls) do
            if call.kind == "load" then
                add_once(list, seen, call.fn, "ops/load.c.tpl", load_params(call))
            elseif call.kind == "loss" then
                add_once(list, seen, call.fn, "ops/loss.c.tpl", loss_params(call))
            end
        end
    end
    norm_texts(graph, set, list, seen)
end

-- The helper functions of prelude.c.tpl and winograd_tile.c.tpl that only some kernels use.
local HELPERS <const> = {
    "fetch_ahead", "where_positive", "where_equal", "where_greater", "load_bytes",
    "store_bytes", "kept", "winograd_patch",
    "winograd_input", "winograd_output", "winograd_relu", "winograd_store", "winograd_add",
    "winograd_sums", "winograd_gradient", "winograd_filter",
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
    local list <const>, shared <const>, seen <const> = {}, {}, {}
    local source <const> = limits.source(graph)
    local uses <const> = {}
    for _, helper in ipairs(HELPERS) do
        uses[helper] = false
    end
    uses.clear_border = next(train.memory.clears) ~= nil or next(eval.memory.clears) ~= nil
    for _, plan in ipairs { train.plan, eval.plan } do
        for _, spec in ipairs(plan.kernels) do
            if not is_made(seen, spec.name, spec, "layer") then
                local file <const>, params <const>, shares <const>
                    = ops[spec.op].params(spec, set, options)
                for _, one in ipairs(shares or {}) do
                    one.params.name = one.name
                    one.params.vec, one.params.mm, one.params.vl = set.vec, set.mm, set.vl
                    add_once(shared, seen, one.name, one.template, one.params)
                end
                local text <const> = render(file, params)
                source.add(spec.name, #text)
                list[#list + 1] = text .. "\n"
            end
        end
    end
    other_texts(graph, train, set, list, seen)
    note_helpers(uses, list)
    return list, shared, uses
end

-- The functions that pack and unpack weights, and the rows of the table of weights.
local function weight_texts(graph, train, set)
    local list <const>, seen <const>, rows <const> = {}, {}, {}
    local spec_of <const>, buffer_of <const> = {}, {}
    for _, spec in ipairs(train.plan.kernels) do
        if ops[spec.op].pack then
            spec_of[spec.layer .. " " .. spec.pass] = spec
        end
    end
    for _, buffer in ipairs(train.plan.buffers) do
        buffer_of[buffer.name] = buffer
    end
    local function pack_function(spec, what)
        local file <const>, params <const> = ops[spec.op].pack(spec, what, set)
        add_once(list, seen, params.name, file, params)
        return params.name
    end
    for i, param in ipairs(graph.params) do
        local layer <const>, role <const> = param.layer, param.role
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

-- The prototypes of functions that others call before they are defined. A function that is not
-- inlined begins with its prototype, on a line of its own.
local function prototypes(lists)
    local list <const> = {}
    for _, texts in ipairs(lists) do
        for _, text in ipairs(texts) do
            for line in ("\n" .. text):gmatch("\n(static [^\n]*%))\n{") do
                if not line:lower():find("^static inline") then
                    list[#list + 1] = line .. ";"
                end
            end
        end
    end
    return list
end

-- What decides the bits of a result besides the description: the code of the kernels, of packing
-- and of the order of a step, without what only people read.
local function arithmetic(params)
    local texts <const> = { params.prelude, params.schedule, "group " .. params.group }
    for _, list in ipairs { params.shared_texts, params.kernel_texts, params.pack_texts,
        params.weights, params.phase_texts } do
        table.move(list, 1, #list, #texts + 1, texts)
    end
    return digest.of_c(texts)
end

-- The text of the program. Raises { kind = "rejected" } where it is beyond the limits.
function emit.program(graph, options)
    limits.check_unroll(graph, options)
    local planned <const> = pipeline.plan(graph, options)
    limits.check_memory(graph, planned, options)
    local set <const>, train <const>, eval <const> = planned.set, planned.train, planned.eval
    local kernels <const>, shared <const>, uses <const> = kernel_texts(graph, train, eval, set,
        options)
    local packs <const>, weights <const> = weight_texts(graph, train, set)
    note_helpers(uses, packs)
    local phase_texts <const>, main <const> = phases.texts(graph, train, eval, planned.phased)
    local params <const> = model.params(graph, planned, options)
    params.scopes, params.phased = memory_scopes(planned), planned.phased
    local slots <const>, slot_of <const> = name.slots(train.plan.kernels)
    params.slots = slots
    params.tensor_rows = watch.rows(graph, train.plan, train.memory, set, slot_of)
    params.uses, params.kernel_texts, params.pack_texts = uses, kernels, packs
    params.shared_texts = shared
    params.weights, params.phase_texts, params.schedule = weights, phase_texts, main
    params.prelude = template.render("emit/prelude.c.tpl", {
        isa = set.name, vec = set.vec, mm = set.mm, uses = uses, bytes = set.bytes,
    }) .. template.render("ops/conv/winograd_tile.c.tpl", {
        vec = set.vec, mm = set.mm, uses = uses,
    })
    params.prototypes = prototypes { { params.prelude }, kernels }
    params.tuned = options.tuned and c.comment(model.tuned_text(graph, options)) or false
    params.group = train.plan.group
    params.chunk_groups = train.plan.chunk_groups
    params.most_ahead = 1
    for _, phase in ipairs(train.plan.phases) do
        params.most_ahead = math.max(params.most_ahead, #phase.ahead)
    end
    params.model.arithmetic = arithmetic(params)
    local text <const> = template.render("emit/program.c.tpl", params)
    return set.real == "double" and real.double(text) or text
end

return emit
