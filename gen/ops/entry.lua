-- entry.lua - kernels that call the loops of their kind.
--
-- The loops of a kind of kernel stand in a program once, a function that is given the shapes of a
-- layer. It is inlined in each kernel of that kind, so that the compiler knows them, too.

local c <const> = require "emit/c"
local dropout <const> = require "ops/dropout"

local entry <const> = {}

-- -- What loops are given ------------------------------------------------------------------------
-- { text = C, uses = the helper that it needs, or nil }

--- An image of this layout.
function entry.image(l)
    return { uses = "image", text = string.format(
        "(struct image){.h = %d, .w = %d, .c = %d, .pitch = %d, .border = %d}", l.h, l.w, l.c,
        l.pitch, l.border) }
end

function entry.window(h, w, stride, padding, inputs, outputs)
    return { uses = "window", text = string.format("(struct window){.h = %d, .w = %d, "
        .. ".stride = %d, .padding = %d, .inputs = %d, .outputs = %d}", h, w, stride, padding,
        inputs, outputs) }
end

--- The dropout of a pointwise kernel.
function entry.drop(spec)
    return { uses = "drop_bits", text = string.format(
        "(struct drop_bits){.pitch = %d, .bytes = %d, .scale = %s}", dropout.pitch(spec.c),
        4 * dropout.words(spec.x.h, spec.x.w, spec.c), c.float(dropout.scale(spec.p))) }
end

-- -- Kernels -------------------------------------------------------------------------------------

--- The template of a kernel, its parameters, and the function of its loops (see ops.lua).
--- params: of every kernel; loops: { name, template, flags = the parameters of that template, given
--- = what it is given }
function entry.kernel(spec, params, loops)
    params.loops, params.arguments = loops.name, table.concat(spec.params, ", ")
    params.given = loops.given
    loops.flags.signature = params.signature
    return "ops/entry.c.tpl", params,
        { { name = loops.name, template = loops.template, params = loops.flags } }
end

return entry
