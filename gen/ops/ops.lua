-- ops.lua - the operations, each a module.
--
-- operation = {
--   c_op                        its name in enum kernel_op of runtime/model.h
--   params(spec, isa, options)  the template of a kernel, its parameters, and a list of functions
--                               { name, template, params } that it shares with others; nil: none
--   exact(spec)                 whether small integers come out exact in every order of the sums;
--                               nil: they do
--   choose(spec, isa, wanted, wishes, key)  what is chosen for a kernel (see conv/choice.lua); nil
--                               where there is nothing to choose
--   scratch(spec), ahead_steps(spec, isa)   as an algorithm has them; nil: none
--   packed_floats(spec, isa), pack_name(spec, what, isa), pack(spec, what, isa)
--                               of one that has packed weights: see conv.lua; nil: it has none
-- }
-- Specifications of kernels: see the head of schedule.lua.

local pool <const> = require "ops/pool"

local ops <const> = {
    add = require "ops/add",
    avgpool = pool.avg,
    conv = require "ops/conv",
    linear = require "ops/linear",
    map = require "ops/pointwise",
    maxpool = pool.max,
    sums = require "ops/sums",
}

return ops
