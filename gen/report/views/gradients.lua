-- gradients.lua - how large gradients and updates are in each weight tensor: part of the appendix.

local looked <const> = require("report/looked")
local stat <const> = require("report/stat")

local gradients <const> = {}

local function gradient_of(weight)
    return weight.gradient
end

local function update_of(weight)
    return weight.update and weight.weight and weight.weight > 0
        and weight.update / weight.weight or nil
end

-- Points over the weight tensors, one series a group: the mean of f(weight) over all looks of its
-- runs. Tensors are no numbers, so their points are not joined.
local function over_layers(found, figure, f)
    figure.x = { label = "weight tensor, from the input on", whole = true, names = {} }
    for i, weight in ipairs(found[1].runs[1].probes[1].weights) do
        figure.x.names[i] = weight.name:gsub("%.weight$", "")
    end
    figure.series = stat.map(found, function(group)
        local values <const> = {}
        for _, look in ipairs(looked.all(group)) do
            for i, weight in ipairs(look.weights) do
                local value <const> = f(weight)
                values[i] = values[i] or {}
                table.insert(values[i], value and value > 0 and value or nil)
            end
        end
        local points <const> = {}
        for i, list in ipairs(values) do
            points[#points + 1] = #list > 0 and { i, stat.mean(list) } or nil
        end
        return #points > 0 and { label = group.label, color = group.color, style = "points",
            note = group.label, points = points } or nil
    end)
    return figure
end

--- The two figures of groups with looks.
function gradients.figures(found)
    return {
        over_layers(found, {
            id = "gradients",
            title = "Gradient norm of each weight tensor",
            caption = "Norm of the gradient of each weight tensor, mean over the looks.",
            y = { label = "gradient norm", log = true },
        }, gradient_of),
        over_layers(found, {
            id = "updates",
            title = "Update of each weight tensor in one step",
            caption = "How far one step moves each weight tensor, in parts of its norm.",
            y = { label = "update / weight", log = true },
        }, update_of),
    }
end

--- "At the first look the gradient norms reach from ...", or nil.
function gradients.sentence(found)
    local texts <const> = stat.map(found, function(group)
        local values <const> = looked.finite(stat.map(group.runs[1].probes[1].weights,
            gradient_of))
        if #values < 2 then
            return nil
        end
        local low <const>, high <const> = stat.range(values)
        return ("%s to %s under %s"):format(stat.short(low), stat.short(high), group.label)
    end)
    return #texts > 0 and ("At the first look the gradient norms of the weight tensors reach from "
        .. "%s."):format(stat.list(texts)) or nil
end

return gradients
