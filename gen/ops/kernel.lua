-- kernel.lua - kernel specification -> the parameters of its template.
--
-- Here every decision about a kernel is made: tile, loop nests, addresses, comments. A template
-- only writes them down. Specifications are made by schedule.lua; see its head for their shape.

local c <const> = require "emit/c"
local conv <const> = require "ops/conv/direct"
local depthwise <const> = require "ops/conv/depthwise"
local dropout <const> = require "ops/dropout"
local grouped <const> = require "ops/conv/grouped"
local layout <const> = require "plan/layout"
local tile <const> = require "ops/conv/tile"
local winograd <const> = require "ops/conv/winograd"

local kernel <const> = {}

-- -- Pieces of C ---------------------------------------------------------------------------------

local C_TYPES <const> = {
    keep = "const uint8_t *keep", ahead = "struct ahead *ahead", n = "int n",
}

local WINNER_TYPES <const> = {
    fwd = "uint8_t *restrict winner", bwd_data = "const uint8_t *restrict winner",
}

local OUTPUTS <const> = {
    y = true, dx = true, dw = true, db = true, sums = true, scratch = true,
}

-- The parameters of the C function. In place, dx and dy are one buffer: neither is restrict.
local function signature(spec)
    local in_place <const> = spec.op == "map" and spec.pass == "bwd_data"
    local list <const> = {}
    for i, param in ipairs(spec.params) do
        local pointer <const> = (OUTPUTS[param] and "float *" or "const float *")
            .. ((in_place and (param == "dx" or param == "dy")) and "" or "restrict ")
        list[i] = param == "winner" and WINNER_TYPES[spec.pass] or C_TYPES[param]
            or pointer .. param
    end
    return table.concat(list, ", ")
end

-- " + k / 32 * 16": where the inputs of the bundle of groups of output k begin; nothing where one
-- bundle has all channels.
local function slice(bundle)
    return bundle.count > 1 and string.format(" + k / %d * %d", bundle.made, bundle.read) or ""
end

local function shape_text(variable, l)
    local text <const> = string.format("%s: %d x %d x %d", variable, layout.rows(l),
        layout.cols(l), l.pitch)
    return l.border > 0 and text .. string.format(" (border %d)", l.border) or text
end

-- Where each tensor of a kernel is described in its specification.
local LAYOUT_OF <const> = { y = "y", x = "x", x2 = "x2", yin = "y", dx = "dx", dy = "dy" }

-- Rows of a norm's vectors: see struct kernel_args of runtime/model.h.
local function vector_rows(spec, param)
    if param == "sums" then
        return spec.pass == "fwd" and 3 or 2
    end
    return param == "coef" and 5 or param == "dcoef" and 3 or nil
end

