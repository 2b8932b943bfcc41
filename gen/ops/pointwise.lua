-- pointwise.lua - a scale and shift for each channel, then an activation, then dropout, each where
-- present: what a norm applies, and what stands alone.

local activation <const> = require "ops/activation"
local argument <const> = require "ops/argument"
local c <const> = require "emit/c"
local dropout <const> = require "ops/dropout"
local entry <const> = require "ops/entry"
local kernel <const> = require "ops/kernel"
local norm <const> = require "ops/norm"
local tile <const> = require "ops/conv/tile"

local pointwise <const> = {
    kinds = { "norm", "activation", "dropout" }, c_op = "KERNEL_POINTWISE", masks = true,
    shares_title = true, backward = {},
}

-- norm, activation and dropout, in this order.
function pointwise.fuse(fusion, node)
    local step <const> = {
        op = "pointwise", name = node.name, layers = {},
        activation = node.activation and node,
    }
    fusion:read(step, node.inputs)
    fusion:absorb(step, node)
    local last = node
    if node.kind == "norm" then
        step.norm = node
        step.activation = fusion:absorb_next(step, node, "activation")
        last = step.activation or node
    end
    if node.kind == "dropout" then
        step.dropout = node
    else
        local drop <const> = fusion:single_reader(last, "dropout")
        if drop then
            last = fusion:absorb(step, drop)
            step.dropout = not fusion.is_identity(drop) and drop or nil
        end
    end
    step.keeps = activation.is_costly(step.activation)
    return step, last
end

--- Pixels of zeros around the gradient of a step's output: it may share the buffer of its input's,
--- which has x_border.
function pointwise.gradient_border(step, x_border)
    return #step.x.readers == 1 and x_border or 0
end

-- -- Calls ---------------------------------------------------------------------------------------

-- Which elements a dropout keeps, drawn where they are first asked for. Evaluation drops nothing.
local function kept(planner, step)
    if planner.eval then
        return "NULL"
    end
    local node <const> = step.dropout
    local known <const> = planner:named("keep", node.name)
    if known then
        return known
    end
    local words <const> = dropout.words(node.unit, node.h, node.w, node.c)
    local buffer <const> = planner:buffer {
        role = "keep", layer = node.name, scope = "scratch", floats = words,
        shape = dropout.shape(node.unit, node.h, node.w, node.c),
        copies = planner.micro_batch, holds = "bits",
    }
    planner:call("drop", node.unit == "images" and "draw_image_bits" or "draw_bits", {
        buffer, "net", argument.image, "n", tostring(node.index - 1),
        tostring(dropout.threshold(node.p)), tostring(words),
    }, node.name)
    return buffer
end

-- A specification for a step without layouts and what follows from them.
local function specification(step, pass)
    local act <const>, slope <const> = activation.of(step.activation)
    return {
        op = step.op, pass = pass, activation = act, slope = slope, affine = step.norm ~= nil,
        each_image = step.norm ~= nil and not norm.is_whole(step.norm),
        p = step.dropout and step.dropout.p or 0.0, unit = step.dropout and step.dropout.unit,
        c = step.x.c, masks_x = false,
    }
end

function pointwise.forward(planner, step, y)
    local x <const> = planner:value(step.x)
    local spec <const> = specification(step, "fwd")
    spec.x, spec.y, spec.params = x.layout, y.layout, { "y", "x" }
    local values <const> = { y = y, x = x }
    if spec.affine then
        values.coef = norm.coef(planner, step.norm)
        table.insert(spec.params, "coef")
    end
    if step.dropout then
        values.keep = kept(planner, step)
        table.insert(spec.params, "keep")
    end
    planner:kernel_call(spec, values, kernel.layer_names(step), step.layers[1].name)
end

-- Whether the gradient of its input is made from that input.
local function gradient_reads_x(step)
    return step.norm ~= nil or step.masks_x or step.activation ~= nil
end

