-- plain.lua - the kernels of a program in plain loops, which is written to be read.
--
-- Such a program has the loops of each kind of kernel once, a function with names where others have
-- numbers. A kernel of a layer calls it with the layer's shapes; the function is inlined, so that
-- the compiler knows them, too.

local activation <const> = require "ops/activation"
local entry <const> = require "ops/entry"
local geometry <const> = require "geometry"
local ops <const> = require "ops/ops"

local image <const>, window <const> = entry.image, entry.window

local plain <const> = {}

-- -- Operations ----------------------------------------------------------------------------------

-- Of each operation: the words of its loops' names, what their template asks for besides a kernel's
-- own parameters, and what they are given. loops: the operation whose loops they are.
local KINDS <const> = {}

-- window_of: a geometry, or nil where the loops need none
local function weighted(spec, loops, window_of)
    local images <const> = spec.pass == "fwd" and { spec.y, spec.x }
        or spec.pass == "bwd_data" and { spec.dx, spec.dy } or { spec.x, spec.dy }
    local flags <const> = {
        relu = spec.relu, bias = spec.bias, stats = spec.stats, grouped = spec.groups > 1,
        adds = spec.adds or false,
    }
    return {
        loops = loops, flags = flags, given = {
            image(images[1]), image(images[2]), window_of and window(window_of) or nil,
            flags.grouped and entry.number("GROUPS", tostring(spec.groups)) or nil,
        },
        words = { { spec.relu, "_relu" }, { spec.stats, "_norm" }, { spec.bias, "_bias" },
            { flags.grouped, "_grouped" } },
    }
end

function KINDS.conv(spec)
    return weighted(spec, "conv", spec.geometry)
end

-- A linear layer is a convolution whose window is the whole image.
function KINDS.linear(spec)
    if spec.pass == "bwd_data" then
        return weighted(spec, "linear")
    end
    return weighted(spec, "conv", geometry.whole(spec.x.h, spec.x.w))
end

function KINDS.pointwise(spec, _, isa)
    local words <const>, flags <const> = ops.pointwise.kind(spec)
    flags.activation, flags.clips = activation.plain_params(spec, isa), activation.offset(spec)
    return {
        loops = "pointwise", flags = flags, given = ops.pointwise.given(spec, isa), name = words,
    }
end

local function pool(loops, spec, ...)
    local fwd <const> = spec.pass == "fwd"
    return {
        loops = loops, flags = { winners = spec.winners or false, adds = spec.adds or false },
        given = { image(fwd and spec.y or spec.dx), image(fwd and spec.x or spec.dy),
            window(spec.geometry), ... },
        words = { { spec.winners, "_winner" } },
    }
end

function KINDS.maxpool(spec)
    return pool("maxpool", spec)
end

function KINDS.avgpool(spec, params)
    params.cost = params.cost:gsub("%.$", string.format("; share 1 / %d.", spec.geometry.taps))
    return pool("avgpool", spec, entry.number("SHARE", params.share))
end

function KINDS.global_maxpool(spec)
    local fwd <const> = spec.pass == "fwd"
    return {
        loops = "global_maxpool",
        flags = { winners = spec.winners or false, adds = spec.adds or false },
        given = { image(fwd and spec.y or spec.dx), image(fwd and spec.x or spec.dy) },
        words = { { spec.winners, "_winner" } },
    }
end

function KINDS.add(spec)
    local given <const> = spec.pass == "fwd" and { spec.y, spec.x, spec.x2 }
        or { spec.dx, spec.dy, spec.relu and spec.y or nil }
    for i, l in ipairs(given) do
        given[i] = image(l)
    end
    return {
        loops = "add", flags = { relu = spec.relu, adds = spec.adds or false }, given = given,
        words = { { spec.relu, "_relu" } },
    }
end

function KINDS.mul(spec)
    local fwd <const> = spec.pass == "fwd"
    return {
        loops = "mul", flags = { adds = spec.adds or false }, given = {
            image(fwd and spec.y or spec.dx), image(fwd and spec.x or spec.dy), image(spec.x2),
        },
    }
end

-- pads: whether the channels around those of x become zeros
local function side(spec, pads)
    local fwd <const> = spec.pass == "fwd"
    return {
        loops = "concat", flags = { adds = spec.adds or false, pads = pads }, given = {
            image(fwd and spec.y or spec.dx), image(fwd and spec.x or spec.dy),
            entry.number("FIRST", tostring(spec.first)),
        }, words = { { pads, "_pad" } },
    }
end

function KINDS.concat(spec)
    return side(spec, false)
end

function KINDS.pad_channels(spec)
    return side(spec, spec.pass == "fwd")
end

function KINDS.set_norm(spec, _, isa)
    local images <const> = spec.pass == "fwd" and { spec.y, spec.x }
        or spec.pass == "bwd_data" and { spec.dx, spec.dy, spec.x } or { spec.x, spec.dy }
    local given <const> = {}
    for i, l in ipairs(images) do
        given[i] = image(l)
    end
    given[#given + 1] = entry.number("EPS", isa.literal(spec.eps))
    local centred <const>, of_image <const> = spec.norm == "layer", spec.over == "image"
    return {
        loops = "set_norm", given = given, flags = {
            centred = centred, of_image = of_image, masks_x = spec.masks_x,
            adds = spec.adds or false,
        },
        words = { { of_image, "_image" }, { not centred, "_rms" }, { spec.masks_x, "_mask" } },
    }
end

function KINDS.sums(spec)
    return { loops = "sums", flags = {}, given = { image(spec.x) }, words = {} }
end

-- -- Kernels -------------------------------------------------------------------------------------

--- The template of a kernel, its parameters, and the function of its loops (see ops.lua).
function plain.params(spec, isa, options)
    local _, params <const> = ops[spec.op].params(spec, isa, options)
    local kind <const> = KINDS[spec.op](spec, params, isa)
    local name = kind.name or kind.loops
    for _, word in ipairs(kind.words or {}) do
        name = name .. (word[1] and word[2] or "")
    end
    name = name .. (not kind.name and spec.adds and "_add" or "") .. "_" .. spec.pass
    return entry.kernel(spec, params, {
        name = name, template = string.format("ops/plain/%s_%s.c.tpl", kind.loops, spec.pass),
        flags = kind.flags, given = kind.given,
    })
end

--- The largest pitch of the images that these kernels read and make.
function plain.most_channels(kernels)
    local most = 1
    for _, spec in ipairs(kernels) do
        for _, l in ipairs { spec.x, spec.y or spec.x, spec.dx or spec.x, spec.dy or spec.x } do
            most = math.max(most, l.pitch)
        end
    end
    return most
end

return plain
