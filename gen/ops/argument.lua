-- argument.lua - C expressions that calls of a plan are given besides buffers. `at` is what the
-- function around a call is given: struct buffers of the program.

local argument <const> = {
    image = "at->image", images = "input_images(net, at->image)", ahead = "&ahead",
    chunk = "at->chunk", micro_batch = "at->micro_batch",
}

--- The field of `at` for a parameter or a running statistic: "norm1.weight" -> "weight_norm1".
function argument.field(dotted_name)
    local layer <const>, word <const> = dotted_name:match("^(.*)%.([^.]*)$")
    return word .. "_" .. layer
end

--- The expression that reads it: "at->weight_norm1".
function argument.param(dotted_name)
    return "at->" .. argument.field(dotted_name)
end

return argument
