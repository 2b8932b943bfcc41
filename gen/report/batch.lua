-- batch.lua - views 6 and 7: what the size of a batch does, and whether an image is left alone by
-- the others.
--
-- A batch norm over less than the batch (norm { ghost = 16 }) is trained as any other norm.

local mistakes <const> = require("report/mistakes")
local norms <const> = require("report/norms")
local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local batch <const> = {}

-- -- View 6: batch size --------------------------------------------------------------------------

local function statistics_images(group)
    return (norms.statistics_images(group.runs[1]))
end

-- The groups that a line over batch norms can be drawn among: the network, data and recipe of the
-- first batch norm.
local function comparable(groups)
    local first
    for _, group in ipairs(groups) do
        first = first or statistics_images(group) and group
    end
    return stat.map(groups, function(group)
        return first and group.model == first.model and group.synthetic == first.synthetic
            and (group.recipe == first.recipe or not statistics_images(group)) and group or nil
    end)
end

local function final_accuracy(run)
    return runs.last(run).test_acc
end

-- One line over all batch norms of one network and recipe; a level for every other norm.
local function training_figure(all)
    local groups <const> = comparable(all)
    local sizes <const> = stat.map(groups, statistics_images)
    if #sizes < 2 then
        return nil
    end
    local low <const>, high <const> = stat.range(sizes)
    local line <const>, levels <const> = { label = "batch norm", color = 1, points = {} }, {}
    for _, group in ipairs(groups) do
        local images <const> = statistics_images(group)
        local values <const> = runs.values(group, final_accuracy)
        local mean <const>, sd <const> = stat.mean(values), stat.sd(values) or 0
        if images then
            table.insert(line.points, { images, mean, mean - sd, mean + sd })
            line.color = select(2, norms.statistics_images(group.runs[1])) and line.color
                or group.color
        else
            levels[#levels + 1] = {
                label = group.label, color = group.color, dashed = true,
                note = ("%.1f"):format(mean), points = { { low, mean }, { high, mean } },
            }
        end
    end
    table.sort(line.points, function(a, b) return a[1] < b[1] end)
    table.insert(levels, 1, line)
    return {
        id = "ghost",
        title = "Test accuracy against the images of one statistic",
        caption = ("Final test accuracy of batch norm trained with statistics over parts of the "
            .. "batch of %d; the other norms take none of the batch and are levels."):format(
            runs.setting(groups[1].runs[1], "batch")),
        x = { label = "images of one mean", log = true,
            ticks = stat.map(line.points, function(point)
                return { point[1], ("%d"):format(point[1]) }
            end) },
        y = { label = "test accuracy, %" },
        series = levels,
    }
end

