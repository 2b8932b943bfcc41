-- activation.lua - functions of one value that pointwise kernels apply, behind a norm or alone.
--
-- activation = {
--   name     as layers have it in their field `activation`; ACT_<NAME> in runtime/model.h
--   word     of it in the name of a kernel, before its slope
--   exact    whether small integers come out exact
--   offset   whether it makes something else than zero of zero
--   costly   whether it takes longer to make again than to store and load: it has an exponential
-- }
-- Its C is act_<name> and act_<name>_slope, the derivative, in templates/ops/activation.c.tpl. ReLU
-- is two instructions that stand in the kernels themselves.

local c <const> = require "emit/c"

local activation <const> = {}

local LIST <const> = {
    { name = "relu", word = "relu", exact = true },
    { name = "relu6", word = "relu6", exact = true },
    { name = "leaky_relu", word = "leaky" },
    { name = "hard_swish", word = "hswish" },
    { name = "silu", word = "silu", costly = true },
    { name = "gelu", word = "gelu", costly = true },
    { name = "gelu_tanh", word = "gelutanh", costly = true },
    { name = "sigmoid", word = "sigmoid", offset = true, costly = true },
    { name = "tanh", word = "tanh", costly = true },
}

local OF <const> = {}
for _, entry in ipairs(LIST) do
    OF[entry.name] = entry
end

--- The activation of a node, or of none, and its slope where x < 0, of one that has such a number.
function activation.of(node)
    if not node then
        return false
    end
    return node.activation, node.slope
end

--- Whether what an activation makes is kept rather than made again. node: nil where a step has none
function activation.is_costly(node)
    return node and OF[node.activation].costly or false
end

--- Whether small integers come out exact of a kernel's activation.
function activation.is_exact(spec)
    return not spec.activation or OF[spec.activation].exact or false
end

--- Whether a kernel's activation makes something else than zero of zero, such as of the lanes that
--- fill up a vector.
function activation.offset(spec)
    return spec.activation and OF[spec.activation].offset or false
end

--- Its part of a kernel's name: "_silu", "_leaky0p01".
function activation.word(spec)
    if not spec.activation then
        return ""
    end
    return "_" .. OF[spec.activation].word .. (spec.slope and c.number_word(spec.slope) or "")
end

--- The words of all activations in names.
function activation.words()
    local words <const> = {}
    for i, entry in ipairs(LIST) do
        words[i] = entry.word
    end
    return words
end

--- A value with it, for a comment: "silu(x)".
function activation.formula(spec, value)
    return spec.activation and string.format("%s(%s)", spec.activation, value) or value
end

-- Texts of C with the places V of a value and G of a gradient: of ReLU, and of an activation that
-- has functions of its own. argument: behind the value; product: of G and S, the slope
local function forms_of(name, relu_forms, argument, product)
    if name == "relu" then
        return relu_forms
    end
    local fn <const> = "act_" .. name
    return {
        forward = fn .. "(V" .. argument .. ")", forward_helper = fn,
        backward = c.fill(product, { S = fn .. "_slope(V" .. argument .. ")" }),
        backward_helper = fn .. "_slope",
    }
end

--- What a template writes of a kernel's activation: { forward, backward = texts for c.fill,
--- forward_helper, backward_helper = functions that these call, or false }; false where the kernel
--- has none.
function activation.params(spec, isa)
    local mm <const> = isa.mm
    local relu <const> = {
        forward = c.call(mm .. "_max_ps", mm .. "_setzero_ps()", "V"), forward_helper = false,
        backward = "where_positive(G, V)", backward_helper = "where_positive",
    }
    local argument <const> = spec.slope
        and ", " .. c.call(mm .. "_set1_ps", isa.literal(spec.slope))
    return spec.activation and forms_of(spec.activation, relu, argument or "",
        c.call(mm .. "_mul_ps", "G", "S"))
end

--- The same for plain loops.
function activation.plain_params(spec, isa)
    local zero <const> = { Z = isa.literal(0) }
    local relu <const> = {
        forward = c.fill("V < Z ? Z : V", zero), forward_helper = false,
        backward = c.fill("V > Z ? G : Z", zero), backward_helper = false,
    }
    return spec.activation and forms_of(spec.activation, relu,
        spec.slope and ", " .. isa.literal(spec.slope) or "", "G * S")
end

return activation
