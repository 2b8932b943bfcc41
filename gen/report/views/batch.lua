-- batch.lua - view 6: how many images batch norm needs for its statistics.
--
-- A batch norm over less than the batch (norm { ghost = 16 }) is trained as any other norm.

local norms <const> = require("report/norms")
local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local batch <const> = {}

local function statistics_images(group)
    return (norms.statistics_images(group.runs[1]))
end

-- The batch norms of an array, by their images, and the other norms.
local function split(groups)
    local sizes <const>, others <const> = {}, {}
    for _, group in ipairs(groups) do
        table.insert(statistics_images(group) and sizes or others, group)
    end
    table.sort(sizes, function(a, b) return statistics_images(a) < statistics_images(b) end)
    return sizes, others
end

-- One line over all batch norms; a level for every other norm.
local function figure_of(sizes, others, left_out)
    local line <const> = { label = "batch norm", note = "batch norm",
        color = sizes[#sizes].color, points = {} }
    for i, group in ipairs(sizes) do
        local values <const> = runs.values(group, runs.final_accuracy)
        local mean <const>, sd <const> = stat.mean(values), stat.sd(values) or 0
        line.points[i] = { statistics_images(group), mean, mean - sd, mean + sd }
    end
    local low <const>, high <const> = line.points[1][1], line.points[#line.points][1]
    local series <const> = { line }
    for _, group in ipairs(others) do
        local mean <const> = stat.mean(runs.values(group, runs.final_accuracy))
        series[#series + 1] = {
            label = group.label, note = ("%s %s"):format(group.label, stat.fixed(mean, 1)),
            color = group.color, dashed = true, level = true,
            points = { { low, mean }, { high, mean } },
        }
    end
    return {
        id = "ghost",
        title = "Test accuracy against the images of one mean",
        caption = ("Final test accuracy at the same batch of %d for the optimizer; the other norms "
            .. "take no mean over the batch, so they are levels.%s"):format(
            runs.setting(sizes[1].runs[1], "batch"), #left_out > 0
            and (" Not drawn: %s, which learned nothing."):format(stat.list(left_out)) or ""),
        x = { label = "images of one mean", log = true,
            ticks = stat.map(line.points, function(point)
                return { point[1], ("%d"):format(point[1]) }
            end) },
        y = { label = "test accuracy, %" },
        series = series,
    }
end

-- Which of the batch norms end below another norm, in words.
local function behind_sentence(points, other)
    local level <const> = stat.mean(runs.values(other, runs.final_accuracy))
    local below <const> = stat.map(points, function(point)
        return point[2] < level and ("%d"):format(point[1]) or nil
    end)
    if #below == 0 then
        return ("It ends above %s with each of them."):format(other.label)
    end
    return ("It ends below %s (%s %%) with %s."):format(other.label, stat.fixed(level, 1),
        #below == #points and "each of them" or stat.list(below))
end

local function sentences(figure, others)
    local points <const> = figure.series[1].points
    local best <const> = points[stat.argmax(points, function(point) return point[2] end)]
    local ends <const> = stat.map(points, function(point)
        return ("%s %% over %d"):format(stat.fixed(point[2], 1), point[1])
    end)
    local lines <const> = {
        ("With statistics over so many images batch norm ends at %s; the highest is over %d.")
            :format(stat.list(ends), best[1]),
    }
    for i = 1, math.min(2, #others) do
        lines[#lines + 1] = behind_sentence(points, others[i])
    end
    return lines
end

--- The view of an array of groups, which are one lesson.
function batch.view(groups)
    local view <const> = {
        id = "batch", title = "How many images does batch norm need?", numbers = {},
    }
    local learned <const>, idle <const> = runs.learned(groups)
    local sizes <const>, others <const> = split(learned)
    if #sizes < 2 then
        view.sentences = { "Fewer than two of these runs are batch norms that learned something "
            .. "and differ in the images of one mean (NORM=bn2, bn4, ... and bn), so there is "
            .. "nothing to compare." }
        return view
    end
    local figure <const> = figure_of(sizes, others, stat.map(idle, function(group)
        return group.label
    end))
    view.sentences = sentences(figure, others)
    view.picture = { kind = "figures", figures = { figure } }
    return view
end

return batch
