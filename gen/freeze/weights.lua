-- weights.lua - the parameters of a trained model in the layouts that kernels read.
--
--     local trained <const> = weights.of(graph, file, set)
--     trained:factors(node)    a, b: what a batch norm applies is a * x + b
--     trained:moves(node)      whether it may be taken from ahead: see inference.lua
--     trained:take(folds)      from now on layers have the batch norms that they have taken
--     trained:packed(spec)     weights of a kernel, packed, as bytes, and their shape
--     trained:bias(spec, pitch)     the bias of a kernel, filled up with zeros
--     trained:copied(spec, role, count)  a weight or bias of a norm, filled up with zeros: a number
--                              a channel, or an element of the image, as its pixels lie
--     trained:affine(node)     what a norm of each image applies: weight, bias
--     trained:scale_shift(node, pitch)   what a batch norm applies: rows a, b, m
--
-- What there is of for each channel is a list of numbers, which numbers.lua rounds to floats; what
-- there are millions of are bytes, which gen/host/pack.c goes over.

local floats <const> = require "onnx/floats"
local ops <const> = require "ops/ops"
local pack <const> = require "freeze/pack"

local weights <const> = {}

-- A mean further from zero than so many deviations takes digits from the numbers that are near it,
-- which a * (x - m) + b keeps and a * x + (b - a * m) does not.
local FAR <const> = 32

local trained <const> = {}

local function fail_infinite(file, name)
    error({ kind = "failed", messages = { ("%s: %s holds a number that is not finite: expected a "
        .. "model that has not diverged"):format(file.path, name) } }, 0)
end

-- The bytes of a tensor as F32, as kernels see them.
local function bytes_of(self, name)
    local tensor <const> = self.file.tensors[name]
    local bytes <const>, eps <const> = floats.convert(tensor.bytes, tensor.dtype), self.eps[name]
    return eps and host.standardize(bytes, tensor.shape[1], eps) or bytes
end

-- The numbers of a tensor that has some for each channel.
local function list_of(self, name)
    if not self.known[name] then
        local list <const> = floats.unpack(bytes_of(self, name))
        for _, x in ipairs(list) do
            if x - x ~= 0 then
                fail_infinite(self.file, name)
            end
        end
        self.known[name] = list
    end
    return self.known[name]
end

--- Factors a and summands b of the channels of a batch norm, in double: y = a * x + b.
function trained:factors(node)
    if not self.affines[node.name] then
        local function tensor(role)
            return list_of(self, node.name .. "." .. role)
        end
        local weight <const>, bias <const> = tensor("weight"), tensor("bias")
        local mean <const>, variance <const> = tensor("running_mean"), tensor("running_var")
        local a <const>, b <const> = {}, {}
        for k = 1, node.c do
            a[k] = weight[k] / math.sqrt(variance[k] + node.eps)
            b[k] = bias[k] - mean[k] * a[k]
        end
        self.affines[node.name] = { a, b }
    end
    return table.unpack(self.affines[node.name])
end

--- Whether a * x + b, with one addition, is as good as a * (x - m) + b, and zero has an x.
function trained:moves(node)
    local a <const>, b <const> = self:factors(node)
    local weight <const>, bias <const> = self:affine(node)
    for k = 1, node.c do
        local near <const> =
            math.abs(b[k] - bias[k]) <= FAR * (math.abs(weight[k]) + math.abs(bias[k]))
        if a[k] == 0 or math.abs(b[k] / a[k]) > 1e30 or not near then
            return false
        end
    end
    return true
end

--- folds: of inference.lua
function trained:take(folds)
    self.folds = folds
end

-- The weights, doubles as bytes, and the bias that a layer has with the batch norms that it has
-- taken: a' (w a) and a' (bias + sum of w b) + b', where a', b' are of those behind. Canonical; the
-- batch norms are left out where there are none. spec: of its kernel
local function fold(self, spec)
    local name <const>, groups <const> = spec.layer .. ".weight", spec.groups or 1
    local biased <const> = self.file.tensors[spec.layer .. ".bias"] ~= nil
    local taken <const> = self.folds[spec.layer] or {}
    local bytes <const>, inputs <const> = bytes_of(self, name), spec.c // groups
    local is <const> = {
        outputs = spec.k, inputs = inputs, taps = #bytes // 4 // spec.k // inputs,
        group_outputs = spec.k // groups, bias = {},
        a_out = taken.a_out, a_in = taken.a_in, b_in = taken.b_in,
    }
    for k = 1, spec.k do
        is.bias[k] = biased and list_of(self, spec.layer .. ".bias")[k] or 0.0
    end
    local made <const>, bias <const> = host.fold(bytes, is)
    if not made then
        fail_infinite(self.file, name)
    end
    for k = 1, taken.a_out and spec.k or 0 do
        bias[k] = bias[k] * taken.a_out[k] + (taken.b_out and taken.b_out[k] or 0.0)
    end
    return made, bias
end

--- Packed weights of a kernel and their shape.
function trained:packed(spec)
    local template <const>, params <const> = ops[spec.op].pack(spec, "pack", self.set)
    local made <const>, bias <const> = fold(self, spec)
    self.biases[spec.layer] = bias
    return pack.weights(template, params, made)
end

--- The bias of a kernel whose weights were packed.
function trained:bias(spec, pitch)
    local list <const> = table.move(self.biases[spec.layer], 1, spec.k, 1, {})
    for k = spec.k + 1, pitch do
        list[k] = 0.0
    end
    return list
end

--- A weight or a bias with which nothing is folded.
function trained:copied(spec, role, count)
    local given <const>, list <const> = list_of(self, spec.layer .. "." .. role), {}
    local pixels <const> = #given // spec.c
    local pitch <const> = count // pixels
    for pixel = 0, pixels - 1 do
        for k = 0, pitch - 1 do
            list[#list + 1] = k < spec.c and given[k * pixels + pixel + 1] or 0.0
        end
    end
    return list
end

--- Weight and bias of a norm.
function trained:affine(node)
    return list_of(self, node.name .. ".weight"), list_of(self, node.name .. ".bias")
end

--- The rows a, b and m of a batch norm that follows something else: y = a * (x - m) + b.
function trained:scale_shift(node, pitch)
    local a <const> = self:factors(node)
    local _, b <const> = self:affine(node)
    local m <const> = list_of(self, node.name .. ".running_mean")
    local list <const> = {}
    for k = 1, pitch do
        local there <const> = k <= node.c
        list[k] = there and a[k] or 0.0
        list[pitch + k] = there and b[k] or 0.0
        list[2 * pitch + k] = there and m[k] or 0.0
    end
    return list
end

--- graph: of its layers; file: of a model (onnx/safetensors.lua) that has all tensors; set: the
--- instruction set
function weights.of(graph, file, set)
    local eps <const> = {} -- of standardized weights, by name
    for _, param in ipairs(graph.params) do
        eps[param.name] = param.standardize
    end
    return setmetatable({
        file = file, set = set, eps = eps, known = {}, affines = {}, biases = {},
    }, { __index = trained })
end

return weights