--- The parts of the backward pass: of a norm the two sums of its gradient, and the coefficients
--- made of them, which one that is fixed has already; the gradient of the input.
function pointwise.backward_parts(step)
    local parts <const> = {}
    if step.norm and not norm.is_fixed(step.norm) then
        parts[1] = { name = "reduce", reads = { step.x } }
        parts[2] = { name = "coef", norm = step.norm, reads = {} }
    end
    if step.x.trained then
        parts[#parts + 1] = { name = "data", reads = gradient_reads_x(step) and { step.x } or {} }
    end
    return parts
end

--- Sums up what the gradient of a norm needs of the gradients of its outputs.
function pointwise.backward.reduce(planner, step, dy)
    local spec <const>, x <const> = specification(step, "bwd_reduce"), planner:value(step.x)
    spec.x, spec.dx = x.layout, x.layout
    spec.y, spec.dy = dy.layout, dy.layout
    spec.params = { "sums", "x", "dy", "coef" }
    if step.dropout then
        table.insert(spec.params, "keep")
    end
    planner:kernel_call(spec, {
        sums = norm.sums(planner, step.norm, "dsums"), x = x, dy = dy,
        coef = norm.coef(planner, step.norm), keep = step.dropout and kept(planner, step),
    }, kernel.layer_names(step), step.layers[1].name)
    norm.gather(planner, step.norm, "dsums", step.x)
end

function pointwise.backward.data(planner, step, dy)
    local dx, adds = dy, false
    if #step.x.readers == 1 then
        planner:set_gradient(step.x, dy) -- in place
    else
        dx, adds = planner:gradient_into(step.x)
    end
    local reads_x <const> = gradient_reads_x(step)
    local spec <const> = specification(step, "bwd_data")
    spec.x, spec.y = planner.layouts[step.x].data, dy.layout
    spec.dx, spec.dy = dx.layout, dy.layout
    spec.masks_x, spec.adds, spec.params = step.masks_x, adds, { "dx", "dy" }
    local function takes(param, condition)
        if condition then
            table.insert(spec.params, param)
        end
    end
    takes("x", reads_x)
    takes("dcoef", step.norm)
    takes("coef", step.norm)
    takes("keep", step.dropout)
    planner:kernel_call(spec, {
        dx = dx, dy = dy, x = reads_x and planner:value(step.x) or nil,
        dcoef = step.norm and norm.dcoef(planner, step.norm),
        coef = step.norm and norm.coef(planner, step.norm),
        keep = step.dropout and kept(planner, step),
    }, kernel.layer_names(step), step.layers[1].name)
end

--- Sets a gradient to zero where the output of a ReLU was: of a layer whose kernel has applied it.
function pointwise.mask(planner, dy, y, node)
    planner:kernel_call({
        op = "pointwise", pass = "bwd_data", x = y.layout, y = y.layout, dx = dy.layout,
        dy = dy.layout, activation = false, affine = false, p = 0.0, c = y.layout.c, masks_x = true,
        adds = false, params = { "dx", "dy", "x" },
    }, { dx = dy, dy = dy, x = y }, node.name, node.name)
end

-- -- Kernels -------------------------------------------------------------------------------------

-- What a dropout is called, by its unit.
local DROP_WORDS <const> = {
    values = "_drop", channels = "_dropchannels", images = "_dropimages",
}

--- See name.lua. A scale and shift belongs to one image, or to all of a batch.
function pointwise.name_words(spec)
    local word <const> = spec.each_image and "norm" or "batchnorm"
    return {
        head = (spec.affine and word or "pointwise") .. activation.word(spec)
            .. (spec.p > 0 and DROP_WORDS[spec.unit] .. c.number_word(spec.p) or "")
            .. (spec.masks_x and "_mask" or ""),
        third = spec.pass ~= "fwd" and spec.x or nil,
    }
end

-- Vectors of channels that a loop takes at once.
local BLOCK <const> = 4

local TEMPLATES <const> = {
    fwd = "ops/pointwise.c.tpl", bwd_reduce = "ops/pointwise_sums.c.tpl",
    bwd_data = "ops/pointwise_gradient.c.tpl",
}

--- What a kernel makes of an element x, as a formula; and of g, its gradient there.
function pointwise.value_text(spec)
    local value = spec.affine and "a*(x - m) + b" or "x"
    value = activation.formula(spec, value)
    return spec.p > 0 and "drop(" .. value .. ")" or value
end

function pointwise.gradient_text(spec)
    return (spec.affine and "A*g + B*(x - m) + D" or "g")
        .. (spec.masks_x and " where x > 0" or "")
end

--- What g is there.
function pointwise.origin_text(spec)
    local inner <const> = spec.affine and "a*(x - m) + b" or "x"
    local value <const> = pointwise.value_text(spec)
    return value == inner and "dy" or string.format(
        "the gradient of %s, dy that of %s", inner, value)
end

-- What a kernel computes, for its comment.
local function formula(spec)
    local value <const> = pointwise.value_text(spec)
    if spec.pass == "fwd" then
        return "y = " .. value .. (spec.affine and ", each channel with an a, m and b of its own."
            or ".")
    end
    local gradient <const> = "g is " .. pointwise.origin_text(spec)
    if spec.pass == "bwd_reduce" then
        return gradient .. "; sums = sum of g, sum of g * (x - m)."
    end
    return string.format("%s; dx %s %s.", gradient, spec.adds and "+=" or "=",
        pointwise.gradient_text(spec))
end

--- The words of what a kernel does, and what its loops' template asks for besides its activation.
function pointwise.kind(spec)
    local scaled <const> = spec.each_image and "norm" or "batchnorm"
    local words <const> = (spec.affine and scaled or "pointwise") .. activation.word(spec)
        .. (spec.p > 0 and "_drop" or "") .. (spec.masks_x and "_mask" or "")
        .. (spec.adds and "_add" or "")
    return words, {
        affine = spec.affine, dropout = spec.p > 0, masks_x = spec.masks_x,
        adds = spec.adds or false, reads_x = kernel.has(spec.params, "x"),
        each = spec.each_image, value = pointwise.value_text(spec),
        result = pointwise.gradient_text(spec), gradient = pointwise.origin_text(spec),
    }
end

--- What the loops of a kernel are given.
function pointwise.given(spec, isa)
    local image <const> = entry.image
    local given <const> = spec.pass == "fwd" and { image(spec.y), image(spec.x) }
        or spec.pass == "bwd_reduce" and { image(spec.x), image(spec.dy) }
        or { image(spec.dx), image(spec.dy),
            kernel.has(spec.params, "x") and image(spec.x) or nil }
    given[#given + 1] = spec.p > 0 and entry.drop(spec, isa) or nil
    return given
end

-- The loops that kernels of one kind and one number of vectors share.
local function loops_of(spec, isa, pitch)
    local words <const>, flags <const> = pointwise.kind(spec)
    flags.block = tile.block(pitch // isa.vl, BLOCK)
    flags.activation = activation.params(spec, isa)
    flags.clips = activation.offset(spec) and spec.c < pitch
    return {
        name = string.format("%s_%s_x%d%s", words, spec.pass, flags.block,
            flags.clips and "_clip" or ""),
        template = TEMPLATES[spec.pass], flags = flags, given = pointwise.given(spec, isa),
    }
end

--- The template of a kernel and its parameters. The data gradient may work in place.
function pointwise.params(spec, isa)
    local fwd <const> = spec.pass == "fwd"
    local grad <const> = fwd and spec.y or spec.dy
    local params <const> = kernel.common(spec, isa, grad.pitch, spec.pass == "bwd_data")
    params.formula = formula(spec)
    local moved <const> = spec.x.h * spec.x.w * grad.pitch
    local keep <const> = spec.p > 0 and dropout.words(spec.unit, spec.x.h, spec.x.w, spec.c) or 0
    params.cost = kernel.cost_text(spec, isa, (fwd and 1 or 2) * moved + keep,
        spec.pass == "bwd_reduce" and 2 * grad.pitch or moved)
    return entry.kernel(spec, params, loops_of(spec, isa, grad.pitch))
end

function pointwise.exact(spec)
    return not spec.affine and spec.p == 0 and activation.is_exact(spec)
end

return pointwise
