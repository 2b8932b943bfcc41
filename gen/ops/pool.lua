-- pool.lua - the largest or the mean of each window, or of the whole image.
--
-- Two operations: pool.max and pool.avg.

local c <const> = require "emit/c"
local geometry <const> = require "geometry"
local entry <const> = require "ops/entry"
local kernel <const> = require "ops/kernel"
local layout <const> = require "ops/layout"

-- A maximum is kept beside its winners, so that its input need not be.
local max <const> = {
    kinds = { "maxpool" }, c_op = "KERNEL_MAXPOOL", keeps = true, backward = {},
}
local avg <const> = {
    kinds = { "avgpool", "global_avgpool" }, c_op = "KERNEL_AVGPOOL", backward = {},
}

local function fuse(fusion, node, op)
    local step <const> = {
        op = op, name = node.name, layers = { node }, global = node.kind == "global_avgpool",
    }
    fusion:read(step, node.inputs)
    return step, node
end

function max.fuse(fusion, node)
    return fuse(fusion, node, "maxpool")
end

function avg.fuse(fusion, node)
    return fuse(fusion, node, "avgpool")
end

local function name_words(spec, head)
    local g <const> = spec.geometry
    return {
        head = head, border = math.max(g.h.padding, g.w.padding),
        padding = not geometry.alike(g, "padding", 0) and "p" .. geometry.word(g, "padding") or nil,
    }
end

function max.name_words(spec)
    return name_words(spec,
        "maxpool" .. geometry.words(spec.geometry) .. (spec.winners and "_winner" or ""))
end

function avg.name_words(spec)
    return name_words(spec,
        "avgpool" .. (spec.global and "_global" or geometry.words(spec.geometry)))
end

-- -- Calls ---------------------------------------------------------------------------------------

-- The places of the winners of a max pooling: a byte for each output.
local function winner_of(planner, step)
    local y <const> = planner.layouts[step.y].data
    return planner:shared_buffer {
        role = "winner", layer = step.y.name, scope = "scratch", floats = y.h * y.w * y.pitch // 4,
        shape = string.format("%d x %d x %d bytes", y.h, y.w, y.pitch),
        copies = planner.micro_batch, holds = "bytes",
    }
end

-- A specification for a step without layouts.
local function specification(step, pass)
    local node <const>, global <const> = step.layers[1], step.global
    return {
        op = step.op, pass = pass, c = step.x.c, global = global,
        geometry = global and geometry.whole(step.x.h, step.x.w) or node.geometry,
    }
end

-- winners: whether the kernel notes them, for a gradient; one in plain loops does so where it is
-- given a place, so that an evaluation has the same kernels as a training
local function forward(planner, step, y, winners)
    local x <const> = planner:value(step.x)
    local spec <const> = specification(step, "fwd")
    spec.x, spec.y, spec.winners = x.layout, y.layout, winners
    spec.params = winners and { "y", "winner", "x" } or { "y", "x" }
    planner:kernel_call(spec, {
        y = y, x = x, winner = winners and (planner.eval and "NULL" or winner_of(planner, step)),
    }, kernel.layer_names(step), step.layers[1].name)
end

function max.forward(planner, step, y)
    forward(planner, step, y, not planner.eval or planner.isa.plain)
end

function avg.forward(planner, step, y)
    forward(planner, step, y, false)
end

local function backward(planner, step, dy, winners)
    local dx <const>, adds <const> = planner:gradient_into(step.x)
    local spec <const> = specification(step, "bwd_data")
    spec.x, spec.y = planner.layouts[step.x].data, dy.layout
    spec.dx, spec.dy, spec.adds = dx.layout, dy.layout, adds
    spec.params = winners and { "dx", "winner", "dy" } or { "dx", "dy" }
    planner:kernel_call(spec, {
        dx = dx, dy = dy, winner = winners and winner_of(planner, step) or nil,
    }, kernel.layer_names(step), step.layers[1].name)
end

-- A maximum knows its winners, and a mean is linear: neither reads its input.
local function backward_parts(step)
    return step.x.trained and { { name = "data", reads = {} } } or {}
end

max.backward_parts, avg.backward_parts = backward_parts, backward_parts

