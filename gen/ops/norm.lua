-- norm.lua - the statistics of a norm: sums of each image, coefficients made of them, and the
-- phases at which images meet. The coefficients are applied by pointwise.lua.
--
-- A kernel before a norm leaves the sums of each image. A norm of the whole batch gathers them in
-- double, per chunk and then over chunks (templates/ops/moments.c.tpl). From complete sums the
-- norm's own functions (templates/ops/norm.c.tpl) make the coefficients of its scale and shift, and
-- backward those of dx.

local argument <const> = require "ops/argument"
local c <const> = require "emit/c"
local layout <const> = require "ops/layout"

local norm <const> = { makes_no_value = true, backward = {} }

--- Whether its statistics are those of images of a batch, in training.
function norm.is_batch(node)
    return node.norm == "batch"
end

--- Whether it applies its running statistics in training, too, and learns nothing.
function norm.is_fixed(node)
    return norm.is_batch(node) and node.frozen == true
end

--- Whether images meet at this norm.
function norm.meets(node)
    return norm.is_batch(node) and not norm.is_fixed(node)
end

--- Whether they all share its statistics. Else each image keeps coefficients, its own or a copy of
--- its ghost's.
function norm.is_whole(node)
    return norm.is_batch(node) and node.ghost == 0
end

--- The functions that turn the sums of a norm into the scale and shift that pointwise kernels
--- apply. what: "fwd" and "bwd"; of batch norm "join_fwd" and "join_bwd" where all images meet,
--- "ghosts_fwd", "ghosts_bwd" and "ghosts_track" where the batch is cut into ghosts, and "eval".
--- Other numbers than the defaults are part of the name.
function norm.fn(node, what)
    local word <const> = norm.is_batch(node) and "batch_norm" or "group_norm" .. node.groups
    local eps <const> = node.eps ~= 1e-5 and "_eps" .. c.number_word(node.eps) or ""
    local momentum <const> = norm.is_batch(node) and node.momentum ~= 0.1
        and "_momentum" .. c.number_word(node.momentum) or ""
    return string.format("%s_c%d%s%s_%s", word, node.c, eps, momentum, what)
end

-- -- Memory --------------------------------------------------------------------------------------

local function pitch_of(planner, node)
    return layout.round_up(node.c, planner.isa.vl)
end

-- As kernel_sum_rows of runtime/model.h.
local SUM_ROWS <const> = { sums = 3, dsums = 2 }

-- A buffer of rows with a number for each channel. of: see builder:buffer
local function rows_of_channels(planner, node, rows, of)
    local pitch <const> = pitch_of(planner, node)
    of.layer, of.floats = node.name, rows * pitch
    of.row = { pitch = pitch, used = node.c }
    return planner:shared_buffer(of)
end

--- Where a kernel leaves the sums of a norm for each image. role: "sums" forward, "dsums" backward
function norm.sums(planner, node, role)
    local rows <const> = SUM_ROWS[role]
    return rows_of_channels(planner, node, rows, {
        role = role, scope = "scratch", copies = planner.micro_batch,
        shape = string.format("%d x %d", rows, pitch_of(planner, node)),
    })
end

-- Numbers in double of a norm of the whole batch, 2 rows of them.
local function doubles(planner, role, scope, node)
    local floats_of_one <const> = 8 // planner.isa.bytes
    return rows_of_channels(planner, node, 2 * floats_of_one, {
        role = role, scope = scope, holds = "doubles",
        shape = string.format("2 x %d doubles", pitch_of(planner, node)),
    })
end

local function coefficients(planner, node, role, rows, what)
    local whole <const> = norm.is_whole(node)
    return rows_of_channels(planner, node, rows, {
        role = role, scope = whole and "thread" or "scratch",
        shape = string.format("%d x %d: %s", rows, pitch_of(planner, node), what),
        copies = whole and 1 or planner.micro_batch,
    })
end

--- The coefficients of the scale and shift.
function norm.coef(planner, node)
    return coefficients(planner, node, "coef", 5, "a, b, m, mean - m, 1/deviation")
end

--- The coefficients of dx.
function norm.dcoef(planner, node)
    return coefficients(planner, node, "dcoef", 3, "A, B, D")
