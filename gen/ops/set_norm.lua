-- set_norm.lua - a norm whose sets are small enough for one kernel: layer norm and RMS norm over
-- the channels of each pixel.
--
-- Nothing meets: the kernel goes over a set three times while it is in cache, for its mean, for its
-- deviation and for the result, and no sums or coefficients stand in memory. The gradients make
-- both anew from x, which costs less than to keep them. norm.lua has the norms whose sums a
-- convolution leaves in passing; sums across channels it could not.

local c <const> = require "emit/c"
local kernel <const> = require "ops/kernel"
local layout <const> = require "ops/layout"
local tile <const> = require "ops/conv/tile"

local set_norm <const> = {
    kinds = { "set_norm" }, c_op = "KERNEL_SET_NORM", masks = true, copies_weights = true,
    backward = {},
}

function set_norm.fuse(fusion, node)
    local step <const> = { op = "set_norm", name = node.name, layers = { node } }
    fusion:read(step, node.inputs)
    return step, node
end

--- See pointwise.lua: its gradient may be made in place, too.
function set_norm.gradient_border(step, x_border)
    return #step.x.readers == 1 and x_border or 0
end

local HEADS <const> = { layer = "cn", rms = "rms" }

--- See name.lua.
function set_norm.name_words(spec)
    return {
        head = HEADS[spec.norm] .. (spec.eps ~= 1e-5 and "_eps" .. c.number_word(spec.eps) or "")
            .. (spec.masks_x and "_mask" or ""),
        third = spec.pass == "bwd_data" and spec.x or nil,
    }
end

-- -- Calls ---------------------------------------------------------------------------------------

local function has_bias(node)
    return node.norm == "layer"
end

--- The buffers of weight and bias and, for each chunk of images, of their gradients.
function set_norm.make_buffers(planner, step)
    local node <const> = step.layers[1]
    local pitch <const> = layout.round_up(node.c, planner.isa.vl)
    local function make(role, scope)
        planner:buffer {
            role = role, layer = node.name, scope = scope, floats = pitch, shape = tostring(pitch),
        }
    end
    for _, param in ipairs(has_bias(node) and { "w", "b" } or { "w" }) do
        make(param, "weights")
        if not node.frozen then
            make("d" .. param, "chunk")
        end
    end
end

