-- bank.lua - small forward convolutions whose weights all stay in registers. An algorithm: see
-- choice.lua.

local c <const> = require "emit/c"
local common <const> = require "ops/conv/common"
local direct <const> = require "ops/conv/direct"
local geometry <const> = require "geometry"
local nests <const> = require "ops/conv/nests"
local tile <const> = require "ops/conv/tile"

local bank <const> = {
    name = "bank", exact = true,
    weight_floats = direct.weight_floats, pack_name = direct.pack_name, pack = direct.pack,
}

-- Pixels of a tile beside a bank of weights: enough sums in flight to hide the latency of a
-- multiply-add.
local PIXELS <const> = 4

--- Whether all weights of a forward convolution fit registers, beside the sums of a tile and one
--- broadcast. Its tile takes neighbours.
function bank.possible(spec, isa)
    return isa.folds and spec.pass == "fwd" and spec.y.pitch == isa.vl and spec.groups == 1
        and geometry.alike(spec.geometry, "dilation", 1)
        and spec.geometry.taps * spec.c + PIXELS + 1 <= isa.registers
end

function bank.candidates()
    return { { mr = PIXELS, nr = 1 } }
end

--- The template of a kernel and its parameters.
function bank.params(spec, isa)
    local params <const> = common.taps_params(spec, isa)
    params.spans = tile.split(spec.y.w, PIXELS)
    params.mr, params.nr = params.spans[1].mr, 1
    local h <const>, w <const> = spec.geometry.h, spec.geometry.w
    params.window_h, params.window_w, params.channels = h.taps, w.taps, spec.c
    params.out_h, params.out_w = spec.y.h, spec.y.w
    params.rows = {}
    for r, tap in ipairs(nests.taps(h)) do
        params.rows[r] = nests.factor("row", h.stride, spec.x.border + tap.at)
    end
    params.col = c.add("col" .. c.times(w.stride), spec.x.border - w.padding)
    params.pixel = w.stride * spec.x.pitch
    return "ops/conv/bank.c.tpl", params
end

function bank.weight_block(spec)
    return spec.y.pitch
end

return bank
