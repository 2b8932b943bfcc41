-- sharing.lua - view 1: which numbers share a mean, drawn with an example of small numbers.
--
-- Batch, ghost, group, layer and instance norm are always there, whatever was trained: each as the
-- same block of 4 images x 4 channels x 2 pixels, worked through for its first number.

local norms <const> = require("report/norms")
local runs <const> = require("report/runs")
local stat <const> = require("report/stat")
local svg <const> = require("report/svg")

local sharing <const> = {}

-- [image][channel][pixel]
local EXAMPLE <const> = {
    { { 1, 3 }, { 5, 7 }, { 2, 4 }, { 6, 8 } },
    { { 3, 5 }, { 9, 11 }, { 2, 2 }, { 4, 0 } },
    { { 0, 2 }, { 6, 4 }, { 8, 6 }, { 1, 3 } },
    { { 2, 4 }, { 7, 7 }, { 3, 5 }, { 5, 9 } },
}
local IMAGES <const>, CHANNELS <const> = #EXAMPLE, #EXAMPLE[1]

-- The norms of the picture: their layer in the example, and over what a mean is taken.
local KINDS <const> = {
    { norm = "bn", label = "batch norm", over = "one channel of all images of the batch",
        layer = { kind = "batch norm" } },
    { norm = "ghost", label = "batch norm over ghosts",
        over = "one channel of some images of the batch, here 2",
        layer = { kind = "batch norm", ghost = 2 } },
    { norm = "gn", label = "group norm", over = "a group of channels of one image, here 2",
        layer = { kind = "group norm", groups = 2 } },
    { norm = "ln", label = "layer norm", over = "all channels of one image",
        layer = { kind = "group norm", groups = 1 } },
    { norm = "in", label = "instance norm", over = "one channel of one image",
        layer = { kind = "group norm", groups = CHANNELS } },
}

-- -- The example ---------------------------------------------------------------------------------