-- A specification for a step, without layouts, and a list of its parameters: those of `last` stand
-- behind, the bias among them where there is one.
local function specification(step, pass, ...)
    local node <const> = step.layers[1]
    local params <const> = {}
    for _, param in ipairs { ... } do
        if has_bias(node) or param ~= "bias" and param ~= "db" then
            params[#params + 1] = param
        end
    end
    return {
        op = step.op, pass = pass, norm = node.norm, over = node.over, eps = node.eps,
        c = step.x.c, masks_x = false, params = params,
    }
end

function set_norm.forward(planner, step, y)
    local x <const>, name <const> = planner:value(step.x), step.name
    local spec <const> = specification(step, "fwd", "y", "x", "w", "bias")
    spec.x, spec.y = x.layout, y.layout
    planner:kernel_call(spec, {
        y = y, x = x, w = planner:named("w", name), bias = planner:named("b", name),
    }, kernel.layer_names(step), name)
end

--- The gradients of weight and bias, then that of the input, which may take the place of dy.
function set_norm.backward_parts(step)
    local parts <const> = {}
    parts[1] = not step.layers[1].frozen and { name = "weights", reads = { step.x } } or nil
    parts[#parts + 1] = step.x.trained and { name = "data", reads = { step.x } } or nil
    return parts
end

function set_norm.backward.weights(planner, step, dy)
    local x <const>, name <const> = planner:value(step.x), step.name
    local spec <const> = specification(step, "bwd_weights", "dw", "db", "x", "dy")
    spec.x, spec.y, spec.dy = x.layout, dy.layout, dy.layout
    planner:kernel_call(spec, {
        dw = planner:named("dw", name), db = planner:named("db", name), x = x, dy = dy,
    }, kernel.layer_names(step), name)
end

function set_norm.backward.data(planner, step, dy)
    local dx, adds = dy, false
    if #step.x.readers == 1 then
        planner:set_gradient(step.x, dy) -- in place
    else
        dx, adds = planner:gradient_into(step.x)
    end
    local x <const> = planner:value(step.x)
    local spec <const> = specification(step, "bwd_data", "dx", "dy", "x", "w")
    spec.x, spec.y, spec.dx, spec.dy = x.layout, dy.layout, dx.layout, dy.layout
    spec.masks_x, spec.adds = step.masks_x, adds
    planner:kernel_call(spec, { dx = dx, dy = dy, x = x, w = planner:named("w", step.name) },
        kernel.layer_names(step), step.name)
end

-- -- Kernels -------------------------------------------------------------------------------------

-- Vectors of channels whose gradients of weights a loop keeps.
local BLOCK <const> = 4

-- What a kernel computes, for its comment.
local function formula(spec)
    local hat <const> = spec.norm == "rms" and "x-hat = x / sqrt(mean of x^2 + eps)"
        or "x-hat = (x - mean) / sqrt(variance + eps)"
    if spec.pass == "fwd" then
        return string.format("y = %s, %s of each pixel.",
            spec.norm == "rms" and "w * x-hat" or "w * x-hat + bias", hat)
    elseif spec.pass == "bwd_weights" then
        return string.format("dw += dy * x-hat%s; %s of each pixel.",
            spec.norm == "rms" and "" or ", db += dy", hat)
    end
    return string.format("dx %s the gradient through x-hat of w * dy%s; %s of each pixel.",
        spec.adds and "+=" or "=", spec.masks_x and " where x > 0" or "", hat)
end

-- Pixels whose statistics are made together: as many as the helpers have room for (MOST_PIXELS in
-- set_norm_sums.c.tpl), and as stay in the first cache until they are read again.
local MOST_PIXELS <const>, CACHED_NUMBERS <const> = 32, 6144

local function pixels_at_once(spec, row)
    local images <const> = spec.pass == "bwd_data" and 3 or 2
    local most <const> = math.min(MOST_PIXELS, row, CACHED_NUMBERS // (images * spec.x.pitch))
    local pixels = 1
    while 2 * pixels <= most do
        pixels = 2 * pixels
    end
    return pixels
end

-- Rows of pixels and their length: without borders an image is one row.
local function rows_and_columns(spec)
    for _, tensor in ipairs { "x", "y", "dx", "dy" } do
        if spec[tensor] and spec[tensor].border > 0 then
            return spec.x.h, spec.x.w
        end
    end
    return 1, spec.x.h * spec.x.w
end

--- The template of a kernel and its parameters. The data gradient may work in place.
function set_norm.params(spec, isa)
    local data <const> = spec.pass == "bwd_data"
    local params <const> = kernel.common(spec, isa, nil, data)
    params.h, params.w = rows_and_columns(spec)
    params.channels, params.pitch = spec.c, spec.x.pitch
    params.pixels = pixels_at_once(spec, params.w)
    params.centred, params.eps = spec.norm == "layer", isa.literal(spec.eps)
    params.masks_x, params.adds = spec.masks_x, spec.adds or false
    params.block = tile.block(spec.x.pitch // isa.vl, BLOCK)
    kernel.place(params, "x", spec.x)
    kernel.place(params, "y", spec.pass == "fwd" and spec.y or spec.dy)
    kernel.place(params, "dx", spec.dx or spec.x)
    params.formula = formula(spec)
    params.shapes = kernel.shapes_text(spec, spec.x.pitch, tostring(spec.x.pitch))
    local moved <const> = spec.x.h * spec.x.w * spec.x.pitch
    params.cost = kernel.cost_text(spec, isa, spec.pass == "fwd" and moved or 2 * moved,
        spec.pass == "bwd_weights" and spec.x.pitch or moved)
    return "ops/set_norm.c.tpl", params
end

--- Roots and quotients round.
function set_norm.exact()
    return false
end

return set_norm