function max.backward.data(planner, step, dy)
    backward(planner, step, dy, true)
end

function avg.backward.data(planner, step, dy)
    backward(planner, step, dy, false)
end

-- -- Kernels -------------------------------------------------------------------------------------

-- The template of a kernel and its parameters.
local function params_of(spec, isa, largest)
    local params <const> = kernel.common(spec, isa)
    local fwd <const> = spec.pass == "fwd"
    local small <const> = fwd and spec.y or spec.dy
    params.pitch, params.max = small.pitch, largest
    params.h, params.w = spec.x.h, spec.x.w
    params.out_h, params.out_w = small.h, small.w
    local h <const>, w <const> = spec.geometry.h, spec.geometry.w
    params.window_h, params.window_w = h.taps, w.taps
    params.stride_h, params.stride_w = h.stride, w.stride
    params.minus_padding_h, params.minus_padding_w = c.add("", -h.padding), c.add("", -w.padding)
    params.clips = h.padding > 0 or w.padding > 0
    params.winners = spec.winners or false
    params.share = isa.literal(1.0 / spec.geometry.taps)
    params.x_border, params.x_cols = spec.x.border, layout.cols(spec.x)
    params.y_border, params.y_cols = small.border, layout.cols(small)
    params.dy_border, params.dy_cols = params.y_border, params.y_cols
    params.dx_border = spec.dx and spec.dx.border or 0
    params.dx_cols = spec.dx and layout.cols(spec.dx) or 0
    local tiles <const> = h.stride == h.taps and w.stride == w.taps and not params.clips
    local covers <const> = tiles and small.h * h.stride == spec.x.h
        and small.w * w.stride == spec.x.w
    params.sets = not spec.adds and (covers or spec.global)
    params.clears = not spec.adds and not params.sets
    local kind <const> = largest and "largest" or "mean"
    if fwd then
        params.formula = string.format("y = %s of each %d x %d window%s, %s.", kind, h.taps,
            w.taps, spec.winners and ", winner = its place there" or "",
            geometry.moves_text(spec.geometry))
    else
        params.formula = string.format("dx %s dy%s, %d x %d windows, %s.",
            spec.adds and "+=" or "=", largest and ", to the winner of its window"
                or string.format(" / %d, to every input of its window", spec.geometry.taps),
            h.taps, w.taps, geometry.moves_text(spec.geometry))
    end
    params.shapes = kernel.shapes_text(spec)
    local large <const> = spec.x.h * spec.x.w * params.pitch
    local few <const> = small.h * small.w * params.pitch
    local winners <const> = largest and few // 4 or 0 -- a byte each
    params.cost = kernel.cost_text(spec, isa, fwd and large or few + winners,
        fwd and few + (spec.winners and winners or 0) or large)
    return largest and "ops/maxpool.c.tpl" or "ops/avgpool.c.tpl", params
end

-- Where every window lies inside the image and sets its own pixels, the loops are those of images
-- of any size.
function max.params(spec, isa)
    local template <const>, params <const> = params_of(spec, isa, true)
    local fwd <const> = spec.pass == "fwd"
    if params.clips or not fwd and not params.sets then
        return template, params
    end
    local to <const>, from <const> = fwd and spec.y or spec.dx, fwd and spec.x or spec.dy
    local large <const>, small <const> = fwd and "from" or "to", fwd and "to" or "from"
    local small_cols <const> = entry.cols(small, fwd and to or from)
    local large_cols <const> = entry.cols(large, fwd and from or to)
    return entry.any_size(spec, params, {
        name = string.format("maxpool_%s_c%d_p%d%s_%s_b%d_%d",
            entry.geometry_word(spec.geometry):lower(), spec.c, params.pitch,
            spec.winners and "_winner" or "", spec.pass, from.border, to.border),
        template = template, to = to, from = from,
        sizes = {
            h = large .. ".h", w = large .. ".w", out_h = small .. ".h", out_w = small .. ".w",
            x_cols = large_cols, dx_cols = large_cols, y_cols = small_cols, dy_cols = small_cols,
        },
    })
end

function avg.params(spec, isa)
    return params_of(spec, isa, false)
end

-- A mean divides.
function avg.exact()
    return false
end

return { max = max, avg = avg }
