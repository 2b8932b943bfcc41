-- argument.lua - C expressions that calls of a plan are given besides buffers, and what of the
-- function around a call each reads.

local argument <const> = {
    image = "image", chunk = "chunk", images = "input_images(net, image)", ahead = "&ahead",
}

--- The parameters of that function by the expression that reads them. No other expression does.
argument.reads = {
    [argument.image] = "image", [argument.images] = "image", [argument.chunk] = "chunk",
}

return argument