end

local function gradient_buffer(planner, node, role)
    return planner:shared_buffer {
        role = role, layer = node.name, scope = "chunk", floats = node.c, shape = tostring(node.c),
    }
end

-- -- Calls ---------------------------------------------------------------------------------------

local function weight_of(node)
    return argument.param(node.name .. ".weight")
end

local function bias_of(node)
    return argument.param(node.name .. ".bias")
end

--- Adds what a kernel has left for each image to the sums of the chunk, where all images of a batch
--- share them.
function norm.gather(planner, node, what, x)
    if planner.eval or not norm.is_whole(node) then
        return
    end
    local sums <const> = planner:named(what, node.name)
    local part <const> = doubles(planner, "chunk_" .. what, "chunk", node)
    local pitch <const> = tostring(pitch_of(planner, node))
    if what == "sums" then
        planner:call("sums", "chunk_moments", {
            part, sums, "net", argument.chunk, argument.image, "n", pitch, x.h * x.w .. ".0",
        }, node.name)
    else
        planner:call("sums", "chunk_sums", { part, sums, "n", pitch }, node.name)
    end
end

-- Scale and shift from the running statistics. Where all images share them, they were made before
-- the first one.
local function forward_eval(planner, node, coef)
    if not norm.is_whole(node) then
        local function state(index)
            return argument.param(planner.graph.states[index].name)
        end
        planner:call("coef", norm.fn(node, "eval"), {
            coef, state(node.state), state(node.state + 1), weight_of(node), bias_of(node), "n",
        }, node.name)
    end
end

-- The sums of every image are complete, and each micro-batch adds up those of its ghosts, which
-- others have left in their memory, or copies the coefficients of the one before: both must stay as
-- they are until all have read them. The coefficients are the first argument.
local function meet_as_ghosts(planner, kind, node, pixels, sums, fn, args)
    planner:join { kind = kind, norm = node, pixels = pixels, parts = sums }
    planner:call("ghosts", fn, args, node.name)
    planner:keep_for_phase(sums)
    args[1].scope = "micro_batch"
    planner:keep_for_phase(args[1])
end

--- The sums are complete: turns them into the scale and shift of the pointwise step.
function norm.forward(planner, step)
    local node <const> = step.norm
    local coef <const> = norm.coef(planner, node)
    local sums <const> = planner:named("sums", node.name)
    local pixels <const> = step.x.h * step.x.w
    if norm.is_fixed(node) or planner.eval and norm.is_batch(node) then
        forward_eval(planner, node, coef)
    elseif norm.is_whole(node) then
        planner:join {
            kind = "norm_fwd", norm = node, pixels = pixels, pitch = pitch_of(planner, node),
            parts = planner:named("chunk_sums", node.name),
            sums = doubles(planner, "total", "thread", node), coef = coef,
            fn = norm.fn(node, "join_fwd"),
        }
    elseif norm.is_batch(node) then
        meet_as_ghosts(planner, "ghosts_fwd", node, pixels, sums, norm.fn(node, "ghosts_fwd"), {
            coef, "net", sums, argument.micro_batch, argument.image, "n", tostring(node.ghost),
            weight_of(node), bias_of(node), pixels .. ".0",
        })
    else
        planner:call("coef", norm.fn(node, "fwd"), {
            coef, sums, weight_of(node), bias_of(node), pixels .. ".0", "n",
        }, node.name)
    end
end

