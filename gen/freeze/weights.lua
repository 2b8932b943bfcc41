-- weights.lua - the parameters of a trained model in the layouts that kernels read: arrays of
-- floats, which are numbers of Lua here.
--
--     local trained <const> = weights.of(file, folded, set)
--     trained.packed(spec)     weights of a kernel, packed: { list, shape }
--     trained.bias(spec)       the bias of a kernel, filled up with zeros
--     trained.affine(node)     what a norm of each image applies: weight, bias
--     trained.scale_shift(node, pitch)   what a batch norm applies: rows a, b, m

local floats <const> = require "onnx/floats"
local ops <const> = require "ops/ops"

local weights <const> = {}

local function fail(file, name, what)
    error({ kind = "failed", messages = { ("%s: %s %s"):format(file.path, name, what) } }, 0)
end

local function single(x)
    return (string.unpack("<f", string.pack("<f", x)))
end

-- As templates/ops/conv/pack.c.tpl does, from canonical weights, [output][input][tap].
local function pack_whole(is, canonical)
    local list <const> = {}
    for first = 0, is.k_pitch - 1, is.block do
        for tap = 0, is.taps - 1 do
            for i = 0, is.channels - 1 do
                for k = first, first + is.block - 1 do
                    list[#list + 1] = k < is.k
                        and canonical[(k * is.channels + i) * is.taps + tap + 1] or 0.0
                end
            end
        end
    end
    return list, ("[%d][%d][%d]"):format(is.taps, is.channels, is.k_pitch)
end

-- As templates/ops/conv/pack_grouped.c.tpl does.
local function pack_grouped(is, canonical)
    local list <const> = {}
    for first = 0, is.made_pitch - 1, is.block do
        for tap = 0, is.taps - 1 do
            for j = 0, is.read - 1 do
                for k = first, first + is.block - 1 do
                    local i <const> = k // is.made * is.read + j
                    local inside <const> = k < is.k and k // is.group_k == i // is.group_c
                    list[#list + 1] = inside
                        and canonical[(k * is.group_c + i % is.group_c) * is.taps + tap + 1]
                        or 0.0
                end
            end
        end
    end
    return list, ("[%d][%d][%d]"):format(is.taps, is.read, is.made_pitch)
end

--- file: of a model (onnx/safetensors.lua) that has all tensors; folded: see inference.lua
--- set: the instruction set
function weights.of(file, folded, set)
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

    --- Packed weights of a kernel and their shape, with the batch norm behind it.
    function trained.packed(spec)
        local canonical = read(spec.layer .. ".weight")
        local norm <const> = folded[spec.layer]
        if norm then
            local each <const>, a <const> = #canonical // norm.c, affine_of(norm)
            local scaled <const> = {}
            for i, x in ipairs(canonical) do
                scaled[i] = single(x * a[(i - 1) // each + 1])
            end
            canonical = scaled
        end
        local file_name <const>, is <const> = ops[spec.op].pack(spec, "pack", set)
        local grouped <const> = file_name == "ops/conv/pack_grouped.c.tpl"
        return (grouped and pack_grouped or pack_whole)(is, canonical)
    end

    --- The bias of a kernel.
    function trained.bias(spec, pitch)
        local norm <const> = folded[spec.layer]
        local own <const> = file.tensors[spec.layer .. ".bias"] and read(spec.layer .. ".bias")
        local list <const> = {}
        for k = 1, pitch do
            list[k] = k <= spec.k and own and own[k] or 0.0
        end
        if norm then
            local a <const>, b <const> = affine_of(norm)
            for k = 1, spec.k do
                list[k] = single(list[k] * a[k] + b[k])
            end
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
            list[k] = there and single(a[k]) or 0.0
            list[pitch + k] = there and b[k] or 0.0
            list[2 * pitch + k] = there and m[k] or 0.0
        end
        return list
    end

    return trained
end

return weights
