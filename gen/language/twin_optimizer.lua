-- twin_optimizer.lua - the optimizer of a recipe in the PyTorch twin.
--
-- Those that PyTorch has are PyTorch's; Lion and Muon are classes in the twin's own text, of the
-- formulas of runtime/train/optim.h and muon.h. Where a recipe tells kinds of parameters apart,
-- there is a group of parameters for each kind.

local recipe_language <const> = require("language/recipe")

local twin_optimizer <const> = {}

local BETAS <const> = [[betas=(RECIPE["beta1"], RECIPE["beta2"])]]

-- -- Classes -------------------------------------------------------------------------------------

local lion <const> = [[
class Lion(torch.optim.Optimizer):
    """The sign of an average gradient (Chen et al., arXiv:2302.06675)."""

    def __init__(self, params, lr, betas, weight_decay):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * torch.sign(beta1 * m + (1 - beta1) * p.grad))
                m.mul_(beta2).add_(p.grad, alpha=1 - beta2)


]]

local muon <const> = [[
def orthogonal(matrix, steps):
    """Nearly the nearest matrix of orthogonal rows or columns (Newton and Schulz)."""
    x = matrix.T if matrix.size(0) > matrix.size(1) else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if matrix.size(0) > matrix.size(1) else x


class Muon(torch.optim.Optimizer):
    """Filters and matrices move by their momentum made orthogonal (Jordan et al., 2024,
    kellerjordan.github.io/posts/muon), all others by the optimizer `others`."""

    def __init__(self, params, others, momentum, nesterov, newton_schulz, renormalize):
        super().__init__(params, {})
        self.momentum, self.nesterov = momentum, nesterov
        self.newton_schulz, self.renormalize = newton_schulz, renormalize
        self.matrices, self.others = list(self.param_groups), others
        self.param_groups.extend(others.param_groups)
        others.state = self.state

    @torch.no_grad()
    def step(self):
        for group in self.matrices:
            for p in group["params"]:
                v = self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
                v.mul_(self.momentum).add_(p.grad)
                g = p.grad + self.momentum * v if self.nesterov else v
                matrix = orthogonal(g.flatten(1), self.newton_schulz)
                lr, shrink = group["lr"], 1 - group["lr"] * group["weight_decay"]
                if self.renormalize:
                    shrink = len(p) ** 0.5 / p.norm() if p.norm() > 0 else 1
                else:
                    lr *= max(1, matrix.size(0) / matrix.size(1)) ** 0.5
                p.mul_(shrink).sub_(lr * matrix.view_as(p))
        self.others.step()


]]

local groups <const> = [=[
def parameter_groups(net, kinds, lr):
    """The parameters of each kind, with its learning rate and weight decay."""
    named = dict(net.named_parameters())
    return [
        {
            "params": [named[name] for name in KINDS[kind]],
            "lr": lr * RATE[kind],
            "weight_decay": RECIPE["weight_decay"] * DECAY[kind],
        }
        for kind in kinds
        if kind in KINDS
    ]


]=]

-- -- What a recipe makes -------------------------------------------------------------------------

local function adam(name, parameters)
    return ([[
torch.optim.%s(
        %s,
        lr=RECIPE["lr"],
        %s,
        eps=RECIPE["eps"],
        weight_decay=RECIPE["weight_decay"],
    )]]):format(name, parameters, BETAS)
end

-- The expression that an optimizer is, of its parameters.
local makers <const> = {
    sgd = function(parameters)
        return ([[
torch.optim.SGD(
        %s,
        lr=RECIPE["lr"],
        momentum=RECIPE["momentum"],
        weight_decay=RECIPE["weight_decay"],
        nesterov=RECIPE["nesterov"],
    )]]):format(parameters)
    end,
    adam = function(parameters)
        return adam("Adam", parameters)
    end,
    adamw = function(parameters)
        return adam("AdamW", parameters)
    end,
    lion = function(parameters)
        return ([[
Lion(
        %s,
        lr=RECIPE["lr"],
        %s,
        weight_decay=RECIPE["weight_decay"],
    )]]):format(parameters, BETAS)
    end,
}