-- The shapes of a kernel's arguments, in their order.
-- weights: shape of w or dw; pitch: lanes of the target
local function shapes_text(spec, pitch, weights)
    local parts <const> = {}
    for _, param in ipairs(spec.params) do
        local l <const> = spec[LAYOUT_OF[param] or ""]
        if l then
            parts[#parts + 1] = shape_text(param, l)
        elseif param == "w" or param == "dw" then
            parts[#parts + 1] = param .. ": " .. weights
        elseif param == "bias" or param == "db" then
            parts[#parts + 1] = param .. ": " .. pitch
        elseif vector_rows(spec, param) then
            parts[#parts + 1] = string.format("%s: %d x %d", param, vector_rows(spec, param), pitch)
        elseif param == "winner" then
            local small <const> = spec.pass == "fwd" and spec.y or spec.dy
            parts[#parts + 1] = string.format("winner: %d x %d x %d bytes", small.h, small.w,
                small.pitch)
        elseif param == "keep" then
            parts[#parts + 1] = string.format("keep: %d x %d x %d bits", spec.x.h, spec.x.w,
                dropout.pitch(spec.c))
        end
    end
    return table.concat(parts, ", ") .. "."
end

-- The step of a loop over images: "image++, y += 36992, x += 18496".
local function next_image(spec, pitch)
    local steps <const> = { "image++" }
    for _, param in ipairs(spec.params) do
        local l <const> = spec[LAYOUT_OF[param] or ""]
        if l then
            steps[#steps + 1] = string.format("%s += %d", param, layout.floats(l))
        elseif param == "winner" then
            local small <const> = spec.pass == "fwd" and spec.y or spec.dy
            steps[#steps + 1] = string.format("winner += %d", small.h * small.w * small.pitch)
        elseif param == "sums" or vector_rows(spec, param) and spec.each_image then
            local rows <const> = vector_rows(spec, param)
            steps[#steps + 1] = string.format("%s += %d", param, rows * pitch)
        end
    end
    return table.concat(steps, ", ")
end

-- "9.44 MFLOP; reads 91 KB, writes 131 KB." Elementwise kernels have no FLOP to name.
local function cost_text(spec, isa, reads, writes)
    local traffic <const> = string.format("eads %d KB, writes %d KB.",
        (reads * isa.bytes + 1023) // 1024, (writes * isa.bytes + 1023) // 1024)
    if spec.flop and spec.flop > 0 then
        return string.format("%.3g MFLOP; r%s", spec.flop / 1e6, traffic)
    end
    return "R" .. traffic
end

local function has(list, word)
    for _, item in ipairs(list) do
        if item == word then
            return true
        end
    end
    return false
end

-- pitch: lanes of the norm's sums and coefficients, if it has any
local function common(spec, isa, pitch)
    return {
        next_image = next_image(spec, pitch),
        name = spec.name, signature = signature(spec), vec = isa.vec, mm = isa.mm, vl = isa.vl,
        pass = spec.pass, fetches = has(spec.params, "ahead"),
    }
end

-- -- Convolution ---------------------------------------------------------------------------------

-- `params` with what `more` has, too.
local function merge(params, more)
    for key, value in pairs(more) do -- a set: the order does not matter
        params[key] = value
    end
    return params
end

local function groups_text(spec)
    if depthwise.is(spec) then
        return ", each channel by itself"
    end
    return spec.groups > 1 and string.format(", %d groups", spec.groups) or ""
end

-- The comment of a forward or data-gradient kernel.
local function conv_comment(params, spec, target, weights)
    local window <const> = string.format("%d x %d window, stride %d, padding %d%s", spec.window,
        spec.window, spec.stride, spec.padding, groups_text(spec))
    local forward <const> = spec.pass == "fwd"
    if forward then
        params.formula = string.format("y = %sx * w%s%s; %s.", spec.relu and "relu(" or "",
            spec.bias and " + bias" or "", spec.relu and ")" or "", window)
        if spec.stats then
            params.formula = params.formula
            .. " Leaves sums of y (see add_image_moments)."
        end
    else
        params.formula = string.format("dx %s dy * w transposed; %s.", spec.adds and "+=" or "=",
            window)
    end
    params.shapes = shapes_text(spec, target.pitch, weights)
end

local function bank_params(params, spec)
    params.groups = tile.split(spec.y.w, conv.BANK_PIXELS)
    params.mr, params.nr = params.groups[1].mr, 1
    params.window, params.channels = spec.window, spec.c
    params.out_h, params.out_w = spec.y.h, spec.y.w
    local at <const> = spec.x.border - spec.padding
    params.rows = {}
    for r = 1, spec.window do
        params.rows[r] = conv.factor("row", spec.stride, at + r - 1)
    end
    params.col = c.add("col" .. c.times(spec.stride), at)
    params.pixel = spec.stride * spec.x.pitch
    return "ops/conv/bank.c.tpl", params
end

local function conv_params(spec, isa, options)
    local forward <const> = spec.pass == "fwd"
    local source <const>, target <const> = forward and spec.x or spec.dy,
        forward and spec.y or spec.dx
    local inputs <const> = grouped.inputs(spec, isa)
    local params <const> = common(spec, isa, target.pitch)
    params.source, params.target = forward and "x" or "dy", forward and "y" or "dx"
    params.bias, params.relu = forward and spec.bias or false, spec.relu
    params.stats, params.adds = spec.stats, spec.adds or false
    if spec.algorithm == "winograd4" then
        merge(params, winograd.params(spec))
        params.unroll = options.unroll == "full" and inputs or 1
        conv_comment(params, spec, target, string.format("36 x %d x %d", inputs, target.pitch))
        params.cost = cost_text(spec, isa, layout.floats(source) + winograd.weight_floats(spec),
            target.h * target.w * target.pitch)
        return "ops/conv/winograd.c.tpl", params
    end
    params.k_pitch, params.source_pitch = target.pitch, source.pitch
    params.source_cols, params.target_cols = layout.cols(source), layout.cols(target)
    params.target_border = target.border
    params.inputs, params.entries = inputs, spec.window * spec.window * inputs
    conv_comment(params, spec, target, string.format("%d x %d x %d", spec.window * spec.window,
        inputs, target.pitch))
    params.cost = cost_text(spec, isa, layout.floats(source) + params.entries * target.pitch,
        target.h * target.w * target.pitch)
    if spec.algorithm == "bank" then
        return bank_params(params, spec)
    elseif spec.algorithm == "depthwise" then
        params.pitch = target.pitch
        return "ops/conv/depthwise.c.tpl", merge(params, depthwise.params(spec, isa))
    end
    params.slice = slice(grouped.bundle(spec, isa))
    local nests <const> = forward and conv.forward_nests(spec, inputs)
        or conv.backward_nests(spec, inputs)
    for _, nest in ipairs(nests) do
        nest.groups = tile.split(nest.out_w, spec.tile.mr)
        nest.unroll = #nest.runs > 0 and conv.unroll(nest.runs[1].length, options) or 1
    end
    params.nests, params.nr, params.mr = nests, spec.tile.nr, spec.tile.mr
    return "ops/conv/direct.c.tpl", params
end

local function conv_weights_params(spec, isa)
    local params <const> = common(spec, isa)
    params.bias = spec.bias
    params.formula = string.format(
        "dw += x correlated with dy%s; %d x %d window, stride %d, padding %d%s.",
        spec.bias and ", db += sum of dy" or "", spec.window, spec.window, spec.stride,
        spec.padding, groups_text(spec))
    local inputs <const> = grouped.inputs(spec, isa)
    params.shapes = shapes_text(spec, spec.dy.pitch,
        string.format("%d x %d x %d", spec.window * spec.window, inputs, spec.dy.pitch))
    local weights <const> = spec.window * spec.window * inputs * spec.dy.pitch
    params.cost = cost_text(spec, isa, layout.floats(spec.x) + layout.floats(spec.dy) + weights,
        weights)
    if spec.algorithm == "winograd4" then
        return "ops/conv/winograd_weights.c.tpl", merge(params, winograd.params(spec))
    end
    if spec.algorithm == "depthwise" then
        params.pitch = spec.dy.pitch
        return "ops/conv/depthwise_weights.c.tpl", merge(params, depthwise.params(spec, isa))
    end
    local run <const> = conv.filter_run(spec, inputs)
    params.runs, params.run = run == inputs and spec.window or 1, run
    params.slice = slice(grouped.bundle(spec, isa))
    params.groups = tile.split(run, spec.tile.mr)
    params.nr, params.mr = spec.tile.nr, params.groups[1].mr
    params.k_pitch, params.window = spec.dy.pitch, spec.window
    params.out_h, params.out_w = spec.dy.h, spec.dy.w
    params.times_stride = c.times(spec.stride)
    params.row_at = spec.x.border - spec.padding
    params.col_at = params.row_at
    params.x_cols, params.x_pitch = layout.cols(spec.x), spec.x.pitch
    params.x_image, params.dy_image = layout.floats(spec.x), layout.floats(spec.dy)
    params.pixel = spec.stride * spec.x.pitch
    params.dy_border, params.dy_cols = spec.dy.border, layout.cols(spec.dy)
    return "ops/conv/direct_weights.c.tpl", params
end

local function convolution(spec, isa, options)
    if spec.pass == "bwd_weights" then
        return conv_weights_params(spec, isa)
    end
    return conv_params(spec, isa, options)
end

-- -- Linear --------------------------------------------------------------------------------------

local LINEAR_BLOCK <const> = 4

local function linear(spec, isa)
    local x <const>, y <const> = spec.x, spec.pass == "fwd" and spec.y or spec.dy
    local params <const> = common(spec, isa, y.pitch)
    local function vector_at(l)
        return (l.border * layout.cols(l) + l.border) * l.pitch
    end
    params.h, params.w, params.channels, params.k = x.h, x.w, spec.c, spec.k
    params.k_pitch = y.pitch
    params.c_pitch = spec.dx and spec.dx.pitch or (spec.c + isa.vl - 1) // isa.vl * isa.vl
    params.block = tile.block(y.pitch // isa.vl, LINEAR_BLOCK)
    params.x_border, params.x_cols, params.x_pitch = x.border, layout.cols(x), x.pitch
    params.dx_border = spec.dx and spec.dx.border or 0
    params.dx_cols = spec.dx and layout.cols(spec.dx) or 0
    params.y_at, params.dy_offset = vector_at(y), vector_at(y)
    params.bias, params.relu = spec.bias, spec.relu
    params.stats, params.adds = spec.stats, spec.adds or false
    local weights <const> = x.h * x.w * spec.c * y.pitch
    if spec.pass == "fwd" then
        params.formula = string.format("y = %sx w%s%s over all pixels and channels.",
            spec.relu and "relu(" or "", spec.bias and " + bias" or "", spec.relu and ")" or "")
        params.loops = string.format("Blocks of %d vectors of outputs; pixels, channels.",
            params.block)
    elseif spec.pass == "bwd_data" then
        params.formula = string.format("dx %s dy w transposed.", spec.adds and "+=" or "=")
        params.loops = "Pixels, vectors of channels; outputs."
    else
        params.formula = "dw += x dy" .. (spec.bias and ", db += dy." or ".")
        params.loops = "Pixels, channels; vectors of outputs."
    end
    params.shapes = shapes_text(spec, y.pitch,
        string.format("%d x %d x %d", x.h * x.w, spec.c, y.pitch))
    params.cost = cost_text(spec, isa, layout.floats(x) + weights,
        spec.pass == "bwd_weights" and weights or y.pitch)
    return "ops/linear.c.tpl", params
end

-- -- Elementwise ---------------------------------------------------------------------------------

local MAP_BLOCK <const> = 4

local function map(spec, isa)
    local fwd <const>, out <const> = spec.pass == "fwd", spec.pass == "fwd" and spec.y or spec.dx
    local grad <const> = fwd and spec.y or spec.dy
    local params <const> = common(spec, isa, grad.pitch)
    params.pitch = grad.pitch
    params.block = tile.block(grad.pitch // isa.vl, MAP_BLOCK)
    params.h, params.w, params.channels = spec.x.h, spec.x.w, spec.c
    params.affine, params.relu = spec.affine, spec.relu
    params.masks_x, params.adds = spec.masks_x, spec.adds or false
    params.dropout = spec.p > 0
    params.reads_x = has(spec.params, "x")
    params.keep_scale, params.drop_pitch, params.keep_bytes = "1.0f", 0, 0
    if params.dropout then
        params.keep_scale = c.float(dropout.scale(spec.p))
        params.drop_pitch = dropout.pitch(spec.c)
        params.keep_bytes = 4 * dropout.words(spec.x.h, spec.x.w, spec.c)
    end
    params.x_border, params.x_cols = spec.x.border, layout.cols(spec.x)
    params.x_pitch = spec.x.pitch
    params.dy_border, params.dy_cols = grad.border, layout.cols(grad)
    params.target = fwd and "y" or "dx"
    params.out_border, params.out_cols = out.border, layout.cols(out)
    local value = spec.affine and "a*(x - m) + b" or "x"
    value = spec.relu and "relu(" .. value .. ")" or value
    value = spec.p > 0 and "drop(" .. value .. ")" or value
    if fwd then
        params.formula = "y = " .. value .. ", a line of its own for each channel."
    else
        local factors <const> = "g = dy through " .. value .. " without its slope"
        if spec.pass == "bwd_reduce" then
            params.formula = factors .. "; sums = sum of g, sum of g * (x - m)."
        else
            local line <const> = spec.affine and "A*g + B*(x - m) + D" or "g"
            params.formula = string.format("%s; dx %s %s%s.", factors,
                spec.adds and "+=" or "=", line, spec.masks_x and " where x > 0" or "")
        end
    end
    params.shapes = shapes_text(spec, grad.pitch)
    local moved <const> = spec.x.h * spec.x.w * grad.pitch
    params.cost = cost_text(spec, isa, (fwd and 1 or 2) * moved,
        spec.pass == "bwd_reduce" and 2 * grad.pitch or moved)
    return "ops/map.c.tpl", params
end

local function sums(spec, isa)
    local params <const> = common(spec, isa, spec.x.pitch)
    params.pitch, params.h, params.w = spec.x.pitch, spec.x.h, spec.x.w
    params.x_border, params.x_cols = spec.x.border, layout.cols(spec.x)
    params.formula = "sums of x for each channel (see add_image_moments)."
    params.shapes = shapes_text(spec, spec.x.pitch)
    params.cost = cost_text(spec, isa, spec.x.h * spec.x.w * spec.x.pitch, 3 * spec.x.pitch)
    return "ops/sums.c.tpl", params
end

local function pool(spec, isa)
    local params <const> = common(spec, isa)
    local fwd <const>, max <const> = spec.pass == "fwd", spec.op == "maxpool"
    local small <const> = fwd and spec.y or spec.dy
    params.pitch, params.max = small.pitch, max
    params.h, params.w = spec.x.h, spec.x.w
    params.out_h, params.out_w = small.h, small.w
    params.window_h = spec.global and spec.x.h or spec.window
    params.window_w = spec.global and spec.x.w or spec.window
    params.stride = spec.stride
    params.minus_padding = c.add("", -spec.padding)
    params.clips = spec.padding > 0
    params.winners = spec.winners or false
    params.share = c.float(1.0 / (params.window_h * params.window_w))
    params.x_border, params.x_cols = spec.x.border, layout.cols(spec.x)
    params.y_border, params.y_cols = small.border, layout.cols(small)
    params.dy_border, params.dy_cols = params.y_border, params.y_cols
    params.dx_border = spec.dx and spec.dx.border or 0
    params.dx_cols = spec.dx and layout.cols(spec.dx) or 0
    local tiles <const> = params.stride >= params.window_h and not params.clips
    local covers <const> = tiles and params.stride == params.window_h
        and small.h * spec.stride == spec.x.h and small.w * spec.stride == spec.x.w
    params.sets = not spec.adds and (covers or spec.global)
    params.clears = not spec.adds and not params.sets
    local kind <const> = max and "largest" or "mean"
    if fwd then
        params.formula = string.format("y = %s of each %d x %d window%s, stride %d, padding %d.",
            kind, params.window_h, params.window_w,
            spec.winners and ", winner = its place there" or "", spec.stride, spec.padding)
    else
        params.formula = string.format("dx %s dy%s, %d x %d windows, stride %d, padding %d.",
            spec.adds and "+=" or "=", max and ", to the winner of its window"
                or string.format(" / %d, to every input of its window",
                    params.window_h * params.window_w),
            params.window_h, params.window_w, spec.stride, spec.padding)
    end
    params.shapes = shapes_text(spec)
    local large <const> = spec.x.h * spec.x.w * params.pitch
    local few <const> = small.h * small.w * params.pitch
    local winners <const> = max and few // 4 or 0 -- a byte each
    params.cost = cost_text(spec, isa, fwd and large or few + winners,
        fwd and few + (spec.winners and winners or 0) or large)
    return max and "ops/maxpool.c.tpl" or "ops/avgpool.c.tpl", params
end

local function add(spec, isa)
    local params <const> = common(spec, isa)
    local fwd <const> = spec.pass == "fwd"
    params.pitch = fwd and spec.y.pitch or spec.dy.pitch
    params.h, params.w, params.relu, params.adds = spec.x.h, spec.x.w, spec.relu,
        spec.adds or false
    local function place(prefix, l)
        params[prefix .. "_border"] = l and l.border or 0
        params[prefix .. "_cols"] = l and layout.cols(l) or 0
    end
    place("x", spec.x)
    place("x2", spec.x2)
    place("y", spec.y)
    place("dx", spec.dx)
    place("dy", spec.dy)
    if fwd then
        params.formula = spec.relu and "y = relu(x + x2)." or "y = x + x2."
    else
        params.formula = string.format("dx %s dy%s.", spec.adds and "+=" or "=",
            spec.relu and " where the sum is positive" or "")
    end
    params.shapes = shapes_text(spec)
    local moved <const> = spec.x.h * spec.x.w * params.pitch
    params.cost = cost_text(spec, isa, 2 * moved, moved)
    return "ops/add.c.tpl", params
end

local FAMILIES <const> = {
    conv = convolution, linear = linear, map = map, sums = sums, maxpool = pool, avgpool = pool,
    add = add,
}

-- The template of a kernel and its parameters.
function kernel.template(spec, isa, options)
    return FAMILIES[spec.op](spec, isa, options)
end

return kernel
