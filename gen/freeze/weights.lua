-- weights.lua - the parameters of a trained model in the layouts that kernels read: arrays of
-- numbers of Lua, which numbers.lua rounds to floats.
--
--     local trained <const> = weights.of(file, set)
--     trained.moves(node)      whether a batch norm may be taken from ahead: see inference.lua
--     trained.take(behind, ahead)   from now on layers have the batch norms that they have taken
--     trained.packed(spec)     weights of a kernel, packed, and their shape
--     trained.bias(spec, pitch)     the bias of a kernel, filled up with zeros
--     trained.affine(node)     what a norm of each image applies: weight, bias
--     trained.scale_shift(node, pitch)   what a batch norm applies: rows a, b, m
--     trained.zero(node, pitch)     what a batch norm makes zero of: -b / a of a * x + b

local floats <const> = require "onnx/floats"
local ops <const> = require "ops/ops"
local pack <const> = require "freeze/pack"

local weights <const> = {}

local function fail(file, name, what)
    error({ kind = "failed", messages = { ("%s: %s %s"):format(file.path, name, what) } }, 0)
end

-- A mean further from zero than so many deviations takes digits from the numbers that are near it,
-- which a * (x - m) + b keeps and a * x + (b - a * m) does not.
local FAR <const> = 32

--- file: of a model (onnx/safetensors.lua) that has all tensors; set: the instruction set
function weights.of(file, set)
    local trained <const>, known <const>, affine <const> = {}, {}, {}

    -- The numbers of a tensor.
    local function read(name)
        if not known[name] then
            local tensor <const> = file.tensors[name]
            local list <const> = floats.unpack(floats.convert(tensor.bytes, tensor.dtype))
            for _, x in ipairs(list) do
                if x - x ~= 0 then
                    fail(file, name, "holds a number that is not finite: expected a model that "
                        .. "has not diverged")
                end
            end
            known[name] = list
        end
        return known[name]
    end

    -- Factors a and summands b of the channels of a batch norm, in double: y = a * x + b.
    local function affine_of(node)
        if not affine[node.name] then
            local function tensor(role)
                return read(node.name .. "." .. role)
            end
            local weight <const>, bias <const> = tensor("weight"), tensor("bias")
            local mean <const>, variance <const> = tensor("running_mean"), tensor("running_var")
            local a <const>, b <const> = {}, {}
            for k = 1, node.c do
                a[k] = weight[k] / math.sqrt(variance[k] + node.eps)
                b[k] = bias[k] - mean[k] * a[k]
            end
            affine[node.name] = { a, b }
        end
        return table.unpack(affine[node.name])
    end

    --- Whether a * x + b, with one addition, is as good as a * (x - m) + b, and zero has an x.
    function trained.moves(node)
        local a <const>, b <const> = affine_of(node)
        local weight <const>, bias <const> =
            read(node.name .. ".weight"), read(node.name .. ".bias")
        for k = 1, node.c do
            local near <const> =
                math.abs(b[k] - bias[k]) <= FAR * (math.abs(weight[k]) + math.abs(bias[k]))
            if a[k] == 0 or math.abs(b[k] / a[k]) > 1e30 or not near then
                return false
            end
        end
        return true
    end

    --- behind, ahead: of inference.lua
    function trained.take(behind, ahead)
        trained.behind, trained.ahead = behind, ahead
    end

    -- The weights and the bias that a layer has with the batch norms that it has taken: a' (w a)
    -- and a' (bias + sum of w b) + b', where a', b' are of the one behind. Canonical, in double;
    -- the batch norms are left out where there are none. spec: of its kernel
    local function layer_of(spec)
        local own <const>, name <const> = read(spec.layer .. ".weight"), spec.layer .. ".bias"
        local bias <const> = file.tensors[name] and table.move(read(name), 1, spec.k, 1, {}) or {}
        local behind <const>, ahead <const> = trained.behind[spec.layer], trained.ahead[spec.layer]
        local groups <const> = spec.groups or 1
        local inputs <const>, outputs <const> = spec.c // groups, spec.k // groups -- of a group
        local each <const> = #own // spec.k -- weights of an output
        local taps <const> = each // inputs
        local a_of, b_of, a_in, b_in
        if behind then
            a_of, b_of = affine_of(behind)
        end
        if ahead then
            a_in, b_in = affine_of(ahead)
        end
        local made <const> = {}
        for k = 0, spec.k - 1 do
            local a <const>, sum = a_of and a_of[k + 1] or 1.0, bias[k + 1] or 0.0
            for j = 0, each - 1 do
                local w = own[k * each + j + 1]
                if ahead then
                    local input <const> = k // outputs * inputs + j // taps + 1
                    sum = sum + w * b_in[input]
                    w = w * a_in[input]
                end
                made[k * each + j + 1] = w * a
            end
            bias[k + 1] = sum * a + (b_of and b_of[k + 1] or 0.0)
        end
        return made, bias
    end

    --- Packed weights of a kernel and their shape.
    function trained.packed(spec)
        local template <const>, params <const> = ops[spec.op].pack(spec, "pack", set)
        return pack.weights(template, params, (layer_of(spec)))
    end

    --- The bias of a kernel.
    function trained.bias(spec, pitch)
        local _, list <const> = layer_of(spec)
        for k = spec.k + 1, pitch do
            list[k] = 0.0
        end
        return list
    end

    --- The x of each channel of which a batch norm makes zero.
    function trained.zero(node, pitch)
        local a <const>, b <const> = affine_of(node)
        local list <const> = {}
        for k = 1, pitch do
            list[k] = k <= node.c and -b[k] / a[k] or 0.0
        end
        return list
    end

    --- Weight and bias of a norm.
    function trained.affine(node)
        return read(node.name .. ".weight"), read(node.name .. ".bias")
    end

    --- The rows a, b and m of a batch norm that follows something else: y = a * (x - m) + b.
    function trained.scale_shift(node, pitch)
        local a <const> = affine_of(node)
        local b <const>, m <const> = read(node.name .. ".bias"), read(node.name .. ".running_mean")
        local list <const> = {}
        for k = 1, pitch do
            local there <const> = k <= node.c
            list[k] = there and a[k] or 0.0
            list[pitch + k] = there and b[k] or 0.0
            list[2 * pitch + k] = there and m[k] or 0.0
        end
        return list
    end

    return trained
end

return weights
