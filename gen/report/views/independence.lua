-- independence.lua - view 7: one image of a batch is replaced by another; what becomes of the rest?

local evaluated <const> = require("report/evaluated")
local stat <const> = require("report/stat")

local independence <const> = {}

-- The changes of one mode in units of the deviation of the logits, largest first.
local function sorted_changes(of, mode)
    local list <const> = stat.map(of[mode].changes, function(change)
        return of.deviation > 0 and change / of.deviation or 0.0
    end)
    table.sort(list, function(a, b) return a > b end)
    return list
end

local function moved(list)
    return #stat.map(list, function(x) return x > 0 and x or nil end)
end

local function figure_of(found)
    return {
        id = "independence",
        title = "How far one image moves the others",
        caption = "In training mode: change of the network's outputs for each other image of the "
            .. "batch, the most changed first, in standard deviations of the outputs.",
        x = { label = "other images of the batch, sorted", whole = true },
        y = { label = "change, standard deviations", low = 0 },
        series = stat.map(found, function(entry)
            local points <const> = {}
            local of <const> = entry.evaluations[1].independence
            for i, change in ipairs(sorted_changes(of, "training")) do
                points[i] = { i, change }
            end
            return { label = entry.group.label, note = entry.group.label,
                color = entry.group.color, points = points }
        end),
    }
end

local function rows_of(found)
    return stat.map(found, function(entry)
        local of <const> = entry.evaluations[1].independence
        local row <const> = { entry.group.label }
        for _, mode in ipairs({ "training", "evaluation" }) do
            local list <const> = sorted_changes(of, mode)
            row[#row + 1] = ("%d of %d"):format(moved(list), #list)
            row[#row + 1] = stat.short(stat.mean(list))
            row[#row + 1] = stat.short(list[1])
            row[#row + 1] = ("%d"):format(of[mode].flips)
        end
        return row
    end)
end

local function flips_text(flips)
    return flips == 0 and "no prediction changes" or flips == 1 and "one prediction changes"
        or ("%d predictions change"):format(flips)
end

--- One sentence a group whose images move, and one for those whose images do not.
function independence.sentences(groups)
    local found <const> = independence.measured(groups)
    local lines <const>, still <const> = {}, {}
    local same = true
    for _, entry in ipairs(found) do
        local of <const> = entry.evaluations[1].independence
        local list <const> = sorted_changes(of, "training")
        if moved(list) == 0 then
            still[#still + 1] = entry.group.label
        else
            lines[#lines + 1] = ("Under %s one replaced image moves the outputs of %d of the %d "
                .. "others, by up to %s standard deviations; %s."):format(entry.group.label,
                moved(list), #list, stat.short(list[1]), flips_text(of.training.flips))
        end
        same = same and moved(sorted_changes(of, "evaluation")) == 0
    end
    if #still > 0 then
        lines[#lines + 1] = ("Under %s no other image moves at all."):format(stat.list(still))
    end
    if #found > 0 and same then
        lines[#lines + 1] = "At evaluation no image moves another under any of them."
    end
    return lines
end

--- The evaluations of groups that measured this.
function independence.measured(groups)
    return evaluated.with_entries(evaluated.with_entries((evaluated.of(groups)), function(one)
        return one.independence.training.changes
    end), function(one)
        return one.independence.evaluation.changes
    end)
end

--- The view of an array of groups.
function independence.view(groups)
    local found <const> = independence.measured(groups)
    local all <const>, missing <const> = evaluated.of(groups)
    local view <const> = {
        id = "independence_view", title = "Does one image change the others?", numbers = {},
    }
    if #found == 0 then
        view.sentences = { #all == 0 and evaluated.missing_sentence(missing)
            or "The test sets of these evaluations are too small for a batch of several images." }
        return view
    end
    view.sentences = independence.sentences(groups)
    view.picture = { kind = "figures", figures = { figure_of(found) } }
    view.numbers = { {
        kind = "table",
        caption = "The other images of the batch, in training and in evaluation mode.",
        head = { "norm", "moved, training", "mean, sd", "largest, sd", "predictions",
            "moved, evaluation", "mean, sd", "largest, sd", "predictions" },
        rows = rows_of(found),
    } }
    return view
end

return independence
