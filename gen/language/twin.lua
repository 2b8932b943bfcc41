-- twin.lua - the same network as a PyTorch module, with the same parameter names.
--
-- Lines of the submodules come from layers.lua. In forward, `x` is the value of the line before;
-- a value that a later line reads again is called y_<layer>.

local layers <const> = require("language/layers")
local twin_optimizer <const> = require("language/twin_optimizer")

local twin <const> = {}

local head <const> = [[
"""The network %s with %s, as a PyTorch module.

Written by: burin twin --norm %s %s
Parameters have the names that the generated program gives them, so its model files load:

    net = load("runs/%s_%s/best.safetensors")

%s parameters, %.2f MFLOP forward an image.
"""

import torch
from torch import nn

]]

local tail <const> = [[


def loss_function():
    return nn.CrossEntropyLoss(label_smoothing=RECIPE["label_smoothing"])


%s


def model_state(tensors):
    """Of the tensors of a model file, those of the model: no optimizer state, no counters."""
    names = Net().state_dict().keys()
    return {name: tensor for name, tensor in tensors.items() if name in names}


def load(path):
    """A Net with the parameters of a safetensors file that the generated program wrote."""
    from safetensors.torch import load_file

    net = Net()
    net.load_state_dict(model_state(load_file(path)))
    return net


if __name__ == "__main__":
    print(Net())
    print(sum(p.numel() for p in Net().parameters()), "parameters")
]]

local function python(value)
    if type(value) == "boolean" then
        return value and "True" or "False"
    elseif type(value) == "string" then
        return '"' .. value .. '"' -- a word of ours: nothing to escape
    elseif math.type(value) == "float" then
        return ("%.9g"):format(value)
    end
    return tostring(value)
end

local recipe_keys <const> = {
    "batch", "epochs", "lr", "momentum", "weight_decay", "nesterov", "label_smoothing", "schedule",
    "step_epochs", "step_gamma", "warmup", "start_div", "final_div", "crop", "flip", "cutout",
}

-- Those that stand in the twin where they are not off.
local further_keys <const> = {
    "flip_vertical", "rotate", "brightness", "contrast", "mixup", "plain_epochs", "clip", "ema",
    "ema_start", "ema_batches",
}

