-- set_norm.lua - a norm whose sets are small enough for one kernel: layer norm and RMS norm over
-- the channels of each pixel, or over the image. A set has a weight, and of layer norm a bias, for
-- each of its numbers: those of a pixel are PyTorch's as they are, those of an image are packed.
--
-- Nothing meets: the kernel goes over a set three times while it is in cache, for its mean, for its
-- deviation and for the result, and no sums or coefficients stand in memory. The gradients make
-- both anew from x, which costs less than to keep them. norm.lua has the norms whose sums a
-- convolution leaves in passing; sums across channels it could not.

local c <const> = require "emit/c"
local kernel <const> = require "ops/kernel"
local layout <const> = require "ops/layout"
local packing <const> = require "ops/conv/packing"
local tile <const> = require "ops/conv/tile"

local set_norm <const> = {
    kinds = { "set_norm" }, c_op = "KERNEL_SET_NORM", masks = true, has_own_weights = true,
    backward = {},
}

local function is_of_image(spec)
    return spec.over == "image"
end

function set_norm.fuse(fusion, node)
    local step <const> = { op = "set_norm", name = node.name, layers = { node } }
    fusion:read(step, node.inputs)
    return step, node
end

--- See pointwise.lua: its gradient may be made in place, too.
function set_norm.gradient_border(step, x_border)
    return #step.x.readers == 1 and x_border or 0
end

local HEADS <const> = {
    pixel = { layer = "cn", rms = "rms" }, image = { layer = "eln", rms = "erms" },
}

--- See name.lua.
function set_norm.name_words(spec)
    return {
        head = HEADS[spec.over][spec.norm]
            .. (spec.eps ~= 1e-5 and "_eps" .. c.number_word(spec.eps) or "")
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
    local pixels <const> = is_of_image(node) and node.h * node.w or 1
    local shape <const> = is_of_image(node)
        and string.format("%d x %d x %d", node.h, node.w, pitch) or tostring(pitch)
    local function make(role, scope)
        planner:buffer {
            role = role, layer = node.name, scope = scope, floats = pixels * pitch, shape = shape,
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

-- Vectors of channels whose gradients of weights a loop keeps; vectors of an image that a loop
-- takes, each with sums of its own; images for which a loop reads the weights of their elements, or
-- changes the gradients of these, once. More images than two take longer: too many streams.
local BLOCK <const>, IMAGE_BLOCK <const>, IMAGES <const> = 4, 4, 2

-- What a kernel computes, for its comment.
local function formula(spec)
    local set <const> = is_of_image(spec) and "the image" or "each pixel"
    local hat <const> = spec.norm == "rms" and "x-hat = x / sqrt(mean of x^2 + eps)"
        or "x-hat = (x - mean) / sqrt(variance + eps)"
    if spec.pass == "fwd" then
        return string.format("y = %s, %s of %s.",
            spec.norm == "rms" and "w * x-hat" or "w * x-hat + bias", hat, set)
    elseif spec.pass == "bwd_weights" then
        return string.format("dw += dy * x-hat%s; %s of %s.",
            spec.norm == "rms" and "" or ", db += dy", hat, set)
    end
    return string.format("dx %s the gradient through x-hat of w * dy%s; %s of %s.",
        spec.adds and "+=" or "=", spec.masks_x and " where x > 0" or "", hat, set)
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

-- The loops over an image: rows of pixels where pad lanes must be told from channels, else rows of
-- numbers.
local function image_loops(params, spec, isa)
    local pitch <const> = spec.x.pitch
    local flat <const> = spec.c == pitch
    params.h, params.elements_row = spec.x.h, spec.x.w * pitch
    params.run, params.columns = flat and spec.x.w * pitch or pitch, flat and 1 or spec.x.w
    params.block = tile.block(params.run // isa.vl, IMAGE_BLOCK)
    params.values, params.together = spec.c * spec.x.h * spec.x.w, IMAGES
    return "ops/set_norm_image.c.tpl"
end

local function pixel_loops(params, spec, isa)
    params.h, params.w = rows_and_columns(spec)
    params.pixels = pixels_at_once(spec, params.w)
    params.block = tile.block(spec.x.pitch // isa.vl, BLOCK)
    return "ops/set_norm.c.tpl"
end

--- The template of a kernel and its parameters. The data gradient may work in place.
function set_norm.params(spec, isa)
    local data <const>, of_image <const> = spec.pass == "bwd_data", is_of_image(spec)
    local params <const> = kernel.common(spec, isa, nil, data, of_image and IMAGES or 1)
    params.channels, params.pitch = spec.c, spec.x.pitch
    params.centred, params.eps = spec.norm == "layer", isa.literal(spec.eps)
    params.masks_x, params.adds = spec.masks_x, spec.adds or false
    local template <const> = (of_image and image_loops or pixel_loops)(params, spec, isa)
    kernel.place(params, "x", spec.x)
    kernel.place(params, "y", spec.pass == "fwd" and spec.y or spec.dy)
    kernel.place(params, "dx", spec.dx or spec.x)
    params.formula = formula(spec)
    local moved <const> = spec.x.h * spec.x.w * spec.x.pitch
    local weights <const> = of_image and moved or spec.x.pitch
    local shape <const> = of_image
        and string.format("%d x %d x %d", spec.x.h, spec.x.w, spec.x.pitch) or tostring(weights)
    params.shapes = kernel.shapes_text(spec, shape, shape)
    params.cost = kernel.cost_text(spec, isa, spec.pass == "fwd" and moved or 2 * moved,
        spec.pass == "bwd_weights" and weights or moved)
    return template, params
end

-- -- Weights -------------------------------------------------------------------------------------

--- Weights of an image lie as its numbers do: what packs the weights of a convolution of one input
--- packs them, a pixel a tap.
function set_norm.packs(spec)
    return is_of_image(spec)
end

--- Floats of a packed weight or bias, or of its gradient.
function set_norm.packed_floats(spec)
    return spec.x.h * spec.x.w * spec.x.pitch
end

--- The name of the function that packs or unpacks a weight or a bias.
function set_norm.pack_name(spec, what)
    return string.format("%s_elements_c%d_%dx%d", what == "unpack" and what or "pack", spec.c,
        spec.x.h, spec.x.w)
end

--- Its template and parameters.
function set_norm.pack(spec, what, isa)
    return packing.whole(packing.params({ c = 1, k = spec.c }, isa, {
        name = set_norm.pack_name(spec, what), what = what == "unpack" and what or "pack",
        taps = spec.x.h * spec.x.w, block = spec.x.pitch, tap_order = false, kernel = "a norm",
    }))
end

--- Roots and quotients round.
function set_norm.exact()
    return false
end

return set_norm
