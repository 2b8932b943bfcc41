-- kernel.lua - kernel specification -> the parameters of its template.
--
-- Here every decision about a kernel is made: tile, loop nests, addresses, comments. A template
-- only writes them down. Specifications are made by schedule.lua; see its head for their shape.

local name <const> = require "name"
local tile <const> = require "tile"

local kernel <const> = {}

-- -- Pieces of C ---------------------------------------------------------------------------------

-- " + 3", " - 1" or nothing: what follows a variable in an address.
local function plus(n)
    return n > 0 and " + " .. n or n < 0 and " - " .. -n or ""
end

-- " * 2" or nothing.
local function times(n)
    return n > 1 and " * " .. n or ""
end

-- A factor of an address: "row" or "(row * 2 + 1)".
local function factor(variable, stride, offset)
    local text <const> = variable .. times(stride) .. plus(offset)
    return text == variable and text or "(" .. text .. ")"
end

local C_TYPES <const> = { key = "uint64_t key" }

local OUTPUTS <const> = { y = true, dx = true, dw = true, db = true, sums = true }

-- The parameters of the C function. In place, dx and dy are one buffer: neither is restrict.
local function signature(spec)
    local in_place <const> = spec.op == "map" and spec.pass == "bwd_data"
    local list <const> = {}
    for i, param in ipairs(spec.params) do
        local pointer <const> = (OUTPUTS[param] and "float *" or "const float *")
            .. ((in_place and (param == "dx" or param == "dy")) and "" or "restrict ")
        list[i] = C_TYPES[param] or pointer .. param
    end
    return table.concat(list, ", ")
end

local function rows_of(layout)
    return layout.h + 2 * layout.border
end

local function cols_of(layout)
    return layout.w + 2 * layout.border
end

local function floats_of(layout)
    return rows_of(layout) * cols_of(layout) * layout.pitch
end

local function shape_text(variable, layout)
    local text <const> = string.format("%s: %d x %d x %d", variable, rows_of(layout),
        cols_of(layout), layout.pitch)
    return layout.border > 0 and text .. string.format(" (border %d)", layout.border) or text
end