--- The sums of the gradient are complete: turns them into the coefficients of dx and adds the
--- gradients of weight and bias.
function norm.backward.coef(planner, step)
    local node <const> = step.norm
    local coef <const>, dcoef <const> = norm.coef(planner, node), norm.dcoef(planner, node)
    local dweight <const> = gradient_buffer(planner, node, "dw")
    local dbias <const> = gradient_buffer(planner, node, "db")
    local sums <const> = planner:named("dsums", node.name)
    local pixels <const> = step.x.h * step.x.w
    if norm.is_whole(node) then
        planner:join {
            kind = "norm_bwd", norm = node, pixels = pixels, pitch = pitch_of(planner, node),
            parts = planner:named("chunk_dsums", node.name),
            sums = planner:named("total", node.name), coef = coef, dcoef = dcoef,
            dweight = dweight, dbias = dbias, fn = norm.fn(node, "join_bwd"),
        }
    elseif norm.is_batch(node) then
        meet_as_ghosts(planner, "ghosts_bwd", node, pixels, sums, norm.fn(node, "ghosts_bwd"), {
            dcoef, dweight, dbias, "net", sums, argument.micro_batch, argument.image, "n",
            tostring(node.ghost), coef, weight_of(node), pixels .. ".0",
        })
    else
        planner:call("coef", norm.fn(node, "bwd"), {
            dcoef, dweight, dbias, sums, coef, weight_of(node), pixels .. ".0", "n",
        }, node.name)
    end
end

-- -- Functions -----------------------------------------------------------------------------------

local function prefix_of(node)
    return (norm.fn(node, "fwd"):gsub("_fwd$", ""))
end

-- The C parameters of the functions of group norms and of batch norms, by what they do, with the
-- place R of the type of numbers.
local SIGNATURES <const> = {
    group = {
        fwd = "R *restrict coef, const R *restrict sums, const R *restrict weight, "
            .. "const R *restrict bias, double count",
        bwd = "R *restrict dcoef, R *restrict dweight, R *restrict dbias, "
            .. "const R *restrict sums, const R *restrict coef, "
            .. "const R *restrict weight, double count",
    },
    batch = {
        fwd = "R *restrict coef, const double *restrict moments, "
            .. "const R *restrict weight, const R *restrict bias, double count",
        bwd = "R *restrict dcoef, R *restrict dweight, R *restrict dbias, "
            .. "const double *restrict sums, const R *restrict coef, "
            .. "const R *restrict weight, double count",
        track = "R *restrict mean, R *restrict variance, const double *restrict moments, "
            .. "double count",
        eval = "R *restrict coef, const R *restrict mean, "
            .. "const R *restrict variance, const R *restrict weight, "
            .. "const R *restrict bias",
        join_fwd = "R *restrict coef, const struct net *net, double *parts, double *total, "
            .. "const R *weight, const R *bias, R *mean, R *variance, "
            .. "double pixels",
        join_bwd = "R *restrict dcoef, R *restrict dweight, R *restrict dbias, "
            .. "const struct net *net, double *parts, double *total, const R *coef, "
            .. "const R *weight, double pixels",
        ghosts_fwd = "R *coef, const struct net *net, const R *parts, int micro_batch, "
            .. "int image, int n, int ghost, const R *restrict weight, "
            .. "const R *restrict bias, double pixels",
        ghosts_bwd = "R *dcoef, R *restrict dweight, R *restrict dbias, "
            .. "const struct net *net, const R *parts, int micro_batch, int image, int n, "
            .. "int ghost, const R *restrict coef, const R *restrict weight, "
            .. "double pixels",
        ghosts_track = "R *restrict mean, R *restrict variance, const struct net *net, "
            .. "const R *parts, int ghost, double pixels",
    },
}

local function signatures_of(word, set)
    local signatures <const> = {}
    for what, form in pairs(SIGNATURES[word]) do -- a table: the order does not matter
        signatures[what] = c.fill(form, { R = set.real })
    end
    return signatures
end

-- The functions that each macro of norm.c.tpl makes, and what they take besides.
local MACROS <const> = {
    GROUP_NORM = { { "fwd", ", int n" }, { "bwd", ", int n" } },
    GROUP_NORM_FWD = { { "fwd", ", int n" } },
    BATCH_NORM = { { "eval", ", int n" } },
    BATCH_NORM_WHOLE = { { "join_fwd", "" }, { "join_bwd", "" } },
    BATCH_NORM_GHOSTS = { { "ghosts_fwd", "" }, { "ghosts_bwd", "" }, { "ghosts_track", "" } },
}

