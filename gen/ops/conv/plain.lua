-- plain.lua - direct convolutions in plain loops, for programs that are written to be read: no
-- tile, no vector, and as many groups of channels as there are. An algorithm: see choice.lua. Its
-- loops are in gen/ops/plain.lua. Names of kernels do not say it: no other is beside it.

local common <const> = require "ops/conv/common"
local layout <const> = require "ops/layout"
local packing <const> = require "ops/conv/packing"

local plain <const> = {
    name = "plain", is_unsaid = true, exact = true, pack_name = packing.name, pack = packing.direct,
}

--- Every convolution of a program in plain loops, which has no other algorithm.
function plain.possible()
    return true
end

function plain.candidates()
    return { { mr = 1, nr = 1 } }
end

--- The parameters of a kernel.
function plain.params(spec, isa)
    return nil, spec.pass == "bwd_weights" and common.weights_params(spec, isa)
        or common.taps_params(spec, isa)
end

-- -- Weights -------------------------------------------------------------------------------------

--- All outputs at once.
function plain.weight_block(spec, isa)
    return layout.round_up(spec.pass == "bwd_data" and spec.c or spec.k, isa.vl)
end

function plain.weight_floats(spec, isa)
    return packing.floats(spec, isa, spec.geometry.taps)
end

return plain
