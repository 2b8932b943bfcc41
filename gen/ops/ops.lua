-- ops.lua - the operations, each a module.
--
-- operation = {
--   kinds                       layers with which a step of it begins; nil: none
--   fuse(fusion, node)          the step that begins with such a layer, and the last layer that it
--                               computes: see fuse.lua
--   forward(planner, step, y)   makes its calls; y: the buffer of the value that it makes
--   backward_parts(step)        the parts of its backward pass, in order: array of { name,
--                               reads = array of the values that it must find in memory,
--                               norm = the norm whose "coef" it is, or nil }
--   backward                    { [name of a part] = function(planner, step, dy) that makes its
--                               calls }; nil: it has no gradient
--   make_buffers(planner, step) the buffers of its parameters; nil: it has none
--   makes_no_value              whether nothing reads what it leaves but by name
--   skips_eval(step)            whether an evaluation does without the step; nil: never
--   keeps                       whether later phases find its value in memory, or compute it
--                               again; `keeps` of a step says so where steps differ
--   gathers                     whether its kernel applies a ReLU and gathers a norm's sums
--   masks                       whether it applies the mask of a ReLU before it
--   shares_title                whether its calls stand under the comment of those before them
--   border(step)                pixels of zeros around the image that it reads; nil: none
--   reads_scalars(step, isa)    whether it reads channels one by one; nil: it reads whole vectors
--   gradient_border(step, x_border)  pixels of zeros around the gradient of its output, where that
--                               of its input has x_border; nil: none
--   fn                          a C function of its own that is no kernel, or nil
--   text(call, graph)           the template of the functions of a call that is no kernel, and its
--                               parameters; nil: it has none
--
--   c_op                        its name in enum kernel_op of runtime/model.h
--   name_words(spec)            what is its own in a kernel's name: see name.lua
--   params(spec, isa, options)  the template of a kernel, its parameters, and a list of functions
--                               { name, template, params } that it shares with others; nil: none
--   exact(spec)                 whether small integers come out exact in every order of the sums;
--                               nil: they do
--   choose(spec, isa, wanted, wishes, key)  what is chosen for a kernel (see conv/choice.lua); nil
--                               where there is nothing to choose
--   scratch(spec), ahead_steps(spec, isa)   as an algorithm has them; nil: none
--   packs(spec, role)           whether its kernels read their "weight" or "bias" packed; else they
--                               read it as it is, a number a channel, filled up to whole vectors;
--                               nil: it has none
--   packed_floats(spec, isa), pack_name(spec, what, isa), pack(spec, what, isa)
--                               of those that are packed: see conv.lua
--   has_own_weights             whether its weight and bias are a norm's, with which nothing is
--                               folded
-- }
-- Specifications of kernels: see the head of calls.lua.

local concat <const> = require "ops/concat"
local pool <const> = require "ops/pool"

local ops <const> = {
    add = require "ops/add",
    avgpool = pool.avg,
    concat = concat.of,
    conv = require "ops/conv",
    global_maxpool = require "ops/global_maxpool",
    linear = require "ops/linear",
    load = require "ops/load",
    loss = require "ops/loss",
    maxpool = pool.max,
    mul = require "ops/mul",
    norm = require "ops/norm",
    pad_channels = concat.pad,
    pointwise = require "ops/pointwise",
    set_norm = require "ops/set_norm",
    sums = require "ops/sums",
}

return ops
