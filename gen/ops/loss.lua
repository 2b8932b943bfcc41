-- loss.lua - the cross entropy of a softmax, and the gradient with which a backward pass begins. In
-- evaluation it leaves the logits too.

local argument <const> = require "ops/argument"
local layout <const> = require "ops/layout"

local loss <const> = { kinds = { "softmax_cross_entropy" }, makes_no_value = true }

--- Its C function: it is no kernel.
loss.fn = "softmax_loss"

function loss.fuse(fusion, node)
    local step <const> = { op = "loss", name = node.name, layers = { node } }
    fusion:read(step, node.inputs)
    return step, node
end

function loss.forward(planner, step)
    local logits <const> = planner:value(step.x)
    local dlogits <const> = planner.eval and "NULL" or planner:gradient_into(step.x)
    planner:call("loss", loss.fn, {
        dlogits, logits, "net", argument.chunk, argument.image, "n",
        planner.eval and planner.isa.literal(0) or "net->run->label_smoothing",
    }, step.name)
    if planner.eval then
        planner:call("logits", "store_logits", { "net", argument.image, "n", logits }, step.name)
    end
end

--- The template of the functions of a call, and their parameters. graph: that of the network
function loss.text(call, graph)
    local dlogits <const>, logits <const> = call.args[1], call.args[2]
    local function vector_at(l)
        return (l.border * layout.cols(l) + l.border) * l.pitch
    end
    return "ops/loss.c.tpl", {
        classes = graph.classes, pitch = dlogits.layout.pitch,
        dlogits_floats = dlogits.floats, values_floats = logits.floats,
        dlogits_at = vector_at(dlogits.layout), logits_at = vector_at(logits.layout),
    }
end

return loss
