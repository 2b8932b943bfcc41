-- evaluation.lua - view 5: what batch norm does at evaluation: running averages in place of the
-- statistics of a batch, measured on the trained networks.

local evaluated <const> = require("report/evaluated")
local norms <const> = require("report/norms")
local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local evaluation <const> = {}

local function running_of(entry)
    return stat.mean(stat.map(entry.evaluations, function(one) return one.batches.running_acc end))
end

-- Accuracy of a group with statistics of the batch: { { size, mean, low, high }, ... }.
local function points_of(entry)
    return runs.points({ runs = entry.evaluations }, function(one)
        local points <const> = {}
        for i, size in ipairs(one.batches.sizes) do
            points[i] = { size, one.batches.acc[i] }
        end
        return points
    end)
end

local function figure_of(found)
    local series <const>, sizes <const>, seen <const> = {}, {}, {}
    for _, entry in ipairs(found) do
        local points <const> = points_of(entry)
        for _, point in ipairs(points) do
            sizes[#sizes + 1] = not seen[point[1]] and point[1] or nil
            seen[point[1]] = true
        end
        series[#series + 1] = {
            label = entry.group.label .. ", statistics of the batch", color = entry.group.color,
            note = entry.group.label .. ", of the batch", points = points,
        }
        local level <const> = running_of(entry)
        series[#series + 1] = {
            label = entry.group.label .. ", running averages", color = entry.group.color,
            dashed = true, level = true, note = entry.group.label .. ", running averages",
            points = { { points[1][1], level }, { points[#points][1], level } },
        }
    end
    table.sort(sizes)
    return {
        id = "evaluation_batch",
        title = "Accuracy at evaluation against the batch size",
        caption = ("The trained networks on the first %s test images."):format(
            stat.integer(found[1].evaluations[1].batches.images)),
        x = { label = "images of a batch", log = true,
            ticks = stat.map(sizes, function(size) return { size, ("%d"):format(size) } end) },
        y = { label = "accuracy, %" },
        series = series,
    }
end

local function batch_sentence(entry)
    local points <const>, running <const> = points_of(entry), running_of(entry)
    local small <const>, large <const> = points[1], points[#points]
    local least <const>, most <const> = stat.range(stat.map(points, function(p) return p[2] end))
    if least == most and least == running then
        return ("%s recognises %s %% with the statistics of batches of any size and with its "
            .. "running averages alike."):format(entry.group.label, stat.fixed(running, 1))
    end
    return ("With the statistics of batches of %d %s recognises %s %%, of batches of %d %s %%, "
        .. "and with its running averages %s %%."):format(small[1], entry.group.label,
        stat.fixed(small[2], 1), large[1], stat.fixed(large[2], 1), stat.fixed(running, 1))
end

-- Whether the batch size changes nothing for a group.
local function is_steady(entry)
    return not stat.any(points_of(entry), function(point)
        return point[2] ~= running_of(entry)
    end)
end

local function sentences(found, others)
    local lines <const> = {
        "At evaluation an image may come alone, so batch norm uses averages of the means and "
            .. "variances of the training instead of those of a batch.",
    }
    for _, entry in ipairs(found) do
        lines[#lines + 1] = batch_sentence(entry)
    end
    local steady <const> = stat.map(others, function(entry)
        return is_steady(entry) and entry.group.label or nil
    end)
    if #steady > 0 then
        lines[#lines + 1] = ("For %s no batch size changes anything."):format(stat.list(steady))
    end
    return lines
end

--- The view of an array of groups.
function evaluation.view(groups)
    local all <const>, missing <const> = evaluated.of(groups)
    local measured <const> = evaluated.with_entries(all, function(one)
        return one.batches.sizes
    end)
    local view <const> = {
        id = "evaluation", title = "What does batch norm do at evaluation?", numbers = {},
    }
    local crossing <const>, others <const> = {}, {}
    for _, entry in ipairs(measured) do
        local images <const> = norms.statistics_images(entry.group.runs[1])
        local counts <const> = images and runs.has_learned(entry.group)
        table.insert(counts and crossing or others, entry)
    end
    if #measured == 0 then
        view.sentences = { #all == 0 and evaluated.missing_sentence(missing)
            or "The test sets of these evaluations are too small to be cut into batches." }
    elseif #crossing == 0 then
        view.sentences = { "No batch norm that learned something is among these runs." }
    else
        view.sentences = sentences(crossing, others)
        view.picture = { kind = "figures", figures = { figure_of(crossing) } }
    end
    return view
end

return evaluation