local MUON <const> = [[
Muon(
        parameter_groups(net, ["weight"], RECIPE["lr"]),
        others,
        momentum=RECIPE["momentum"],
        nesterov=RECIPE["nesterov"],
        newton_schulz=RECIPE["newton_schulz"],
        renormalize=RECIPE["renormalize"],
    )]]

local OTHERS <const> = [[parameter_groups(net, ["head", "norm", "bias"], RECIPE["others_lr"])]]

--- The fields of a recipe that its optimizer needs besides those of all.
function twin_optimizer.keys(recipe)
    local keys <const> = {}
    if recipe.optimizer == "muon" then
        keys[1], keys[2], keys[3] = "others_lr", "newton_schulz", "renormalize"
    end
    local rule <const> = recipe.optimizer == "muon" and recipe.others or recipe.optimizer
    if rule ~= "sgd" then
        keys[#keys + 1] = "beta1"
        keys[#keys + 1] = "beta2"
    end
    if rule == "adam" or rule == "adamw" then
        keys[#keys + 1] = "eps"
    end
    return keys
end

-- Names of parameters by kind, as runtime/train/run.c tells them apart; the head are the weights of
-- the last layer that has any but a norm's.
local function names_by_kind(graph)
    local names <const>, head = { weight = {}, head = {}, norm = {}, bias = {} }, nil
    for _, node in ipairs(graph.nodes) do
        head = node.kind ~= "norm" and node.weight or head
    end
    for _, node in ipairs(graph.nodes) do
        local kind <const> = node.kind == "norm" and "norm" or node.weight == head and "head"
            or "weight"
        for _, entry in ipairs { { kind, node.weight }, { "bias", node.bias_param } } do
            if entry[2] and not node.frozen then
                table.insert(names[entry[1]], graph.params[entry[2]].name)
            end
        end
    end
    return names
end

-- KINDS, RATE and DECAY.
local function kind_lines(graph)
    local names <const> = names_by_kind(graph)
    local lines <const> = { "# Parameters by their kind.", "KINDS = {" }
    for _, kind in ipairs(recipe_language.kinds) do
        if #names[kind] > 0 then
            lines[#lines + 1] = ("    %q: ["):format(kind)
            for _, name in ipairs(names[kind]) do
                lines[#lines + 1] = ("        %q,"):format(name)
            end
            lines[#lines + 1] = "    ],"
        end
    end
    lines[#lines + 1] = "}"
    lines[#lines + 1] = "# Factors of their learning rate and weight decay."
    for _, what in ipairs { "rate", "decay" } do
        local entries <const> = {}
        for i, kind in ipairs(recipe_language.kinds) do
            local factor <const> = graph.recipe[what] and graph.recipe[what][i] or 1
            entries[i] = ("%q: %.9g"):format(kind, factor)
        end
        lines[#lines + 1] = ("%s = {%s}"):format(what:upper(), table.concat(entries, ", "))
    end
    return table.concat(lines, "\n") .. "\n\n\n"
end

--- The function optimizer(net) of the twin, and before it what it uses.
function twin_optimizer.text(graph)
    local recipe <const> = graph.recipe
    local is_muon <const> = recipe.optimizer == "muon"
    local by_kind <const> = is_muon or recipe.rate or recipe.decay
    local parts <const> = { by_kind and kind_lines(graph) .. groups or "" }
    if recipe.optimizer == "lion" then
        parts[#parts + 1] = lion
    elseif is_muon then
        parts[#parts + 1] = muon
    end
    parts[#parts + 1] = "def optimizer(net):\n"
    if is_muon then
        parts[#parts + 1] = "    others = " .. makers[recipe.others](OTHERS) .. "\n"
    end
    parts[#parts + 1] = "    return " .. (is_muon and MUON or makers[recipe.optimizer](by_kind
        and 'parameter_groups(net, KINDS, RECIPE["lr"])'
        or #recipe.freeze > 0 and "[p for p in net.parameters() if p.requires_grad]"
        or "net.parameters()"))
    return table.concat(parts)
end

return twin_optimizer
