-- packing.lua - the layouts in which kernels read weights and leave their gradients, and the
-- functions that convert between them and PyTorch's.
--
-- Weights are packed in blocks of outputs, as many as a kernel takes at once, each block one
-- contiguous stream. Algorithms with other layouts have functions of their own.

local geometry <const> = require "geometry"
local grouped <const> = require "ops/conv/grouped"
local layout <const> = require "ops/layout"
local nests <const> = require "ops/conv/nests"

local packing <const> = {}

--- The taps of a convolution in the order in which its data gradient reads them, as C; false for
--- the other layouts. what: "pack", "pack_transposed" or "unpack"
function packing.tap_order(spec, what, isa)
    return what == "pack_transposed" and not isa.plain
        and table.concat(select(2, nests.backward(spec, grouped.inputs(spec, isa))), ", ")
end

--- "conv3x3s2p1": a data gradient's weights are in an order that follows from stride and padding.
function packing.window_word(spec, what)
    local g <const> = spec.geometry
    if what ~= "pack_transposed" or geometry.alike(g, "stride", 1) then
        return string.format("conv%dx%d", g.h.taps, g.w.taps)
    end
    return string.format("conv%sp%s", geometry.words(g), geometry.word(g, "padding"))
end

--- The name of the function that packs or unpacks the weights of a kernel that has channel groups
--- or none, in blocks of `block` outputs.
function packing.name(spec, what, block)
    return string.format("%s_%s_c%d_k%d%s_by%d", what, packing.window_word(spec, what), spec.c,
        spec.k, spec.groups > 1 and "_g" .. spec.groups or "", block)
end

--- Floats of the packed weights of a kernel, or of their packed gradient.
function packing.floats(spec, isa, taps)
    local made <const> = spec.pass == "bwd_data" and spec.c or spec.k
    return taps * grouped.inputs(spec, isa) * layout.round_up(made, isa.vl)
end

--- The parameters of a template that packs whole matrices, one for each of `taps` pixels.
--- is = { name, what, taps, block, tap_order, kernel = words }
function packing.params(spec, isa, is)
    is.channels, is.c_pitch = spec.c, layout.round_up(spec.c, isa.vl)
    is.k, is.k_pitch = spec.k, layout.round_up(spec.k, isa.vl)
    return is
end

-- What a program has once for all functions that pack in one way, and the function of one shape:
-- template, parameters, functions that it shares with others.

--- Of whole matrices, one for each of `taps` pixels. is: of packing.params; its run: inputs of an
--- output whose weights are paired, nil where they stay floats
function packing.whole(is)
    local pitch <const> = is.what == "pack_transposed" and is.c_pitch or is.k_pitch
    local orders <const>, in_pairs <const> = is.tap_order and true or false, is.run ~= nil
    local arguments = string.format("%d, %d, %d, %d", is.taps, is.channels, is.k, pitch)
    if is.what ~= "unpack" then
        arguments = arguments .. string.format(", %d%s%s", is.block,
            in_pairs and ", " .. is.run or "", orders and ", " .. is.tap_order or "")
    end
    local rest <const> = (in_pairs and "_pairs" or "_taps") .. (orders and "_in_order" or "")
    is.is_entry = true
    is.macro = is.what:upper() .. rest:gsub("_taps", ""):upper()
    is.arguments = arguments
    return "ops/conv/pack.c.tpl", is, { {
        name = is.what .. rest, params = { what = is.what, orders = orders, macro = is.macro },
        template = in_pairs and "ops/conv/pack_pairs.c.tpl" or "ops/conv/pack_loops.c.tpl",
    } }
end

local function grouped_params(spec, isa, is)
    local bundle <const> = grouped.bundle(spec, isa)
    local made <const> = spec.pass == "bwd_data" and spec.c or spec.k
    is.channels, is.k, is.groups = spec.c, spec.k, spec.groups
    is.group_c, is.group_k = spec.c // spec.groups, spec.k // spec.groups
    is.bundles, is.read, is.made = bundle.count, bundle.read, bundle.made
    is.made_pitch = layout.round_up(made, isa.vl)
    return is
end

--- "a 3 x 3 convolution"
function packing.kernel_text(spec)
    return string.format("a %d x %d convolution", spec.geometry.h.taps, spec.geometry.w.taps)
end

--- The template and the parameters that pack or unpack the weights of a direct convolution.
function packing.direct(spec, what, isa, block)
    local is <const> = {
        name = packing.name(spec, what, block), what = what, taps = spec.geometry.taps,
        block = block, tap_order = packing.tap_order(spec, what, isa),
        kernel = packing.kernel_text(spec),
    }
    if spec.groups > 1 then
        return "ops/conv/pack_grouped.c.tpl", grouped_params(spec, isa, is)
    end
    return packing.whole(packing.params(spec, isa, is))
end

return packing
