-- name.lua - the names of generated things.
--
-- A kernel's name carries its shape and is the key by which equal shapes share one function:
--
--   <op><window>[s<stride>][_relu][_norm]_c<in>_k<out>[_g<groups>]_<H>x<W>_<pass>
--   [__<how>]
--
-- A depthwise convolution is a dwconv and has no k, g and algorithm.
-- H x W is the size of the input image of the layer. `how` is the algorithm of a convolution, then
-- what differs from the usual: `add` when the kernel adds to its output, `padded` when the
-- channels of its input are padded to whole vectors, `b<n>_<m>` when the borders of source and
-- destination are not the usual ones (the padding the window needs at the source, none at the
-- destination), `p<n>` a padding other than window // 2.

local grouped <const> = require "ops/conv/grouped"

local name <const> = {}

local PASS <const> = {
    fwd = "fwd", bwd_data = "bwd_data", bwd_weights = "bwd_weights", bwd_reduce = "bwd_reduce",
}

local function window(kernel)
    local text = string.format("%dx%d", kernel.window, kernel.window)
    if kernel.stride > 1 then
        text = text .. "s" .. kernel.stride
    end
    return text
end

-- Source and destination of the pass, and the source border that the window needs by itself.
local function ends(kernel)
    if kernel.pass == "fwd" then
        return kernel.x, kernel.y or kernel.x, kernel.padding or 0
    elseif kernel.pass == "bwd_weights" then
        return kernel.x, kernel.dy, kernel.padding
    elseif kernel.pass == "bwd_reduce" then
        return kernel.x, kernel.dy, 0
    end
    local need = 0
    if kernel.op == "conv" then
        need = math.max(0, kernel.window - 1 - kernel.padding)
    end
    return kernel.dy, kernel.dx, need
end

local function is_depthwise(kernel)
    return kernel.op == "conv" and grouped.is_depthwise(kernel.groups, kernel.c, kernel.k)
end

