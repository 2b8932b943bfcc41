-- mistakes.lua - view 4: confusion, accuracy a class, and the images that went wrong.
--
-- It reads the evaluations of runs, which runtime/inspect/examine.h describes. Class numbers there
-- count from 0. Images are shown of the first evaluated run of each group, and only those are read.

local log <const> = require("report/log")
local stat <const> = require("report/stat")

local mistakes <const> = {}

local SHOWN <const> = 10

--- The groups that have an evaluated run, as { group, evaluations = { ... }, folder = (of the first
--- of these) }, and those runs that have none.
function mistakes.evaluated(groups)
    local found <const>, missing <const> = {}, {}
    for _, group in ipairs(groups) do
        local list <const> = stat.map(group.runs, function(run)
            return run.evaluation and run or nil
        end)
        if #list > 0 then
            found[#found + 1] = {
                group = group, folder = list[1].folder,
                evaluations = stat.map(list, function(run) return run.evaluation end),
            }
        end
        for _, run in ipairs(group.runs) do
            missing[#missing + 1] = not run.evaluation and run or nil
        end
    end
    return found, missing
end

--- What to type for runs without an evaluation.
function mistakes.missing_sentence(missing)
    local run <const> = missing[1]
    return ("Without an evaluation: %d %s. `build/%s_%s eval --model %s/last.safetensors --out %s` "
        .. "makes one."):format(#missing, #missing == 1 and "run" or "runs", run.start.model,
        run.start.norm, run.folder, run.folder)
end

-- -- Confusion -----------------------------------------------------------------------------------

-- counts[true + 1][said + 1] over all evaluations of a group.
local function confusion(entry)
    local classes <const> = #entry.evaluations[1].classes
    local counts <const> = {}
    for i = 1, classes do
        counts[i] = {}
        for j = 1, classes do
            counts[i][j] = 0
        end
    end
    for _, evaluation in ipairs(entry.evaluations) do
        for i, label in ipairs(evaluation.labels) do
            local row <const> = counts[label + 1]
            local said <const> = evaluation.predictions[i] + 1
            row[said] = row[said] + 1
        end
    end
    return counts
end

-- Parts of each row, in percent.
local function percentages(counts)
    return stat.map(counts, function(row)
        local total = 0
        for _, count in ipairs(row) do
            total = total + count
        end
        return stat.map(row, function(count)
            return total > 0 and 100 * count / total or 0.0
        end)
    end)
end

local function matrix_block(entry, percent)
    local classes <const> = entry.evaluations[1].classes
    local rows <const> = {}
    for i, row in ipairs(percent) do
        local cells <const> = {}
        for j, value in ipairs(row) do
            cells[j] = {
                text = ("%.0f"):format(value),
                color = ("rgba(%s, %.2f)"):format(i == j and "47, 154, 96" or "214, 69, 93",
                    math.min(1, i == j and value / 100 or value / 40) * 0.8),
            }
        end
        rows[i] = { name = classes[i], cells = cells }
    end
    return {
        label = entry.group.label,
        classes = stat.map(classes, function(name) return name:sub(1, 4) end),
        rows = rows,
    }
end

local function class_figure(found, percents)
    local classes <const> = found[1].evaluations[1].classes
    local width <const> = 0.8 / #found
    local ticks <const> = {}
    for i, name in ipairs(classes) do
        ticks[i] = { i, name:sub(1, 6) } -- room for no more
    end
    local series <const> = {}
    for k, entry in ipairs(found) do
        local points <const> = {}
        for i = 1, #classes do
            points[i] = { i + (k - (#found + 1) / 2) * width, percents[k][i][i] }
        end
        series[k] = {
            label = entry.group.label, color = entry.group.color, style = "bars", width = width,
            points = points,
        }
    end
    return {
        id = "class_accuracy",
        title = "Accuracy of each class",
        caption = "Part of the test images of each class that are recognised.",
        x = { label = "", ticks = ticks, slanted = true, low = 0.5, high = #classes + 0.5 },
        y = { label = "accuracy, %", low = 0, high = 100 },
        series = series,
    }
end

-- -- Images --------------------------------------------------------------------------------------

-- Positions in the pixels by image number, counted from 0.
local function picture_index(evaluation)
    local at <const> = {}
    for i, image in ipairs(evaluation.pictures.indices) do
        at[image] = i
    end
    return at
end

-- A picture shows three channels or one: of other images, the first three or the first.
local function picture(evaluation, pixels, position)
    local c <const>, h <const>, w <const> = table.unpack(evaluation.pictures.shape)
    local start <const>, shown <const> = (position - 1) * c * h * w, c < 3 and 1 or 3
    return host.png(pixels:sub(start + 1, start + shown * h * w), shown, h, w)
end

local function said(evaluation, image)
    return ("%s %.2f"):format(evaluation.classes[evaluation.predictions[image + 1] + 1],
        evaluation.confidences[image + 1])
end

local function truth(evaluation, image)
    return "true " .. evaluation.classes[evaluation.labels[image + 1] + 1]
end

-- The most confident mistakes of a group.
local function wrong_block(entry)
    local evaluation <const> = entry.evaluations[1]
    local order <const> = stat.map(evaluation.pictures.indices, function(image) return image end)
    table.sort(order, function(a, b)
        local x <const>, y <const> = evaluation.confidences[a + 1], evaluation.confidences[b + 1]
        return x > y or x == y and a < b
    end)
    local at <const> = picture_index(evaluation)
    local pixels <const> = log.read_pixels(entry.folder, evaluation)
    local pictures <const> = {}
    for i = 1, math.min(SHOWN, #order) do
        local image <const> = order[i]
        pictures[i] = {
            png = picture(evaluation, pixels, at[image]),
            lines = { truth(evaluation, image), "says " .. said(evaluation, image) },
        }
    end
    return {
        kind = "pictures",
        caption = ("%s: its most confident mistakes among the first %s test images."):format(
            entry.group.label, stat.integer(evaluation.pictures.below)),
        pictures = pictures,
    }
end

-- Whether all have the same classes and the same true ones, image by image.
local function same_images(found)
    local first <const> = found[1].evaluations[1]
    local classes <const> = table.concat(first.classes, "\0")
    local labels <const> = table.concat(first.labels, " ")
    return not stat.any(found, function(entry)
        return stat.any(entry.evaluations, function(evaluation)
            return table.concat(evaluation.classes, "\0") ~= classes
                or table.concat(evaluation.labels, " ") ~= labels
        end)
    end)
end

-- How many different answers an image gets, and how sure they are together.
local function dispute(found, image)
    local answers <const> = {}
    local different, sure = 0, 0
    for _, entry in ipairs(found) do
        local evaluation <const> = entry.evaluations[1]
        local answer <const> = evaluation.predictions[image + 1]
        different = different + (answers[answer] and 0 or 1)
        answers[answer] = true
        sure = sure + evaluation.confidences[image + 1]
    end
    return different, sure
end

-- The picture of an image from the first run that keeps it, or nil.
local function kept_picture(found, image)
    for _, entry in ipairs(found) do
        local evaluation <const> = entry.evaluations[1]
        local position <const> = picture_index(evaluation)[image]
        if position then
            return picture(evaluation, log.read_pixels(entry.folder, evaluation), position)
        end
    end
end

-- Of images on which answers differ, at least one answer is wrong, so some run keeps its pixels,
-- unless its evaluation is of other making.
local function disputed_block(found)
    local below = math.huge
    for _, entry in ipairs(found) do
        below = math.min(below, entry.evaluations[1].pictures.below)
    end
    local disputed <const> = {}
    for image = 0, below - 1 do
        local different <const>, sure <const> = dispute(found, image)
        if different > 1 then
            disputed[#disputed + 1] = { image = image, different = different, sure = sure }
        end
    end
    table.sort(disputed, function(a, b)
        if a.different ~= b.different then
            return a.different > b.different
        end
        return a.sure > b.sure or a.sure == b.sure and a.image < b.image
    end)
    local pictures <const> = {}
    for i = 1, math.min(SHOWN, #disputed) do
        local image <const> = disputed[i].image
        local lines <const> = { truth(found[1].evaluations[1], image) }
        for _, entry in ipairs(found) do
            lines[#lines + 1] = entry.group.label .. ": " .. said(entry.evaluations[1], image)
        end
        local png <const> = kept_picture(found, image)
        pictures[#pictures + 1] = png and { png = png, lines = lines } or nil
    end
    return {
        kind = "pictures",
        wide = true,
        caption = ("Images on which they disagree, the most disputed among the first %s: %s of "
            .. "them get different answers."):format(stat.integer(below),
            stat.integer(#disputed)),
        pictures = pictures,
    }
end

-- -- Sentences -----------------------------------------------------------------------------------

-- The pair of classes that is confused most, over all groups.
local function confusion_sentence(found, percents)
    local classes <const> = found[1].evaluations[1].classes
    local mean <const> = {}
    for i = 1, #classes do
        for j = 1, #classes do
            local values <const> = stat.map(percents, function(percent) return percent[i][j] end)
            mean[#mean + 1] = { i = i, j = j, value = stat.mean(values) }
        end
    end
    local right <const> = stat.map(mean, function(cell) return cell.i == cell.j and cell or nil end)
    local wrong <const> = stat.map(mean, function(cell) return cell.i ~= cell.j and cell or nil end)
    local hard <const> = right[stat.argmax(right, function(cell) return -cell.value end)]
    local easy <const> = right[stat.argmax(right, function(cell) return cell.value end)]
    local pair <const> = wrong[stat.argmax(wrong, function(cell) return cell.value end)]
    return ("On average %s is recognised best (%.0f %%) and %s worst (%.0f %%); the most frequent "
        .. "mistake is to take %s for %s, %.0f %% of the time."):format(classes[easy.i], easy.value,
        classes[hard.i], hard.value, classes[pair.i], classes[pair.j], pair.value)
end

local function agreement_sentence(found)
    local first <const> = found[1].evaluations[1]
    local differ, all_wrong = 0, 0
    for image = 0, #first.labels - 1 do
        local right = 0
        for _, entry in ipairs(found) do
            local evaluation <const> = entry.evaluations[1]
            right = right + (evaluation.predictions[image + 1] == evaluation.labels[image + 1]
                and 1 or 0)
        end
        differ = differ + (dispute(found, image) > 1 and 1 or 0)
        all_wrong = all_wrong + (right == 0 and 1 or 0)
    end
    return ("On %.1f %% of the test images the first runs of these %d do not all give the same "
        .. "answer; %.1f %% are wrong under every one of them."):format(
        100 * differ / #first.labels, #found, 100 * all_wrong / #first.labels)
end

--- View 4 of an array of groups.
function mistakes.view(groups)
    local found <const>, missing <const> = mistakes.evaluated(groups)
    local view <const> = {
        id = "mistakes", title = "Mistakes", sentences = {}, blocks = {},
    }
    if #found > 0 and not same_images(found) then
        view.sentences[1] = "These runs were evaluated on different test images, so their mistakes "
            .. "cannot be compared."
    elseif #found > 0 then
        local percents <const> = stat.map(found, function(entry)
            return percentages(confusion(entry))
        end)
        view.sentences[1] = confusion_sentence(found, percents)
        if #found > 1 then
            view.sentences[2] = agreement_sentence(found)
        end
        local matrices <const> = {}
        for i, entry in ipairs(found) do
            matrices[i] = matrix_block(entry, percents[i])
        end
        view.blocks = {
            { kind = "figures", figures = { class_figure(found, percents) } },
            { kind = "matrices", matrices = matrices },
        }
        for _, entry in ipairs(found) do
            table.insert(view.blocks, wrong_block(entry))
        end
        if #found > 1 then
            table.insert(view.blocks, disputed_block(found))
        end
    end
    if #missing > 0 then
        table.insert(view.sentences, mistakes.missing_sentence(missing))
    end
    return view
end

return mistakes
