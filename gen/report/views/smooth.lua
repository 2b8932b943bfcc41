-- smooth.lua - view 8: how smooth the loss is: how much it and its gradient change along a step.

local looked <const> = require("report/looked")
local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local smooth <const> = {}

-- The smallest and the largest loss along the walk, its start included; nil where all is lost.
local function loss_range(look)
    local losses <const> = looked.finite(look.walk.losses)
    if not look.loss then
        return nil
    end
    losses[#losses + 1] = look.loss
    return stat.range(losses)
end

local function loss_width(look)
    local low <const>, high <const> = loss_range(look)
    return low and high > low and high - low or nil
end

-- The largest change of the gradient for each unit of length that was walked.
local function change_of(look)
    local walk <const> = look.walk
    local best
    for i, length in ipairs(walk.lengths) do
        if walk.changes[i] and walk.gradient and walk.gradient > 0 and length > 0 then
            local value <const> = walk.changes[i] / (length * walk.gradient)
            best = math.max(best or 0, value)
        end
    end
    return best and best > 0 and best or nil
end

local function band_figure(found)
    local axis <const>, at <const> = looked.time(found)
    return {
        id = "walk",
        title = "Loss along the gradient",
        caption = "Loss at the look (line) and its smallest and largest value along the gradient "
            .. "(band), first run of each.",
        x = axis, y = { label = "loss" },
        series = stat.map(found, function(group)
            local points <const> = stat.map(group.runs[1].probes, function(look)
                local low <const>, high <const> = loss_range(look)
                return low and { at(look), look.loss, low, high } or nil
            end)
            return #points > 0 and { label = group.label, color = group.color, note = group.label,
                points = points } or nil
        end),
    }
end

-- The picture first.
local function figures_of(found, learned)
    return {
        looked.over_time(learned, {
            id = "smoothness",
            title = "Change of the gradient along the gradient",
            caption = "Largest change of the gradient for each unit of length walked down it; low: "
                .. "the gradient holds for longer, the loss is smoother.",
            y = { label = "change / length", log = true },
        }, change_of),
        band_figure(found),
        looked.over_time(found, {
            id = "walk_range",
            title = "Range of the loss along the gradient",
            caption = "Largest minus smallest loss along the walk; low: the loss changes little.",
            y = { label = "range of the loss", log = true },
        }, loss_width),
    }
end

-- The median over all looks of the runs of a group, or nil.
local function median(group, f)
    local values <const> = stat.map(looked.all(group), f)
    table.sort(values)
    return values[(#values + 1) // 2]
end

-- Each norm beside the network without one, if that learned something.
local function beside_none(learned, idle)
    local base
    for _, group in ipairs(learned) do
        base = group.norm == "none" and median(group, change_of) or base
    end
    if not base then
        local flat <const> = stat.any(idle, function(group) return group.norm == "none" end)
        return flat and "Without a norm nothing was learned, and a loss that stays where it began "
            .. "has no smoothness to compare with." or nil
    end
    local smoother <const>, rougher <const> = {}, {}
    for _, group in ipairs(learned) do
        local value <const> = median(group, change_of)
        if value and group.norm ~= "none" then
            table.insert(value < base and smoother or rougher, group.label)
        end
    end
    local parts <const> = {}
    parts[1] = #smoother > 0 and ("smoother under %s than without a norm"):format(
        stat.list(smoother)) or nil
    parts[#parts + 1] = #rougher > 0 and ("not smoother under %s than without a norm"):format(
        stat.list(rougher)) or nil
    return #parts > 0 and ("By this measure the loss is %s."):format(stat.list(parts)) or nil
end

local function lost_sentence(found)
    local lost = 0
    for _, group in ipairs(found) do
        for _, look in ipairs(looked.all(group)) do
            lost = lost + #look.walk.losses - #looked.finite(look.walk.losses)
        end
    end
    return lost > 0 and ("At %s along the walks the loss was no finite number, which is left out.")
        :format(stat.count(lost, "place")) or nil
end

local function sentences(found, learned, idle)
    local texts <const> = stat.map(learned, function(group)
        local value <const> = median(group, change_of)
        return value and ("%s under %s"):format(stat.short(value), group.label) or nil
    end)
    local lengths <const> = found[1].runs[1].probes[1].walk.lengths
    return stat.map({
        ("A step is a good one as far as the gradient holds. Each look walks down its own "
            .. "gradient, by %s to %s times its length, and measures how much it changes "
            .. "(Santurkar et al. 2018)."):format(stat.short(lengths[1]),
            stat.short(lengths[#lengths])),
        #texts > 0 and ("For each unit of length it changes by a median of %s."):format(
            stat.list(texts)) or false,
        beside_none(learned, idle) or false,
        lost_sentence(found) or false,
        runs.thinned_sentence(found, "probes") or false,
    }, function(sentence) return sentence or nil end)
end

--- The view of an array of groups.
function smooth.view(groups)
    local found <const>, missing <const> = looked.of(groups)
    local view <const> = {
        id = "smooth", title = "Is the loss smoother with a norm?", numbers = {},
    }
    if #found == 0 then
        view.sentences = { looked.missing_sentence(missing) }
        return view
    end
    local learned <const>, idle <const> = runs.learned(found)
    local figures <const> = figures_of(found, learned[1] and learned or found)
    view.sentences = sentences(found, learned, idle)
    view.picture = { kind = "figures", figures = { figures[1] } }
    view.numbers[1] = { kind = "figures", figures = { figures[2], figures[3] } }
    return view
end

return smooth
