-- pack.lua - weights in the layouts that kernels read, as templates/ops/conv/*pack*.c.tpl make them
-- in a training program: there from canonical floats in memory, here by gen/host/pack.c.
--
--     floats, shape = pack.weights(template, params, canonical)
--
-- template, params: of an operation's pack(spec, "pack", set) (see gen/ops/ops.lua)
-- canonical: doubles as bytes, [output][input][tap]

local pack <const> = {}

-- The layout that a template makes, as gen/host/pack.c calls it, and the words of its shape.
local LAYOUTS <const> = {
    ["ops/conv/pack.c.tpl"] = { "whole", function(is)
        return ("[%d][%d][%d]"):format(is.taps, is.channels, is.k_pitch)
    end },
    ["ops/conv/pack_grouped.c.tpl"] = { "grouped", function(is)
        return ("[%d][%d][%d]"):format(is.taps, is.read, is.made_pitch)
    end },
    ["ops/conv/pack_depthwise.c.tpl"] = { "depthwise", function(is)
        return ("[%d][%d][%d]"):format(is.pitch // is.vl, is.taps, is.vl)
    end },
    ["ops/conv/winograd_pack.c.tpl"] = { "winograd", function(is)
        return ("[36][%d][%d], transformed"):format(is.channels, is.k_pitch)
    end },
    ["winograd2s2"] = { "strided", function(is) -- no training program has it
        return ("[25][%d][%d], transformed"):format(is.channels, is.k_pitch)
    end },
}

--- Packed weights, and their shape as text.
function pack.weights(template, params, canonical)
    local kind <const>, shape_of <const> = table.unpack((assert(LAYOUTS[template], template)))
    return host.pack(kind, params, canonical), shape_of(params)
end

return pack
