-- conv.lua - convolutions. How one is computed is decided by its algorithm: see conv/choice.lua.

local choice <const> = require "ops/conv/choice"
local grouped <const> = require "ops/conv/grouped"
local layout <const> = require "ops/layout"
local weighted <const> = require "ops/weighted"

local conv <const> = { kinds = { "conv" }, c_op = "KERNEL_CONV", choose = choice.choose }

function conv.window_of(node)
    return node.window, node.stride, node.padding, node.groups
end

local function is_depthwise(spec)
    return grouped.is_depthwise(spec.groups, spec.c, spec.k)
end

--- See name.lua. A depthwise convolution is a dwconv and has no k, g and algorithm.
function conv.name_words(spec)
    local alone <const> = is_depthwise(spec)
    return {
        head = string.format("%sconv%dx%d%s%s", alone and "dw" or "", spec.window, spec.window,
            spec.stride > 1 and "s" .. spec.stride or "", spec.relu and "_relu" or ""),
        has_k = not alone, algorithm = not alone and (spec.algorithm or "direct") or nil,
        padding = spec.window // 2,
        gradient_border = math.max(0, spec.window - 1 - spec.padding),
    }
end

--- The template of a kernel and its parameters.
function conv.params(spec, isa, options)
    return choice.algorithm(spec).params(spec, isa, options)
end

function conv.exact(spec)
    return choice.algorithm(spec).exact
end

-- -- Memory --------------------------------------------------------------------------------------

--- Pixels of zeros around the image that a step reads.
function conv.border(step)
    return step.layers[1].padding
end

--- Whether kernels read the channels of an image one by one, so that they need not fill vectors.
function conv.reads_scalars(step)
    return not grouped.is_depthwise(step.layers[1].groups, step.x.c, step.y.c)
end

--- Pixels of zeros around the gradient of a step's output that its data gradient reads.
function conv.gradient_border(step)
    if not step.x.trained then
        return 0
    end
    local node <const>, border = step.layers[1], 0
    local s <const>, p <const>, last_tap <const> = node.stride, node.padding, node.window - 1
    for _, size in ipairs { { step.x.h, step.y.h }, { step.x.w, step.y.w } } do
        local lowest <const> = (p - last_tap) // s -- floor: position of the last tap at pixel 0
        local highest <const> = (size[1] - 1 + p) // s
        border = math.max(border, -lowest, highest - (size[2] - 1))
    end
    return border
end

--- Floats and shape of a step's packed weight gradient.
function conv.gradient_shape(step, isa)
    local node <const>, pitch <const> = step.layers[1], layout.round_up(step.y.c, isa.vl)
    local inputs <const> =
        grouped.inputs({ groups = node.groups, c = step.x.c, k = step.y.c }, isa)
    return node.window * node.window * inputs * pitch,
        string.format("%d x %d x %d x %d", node.window, node.window, inputs, pitch)
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
