-- samples.lua - images with the logits that the training program has for them: what a frozen
-- network is checked against.

local numbers <const> = require "freeze/numbers"

local samples <const> = {}

local function fail(file, what, expected)
    error({ kind = "failed", messages = { ("%s: %s: expected %s"):format(file.path, what, expected)
        } }, 0)
end

local function shape_text(shape)
    return "[" .. table.concat(shape, ", ") .. "]"
end

-- A tensor of this type and these sizes behind the number of images.
local function tensor_of(file, name, dtype, ...)
    local tensor <const> = file.tensors[name]
    if not tensor then
        fail(file, "there is no tensor " .. name, "what eval --samples writes")
    end
    local wanted <const> = shape_text { tensor.shape[1] or 0, ... }
    if tensor.dtype ~= dtype or shape_text(tensor.shape) ~= wanted then
        fail(file, ("%s is %s %s"):format(name, tensor.dtype, shape_text(tensor.shape)),
            ("%s %s"):format(dtype, wanted))
    end
    return tensor
end

-- How far logits of a frozen network, in floats, may lie from those of the program, of the largest
-- logit of an image. Other kernels add in other orders; what is rounded to bf16 in each convolution
-- is one or two hundredths off behind them all.
local TOLERANCE <const> = {
    fp32 = { text = "2e-5", of = "the training program's" },
    bf16 = { text = "1e-1", of = "the training program's in bf16" },
}

--- { count, images = an array of rows for each, logits = rows of all,
---   tolerance = { text = a number of C, of = whose logits they are } } of a file of samples.
function samples.of(graph, file)
    local input <const> = graph.input
    local images <const> = tensor_of(file, "images", "U8", input.c, input.h, input.w)
    local logits <const> = tensor_of(file, "logits", "F32", graph.classes)
    local count <const> = images.shape[1]
    if logits.shape[1] ~= count then
        fail(file, ("%d images, logits of %d"):format(count, logits.shape[1]), "as many of both")
    end
    local size <const> = input.c * input.h * input.w
    local row <const> = 4 * graph.classes -- bytes
    local in_bf16 <const> = (file.metadata.isa or ""):find("+bf16", 1, true)
    local made <const> = {
        count = count, images = {}, logits = {},
        tolerance = TOLERANCE[in_bf16 and "bf16" or "fp32"],
    }
    for i = 1, count do
        made.images[i] = numbers.bytes(images.bytes:sub((i - 1) * size + 1, i * size))
        made.logits[i] = numbers.float_rows(logits.bytes:sub((i - 1) * row + 1, i * row))
    end
    return made
end

return samples
