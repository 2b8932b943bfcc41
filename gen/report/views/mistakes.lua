-- mistakes.lua - confusion, accuracy a class, and the images that went wrong: part of the appendix.
--
-- Of groups that have learned nothing there is no mistake to learn from: they are left out.
-- It reads the evaluations of runs, which runtime/inspect/examine.h describes. Class numbers there
-- count from 0. Images are shown of the first evaluated run of each group, and only those are read.

local evaluated <const> = require("report/evaluated")
local log <const> = require("report/log")
local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local mistakes <const> = {}

local SHOWN <const> = 10

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
                    math.min(1, i == j and value / 100 or value / 40) * 0.6),
            }
        end
        rows[i] = { name = classes[i], cells = cells }
    end
    return { label = entry.group.label, classes = classes, rows = rows }
end

local function class_table(found, percents)
    local classes <const> = found[1].evaluations[1].classes
    local head <const> = { "class" }
    for _, entry in ipairs(found) do
        head[#head + 1] = entry.group.label .. ", %"
    end
    local rows <const> = {}
    for i, name in ipairs(classes) do
        rows[i] = { name }
        for _, percent in ipairs(percents) do
            table.insert(rows[i], stat.fixed(percent[i][i], 1))
        end
    end
    return { kind = "table", caption = "Part of the test images of each class that are recognised.",
        head = head, rows = rows }
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
    if not pixels or #order == 0 then
        return nil
    end
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
        local pixels <const> = position and log.read_pixels(entry.folder, evaluation)
        if pixels then
            return picture(evaluation, pixels, position)
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
    return #pictures > 0 and {
        kind = "pictures",
        wide = true,
        caption = ("Images on which they disagree, the most disputed among the first %s: %s of "
            .. "them get different answers."):format(stat.integer(below),
            stat.integer(#disputed)),
        pictures = pictures,
    } or nil
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
    local who <const> = #found > 1 and ("On average over %s "):format(stat.list(stat.map(found,
        function(entry) return entry.group.label end))) or ""
    if easy.value == hard.value then
        return ("%severy class is recognised alike, %s %% of the time."):format(who,
            stat.fixed(easy.value, 0))
    end
    return ("%s%s is recognised best (%s %%) and %s worst (%s %%); the most frequent mistake is to "
        .. "take %s for %s, %s %% of the time."):format(who, classes[easy.i],
        stat.fixed(easy.value, 0), classes[hard.i], stat.fixed(hard.value, 0), classes[pair.i],
        classes[pair.j], stat.fixed(pair.value, 0))
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

--- { sentences, blocks } of an array of groups.
function mistakes.part(groups)
    local learned <const>, idle <const> = runs.learned(groups)
    local found <const> = evaluated.with_entries((evaluated.of(learned)), function(one)
        return one.labels or {}
    end)
    local part <const> = { sentences = {}, blocks = {} }
    if #found == 0 then
        return part
    elseif not same_images(found) then
        part.sentences[1] = "These runs were evaluated on different test images, so their mistakes "
            .. "cannot be compared."
        return part
    end
    local percents <const> = stat.map(found, function(entry)
        return percentages(confusion(entry))
    end)
    part.sentences[1] = confusion_sentence(found, percents)
    if #found > 1 then
        part.sentences[2] = agreement_sentence(found)
    end
    if #(evaluated.of(idle)) > 0 then
        table.insert(part.sentences, ("%s learned nothing and is left out of this."):format(
            stat.list(stat.map((evaluated.of(idle)), function(entry)
                return entry.group.label
            end))))
    end
    local matrices <const> = {}
    for i, entry in ipairs(found) do
        matrices[i] = matrix_block(entry, percents[i])
    end
    part.blocks = { class_table(found, percents), { kind = "matrices", matrices = matrices } }
    for _, entry in ipairs(found) do
        part.blocks[#part.blocks + 1] = wrong_block(entry)
    end
    if #found > 1 then
        part.blocks[#part.blocks + 1] = disputed_block(found)
    end
    return part
end

return mistakes
