-- kernel.lua - what the kernels of all operations share: their C parameters, the words of their
-- comments, their steps from image to image.
--
-- A module of an operation makes the parameters of its template from a specification (its shape
-- stands at the head of calls.lua) and begins with kernel.common.

local c <const> = require "emit/c"
local dropout <const> = require "ops/dropout"
local layout <const> = require "ops/layout"

local kernel <const> = {}

-- -- Pieces of C ---------------------------------------------------------------------------------

local C_TYPES <const> = {
    keep = "const uint8_t *keep", ahead = "struct ahead *ahead", n = "int n",
}

-- What a forward kernel notes for the gradient; R: the type of numbers.
local NOTE_TYPES <const> = {
    winner = { fwd = "uint8_t *restrict winner", bwd_data = "const uint8_t *restrict winner" },
    place = { fwd = "R *restrict place", bwd_data = "const R *restrict place" },
}

local OUTPUTS <const> = {
    y = true, dx = true, dw = true, db = true, sums = true, scratch = true,
}

-- The parameters of the C function. In place, dx and dy are one buffer: neither is restrict.
local function signature(spec, real, in_place)
    local list <const> = {}
    for i, param in ipairs(spec.params) do
        local pointer <const> = (OUTPUTS[param] and "" or "const ") .. real .. " *"
            .. ((in_place and (param == "dx" or param == "dy")) and "" or "restrict ")
        local note <const> = NOTE_TYPES[param]
        list[i] = note and c.fill(note[spec.pass], { R = real }) or C_TYPES[param]
            or pointer .. param
    end
    return table.concat(list, ", ")
end

local function shape_text(variable, l)
    local text <const> = string.format("%s: %d x %d x %d", variable, layout.rows(l),
        layout.cols(l), l.pitch)
    return l.border > 0 and text .. string.format(" (border %d)", l.border) or text
end

-- Where each tensor of a kernel is described in its specification.
local LAYOUT_OF <const> = { y = "y", x = "x", x2 = "x2", yin = "y", dx = "dx", dy = "dy" }

-- Rows of a norm's vectors: see struct kernel_args of runtime/model.h.
local function vector_rows(spec, param)
    if param == "sums" then
        return spec.pass == "fwd" and 3 or 2
    end
    return param == "coef" and 5 or param == "dcoef" and 3 or nil
end

--- The shapes of a kernel's arguments, in their order.
--- weights: shape of w or dw; pitch: lanes of the target
function kernel.shapes_text(spec, pitch, weights)
    local parts <const> = {}
    for _, param in ipairs(spec.params) do
        local l <const> = spec[LAYOUT_OF[param] or ""]
        if l then
            parts[#parts + 1] = shape_text(param, l)
        elseif param == "w" or param == "dw" then
            parts[#parts + 1] = param .. ": " .. weights
        elseif param == "bias" or param == "db" then
            parts[#parts + 1] = param .. ": " .. pitch
        elseif vector_rows(spec, param) then
            parts[#parts + 1] = string.format("%s: %d x %d", param, vector_rows(spec, param), pitch)
        elseif param == "winner" then
            local small <const> = spec.pass == "fwd" and spec.y or spec.dy
            parts[#parts + 1] = string.format("winner: %d x %d x %d bytes", small.h, small.w,
                small.pitch)
        elseif param == "place" then
            parts[#parts + 1] = "place: " .. (spec.pass == "fwd" and spec.y or spec.dy).pitch
        elseif param == "keep" then
            parts[#parts + 1] = "keep: " .. dropout.shape(spec.unit, spec.x.h, spec.x.w, spec.c)
        end
    end
    return table.concat(parts, ", ") .. "."
end

-- The step of a loop over so many images at once: "image++, y += 36992, x += 18496".
local function next_images(spec, pitch, count)
    local steps <const> = { count == 1 and "image++" or "image += " .. count }
    local function step(param, floats)
        steps[#steps + 1] = string.format("%s += %d", param, count * floats)
    end
    for _, param in ipairs(spec.params) do
        local l <const> = spec[LAYOUT_OF[param] or ""]
        if l then
            step(param, layout.floats(l))
        elseif param == "winner" then
            local small <const> = spec.pass == "fwd" and spec.y or spec.dy
            step(param, small.h * small.w * small.pitch)
        elseif param == "place" then
            local small <const> = spec.pass == "fwd" and spec.y or spec.dy
            step(param, small.pitch)
        elseif param == "sums" or vector_rows(spec, param) and spec.each_image then
            step(param, vector_rows(spec, param) * pitch)
        end
    end
    return table.concat(steps, ", ")
end

--- "9.44 direct MFLOP, 2.36 multiplied; reads 91 KB, writes 131 KB.", of an image. Elementwise
--- kernels have no FLOP to name. multiplied: FLOP of the products of an algorithm that needs fewer,
--- or nil
function kernel.cost_text(spec, isa, reads, writes, multiplied)
    local traffic <const> = string.format("eads %d KB, writes %d KB.",
        (reads * isa.bytes + 1023) // 1024, (writes * isa.bytes + 1023) // 1024)
    if spec.flop and spec.flop > 0 then
        local done <const> = multiplied and string.format(", %.3g in 36 products", multiplied / 1e6)
        return string.format("%.3g %sMFLOP%s; r%s", spec.flop / 1e6,
            done and "direct " or "", done or "", traffic)
    end
    return "R" .. traffic
end

--- The names of the layers that a step computes: "conv1 relu1". Sums of a norm have the name of it.
function kernel.layer_names(step)
    local names <const> = {}
    for i, node in ipairs(step.layers) do
        names[i] = node.name
    end
    return #names > 0 and table.concat(names, " ") or step.name
end

--- Whether a list has this word.
function kernel.has(list, word)
    for _, item in ipairs(list) do
        if item == word then
            return true
        end
    end
    return false
end

--- The parameters by which a template finds the pixels of an image: <prefix>_at, that of the first
--- one, _row, the floats of a row, _floats, those of an image, and _pitch.
function kernel.place(params, prefix, l)
    params[prefix .. "_at"] = (l.border * layout.cols(l) + l.border) * l.pitch
    params[prefix .. "_row"] = layout.cols(l) * l.pitch
    params[prefix .. "_floats"] = layout.floats(l)
    params[prefix .. "_pitch"] = l.pitch
end

--- The loops of a kernel that takes `images` at once, and those that are left over one by one: an
--- array of { images, condition, step }
function kernel.image_loops(spec, pitch, images)
    local one <const> = { images = 1, condition = "image < n", step = next_images(spec, pitch, 1) }
    if images == 1 then
        return { one }
    end
    return { { images = images, condition = "image + " .. images .. " <= n",
        step = next_images(spec, pitch, images) }, one }
end

--- The parameters that every template has.
--- pitch: lanes of the norm's sums and coefficients, if it has any; in_place: dx may be dy;
--- together: images that the loop over them takes at once, one unless it is said
function kernel.common(spec, isa, pitch, in_place, together)
    return {
        next_image = next_images(spec, pitch, together or 1),
        name = spec.name, where = spec.layer or spec.name,
        signature = signature(spec, isa.real, in_place),
        any_size = false, pass = spec.pass, fetches = kernel.has(spec.params, "ahead"),
    }
end

return kernel