local function how(kernel, algorithm)
    local parts <const> = { algorithm }
    if kernel.window and kernel.op == "conv" and kernel.padding ~= kernel.window // 2 then
        parts[#parts + 1] = "p" .. kernel.padding
    elseif (kernel.op == "maxpool" or kernel.op == "avgpool") and kernel.padding ~= 0 then
        parts[#parts + 1] = "p" .. kernel.padding
    end
    if kernel.adds then
        parts[#parts + 1] = "add"
    end
    local pads <const> = kernel.pass ~= "bwd_data" and kernel.x.pitch ~= kernel.c
    if kernel.k and pads and not is_depthwise(kernel) then
        parts[#parts + 1] = "padded"
    end
    local source <const>, destination <const>, need <const> = ends(kernel)
    if source.border ~= need or destination.border ~= 0 then
        parts[#parts + 1] = string.format("b%d_%d", source.border, destination.border)
    end
    -- Elementwise kernels read more tensors than two; a third border joins the name.
    local third <const> = kernel.op == "map" and kernel.pass ~= "fwd" and kernel.x
        or kernel.op == "add" and (kernel.pass == "fwd" and kernel.x2 or kernel.y)
    if third and third.border ~= 0 and third ~= source then
        parts[#parts + 1] = "x" .. third.border
    end
    return #parts > 0 and "__" .. table.concat(parts, "_") or ""
end

-- Lines belong to one image each, or to all of a batch; sums to one image.
local function norm_word(kernel)
    return kernel.each_image and "norm" or "batchnorm"
end

-- A number as it stands in a name, different ones differently: 0.05 -> "0p05", 1e-12 -> "1em12".
local function number_word(x)
    local text = string.format("%.14g", x)
    text = tonumber(text) == x and text or string.format("%.17g", x)
    return (text:gsub("[.+-]", { ["."] = "p", ["-"] = "m", ["+"] = "" }))
end

-- The probability of a dropout: 0.05 -> "_drop0p05".
local function drop(p)
    return "_drop" .. number_word(p)
end

local function full_name(kernel, algorithm)
    local text
    if kernel.op == "map" then
        text = kernel.affine and norm_word(kernel) or "map"
        text = text .. (kernel.relu and "_relu" or "") .. (kernel.p > 0 and drop(kernel.p) or "")
        text = text .. (kernel.masks_x and "_mask" or "")
    elseif kernel.op == "avgpool" and kernel.global then
        text = "avgpool_global"
    elseif kernel.op == "sums" then
        text = "norm_sums"
    elseif kernel.op == "add" or kernel.op == "linear" then
        text = kernel.op .. (kernel.relu and "_relu" or "")
    else
        text = (is_depthwise(kernel) and "dw" or "") .. kernel.op .. window(kernel)
            .. (kernel.relu and "_relu" or "") .. (kernel.winners and "_winner" or "")
    end
    if kernel.stats then
        text = text .. "_norm"
    end
    if kernel.bias then
        text = text .. "_bias"
    end
    text = text .. "_c" .. kernel.c
    if kernel.k and not is_depthwise(kernel) then
        text = text .. "_k" .. kernel.k .. (kernel.groups > 1 and "_g" .. kernel.groups or "")
    end
    return string.format("%s_%dx%d_%s%s", text, kernel.x.h, kernel.x.w, PASS[kernel.pass],
        how(kernel, algorithm))
end

-- The C function of a kernel specification (see schedule.lua).
function name.kernel(kernel)
    local told <const> = kernel.op == "conv" and not is_depthwise(kernel)
    return full_name(kernel, told and (kernel.algorithm or "direct") or nil)
end

-- The same without the algorithm: the key of what was measured of a convolution.
function name.key(kernel)
    return full_name(kernel)
end

-- The functions that turn the sums of a norm into the line its map applies. what: "fwd", "bwd",
-- and for batch norm "eval" and "track" (running statistics); "ghosts_fwd", "ghosts_bwd" and
-- "ghosts_track" where the batch is cut into ghosts. Other numbers than the defaults are part of
-- it.
function name.norm(node, what)
    local word <const> = node.norm == "batch" and "batch_norm" or "group_norm" .. node.groups
    local eps <const> = node.eps ~= 1e-5 and "_eps" .. number_word(node.eps) or ""
    local momentum <const> = node.norm == "batch" and node.momentum ~= 0.1
        and "_momentum" .. number_word(node.momentum) or ""
    return string.format("%s_c%d%s%s_%s", word, node.c, eps, momentum, what)
end

-- The function that copies an input image into its layout.
function name.load(value)
    return string.format("load_c%d_%dx%d", value.c, value.h, value.w)
end

-- The constant that holds the offset of a parameter or state: "conv1.weight" -> CONV1_WEIGHT.
function name.param(param_name)
    return (param_name:gsub("[^%w]", "_"):upper())
end

-- The constants by which a profile knows the kernels of a plan, in their order and by kernel:
-- LAP_CONV1_BWD_DATA. A kernel that runs once more, to make again what was not kept, is
-- LAP_NORM1_FWD_2.
function name.laps(kernels)
    local list <const>, of <const>, runs <const> = {}, {}, {}
    for i, kernel in ipairs(kernels) do
        local text <const> = "LAP_" .. name.param(kernel.layer .. "_" .. kernel.pass)
        runs[text] = (runs[text] or 0) + 1
        list[i] = runs[text] == 1 and text or text .. "_" .. runs[text]
        of[kernel] = list[i]
    end
    return list, of
end

-- The constant that holds the offset of a buffer: "y_conv1" -> AT_Y_CONV1.
function name.offset(buffer_name)
    return "AT_" .. buffer_name:upper()
end

-- The same of a buffer of a plan: evaluation has scratch memory of its own, EVAL_AT_Y_CONV1.
function name.place(buffer, is_eval)
    return (is_eval and buffer.scope == "scratch" and "EVAL_" or "") .. name.offset(buffer.name)
end

return name
