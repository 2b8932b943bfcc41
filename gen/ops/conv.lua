-- conv.lua - convolutions. How one is computed is decided by its algorithm: see conv/choice.lua.

local choice <const> = require "ops/conv/choice"

local conv <const> = { c_op = "KERNEL_CONV", choose = choice.choose }

--- The template of a kernel and its parameters.
function conv.params(spec, isa, options)
    return choice.algorithm(spec).params(spec, isa, options)
end

function conv.exact(spec)
    return choice.algorithm(spec).exact
end

-- -- Memory --------------------------------------------------------------------------------------

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

return conv
