-- load.lua - the images of a batch, as files have them, copied into the layout that kernels read.

local argument <const> = require "ops/argument"
local layout <const> = require "ops/layout"

local load <const> = { makes_no_value = true }

--- Its C function: it is no kernel.
function load.name(value)
    return string.format("load_c%d_%dx%d", value.c, value.h, value.w)
end

--- Calls it for a micro-batch. buffer: of the value that the network reads
function load.forward(planner, value, buffer)
    planner:call("load", load.name(value), { buffer, argument.images, "n" }, "")
end

--- The template of the function that a call calls, and its parameters.
function load.text(call)
    local y <const> = call.args[1]
    local l <const> = y.layout
    return "ops/load.c.tpl", {
        name = call.fn, channels = l.c, h = l.h, w = l.w, pitch = l.pitch, shapes = y.shape,
        y_border = l.border, y_floats = y.floats, y_cols = layout.cols(l),
    }
end

return load