-- The parameters of norm_entry.c.tpl. macros: those that make the functions of this norm
local function entry_params(node, set, macros)
    local batch <const>, prefix <const> = norm.is_batch(node), prefix_of(node)
    local heads <const> = {}
    for _, macro in ipairs(macros) do
        for _, one in ipairs(MACROS[macro]) do
            heads[#heads + 1] = string.format("static void %s_%s(%s%s)", prefix, one[1],
                signatures_of(batch and "batch" or "group", set)[one[1]], one[2])
        end
    end
    return {
        prefix = prefix, heads = heads, macros = macros, is_entry = true,
        sizes = string.format(".channels = %d, .set = %d, .pitch = %d, .eps = %s%s", node.c,
            batch and 1 or node.c // node.groups, layout.round_up(node.c, set.vl),
            c.double(node.eps), batch and ", .momentum = " .. c.double(node.momentum) or ""),
    }
end

-- Calls add(name, template, params) for the functions of these norms. By the beginning of a norm's
-- functions' names: whole, ghosts: whether all images share its statistics, or those of a ghost;
-- backward: whether any such norm has a gradient
local function add_texts(nodes, set, whole, ghosts, backward, add)
    local most_pitch, sums, gathers, merges = 1, false, false, false
    local kinds <const> = { group = {}, batch = {} }
    for _, node in ipairs(nodes) do
        local prefix <const> = prefix_of(node)
        local kind <const> = kinds[norm.is_batch(node) and "batch" or "group"]
        kind.used = true
        kind.whole = kind.whole or whole[prefix]
        kind.ghosts = kind.ghosts or ghosts[prefix]
        kind.backward = kind.backward or backward[prefix] or false
        kind.forward_alone = kind.forward_alone or not backward[prefix]
        sums = sums or not norm.is_fixed(node)
        gathers = gathers or norm.is_whole(node) and norm.meets(node)
        merges = merges or norm.is_batch(node) -- moments of several images
        most_pitch = math.max(most_pitch, layout.round_up(node.c, set.vl))
    end
    if sums then
        add("moments", "ops/moments.c.tpl", { gathers = gathers, merges = merges })
    end
    for _, word in ipairs { "group", "batch" } do
        local kind <const> = kinds[word]
        if kind.used then
            add(word .. "_norm", "ops/norm.c.tpl", {
                batch = word == "batch", title = word .. " norm", most_pitch = most_pitch,
                merges = merges,
                whole = kind.whole or false, ghosts = kind.ghosts or false,
                backward = kind.backward, forward_alone = kind.forward_alone,
                signatures = signatures_of(word, set),
            })
        end
    end
    for _, node in ipairs(nodes) do
        local prefix <const> = prefix_of(node)
        local macros = { backward[prefix] and "GROUP_NORM" or "GROUP_NORM_FWD" }
        if norm.is_batch(node) then
            macros = { "BATCH_NORM" }
            macros[#macros + 1] = whole[prefix] and "BATCH_NORM_WHOLE" or nil
            macros[#macros + 1] = ghosts[prefix] and "BATCH_NORM_GHOSTS" or nil
        end
        add(prefix, "ops/norm_entry.c.tpl", entry_params(node, set, macros))
    end
end

--- The functions of networks that are not trained, for the norms that are made of an image's own
--- sums: forward alone. layers: names of these norms, as a set
function norm.forward_texts(graph, set, layers, add)
    local nodes <const> = {}
    for _, node in ipairs(graph.nodes) do
        nodes[#nodes + 1] = layers[node.name] and node or nil
    end
    add_texts(nodes, set, {}, {}, {}, add)
end

--- Calls add(name, template, params) for the functions of all norms of a network. learns: names of
--- those that have a gradient, as a set
function norm.texts(graph, set, learns, add)
    local nodes <const>, whole <const>, ghosts <const>, backward <const> = {}, {}, {}, {}
    for _, node in ipairs(graph.nodes) do
        if node.kind == "norm" and not node.over then
            nodes[#nodes + 1] = node
            local prefix <const> = prefix_of(node)
            whole[prefix] = whole[prefix] or norm.is_whole(node) and norm.meets(node)
            backward[prefix] = backward[prefix] or learns[node.name]
            ghosts[prefix] = ghosts[prefix] or norm.is_batch(node) and not norm.is_whole(node)
        end
    end
    add_texts(nodes, set, whole, ghosts, backward, add)
end

return norm