-- Accuracy of trained networks with statistics of the batch in place of the running averages.
local function evaluation_figure(found)
    local series <const> = {}
    for _, entry in ipairs(found) do
        local evaluations <const> = { runs = entry.evaluations }
        series[#series + 1] = {
            label = entry.group.label .. ", statistics of the batch",
            color = entry.group.color,
            points = runs.points(evaluations, function(evaluation)
                local batches <const> = evaluation.batches
                local points <const> = {}
                for i, size in ipairs(batches.sizes) do
                    points[i] = { size, batches.acc[i] }
                end
                return points
            end),
        }
        local level <const> = stat.mean(stat.map(entry.evaluations, function(evaluation)
            return evaluation.batches.running_acc
        end))
        local points <const> = series[#series].points
        series[#series + 1] = {
            label = entry.group.label .. ", as evaluated",
            color = entry.group.color,
            dashed = true,
            points = { { points[1][1], level }, { points[#points][1], level } },
        }
    end
    local first <const> = found[1].evaluations[1].batches
    return {
        id = "evaluation_batch",
        title = "Accuracy at evaluation against the batch size",
        caption = ("The trained networks on the first %d test images: with statistics of batches "
            .. "of this size (lines), and as they are evaluated (dashes)."):format(first.images),
        x = { label = "images of a batch", log = true,
            ticks = stat.map(first.sizes, function(size) return { size, ("%d"):format(size) } end),
        },
        y = { label = "accuracy, %" },
        series = series,
    }
end

local function training_sentence(figure)
    local points <const> = figure.series[1].points
    local small <const>, large <const> = points[1], points[#points]
    local text <const> = ("With statistics over %d images batch norm ends at %.2f %%, over %d at "
        .. "%.2f %%"):format(small[1], small[2], large[1], large[2])
    for i = 2, #figure.series do
        local level <const> = figure.series[i]
        local below <const> = stat.map(points, function(point)
            return point[2] < level.points[1][2] and ("%d"):format(point[1]) or nil
        end)
        if #below > 0 and #below < #points then
            return ("%s; it falls behind %s with %s."):format(text, level.label, stat.list(below))
        end
    end
    return text .. "."
end

local function evaluation_sentences(found)
    local lines <const>, steady <const> = {}, {}
    for _, entry in ipairs(found) do
        local batches <const> = entry.evaluations[1].batches
        local low <const>, high <const> = stat.range(batches.acc)
        if low == high and low == batches.running_acc then
            steady[#steady + 1] = entry.group.label
        else
            lines[#lines + 1] = ("Evaluated with the statistics of batches of %d images, %s "
                .. "recognises %.1f %% of the first %d test images, with batches of %d %.1f %%, "
                .. "with its running averages %.1f %%."):format(batches.sizes[1],
                entry.group.label, batches.acc[1], batches.images, batches.sizes[#batches.sizes],
                batches.acc[#batches.acc], batches.running_acc)
        end
    end
    if #steady > 0 then
        lines[#lines + 1] = ("For %s no batch size changes anything."):format(stat.list(steady))
    end
    return lines
end

-- What is left of groups with evaluations where f(evaluation) is a list: those that fill it. A test
-- set of one or two images leaves it empty.
local function with_entries(found, f)
    return stat.map(found, function(entry)
        local list <const> = stat.map(entry.evaluations, function(evaluation)
            return #f(evaluation) > 0 and evaluation or nil
        end)
        return #list > 0 and { group = entry.group, evaluations = list } or nil
    end)
end

--- View 6 of an array of groups.
function batch.size_view(groups)
    local all <const>, missing <const> = mistakes.evaluated(groups)
    local found <const> = with_entries(all, function(evaluation)
        return evaluation.batches.sizes
    end)
    local view <const> = { id = "batch", title = "Batch size", sentences = {}, blocks = {} }
    local figures <const> = {}
    local trained <const> = training_figure(groups)
    if trained then
        figures[1] = trained
        view.sentences[1] = training_sentence(trained)
    else
        view.sentences[1] = "Fewer than two of these runs are batch norms that differ in the "
            .. "images of one statistic (NORM=bn2, bn4, ... and bn), so training against that "
            .. "number is not shown."
    end
    if #found > 0 then
        figures[#figures + 1] = evaluation_figure(found)
        for _, line in ipairs(evaluation_sentences(found)) do
            table.insert(view.sentences, line)
        end
    end
    if #missing > 0 then
        table.insert(view.sentences, mistakes.missing_sentence(missing))
    end
    if #figures > 0 then
        view.blocks[1] = { kind = "figures", figures = figures }
    end
    return view
end

-- -- View 7: independence ------------------------------------------------------------------------

-- The changes of one mode in units of the deviation of the logits, largest first.
local function sorted_changes(independence, mode)
    local list <const> = stat.map(independence[mode].changes, function(change)
        return independence.deviation > 0 and change / independence.deviation or 0.0
    end)
    table.sort(list, function(a, b) return a > b end)
    return list
end

local function independence_figure(found)
    return {
        id = "independence",
        title = "How far one image moves the others",
        caption = "One image of a training batch is replaced: change of the logits of each other "
            .. "image, the most changed first, in standard deviations of the logits.",
        x = { label = "other images, sorted" },
        y = { label = "change of the logits, sd" },
        series = stat.map(found, function(entry)
            local points <const> = {}
            local list <const> = sorted_changes(entry.evaluations[1].independence, "training")
            for i, change in ipairs(list) do
                points[i] = { i, change }
            end
            return { label = entry.group.label, color = entry.group.color, points = points }
        end),
    }
end

local function independence_rows(found)
    return stat.map(found, function(entry)
        local independence <const> = entry.evaluations[1].independence
        local row <const> = { entry.group.label }
        for _, mode in ipairs({ "training", "evaluation" }) do
            local list <const> = sorted_changes(independence, mode)
            local moved <const> = stat.map(list, function(x) return x > 0 and x or nil end)
            row[#row + 1] = ("%d of %d"):format(#moved, #list)
            row[#row + 1] = stat.short(stat.mean(list))
            row[#row + 1] = stat.short(list[1])
            row[#row + 1] = ("%d"):format(independence[mode].flips)
        end
        return row
    end)
end

local function flips_text(flips)
    return flips == 0 and "no prediction changes" or flips == 1 and "one prediction changes"
        or ("%d predictions change"):format(flips)
end

local function independence_sentences(found)
    local lines <const>, still <const> = {}, {}
    local same = true
    for _, entry in ipairs(found) do
        local independence <const> = entry.evaluations[1].independence
        local list <const> = sorted_changes(independence, "training")
        local moved <const> = stat.map(list, function(x) return x > 0 and x or nil end)
        if #moved == 0 then
            still[#still + 1] = entry.group.label
        else
            lines[#lines + 1] = ("Replacing one image of a batch moves the logits of %d of the %d "
                .. "others under %s, by up to %s standard deviations; %s."):format(#moved, #list,
                entry.group.label, stat.short(list[1]), flips_text(independence.training.flips))
        end
        same = same and sorted_changes(independence, "evaluation")[1] == 0
    end
    if #still > 0 then
        lines[#lines + 1] = ("Under %s no other image moves at all."):format(stat.list(still))
    end
    if same then
        lines[#lines + 1] = "At evaluation no image moves another under any of them."
    end
    return lines
end

--- View 7 of an array of groups.
function batch.independence_view(groups)
    local all <const>, missing <const> = mistakes.evaluated(groups)
    local found <const> = with_entries(with_entries(all, function(evaluation)
        return evaluation.independence.training.changes
    end), function(evaluation)
        return evaluation.independence.evaluation.changes
    end)
    local view <const> = {
        id = "independence_view", title = "Does an image depend on the others?", sentences = {},
        blocks = {},
    }
    if #found > 0 then
        view.sentences = independence_sentences(found)
        view.blocks = {
            { kind = "figures", figures = { independence_figure(found) } },
            {
                kind = "table",
                caption = "The other images of the batch, in training and in evaluation mode.",
                head = { "norm", "moved, training", "mean, sd", "largest, sd", "predictions",
                    "moved, evaluation", "mean, sd", "largest, sd", "predictions" },
                rows = independence_rows(found),
            },
        }
    end
    if #missing > 0 then
        table.insert(view.sentences, mistakes.missing_sentence(missing))
    end
    return view
end

return batch
