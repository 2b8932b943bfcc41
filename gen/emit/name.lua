-- name.lua - the names of generated things.
--
-- A kernel's name carries its shape and is the key by which equal shapes share one function:
--
--   <op><window>[s<stride>][d<dilation>][_relu][_norm]_c<in>_k<out>[_g<groups>]_<H>x<W>_<pass>
--   [__<how>]
--
-- A stride is one number where it is the same down and across, else two: s2, s2x1. So are dilation
-- and padding.
-- An operation says what is its own: its name_words(kernel), the table `words` below.
-- H x W is the size of the input image of the layer. `how` is the algorithm of a convolution, then
-- what differs from the usual: `add` when the kernel adds to its output, `padded` when the
-- channels of its input are padded to whole vectors, `b<n>_<m>` when the borders of source and
-- destination are not the usual ones (the padding the window needs at the source, none at the
-- destination), `p<n>` a padding other than window // 2.

local c <const> = require "emit/c"
local ops <const> = require "ops/ops"

local name <const> = {}

local PASS <const> = {
    fwd = "fwd", bwd_data = "bwd_data", bwd_weights = "bwd_weights", bwd_reduce = "bwd_reduce",
}

-- Source and destination of the pass, and the source border that the window needs by itself.
local function source_and_destination(kernel, words)
    if kernel.pass == "fwd" then
        return kernel.x, kernel.y or kernel.x, words.border or 0
    elseif kernel.pass == "bwd_weights" then
        return kernel.x, kernel.dy, words.border or 0
    elseif kernel.pass == "bwd_reduce" then
        return kernel.x, kernel.dy, 0
    end
    return kernel.dy, kernel.dx, words.gradient_border or 0
end

local function how(kernel, words, algorithm)
    local parts <const> = { algorithm }
    parts[#parts + 1] = words.padding
    if kernel.adds then
        parts[#parts + 1] = "add"
    end
    if words.has_k and kernel.pass ~= "bwd_data" and kernel.x.pitch ~= kernel.c then
        parts[#parts + 1] = "padded"
    end
    local source <const>, destination <const>, reach <const> = source_and_destination(kernel, words)
    if source.border ~= reach or destination.border ~= 0 then
        parts[#parts + 1] = string.format("b%d_%d", source.border, destination.border)
    end
    -- Elementwise kernels read more tensors than two; a third border joins the name.
    local third <const> = words.third
    if third and third.border ~= 0 and third ~= source then
        parts[#parts + 1] = "x" .. third.border
    end
    return #parts > 0 and "__" .. table.concat(parts, "_") or ""
end

-- words = { head = operation, window and what its kernel does besides,
--           has_k = whether it has outputs of another number than inputs, algorithm or nil,
--           padding = "p1" where it is not the usual one or nil, border = of zeros that it needs or
--           nil, gradient_border = the same of its data gradient, third = layout of a third tensor
--           or nil }
local function full_name(kernel, words, algorithm)
    local text = words.head .. (kernel.stats and "_norm" or "") .. (kernel.bias and "_bias" or "")
        .. "_c" .. kernel.c
    if words.has_k then
        text = text .. "_k" .. kernel.k .. (kernel.groups > 1 and "_g" .. kernel.groups or "")
    end
    return string.format("%s_%dx%d_%s%s", text, kernel.x.h, kernel.x.w, PASS[kernel.pass],
        how(kernel, words, algorithm))
end

-- The C function of a kernel specification (see calls.lua).
function name.kernel(kernel)
    local words <const> = ops[kernel.op].name_words(kernel)
    return full_name(kernel, words, words.algorithm)
end

-- The same without the algorithm: the key of what was measured of a convolution.
function name.key(kernel)
    return full_name(kernel, ops[kernel.op].name_words(kernel))
end

-- The constants by which a profile knows the kernels of a plan, in their order and by kernel:
-- SLOT_CONV1_BWD_DATA. A kernel that runs once more, to make again what was not kept, is
-- SLOT_NORM1_FWD_2.
function name.slots(kernels)
    local list <const>, of <const>, runs <const> = {}, {}, {}
    for i, kernel in ipairs(kernels) do
        local text <const> = "SLOT_" .. c.constant(kernel.layer .. "_" .. kernel.pass)
        runs[text] = (runs[text] or 0) + 1
        list[i] = runs[text] == 1 and text or text .. "_" .. runs[text]
        of[kernel] = list[i]
    end
    return list, of
end

return name