--- What becomes of the first number of the example under a kind of norm: { values (that share its
--- mean), mean, variance, result }.
function sharing.worked(kind)
    local layer <const> = {
        kind = kind.layer.kind, ghost = kind.layer.ghost, groups = kind.layer.groups,
        shape = { CHANNELS, 1, 2 },
    }
    local part <const> = norms.partition(layer, IMAGES)
    local values <const> = {}
    for image = 1, part.images do
        for channel = 1, part.channels do
            table.move(EXAMPLE[image][channel], 1, 2, #values + 1, values)
        end
    end
    local mean <const> = stat.mean(values)
    local variance <const> = stat.mean(stat.map(values, function(x) return (x - mean) ^ 2 end))
    return {
        part = part, values = values, mean = mean, variance = variance,
        result = (EXAMPLE[1][1][1] - mean) / variance ^ 0.5,
    }
end

--- The kinds of the picture.
sharing.KINDS = KINDS

local CELL_W <const>, CELL_H <const>, LEFT <const>, TOP <const> = 38, 24, 22, 34

-- The block with the cells tinted by the mean that they share: `first` those of the first number.
local function grid(kind, part)
    local width <const> = LEFT + CHANNELS * CELL_W + 2
    local height <const> = TOP + IMAGES * CELL_H + 2
    local picture <const> = svg.new(width, height, ("%s: the %d numbers that share a mean are %s"):
        format(kind.label, part.images * part.channels * 2, kind.over))
    picture.text(LEFT, 12, "channels →", { class = "soft" })
    picture.text(12, TOP + IMAGES * CELL_H, "images →", { class = "soft", turn = -90 })
    for channel = 1, CHANNELS do
        picture.text(LEFT + (channel - 0.5) * CELL_W, TOP - 6, tostring(channel),
            { class = "soft", anchor = "middle" })
    end
    for image = 0, IMAGES - 1 do
        for channel = 0, CHANNELS - 1 do
            local across <const>, down <const> = channel // part.channels, image // part.images
            local tint <const> = across == 0 and down == 0 and "first"
                or (across + down) % 2 == 0 and "even" or "odd"
            local x <const>, y <const> = LEFT + channel * CELL_W, TOP + image * CELL_H
            picture.rect(x, y, CELL_W - 1, CELL_H - 1, "cell " .. tint)
            local cell <const> = EXAMPLE[image + 1][channel + 1]
            for pixel, value in ipairs(cell) do
                picture.text(x + (pixel - 0.5) * (CELL_W / 2) - 0.5, y + 16, tostring(value),
                    { class = "number", anchor = "middle" })
            end
        end
    end
    return picture.done()
end

local function sum_text(values)
    return table.concat(stat.map(values, tostring), " + ")
end

local function panel(kind)
    local worked <const> = sharing.worked(kind)
    local first <const> = EXAMPLE[1][1][1]
    return {
        norm = kind.norm,
        title = kind.label,
        svg = grid(kind, worked.part),
        lines = {
            "over " .. kind.over,
            ("mean = (%s) / %d = %s"):format(sum_text(worked.values), #worked.values,
                stat.brief(worked.mean)),
            ("var = %s"):format(stat.brief(worked.variance)),
            ("%d becomes (%d − %s) / √%s = %s"):format(first, first, stat.brief(worked.mean),
                stat.brief(worked.variance), stat.brief(worked.result)),
        },
    }
end

-- -- This network --------------------------------------------------------------------------------

-- What one mean covers in the first norm of a group's network, and how many there are.
local function count_row(group)
    local run <const> = group.runs[1]
    local list <const> = norms.layers(run)
    local n <const> = runs.setting(run, "batch")
    local first <const> = list[1]
    if not first then
        return { group.label, "no norm layers", "0", "0", "0", "0" }
    end
    local statistics, learned, tracked = 0, 0, 0
    for _, layer in ipairs(list) do
        statistics = statistics
            + norms.partition(layer, n).count * (layer.kind:find("RMS norm") and 1 or 2)
        learned = learned + layer.parameters
        tracked = tracked + (layer.kind == "batch norm" and 2 * layer.shape[1] or 0)
    end
    local part <const> = norms.partition(first, n)
    return {
        group.label,
        ("%d x %d x %d x %d = %s"):format(part.images, part.channels, part.h, part.w,
            stat.integer(part.images * part.channels * part.h * part.w)),
        stat.integer(part.count),
        stat.integer(statistics),
        stat.integer(learned),
        stat.integer(tracked),
    }
end

local function sentences(groups)
    local with <const>, crossing <const>, alone <const> = norms.split(groups)
    local out <const> = {
        "Each block is one layer's output: 4 images, 4 channels, and 2 pixels in each cell. The "
            .. "cells of the first colour share the mean of the first number; the other cells take "
            .. "turns in shade with theirs.",
    }
    local sizes <const> = stat.map(with, function(group)
        local run <const> = group.runs[1]
        local layer <const> = norms.layers(run)[1]
        local part <const> = norms.partition(layer, runs.setting(run, "batch"))
        return ("%s numbers under %s"):format(stat.integer(part.images * part.channels * part.h
            * part.w), group.label)
    end)
    if #with > 0 then
        local first <const> = norms.layers(with[1].runs[1])[1]
        out[2] = ("In %s of this network, with %d channels of %d x %d pixels, one mean is over %s.")
            :format(first.name, first.shape[1], first.shape[2], first.shape[3], stat.list(sizes))
    end
    if #crossing > 0 then
        out[#out + 1] = ("Under %s an image's result depends on the other images of its batch%s.")
            :format(stat.list(stat.map(crossing, function(group) return group.label end)),
                #alone > 0 and ("; under %s every image is alone"):format(stat.list(stat.map(alone,
                    function(group) return group.label end))) or "")
    elseif #alone > 0 then
        out[#out + 1] = ("Under %s every image is alone: the others of its batch do not matter.")
            :format(stat.list(stat.map(alone, function(group) return group.label end)))
    end
    return out
end

-- The numbers of the example, in the order of the picture.
local function numbers_text()
    local list <const> = {}
    for _, image in ipairs(EXAMPLE) do
        for _, cell in ipairs(image) do
            table.move(cell, 1, 2, #list + 1, list)
        end
    end
    return table.concat(list, " ")
end

--- The view of an array of groups.
function sharing.view(groups)
    return {
        id = "sharing", title = "Which numbers share a mean?", sentences = sentences(groups),
        wide = true,
        picture = { kind = "panels", panels = stat.map(KINDS, panel),
            numbers = numbers_text(),
            caption = "ε and the learned scale and shift are left out; √ is of the variance." },
        numbers = { {
            kind = "table",
            caption = "Images x channels x H x W of one mean in the first norm layer, and the "
                .. "counts of the whole network in a training step.",
            head = { "norm", "numbers that share a mean", "means, first norm",
                "statistics, all norms", "learned numbers", "running averages" },
            rows = stat.map(groups, count_row),
        } },
    }
end

return sharing
