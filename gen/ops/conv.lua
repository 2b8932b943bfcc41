-- conv.lua - convolutions. How one is computed is decided by its algorithm: see conv/choice.lua.

local choice <const> = require "ops/conv/choice"
local geometry <const> = require "geometry"
local grouped <const> = require "ops/conv/grouped"
local layout <const> = require "ops/layout"
local weighted <const> = require "ops/weighted"

local conv <const> = { kinds = { "conv" }, c_op = "KERNEL_CONV", choose = choice.choose }

function conv.window_of(node)
    return node.geometry, node.groups
end

local function is_depthwise(spec)
    return grouped.multiplier(spec.groups, spec.c, spec.k) == 1
end

local function usual_padding(axis)
    return axis.padding == axis.reach // 2
end

-- The algorithm that a name says, or nil.
local function said_algorithm(spec)
    local unsaid <const> = spec.algorithm and choice.algorithm(spec).is_unsaid
    return not unsaid and (spec.algorithm or "direct") or nil
end

--- See name.lua. A depthwise convolution is a dwconv and has no k, g and algorithm.
function conv.name_words(spec)
    local alone <const>, g <const> = is_depthwise(spec), spec.geometry
    local usual <const> = usual_padding(g.h) and usual_padding(g.w)
    return {
        head = string.format("%sconv%s%s", alone and "dw" or "", geometry.words(g),
            spec.relu and "_relu" or ""),
        has_k = not alone, algorithm = not alone and said_algorithm(spec) or nil,
        padding = not usual and "p" .. geometry.word(g, "padding") or nil,
        border = math.max(g.h.padding, g.w.padding),
        gradient_border = math.max(0, g.h.reach - 1 - g.h.padding, g.w.reach - 1 - g.w.padding),
    }
end

--- The template of a kernel and its parameters.
function conv.params(spec, isa, options)
    return choice.algorithm(spec).params(spec, isa, options)
end

function conv.exact(spec)
    return choice.algorithm(spec).exact
end

--- Whether a kernel rounds what it multiplies to bf16.
function conv.in_bf16(spec)
    return choice.algorithm(spec).in_bf16 or false
end

-- -- Memory --------------------------------------------------------------------------------------

-- What a step says of its channels, as a specification does.
local function shape_of(step)
    return { groups = step.layers[1].groups, c = step.x.c, k = step.y.c }
end

--- Pixels of zeros around the image that a step reads.
function conv.border(step)
    local g <const> = step.layers[1].geometry
    return math.max(g.h.padding, g.w.padding)
end

--- Whether kernels read the channels of an image one by one, so that they need not fill vectors.
function conv.reads_scalars(step, isa)
    return not grouped.is_apart(shape_of(step), isa)
end

--- Pixels of zeros around the gradient of a step's output that its data gradient reads.
function conv.gradient_border(step)
    if not step.x.trained then
        return 0
    end
    local g <const> = step.layers[1].geometry
    local border = 0
    local function reach(axis, inputs, outputs)
        -- The output that sees input 0 with its last tap, and the last input with its first.
        local lowest <const> = (axis.padding - (axis.reach - 1)) // axis.stride -- floor
        local highest <const> = (inputs - 1 + axis.padding) // axis.stride
        border = math.max(border, -lowest, highest - (outputs - 1))
    end
    reach(g.h, step.x.h, step.y.h)
    reach(g.w, step.x.w, step.y.w)
    return border
end

--- Floats and shape of a step's packed weight gradient.
function conv.gradient_shape(step, isa)
    local node <const>, pitch <const> = step.layers[1], layout.round_up(step.y.c, isa.vl)
    local inputs <const> = grouped.inputs(shape_of(step), isa)
    local g <const> = node.geometry
    return g.taps * inputs * pitch,
        string.format("%d x %d x %d x %d", g.h.taps, g.w.taps, inputs, pitch)
end

--- Floats of memory that a kernel works in, and their shape; nil where it needs none.
function conv.scratch(spec)
    local scratch <const> = choice.algorithm(spec).scratch
    if scratch then
        return scratch(spec)
    end
end

--- How often a kernel fetches memory for what comes next; nil where it does not.
function conv.ahead_steps(spec, isa)
    local steps <const> = choice.algorithm(spec).ahead_steps
    return steps and steps(spec, isa)
end

-- -- Weights -------------------------------------------------------------------------------------

--- Floats of the packed weights of a kernel, or of their packed gradient.
function conv.packed_floats(spec, isa)
    return choice.algorithm(spec).weight_floats(spec, isa)
end

local function block_of(spec, what, isa)
    return what == "unpack" and spec.dy.pitch or choice.algorithm(spec).weight_block(spec, isa)
end

--- The name of the function that packs or unpacks the weights of a kernel.
--- what: "pack" (forward), "pack_transposed" (data gradient) or "unpack" (weight gradient)
function conv.pack_name(spec, what, isa)
    return choice.algorithm(spec).pack_name(spec, what, block_of(spec, what, isa))
end

--- Its template and parameters.
function conv.pack(spec, what, isa)
    return choice.algorithm(spec).pack(spec, what, isa, block_of(spec, what, isa))
end

return weighted.complete(conv)
