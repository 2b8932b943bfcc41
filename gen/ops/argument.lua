-- argument.lua - C expressions that calls of a plan are given besides buffers, and what of the
-- function around a call each reads.

local argument <const> = {
    image = "image", images = "input_images(net, image)", ahead = "&ahead",
    chunk = "at->chunk", micro_batch = "at->micro_batch",
}

--- The parameters of that function by the expression that reads them, besides the buffers `at`.
argument.reads = { [argument.image] = "image", [argument.images] = "image" }

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
