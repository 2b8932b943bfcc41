-- winograd_bf16.lua - Winograd's kernels with products of bf16 pairs, sums and all else in fp32.
--
-- Transformed tiles and weights are rounded to bf16 where they are written, so they take half the
-- memory, and two products are one instruction of AVX512_BF16, which takes the time of one
-- multiply-add; other instruction sets compute the same numbers. Forward and data gradient pair
-- neighbouring channels, the weight gradient neighbouring tiles. See docs/winograd.md.

local common <const> = require "ops/conv/common"
local winograd <const> = require "ops/conv/winograd"

local winograd_bf16 <const> = common.merge({}, winograd)
winograd_bf16.name = "winograd4_bf16"
winograd_bf16.in_bf16 = true

-- An odd channel would be paired with what lies behind the last one.
function winograd_bf16.possible(spec, isa)
    local channels <const> = spec.pass == "bwd_data" and spec.k or spec.c
    return isa.pairs and (spec.pass == "bwd_weights" or channels % 2 == 0)
        and winograd.possible(spec, isa)
end

return winograd_bf16
