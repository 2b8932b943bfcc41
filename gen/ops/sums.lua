-- sums.lua - the sums of a norm whose input no convolution or linear layer has made.

local kernel <const> = require "ops/kernel"
local layout <const> = require "ops/layout"
local norm <const> = require "ops/norm"

local sums <const> = { c_op = "KERNEL_SUMS", makes_no_value = true }

function sums.name_words()
    return { head = "norm_sums" }
end

--- An evaluation uses the running statistics of a batch norm.
function sums.skips_eval(step)
    return norm.is_batch(step.norm)
end

function sums.forward(planner, step)
    local x <const> = planner:value(step.x)
    planner:kernel_call({
        op = step.op, pass = "fwd", x = x.layout, y = x.layout, c = step.x.c,
        params = { "sums", "x" },
    }, { sums = norm.sums(planner, step.norm, "sums"), x = x }, step.norm.name, step.norm.name)
    norm.gather(planner, step.norm, "sums", step.x)
end

--- The template of a kernel and its parameters.
function sums.params(spec, isa)
    local params <const> = kernel.common(spec, isa, spec.x.pitch)
    params.pitch, params.h, params.w = spec.x.pitch, spec.x.h, spec.x.w
    params.x_border, params.x_cols = spec.x.border, layout.cols(spec.x)
    params.formula = "sums of x for each channel (see take_image_sums)."
    params.shapes = kernel.shapes_text(spec, spec.x.pitch)
    params.cost = kernel.cost_text(spec, isa, spec.x.h * spec.x.w * spec.x.pitch, 3 * spec.x.pitch)
    return "ops/sums.c.tpl", params
end

return sums