-- "9.44 MFLOP; reads 91 KB, writes 131 KB." Elementwise kernels have no FLOP to name.
local function cost_text(spec, reads, writes)
    local traffic <const> = string.format("eads %d KB, writes %d KB.", (reads * 4 + 1023) // 1024,
        (writes * 4 + 1023) // 1024)
    if spec.flop and spec.flop > 0 then
        return string.format("%.3g MFLOP; r%s", spec.flop / 1e6, traffic)
    end
    return "R" .. traffic
end

local function common(spec, isa)
    return {
        name = spec.name, signature = signature(spec), vec = isa.vec, mm = isa.mm, vl = isa.vl,
        pass = spec.pass,
    }
end

-- -- Convolution ---------------------------------------------------------------------------------

-- Entries of a run that the inner loop takes at once: short runs are unrolled a little, long ones
-- are not, since more than one step in flight makes compilers spill accumulators.
local SHORT_RUN <const> = 12

local function unroll_factor(length, options)
    if options.unroll == "full" then
        return length
    end
    if length <= SHORT_RUN then
        return tile.block(length, 3)
    end
    return 1
end

-- The runs of one loop nest: what it reads of the source for one output pixel, and in which order
-- it meets the weights. rows, cols: arrays of taps, each with its offset `at` in the source.
local function window_runs(rows, cols, stride, layout, channels)
    local runs <const> = {}
    for _, row in ipairs(rows) do
        local whole <const> = layout.pitch == channels
        for i = 1, whole and math.min(1, #cols) or #cols do
            local taps <const> = whole and #cols or 1
            runs[#runs + 1] = {
                length = taps * channels,
                row = factor("row", stride, row.at + layout.border),
                col = "col" .. times(stride) .. plus(cols[i].at + layout.border),
                note = string.format("Window row %d, %s, %d channels each.", row.tap,
                    taps == 1 and "column " .. cols[i].tap or taps .. " columns", channels),
            }
        end
    end
    return runs
end

local function forward_nests(spec)
    local rows <const>, cols <const> = {}, {}
    for tap = 0, spec.window - 1 do
        rows[tap + 1] = { tap = tap, at = tap - spec.padding }
        cols[tap + 1] = { tap = tap, at = tap - spec.padding }
    end
    return { {
        out_h = spec.y.h, out_w = spec.y.w, step = 1, weight_at = 0, row_phase = 0, col_phase = 0,
        runs = window_runs(rows, cols, spec.stride, spec.x, spec.c),
        pixel = spec.stride * spec.x.pitch,
        out_row = factor("row", 1, spec.y.border), out_col = "col" .. plus(spec.y.border),
    } }
end

-- Taps that reach the input pixels of one residue: pixel phase + step i reads the output gradient
-- at i + at. Ascending in `at`, so descending in the tap.
local function taps_of_phase(spec, phase)
    local taps <const> = {}
    for tap = spec.window - 1, 0, -1 do
        local reach <const> = phase + spec.padding - tap
        if reach % spec.stride == 0 then
            taps[#taps + 1] = { tap = tap, at = reach // spec.stride }
        end
    end
    return taps
end

-- The data gradient's loop nests, and the taps in the order in which they read their weights.
local function backward_nests(spec)
    local nests <const>, order <const> = {}, {}
    local step <const> = spec.stride
    for row_phase = 0, step - 1 do
        for col_phase = 0, step - 1 do
            local rows <const> = taps_of_phase(spec, row_phase)
            local cols <const> = taps_of_phase(spec, col_phase)
            local out_h <const> = (spec.dx.h - row_phase + step - 1) // step
            local out_w <const> = (spec.dx.w - col_phase + step - 1) // step
            local runs <const> = window_runs(rows, cols, 1, spec.dy, spec.k)
            if out_h > 0 and out_w > 0 and (#runs > 0 or not spec.adds) then
                nests[#nests + 1] = {
                    out_h = out_h, out_w = out_w, step = step, runs = runs,
                    row_phase = row_phase, col_phase = col_phase,
                    weight_at = #order * spec.k,
                    pixel = spec.dy.pitch,
                    out_row = factor("row", step, row_phase + spec.dx.border),
                    out_col = "col" .. times(step) .. plus(col_phase + spec.dx.border),
                }
            end
            for _, row in ipairs(rows) do
                for _, col in ipairs(cols) do
                    order[#order + 1] = row.tap * spec.window + col.tap
                end
            end
        end
    end
    return nests, order
end

-- The packing order of the transposed weights: tap indices r * window + s.
function kernel.tap_order(spec)
    local _, order <const> = backward_nests(spec)
    return order
end

-- The tile of a forward or data-gradient kernel: the widest of its nests decides.
local function conv_tile(spec, nests, isa)
    local widest = 0
    for _, nest in ipairs(nests) do
        widest = math.max(widest, nest.out_w)
    end
    local target <const> = spec.pass == "fwd" and spec.y or spec.dx
    return tile.choose(isa, widest, target.pitch // isa.vl)
end

local function conv_params(spec, isa, options)
    local forward <const> = spec.pass == "fwd"
    local source <const>, target <const> = forward and spec.x or spec.dy,
        forward and spec.y or spec.dx
    local nests <const> = forward and forward_nests(spec) or backward_nests(spec)
    local params <const> = common(spec, isa)
    local chosen <const> = conv_tile(spec, nests, isa)
    for _, nest in ipairs(nests) do
        nest.groups = tile.split(nest.out_w, chosen.mr)
        nest.unroll = #nest.runs > 0 and unroll_factor(nest.runs[1].length, options) or 1
    end
    params.nests, params.nr, params.mr = nests, chosen.nr, chosen.mr
    params.entries = spec.window * spec.window * (forward and spec.c or spec.k)
    params.k_pitch = target.pitch
    params.source, params.source_pitch = forward and "x" or "dy", source.pitch
    params.source_cols, params.target_cols = cols_of(source), cols_of(target)
    params.target, params.target_border = forward and "y" or "dx", target.border
    params.bias, params.relu = forward and spec.bias or false, spec.relu
    params.stats, params.adds = spec.stats, spec.adds or false
    local window <const> = string.format("%d x %d window, stride %d, padding %d", spec.window,
        spec.window, spec.stride, spec.padding)
    local inputs <const> = forward and spec.c or spec.k
    local weights <const> = spec.window * spec.window * inputs * target.pitch
    if forward then
        params.formula = string.format("y = %sx * w%s%s; %s.", spec.relu and "relu(" or "",
            spec.bias and " + bias" or "", spec.relu and ")" or "", window)
        if spec.stats then
            params.formula = params.formula .. " Adds sums of y and y * y to sums."
        end
    else
        params.formula = string.format("dx %s dy * w transposed; %s.", spec.adds and "+=" or "=",
            window)
    end
    params.shapes = string.format("%s, w: %d x %d x %d, %s%s.",
        shape_text(params.source, source), spec.window * spec.window,
        forward and spec.c or spec.k, target.pitch, shape_text(params.target, target),
        spec.stats and ", sums: 2 x " .. target.pitch or "")
    params.cost = cost_text(spec, floats_of(source) + weights,
        target.h * target.w * target.pitch)
    return "conv.c.tpl", params
end

local function conv_weights_params(spec, isa)
    local params <const> = common(spec, isa)
    local whole <const> = spec.x.pitch == spec.c
    local run <const> = whole and spec.window * spec.c or spec.c
    local chosen <const> = tile.choose(isa, run, spec.dy.pitch // isa.vl)
    params.runs, params.run = whole and 1 or spec.window, run
    params.groups, params.nr, params.mr = chosen.groups, chosen.nr, chosen.mr
    params.k_pitch, params.window, params.bias = spec.dy.pitch, spec.window, spec.bias
    params.out_h, params.out_w = spec.dy.h, spec.dy.w
    params.times_stride = times(spec.stride)
    params.row_at = spec.x.border - spec.padding
    params.col_at = params.row_at
    params.x_cols, params.x_pitch = cols_of(spec.x), spec.x.pitch
    params.pixel = spec.stride * spec.x.pitch
    params.dy_border, params.dy_cols = spec.dy.border, cols_of(spec.dy)
    params.formula = string.format(
        "dw += x correlated with dy%s; %d x %d window, stride %d, padding %d.",
        spec.bias and ", db += sum of dy" or "", spec.window, spec.window, spec.stride,
        spec.padding)
    params.shapes = string.format("%s, %s, dw: %d x %d x %d.", shape_text("x", spec.x),
        shape_text("dy", spec.dy), spec.window * spec.window, spec.c, spec.dy.pitch)
    local weights <const> = spec.window * spec.window * spec.c * spec.dy.pitch
    params.cost = cost_text(spec, floats_of(spec.x) + floats_of(spec.dy) + weights, weights)
    return "conv_weights.c.tpl", params
end

local function conv(spec, isa, options)
    if spec.pass == "bwd_weights" then
        return conv_weights_params(spec, isa)
    end
    return conv_params(spec, isa, options)
end

-- -- Linear --------------------------------------------------------------------------------------

local LINEAR_BLOCK <const> = 4

local function linear(spec, isa)
    local params <const> = common(spec, isa)
    local x <const>, y <const> = spec.x, spec.pass == "fwd" and spec.y or spec.dy
    local function vector_at(layout)
        return (layout.border * cols_of(layout) + layout.border) * layout.pitch
    end
    params.h, params.w, params.channels, params.k = x.h, x.w, spec.c, spec.k
    params.k_pitch = y.pitch
    params.c_pitch = spec.dx and spec.dx.pitch or (spec.c + isa.vl - 1) // isa.vl * isa.vl
    params.block = tile.block(y.pitch // isa.vl, LINEAR_BLOCK)
    params.x_border, params.x_cols, params.x_pitch = x.border, cols_of(x), x.pitch
    params.dx_border = spec.dx and spec.dx.border or 0
    params.dx_cols = spec.dx and cols_of(spec.dx) or 0
    params.y_at, params.dy_offset = vector_at(y), vector_at(y)
    params.bias, params.relu = spec.bias, spec.relu
    params.stats, params.adds = spec.stats, spec.adds or false
    local weights <const> = x.h * x.w * spec.c * y.pitch
    local from <const> = string.format("%s, %s, w: %d x %d x %d", shape_text("x", x),
        shape_text("y", y), x.h * x.w, spec.c, y.pitch)
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
    params.shapes = from .. "."
    params.cost = cost_text(spec, floats_of(x) + weights,
        spec.pass == "bwd_weights" and weights or y.pitch)
    return "linear.c.tpl", params
end

-- -- Elementwise ---------------------------------------------------------------------------------

local MAP_BLOCK <const> = 4

local function map(spec, isa)
    local params <const> = common(spec, isa)
    local fwd <const>, out <const> = spec.pass == "fwd", spec.pass == "fwd" and spec.y or spec.dx
    local grad <const> = fwd and spec.y or spec.dy
    params.pitch = grad.pitch
    params.block = tile.block(grad.pitch // isa.vl, MAP_BLOCK)
    params.h, params.w, params.channels = spec.x.h, spec.x.w, spec.c
    params.affine, params.relu = spec.affine, spec.relu
    params.masks_x, params.adds = spec.masks_x, spec.adds or false
    params.dropout = spec.p > 0
    params.reads_x = false
    for _, param in ipairs(spec.params) do
        params.reads_x = params.reads_x or param == "x"
    end
    params.threshold, params.keep_scale = "0", "1.0f"
    if params.dropout then
        -- As rng_drop_threshold and rng_keep_scale of runtime/rng.h: a multiple of 2^-24.
        local p <const> = string.unpack("f", string.pack("f", spec.p))
        local threshold <const> = math.floor(p * 2.0 ^ 24 + 0.5)
        params.threshold = tostring(threshold)
        params.keep_scale = require("c").float(1.0 / (1.0 - threshold * 2.0 ^ -24))
    end
    params.x_border, params.x_cols = spec.x.border, cols_of(spec.x)
    params.x_pitch = spec.x.pitch
    params.dy_border, params.dy_cols = grad.border, cols_of(grad)
    params.target = fwd and "y" or "dx"
    params.out_border, params.out_cols = out.border, cols_of(out)
    local value = spec.affine and "a*x + b" or "x"
    value = spec.relu and "relu(" .. value .. ")" or value
    value = spec.p > 0 and "drop(" .. value .. ")" or value
    if fwd then
        params.formula = "y = " .. value .. ", a line of its own for each channel."
        params.shapes = string.format("%s, %s.", shape_text("x", spec.x), shape_text("y", out))
    else
        local factors <const> = "g = dy through " .. value .. " without its slope"
        if spec.pass == "bwd_reduce" then
            params.formula = factors .. "; sums[0] += sum of g, sums[1] += sum of g * x."
        else
            local line <const> = spec.affine and "A*g + B*x + D" or "g"
            params.formula = string.format("%s; dx %s %s%s.", factors,
                spec.adds and "+=" or "=", line, spec.masks_x and " where x > 0" or "")
        end
        params.shapes = string.format("%s, %s, %s.", shape_text("x", spec.x),
            shape_text("dy", grad), shape_text("dx", out))
    end
    local moved <const> = spec.x.h * spec.x.w * grad.pitch
    params.cost = cost_text(spec, (fwd and 1 or 2) * moved,
        spec.pass == "bwd_reduce" and 2 * grad.pitch or moved)
    return "map.c.tpl", params
end

local function sums(spec, isa)
    local params <const> = common(spec, isa)
    params.pitch, params.h, params.w = spec.x.pitch, spec.x.h, spec.x.w
    params.x_border, params.x_cols = spec.x.border, cols_of(spec.x)
    params.formula = "sums[0] += sum of x, sums[1] += sum of x * x, for each channel."
    params.shapes = shape_text("x", spec.x) .. ", sums: 2 x " .. spec.x.pitch .. "."
    params.cost = cost_text(spec, spec.x.h * spec.x.w * spec.x.pitch, 2 * spec.x.pitch)
    return "sums.c.tpl", params
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
    params.minus_padding = plus(-spec.padding)
    params.clips = spec.padding > 0
    params.share = require("c").float(1.0 / (params.window_h * params.window_w))
    params.x_border, params.x_cols = spec.x.border, cols_of(spec.x)
    params.y_border, params.y_cols = small.border, cols_of(small)
    params.dy_border, params.dy_cols = params.y_border, params.y_cols
    params.dx_border = spec.dx and spec.dx.border or 0
    params.dx_cols = spec.dx and cols_of(spec.dx) or 0
    local tiles <const> = params.stride >= params.window_h and not params.clips
    local covers <const> = tiles and params.stride == params.window_h
        and small.h * spec.stride == spec.x.h and small.w * spec.stride == spec.x.w
    params.sets = not spec.adds and (covers or spec.global)
    params.clears = not spec.adds and not params.sets
    local kind <const> = max and "largest" or "mean"
    if fwd then
        params.formula = string.format("y = %s of each %d x %d window, stride %d, padding %d.",
            kind, params.window_h, params.window_w, spec.stride, spec.padding)
    else
        params.formula = string.format("dx %s dy, to %s, %d x %d windows, stride %d, padding %d.",
            spec.adds and "+=" or "=",
            max and "the first largest input of its window" or "all inputs of its window alike",
            params.window_h, params.window_w, spec.stride, spec.padding)
    end
    params.shapes = string.format("%s, %s.", shape_text("x", spec.x),
        shape_text(fwd and "y" or "dy", small))
    local large <const> = spec.x.h * spec.x.w * params.pitch
    local few <const> = small.h * small.w * params.pitch
    params.cost = cost_text(spec, fwd and large or few + (max and large or 0),
        fwd and few or large)
    return "pool.c.tpl", params
end

local function add(spec, isa)
    local params <const> = common(spec, isa)
    local fwd <const> = spec.pass == "fwd"
    params.pitch = fwd and spec.y.pitch or spec.dy.pitch
    params.h, params.w, params.relu, params.adds = spec.x.h, spec.x.w, spec.relu,
        spec.adds or false
    local function place(prefix, layout)
        params[prefix .. "_border"] = layout and layout.border or 0
        params[prefix .. "_cols"] = layout and cols_of(layout) or 0
    end
    place("x", spec.x)
    place("x2", spec.x2)
    place("y", spec.y)
    place("dx", spec.dx)
    place("dy", spec.dy)
    if fwd then
        params.formula = spec.relu and "y = relu(x + x2)." or "y = x + x2."
        params.shapes = string.format("%s, %s, %s.", shape_text("x", spec.x),
            shape_text("x2", spec.x2), shape_text("y", spec.y))
    else
        params.formula = string.format("dx %s dy%s.", spec.adds and "+=" or "=",
            spec.relu and " where the sum is positive" or "")
        params.shapes = string.format("%s, %s.", shape_text("dy", spec.dy),
            shape_text("dx", spec.dx))
    end
    local moved <const> = spec.x.h * spec.x.w * params.pitch
    params.cost = cost_text(spec, 2 * moved, moved)
    return "add.c.tpl", params
end

local FAMILIES <const> = {
    conv = conv, linear = linear, map = map, sums = sums, maxpool = pool, avgpool = pool, add = add,
}

-- The template of a kernel and its parameters.
function kernel.template(spec, isa, options)
    return FAMILIES[spec.op](spec, isa, options)
end

-- -- Weights -------------------------------------------------------------------------------------

-- Output channels that a kernel takes at once: its weights are packed in blocks of so many, each
-- block one contiguous stream.
local function weight_block(spec, isa)
    local forward <const> = spec.pass == "fwd"
    if spec.op == "linear" then
        return (forward and spec.y or spec.dx).pitch
    end
    local nests <const> = forward and forward_nests(spec) or backward_nests(spec)
    return conv_tile(spec, nests, isa).nr * isa.vl
end

local function pack_block(spec, what, isa)
    return what == "unpack" and spec.dy.pitch or weight_block(spec, isa)
end

-- The name of the function that packs or unpacks the weights of a kernel.
function kernel.pack_name(spec, what, isa)
    return name.pack(spec, what, pack_block(spec, what, isa))
end

-- The parameters of the template that packs or unpacks the weights of a kernel.
-- what: "pack", "pack_transposed" or "unpack"
function kernel.packing(spec, what, isa)
    local function pitch(channels)
        return (channels + isa.vl - 1) // isa.vl * isa.vl
    end
    local linear_layer <const> = spec.op == "linear"
    local taps <const> = linear_layer and spec.x.h * spec.x.w or spec.window * spec.window
    local order <const> = {}
    if what == "pack_transposed" and not linear_layer then
        order[1] = table.concat(kernel.tap_order(spec), ", ")
    end
    local block <const> = pack_block(spec, what, isa)
    return "pack.c.tpl", {
        name = name.pack(spec, what, block), what = what, taps = taps, channels = spec.c,
        k = spec.k, k_pitch = pitch(spec.k), c_pitch = pitch(spec.c), block = block,
        tap_order = order[1] or false,
        kernel = linear_layer and "a linear layer"
            or string.format("a %d x %d convolution", spec.window, spec.window),
    }
end

return kernel
