-- global_maxpool.lua - the largest pixel of each channel of an image.
--
-- Its place in the image is kept as a number, not as a byte as that of a window's largest: an image
-- has up to a million pixels, each of which a float counts exactly, and there is one a channel.

local kernel <const> = require "ops/kernel"
local tile <const> = require "ops/conv/tile"

-- A maximum is kept beside its places, so that its input need not be.
local global_maxpool <const> = {
    kinds = { "global_maxpool" }, c_op = "KERNEL_GLOBAL_MAXPOOL", keeps = true, backward = {},
}

function global_maxpool.fuse(fusion, node)
    local step <const> = { op = "global_maxpool", name = node.name, layers = { node } }
    fusion:read(step, node.inputs)
    return step, node
end

function global_maxpool.name_words(spec)
    return { head = "maxpool_global" .. (spec.winners and "_winner" or "") }
end

-- -- Calls ---------------------------------------------------------------------------------------

-- The buffer of the places.
local function place_of(planner, step)
    local pitch <const> = planner.layouts[step.y].data.pitch
    return planner:shared_buffer {
        role = "place", layer = step.y.name, scope = "scratch", floats = pitch,
        shape = string.format("%d pixels", pitch), copies = planner.micro_batch,
    }
end

function global_maxpool.forward(planner, step, y)
    local x <const> = planner:value(step.x)
    -- In plain loops an evaluation has the same kernel as a training: see pool.lua.
    local place <const> = not planner.eval and place_of(planner, step)
        or planner.isa.plain and "NULL" or nil
    planner:kernel_call({
        op = step.op, pass = "fwd", x = x.layout, y = y.layout, c = step.x.c,
        winners = place ~= nil, params = place and { "y", "place", "x" } or { "y", "x" },
    }, { y = y, place = place, x = x }, kernel.layer_names(step), step.name)
end

--- It knows its places, and reads no input.
function global_maxpool.backward_parts(step)
    return step.x.trained and { { name = "data", reads = {} } } or {}
end

function global_maxpool.backward.data(planner, step, dy)
    local dx <const>, adds <const> = planner:gradient_into(step.x)
    planner:kernel_call({
        op = step.op, pass = "bwd_data", x = planner.layouts[step.x].data, y = dy.layout,
        dx = dx.layout, dy = dy.layout, c = step.x.c, adds = adds, params = { "dx", "place", "dy" },
    }, { dx = dx, place = place_of(planner, step), dy = dy }, kernel.layer_names(step), step.name)
end

-- -- Kernels -------------------------------------------------------------------------------------

-- Vectors of channels that a loop takes at once.
local BLOCK <const> = 4

--- The template of a kernel and its parameters.
function global_maxpool.params(spec, isa)
    local params <const> = kernel.common(spec, isa)
    local fwd <const> = spec.pass == "fwd"
    local large <const>, small <const> = fwd and spec.x or spec.dx, fwd and spec.y or spec.dy
    kernel.place(params, "image", large)
    kernel.place(params, "pixel", small)
    params.channels, params.h, params.w, params.pitch = spec.c, large.h, large.w, large.pitch
    params.block = tile.block(large.pitch // isa.vl, BLOCK)
    params.winners, params.adds = spec.winners or false, spec.adds or false
    params.formula = fwd and "y = the largest pixel of each channel"
            .. (spec.winners and ", place = the first that is it, row by row." or ".")
        or string.format("dx %s dy for the largest pixel of each channel%s.",
            spec.adds and "+=" or "=", spec.adds and "" or ", else 0")
    params.shapes = kernel.shapes_text(spec)
    local image <const>, pixel <const> = large.h * large.w * large.pitch, small.pitch
    local notes <const> = spec.winners and pixel or 0
    params.cost = kernel.cost_text(spec, isa, fwd and image or 2 * pixel,
        fwd and pixel + notes or spec.adds and pixel or image)
    return "ops/global_maxpool.c.tpl", params
end

return global_maxpool
