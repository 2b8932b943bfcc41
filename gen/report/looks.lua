-- looks.lua - views 5 and 8: activations, gradients and the smoothness of the loss in training.
--
-- It reads the looks of runs (look.lua). x of the plots is the number of steps made before the
-- look. A number that was not finite is false there, and what follows from it is left out.

local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local looks <const> = {}

local PARTS <const> = require("report/look").parts
local PART_NAMES <const> = {
    channel = "channels", group = "groups of channels of an image", image = "images",
}
local SMALL <const> = { width = 320, height = 240 }

-- The groups with looks, as copies that hold nothing but the runs that have any; and the runs
-- without.
local function with_looks(groups)
    local found <const>, missing <const> = {}, {}
    for _, group in ipairs(groups) do
        local list <const> = {}
        for _, run in ipairs(group.runs) do
            table.insert(#run.probes > 0 and list or missing, run)
        end
        if #list > 0 then
            found[#found + 1] = {
                runs = list, label = group.label, color = group.color, norm = group.norm,
            }
        end
    end
    return found, missing
end

local function missing_sentence(missing)
    local run <const> = missing[1]
    return ("Without a look inside: %d %s. `build/%s_%s train --probe 391` looks every 391 steps; "
        .. "a finished run cannot be looked into."):format(#missing,
        #missing == 1 and "run" or "runs", run.start.model, run.start.norm)
end

-- All looks of all runs of a group.
local function looks_of(group)
    local list <const> = {}
    for _, run in ipairs(group.runs) do
        table.move(run.probes, 1, #run.probes, #list + 1, list)
    end
    return list
end

local function steps_before(look)
    return look.step - 1
end

-- The finite numbers of an array, in which false stands for those that are not.
local function finite(values)
    return stat.map(values, function(value) return value or nil end)
end

local function add_series(figure, group, points)
    if #points > 0 then
        table.insert(figure.series, { label = group.label, color = group.color, points = points })
    end
end

-- A figure with one line a group: f(look) gives y, or nil.
local function over_steps(found, figure, f)
    figure.x = { label = "steps" }
    figure.series = {}
    for _, group in ipairs(found) do
        local points <const> = runs.points(group, function(run)
            return stat.map(run.probes, function(look)
                local y <const> = f(look)
                return y and { steps_before(look), y } or nil
            end)
        end)
        add_series(figure, group, points)
    end
    return figure
end

-- -- View 5: activations -------------------------------------------------------------------------

local SCATTERS <const> = {
    {
        id = "means", label = "spread of means, sd",
        caption = "How the means of %s scatter behind the norm, in deviations of all values.",
    },
    {
        id = "deviations", label = "spread / mean",
        caption = "How the deviations of %s scatter behind the norm, in parts of their mean.",
    },
}

-- One figure for each kind of part.
local function scatter_figures(found, kind)
    return stat.map(PARTS, function(part)
        return over_steps(found, {
            id = kind.id .. "_" .. part,
            title = ("Scatter of the %s of %s"):format(kind.id, PART_NAMES[part]),
            caption = kind.caption:format(PART_NAMES[part]),
            y = { label = kind.label, low = 0 },
            width = SMALL.width, height = SMALL.height, bare = true,
        }, function(look) return look.scatter[kind.id][part] end)
    end)
end

-- Points of a histogram as a density; empty bins are left out, as the axis is logarithmic.
local function density(side)
    local bins <const> = side.histogram
    if not side.low or not side.high then
        return {}
    end
    local width <const> = (side.high - side.low) / #bins
    local total = 0
    for _, count in ipairs(bins) do
        total = total + count
    end
    local points <const> = {}
    for i, count in ipairs(bins) do
        if count > 0 and width > 0 then
            points[#points + 1] = { side.low + (i - 0.5) * width, count / (total * width) }
        end
    end
    return points
end

-- The values before and behind one norm, at the first look and the last.
local function histogram_figure(group, index, position)
    local probes <const> = group.runs[1].probes
    local layer <const> = probes[1].norms[position]
    local series <const> = {}
    for color, side in ipairs({ "before", "after" }) do
        for _, look in ipairs({ probes[1], probes[#probes] }) do
            local values <const> = look.norms[position][side]
            if values then
                series[#series + 1] = {
                    label = ("%s, step %d"):format(
                        layer.after and side or "activations", steps_before(look)),
                    color = color, dashed = look == probes[1], points = density(values),
                }
            end
        end
    end
    return {
        id = ("histogram_%d_%d"):format(index, position),
        title = ("Activations of %s, %s"):format(group.label, layer.layer),
        caption = ("%s, %s: density of the values; those farther than four deviations count at "
            .. "the ends."):format(group.label, layer.layer),
        x = { label = "value" },
        y = { label = "density", log = true },
        series = stat.map(series, function(one) return #one.points > 0 and one or nil end),
        width = SMALL.width, height = SMALL.height, bare = true,
    }
end

local function histogram_figures(found)
    local figures <const> = {}
    for index, group in ipairs(found) do
        local norms <const> = group.runs[1].probes[1].norms
        for _, position in ipairs(#norms > 1 and { 1, #norms } or { #norms > 0 and 1 or nil }) do
            local figure <const> = histogram_figure(group, index, position)
            figures[#figures + 1] = #figure.series > 0 and figure or nil
        end
    end
    return figures
end

-- -- View 5: gradients ---------------------------------------------------------------------------

-- One line a group over the weight tensors: the mean of f(weight) over all looks of its runs, and
-- the smallest and the largest as a band.
local function over_layers(found, figure, f)
    local names <const> = found[1].runs[1].probes[1].weights
    figure.x = {
        label = "", slanted = true,
        ticks = {},
    }
    for i, weight in ipairs(names) do
        figure.x.ticks[i] = { i, (weight.name:gsub("%.weight$", "")) }
    end
    figure.series = {}
    for _, group in ipairs(found) do
        local values <const> = {}
        for _, look in ipairs(looks_of(group)) do
            for i, weight in ipairs(look.weights) do
                local value <const> = f(weight)
                values[i] = values[i] or {}
                table.insert(values[i], value and value > 0 and value or nil)
            end
        end
        local points <const> = {}
        for i, list in ipairs(values) do
            if #list > 0 then
                points[#points + 1] = { i, stat.mean(list), stat.range(list) }
            end
        end
        add_series(figure, group, points)
    end
    return #figure.series > 0 and figure or nil
end

local function gradient_of(weight)
    return weight.gradient
end

local function update_of(weight)
    return weight.update and weight.weight and weight.weight > 0
        and weight.update / weight.weight or nil
end

local function gradient_figures(found)
    local figures <const> = {}
    figures[1] = over_layers(found, {
        id = "gradients",
        title = "Gradient norm of each weight tensor",
        caption = "Norm of the gradient of each weight tensor: mean over the looks, bands from "
            .. "the smallest to the largest.",
        y = { label = "gradient norm", log = true },
    }, gradient_of)
    figures[#figures + 1] = over_layers(found, {
        id = "updates",
        title = "Update of each weight tensor in one step",
        caption = "How far one step moves each weight tensor, in parts of its norm.",
        y = { label = "update / weight", log = true },
    }, update_of)
    return figures
end

-- -- View 5: sentences ---------------------------------------------------------------------------

-- Which parts a norm makes alike, by the first look, and what is left of it at the last.
local function alike_sentence(group)
    local first <const>, last <const> = group.runs[1].probes[1],
        group.runs[1].probes[#group.runs[1].probes]
    local alike <const>, others <const> = {}, {}
    for _, part in ipairs(PARTS) do
        local scatter <const> = first.scatter.means[part]
        if scatter and scatter < 1e-3 then
            alike[#alike + 1] = part
        elseif scatter then
            others[#others + 1] = ("%s by %.2f"):format(PART_NAMES[part], scatter)
        end
    end
    if #alike + #others == 0 then
        return nil
    elseif #alike == 0 then
        return ("Under %s no means are alike at step %d; they scatter: %s deviations."):format(
            group.label, steps_before(first), stat.list(others))
    end
    local after <const> = stat.map(alike, function(part)
        local scatter <const> = last.scatter.means[part]
        return scatter and ("%s by %.2f"):format(PART_NAMES[part], scatter)
            or PART_NAMES[part] .. " beyond all numbers"
    end)
    local rest <const> = #others > 0
        and ("; the others scatter: %s deviations"):format(stat.list(others)) or ""
    return ("Behind %s the means of %s are alike at step %d%s. At step %d, with learned scales and "
        .. "shifts, what was alike scatters: %s deviations."):format(group.label,
        stat.list(stat.map(alike, function(part) return PART_NAMES[part] end)),
        steps_before(first), rest, steps_before(last), stat.list(after))
end

local function gradient_sentence(found)
    local texts <const> = stat.map(found, function(group)
        local weights <const> = group.runs[1].probes[1].weights
        local values <const> = finite(stat.map(weights, gradient_of))
        if #values < 2 then
            return nil
        end
        local low <const>, high <const> = stat.range(values)
        return ("%s to %s under %s"):format(stat.short(low), stat.short(high), group.label)
    end)
    return #texts > 0 and ("At the first look the gradient norms of the weight tensors reach from "
        .. "%s."):format(stat.list(texts)) or nil
end

--- View 5 of an array of groups.
function looks.inside_view(groups)
    local found <const>, missing <const> = with_looks(groups)
    local view <const> = {
        id = "inside", title = "Activations and gradients", sentences = {}, blocks = {},
    }
    if #found > 0 then
        local with_norms <const> = stat.map(found, function(group)
            return #group.runs[1].probes[1].norms > 0 and group or nil
        end)
        view.sentences = stat.map(with_norms, alike_sentence)
        table.insert(view.sentences, gradient_sentence(found))
        table.insert(view.sentences, "Scatter is the mean over the norm layers; 0 means all alike. "
            .. "Without norms it is that of the activations.")
        view.sentences[#view.sentences + 1] = runs.thinned_sentence(found, "probes")
        if #with_norms > 0 then
            view.blocks = {
                { kind = "figures", small = true, figures = histogram_figures(with_norms) },
            }
            for _, kind in ipairs(SCATTERS) do
                table.insert(view.blocks, {
                    kind = "figures", small = true, figures = scatter_figures(with_norms, kind),
                })
            end
        end
        table.insert(view.blocks, { kind = "figures", figures = gradient_figures(found) })
    end
    if #missing > 0 then
        table.insert(view.sentences, missing_sentence(missing))
    end
    return view
end

-- -- View 8: smoothness --------------------------------------------------------------------------

-- The smallest and the largest loss along the walk, its start included; nil where all is lost.
local function loss_range(look)
    local losses <const> = finite(look.walk.losses)
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
local function smoothness(look)
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
    local figure <const> = {
        id = "walk",
        title = "Loss along the gradient",
        caption = "Loss at the look (line) and its smallest and largest value along the gradient "
            .. "(band), first run of each.",
        x = { label = "steps" }, y = { label = "loss" }, series = {},
    }
    for _, group in ipairs(found) do
        local points <const> = stat.map(group.runs[1].probes, function(look)
            local low <const>, high <const> = loss_range(look)
            return low and { steps_before(look), look.loss, low, high } or nil
        end)
        add_series(figure, group, points)
    end
    return figure
end

local function smooth_figures(found)
    local figures <const> = {
        band_figure(found),
        over_steps(found, {
            id = "walk_range",
            title = "Range of the loss along the gradient",
            caption = "Largest minus smallest loss along the walk; low: the loss changes little.",
            y = { label = "range of the loss", log = true },
        }, loss_width),
        over_steps(found, {
            id = "smoothness",
            title = "Change of the gradient along the gradient",
            caption = "Largest change of the gradient for each unit of length walked (effective "
                .. "smoothness); low: the gradient holds for longer.",
            y = { label = "change / length", log = true },
        }, smoothness),
    }
    return stat.map(figures, function(figure) return #figure.series > 0 and figure or nil end)
end

-- The median over all looks of the runs of a group, or nil.
local function median(group, f)
    local values <const> = stat.map(looks_of(group), f)
    table.sort(values)
    return values[(#values + 1) // 2]
end

local function smooth_sentences(found)
    local lines <const> = {}
    local texts <const>, base, flat = {}, nil, false
    for _, group in ipairs(found) do
        local value <const> = median(group, smoothness)
        texts[#texts + 1] = value and ("%s under %s"):format(stat.short(value), group.label)
        if group.norm == "none" and value then
            local learned <const> = runs.has_learned(group)
            base = base or learned and value or nil
            flat = flat or not learned
        end
    end
    lines[1] = #texts > 0 and ("For each unit of length along the gradient the gradient changes by "
        .. "a median of %s."):format(stat.list(texts)) or nil
    local smoother <const>, rougher <const> = {}, {}
    for _, group in ipairs(found) do
        local value <const> = median(group, smoothness)
        if base and value and group.norm ~= "none" then
            table.insert(value < base and smoother or rougher, group.label)
        end
    end
    if #smoother > 0 then
        lines[#lines + 1] = ("By this measure the loss is smoother under %s than without a norm.")
            :format(stat.list(smoother))
    end
    if #rougher > 0 then
        lines[#lines + 1] = ("By this measure the loss is not smoother under %s than without a "
            .. "norm, over the steps looked at."):format(stat.list(rougher))
    end
    if not base then
        lines[#lines + 1] = flat
            and "Without a norm nothing was learned here: the plateau where it began is flat, and "
                .. "no baseline."
            or "No run without a norm was looked into, so there is no baseline (NORM=none)."
    end
    return lines
end

local function lost_sentence(found)
    local lost = 0
    for _, group in ipairs(found) do
        for _, look in ipairs(looks_of(group)) do
            lost = lost + #look.walk.losses - #finite(look.walk.losses)
        end
    end
    return lost > 0 and ("At %d %s along the walks the loss was no finite number, which is left "
        .. "out."):format(lost, lost == 1 and "place" or "places") or nil
end

--- View 8 of an array of groups.
function looks.smooth_view(groups)
    local found <const>, missing <const> = with_looks(groups)
    local view <const> = {
        id = "smooth", title = "Smoothness of the loss", sentences = {}, blocks = {},
    }
    if #found > 0 then
        local lengths <const> = found[1].runs[1].probes[1].walk.lengths
        view.sentences = smooth_sentences(found)
        table.insert(view.sentences, lost_sentence(found))
        table.insert(view.sentences, ("Each look walks down its own gradient, by %s to %s times "
            .. "the gradient (Santurkar et al. 2018)."):format(stat.short(lengths[1]),
            stat.short(lengths[#lengths])))
        view.blocks[1] = { kind = "figures", figures = smooth_figures(found) }
    end
    if #missing > 0 then
        table.insert(view.sentences, missing_sentence(missing))
    end
    return view
end

return looks