local function recipe_lines(recipe, lines)
    lines[#lines + 1] = "# How the generated program trains it."
    lines[#lines + 1] = "RECIPE = {"
    local function add(key)
        lines[#lines + 1] = ("    %s: %s,"):format(python(key), python(recipe[key]))
    end
    for _, key in ipairs(recipe_keys) do
        add(key)
    end
    for _, key in ipairs(further_keys) do
        if recipe[key] and recipe[key] ~= 0 then
            add(key)
        end
    end
    for _, key in ipairs(twin_optimizer.keys(recipe)) do
        add(key)
    end
    lines[#lines + 1] = "}"
    lines[#lines + 1] = ""
    lines[#lines + 1] = ""
end

local function inputs_of(graph, node)
    local ins <const> = {}
    for i, index in ipairs(node.inputs) do
        ins[i] = graph.nodes[index]
    end
    return ins
end

-- Which variable holds each node's value: x where only the next line reads it.
local function name_values(graph)
    local last_reader <const> = {}
    for _, node in ipairs(graph.nodes) do
        for _, index in ipairs(node.inputs) do
            last_reader[index] = node.index
        end
    end
    local names <const> = {}
    for _, node in ipairs(graph.nodes) do
        local i <const> = node.index
        local passes_on <const> = last_reader[i] == i + 1
        names[i] = passes_on and "x" or "y_" .. node.name
    end
    return names
end

-- Whether the node at `index` is a linear layer that only the loss reads: its value stays flat.
local function ends_in_linear(graph, index)
    local loss <const> = graph.nodes[index + 1]
    return graph.nodes[index].kind == "linear" and loss.kind == "softmax_cross_entropy"
        and loss.inputs[1] == index
end

local function expression(node, arguments, graph)
    local spec <const> = layers.of[node.kind]
    if spec.call then
        return spec.call(node, arguments, inputs_of(graph, node))
    end
    local text <const> = ("self.%s(%s)"):format(node.name, arguments[1])
    if node.kind ~= "linear" then
        return text
    end
    -- PyTorch's linear works on vectors; ours on images of 1 x 1, as all other layers.
    local flat <const> = ("self.%s(%s.flatten(1))"):format(node.name, arguments[1])
    return ends_in_linear(graph, node.index) and flat or flat .. "[:, :, None, None]"
end

-- The classes that PyTorch does not have, each once.
local function class_lines(graph, lines)
    local seen <const> = {}
    for _, node in ipairs(graph.nodes) do
        local spec <const> = layers.of[node.kind]
        local text <const> = spec and spec.class and spec.class(node)
        if text and not seen[text] then
            seen[text] = true
            lines[#lines + 1] = text .. "\n"
        end
    end
end

local function module_lines(graph, lines)
    lines[#lines + 1] = "class Net(nn.Module):"
    lines[#lines + 1] = "    def __init__(self):"
    lines[#lines + 1] = "        super().__init__()"
    for _, node in ipairs(graph.nodes) do
        local spec <const> = layers.of[node.kind]
        if spec and spec.module then
            lines[#lines + 1] = ("        self.%s = %s"):format(node.name,
                spec.module(node, inputs_of(graph, node)))
        end
    end
end

-- A loop over the frozen layers, or those of them that have running statistics; nil without any.
local function frozen_loop(graph, tracks)
    local rows <const> = {}
    for _, node in ipairs(graph.nodes) do
        if node.frozen and (not tracks or node.norm == "batch") then
            local word <const>, row <const> = ("self.%s,"):format(node.name), rows[#rows]
            if row and #row + #word < 84 then
                rows[#rows] = row .. " " .. word
            else
                rows[#rows + 1] = word
            end
        end
    end
    return #rows > 0 and "        for layer in [\n            "
        .. table.concat(rows, "\n            ") .. "\n        ]:"
end

-- Frozen layers: gradients of their parameters are not asked for, and batch norms stay in the mode
-- of an evaluation.
local function frozen_lines(graph, lines)
    local all <const>, norms <const> = frozen_loop(graph, false), frozen_loop(graph, true)
    if all then
        lines[#lines + 1] = all
        lines[#lines + 1] = "            layer.requires_grad_(False)"
    end
    if norms then
        lines[#lines + 1] = "        self.train()"
        lines[#lines + 1] = ""
        lines[#lines + 1] = "    def train(self, mode=True):"
        lines[#lines + 1] = '        """Frozen batch norms apply their running statistics and keep '
            .. 'them."""'
        lines[#lines + 1] = "        super().train(mode)"
        lines[#lines + 1] = norms
        lines[#lines + 1] = "            layer.eval()"
        lines[#lines + 1] = "        return self"
    end
end

local function forward_lines(graph, lines)
    local values <const> = name_values(graph)
    lines[#lines + 1] = ""
    lines[#lines + 1] = "    def forward(self, " .. values[1] .. "):"
    lines[#lines + 1] = ('        """Logits, (N, %d), of images, (N, %d, %d, %d)."""'):format(
        graph.classes, graph.input.c, graph.input.h, graph.input.w)
    for _, node in ipairs(graph.nodes) do
        local arguments <const> = {}
        for i, index in ipairs(node.inputs) do
            arguments[i] = values[index]
        end
        if node.kind == "softmax_cross_entropy" then
            local flat <const> = ends_in_linear(graph, node.index - 1)
            lines[#lines + 1] = "        return " .. arguments[1] .. (flat and "" or ".flatten(1)")
        elseif node.kind ~= "input" then
            local text <const> = ("        %s = %s"):format(values[node.index],
                expression(node, arguments, graph))
            lines[#lines + 1] = ("%-60s  # %s"):format(text, layers.size_text(node))
        end
    end
end

local norm_names <const> = {
    bn = "batch normalization",
    gn = "group normalization",
    ln = "layer normalization",
    ["in"] = "instance normalization",
    cn = "layer normalization of each pixel",
    rms = "RMS normalization of each pixel",
    none = "no normalization",
}

-- The Python file for a graph; options = { network = file as typed, norm = "bn" }. Raises where
-- PyTorch has no such layer.
function twin.text(graph, options)
    for _, node in ipairs(graph.nodes) do
        if node.kind == "norm" and node.ghost > 0 then
            error({ kind = "failed", messages = { ("%s: batch norm over %d images: expected a norm "
                .. "that PyTorch has"):format(node.where, node.ghost) } }, 0)
        end
    end
    local lines <const> = {}
    recipe_lines(graph.recipe, lines)
    class_lines(graph, lines)
    module_lines(graph, lines)
    frozen_lines(graph, lines)
    forward_lines(graph, lines)
    -- The path comes from the user: keep it from ending the docstring or escaping in it.
    local network <const> = options.network:gsub('[^%w_./ -]', "?")
    local title <const> = norm_names[layers.split_norm(options.norm)]
    return head:format(graph.name, title, options.norm, network, graph.name, options.norm,
        graph.param_floats, graph.flop / 1e6)
        .. table.concat(lines, "\n") .. "\n" .. tail:format(twin_optimizer.text(graph))
end

return twin
