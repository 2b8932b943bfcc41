-- norms.lua - view 1: what each norm does, from the shapes of the networks that were trained.
--
-- A norm cuts the block of N images x C channels x H x W pixels into parts, each with one mean and
-- one deviation. partition() says which, and everything here follows from it.

local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local norms <const> = {}

local SHOWN_IMAGES <const> = 6
local MAX_CHANNELS <const> = 32

local function is_norm(layer)
    return layer.kind:find(" norm$") ~= nil
end

--- The norm layers of a run, in order.
function norms.layers(run)
    return stat.map(run.start.layers, function(layer)
        return is_norm(layer) and layer or nil
    end)
end

--- Images over which a run's first norm takes its statistics in training, or nil where that is no
--- batch norm; and whether these are less than the batch.
function norms.statistics_images(run)
    local first <const> = norms.layers(run)[1]
    if first and first.kind == "batch norm" then
        return first.ghost or runs.setting(run, "batch"), first.ghost ~= nil
    end
end

--- How a norm layer cuts n images: { images = images of one part, channels = channels of one part,
--- count = parts }.
function norms.partition(layer, n)
    local channels <const> = layer.shape[1]
    if layer.kind == "batch norm" then
        local images <const> = layer.ghost or n
        return { images = images, channels = 1, count = channels * ((n + images - 1) // images) }
    end
    return { images = 1, channels = channels // layer.groups, count = n * layer.groups }
end

-- The first group of each norm that occurs.
local function one_a_norm(groups)
    local list <const>, seen <const> = {}, {}
    for _, group in ipairs(groups) do
        local key <const> = group.model .. " " .. group.norm
        if not seen[key] then
            seen[key] = true
            list[#list + 1] = group
        end
    end
    return list
end

-- -- The drawing ---------------------------------------------------------------------------------

local CELL <const> = 11

-- The block of the first norm layer as rows of images and columns of channels; a cell is a whole
-- plane of H x W. Cells of one tint share a mean; `first` is the part of the first cell.
local function block_of(group)
    local run <const> = group.runs[1]
    local layer <const> = norms.layers(run)[1]
    local n <const> = runs.setting(run, "batch")
    local part <const> = norms.partition(layer, n)
    local columns <const> = math.min(layer.shape[1], MAX_CHANNELS)
    local rows <const> = math.min(n, SHOWN_IMAGES)
    local cells <const> = {}
    for image = 0, rows - 1 do
        for channel = 0, columns - 1 do
            local across <const>, down <const> = channel // part.channels, image // part.images
            local tint <const> = across == 0 and down == 0 and "first"
                or (across + down) % 2 == 0 and "even" or "odd"
            cells[#cells + 1] = {
                x = channel * CELL, y = image * CELL, size = CELL - 1, tint = tint,
            }
        end
    end
    return {
        label = group.label,
        width = columns * CELL,
        height = rows * CELL,
        cells = cells,
        caption = ("%s: %d of %d channels across, %d of %d images down, each cell %d x %d pixels")
            :format(layer.name, columns, layer.shape[1], rows, n, layer.shape[2], layer.shape[3]),
    }
end

-- -- The counts ----------------------------------------------------------------------------------

-- Rows of the table: what one mean covers, how many there are, what is learned.
local function count_row(group)
    local run <const> = group.runs[1]
    local list <const> = norms.layers(run)
    local n <const> = runs.setting(run, "batch")
    local parts, learned, tracked = 0, 0, 0
    for _, layer in ipairs(list) do
        parts = parts + norms.partition(layer, n).count
        learned = learned + layer.parameters
        tracked = tracked + (layer.kind == "batch norm" and 2 * layer.shape[1] or 0)
    end
    local first <const> = list[1]
    if not first then
        return { group.label, "no norm layers", "0", "0", "0", "0" }
    end
    local part <const> = norms.partition(first, n)
    local shape <const> = first.shape
    return {
        group.label,
        ("%d x %d x %d x %d = %s"):format(part.images, part.channels, shape[2], shape[3],
            stat.integer(part.images * part.channels * shape[2] * shape[3])),
        stat.integer(part.count),
        stat.integer(2 * parts),
        stat.integer(learned),
        stat.integer(tracked),
    }
end

-- -- The example ---------------------------------------------------------------------------------

-- Two images of four channels of two pixels.
local EXAMPLE <const> = {
    { { 1, 3 }, { 5, 7 }, { 2, 4 }, { 6, 8 } },
    { { 3, 5 }, { 9, 11 }, { 2, 2 }, { 4, 0 } },
}

-- The part of the first number of EXAMPLE under a norm of that kind, and its normalized value.
local function example_of(group)
    local layer <const> = norms.layers(group.runs[1])[1]
    if not layer then
        return nil
    end
    local shape <const> = { 4, 1, 2 }
    local is_batch <const> = layer.kind == "batch norm"
    local groups <const> = not is_batch
        and (layer.groups == layer.shape[1] and 4 or math.min(layer.groups, 2)) or nil
    local part <const> = norms.partition({
        kind = layer.kind, shape = shape, groups = groups,
        ghost = layer.ghost and math.min(layer.ghost, 2),
    }, 2)
    local values <const> = {}
    for image = 1, part.images do
        for channel = 1, part.channels do
            for _, value in ipairs(EXAMPLE[image][channel]) do
                values[#values + 1] = value
            end
        end
    end
    local mean <const> = stat.mean(values)
    local variance <const> = stat.mean(stat.map(values, function(x) return (x - mean) ^ 2 end))
    local deviation <const> = variance ^ 0.5
    local x <const> = EXAMPLE[1][1][1]
    return {
        group.label .. (groups == 2 and " (here in 2 groups)" or ""),
        table.concat(values, " "),
        ("%.3f"):format(mean),
        ("%.3f"):format(deviation),
        ("(%d − %.3f) / %.3f = %.3f"):format(x, mean, deviation, (x - mean) / deviation),
    }
end

local function example_text()
    local images <const> = stat.map(EXAMPLE, function(image)
        return table.concat(stat.map(image, function(channel)
            return table.concat(channel, " ")
        end), " | ")
    end)
    return ("A worked example: two images of four channels of two pixels, channels apart by "
        .. "bars. Image 1: %s. Image 2: %s. What becomes of the first number, 1, before the "
        .. "learned scale and shift of its channel:"):format(images[1], images[2])
end

-- -- The view ------------------------------------------------------------------------------------

local function sentence_of(group)
    local run <const> = group.runs[1]
    local layer <const> = norms.layers(run)[1]
    local n <const> = runs.setting(run, "batch")
    local part <const> = norms.partition(layer, n)
    local elements <const> = part.images * part.channels * layer.shape[2] * layer.shape[3]
    return ("%s takes %s means in %s, each of %s numbers from %s"):format(group.label,
        stat.integer(part.count), layer.name, stat.integer(elements),
        part.images > 1 and ("%d images"):format(part.images) or "a single image")
end

local function sentences(list)
    local parts <const>, crossing <const>, alone <const> = {}, {}, {}
    for _, group in ipairs(list) do
        local layer <const> = norms.layers(group.runs[1])[1]
        if layer then
            parts[#parts + 1] = sentence_of(group)
            local images <const> = norms.partition(layer, runs.setting(group.runs[1], "batch"))
                .images
            table.insert(images > 1 and crossing or alone, group.label)
        end
    end
    local out <const> = {}
    if #parts > 0 then
        out[1] = table.concat(parts, "; ") .. "."
    end
    if #crossing > 0 then
        out[#out + 1] = ("Under %s an image's result depends on the other images of its batch, so "
            .. "running averages must stand in for them at evaluation."):format(
            stat.list(crossing))
    end
    if #alone > 0 then
        out[#out + 1] = ("Under %s every image is normalized by itself, in training and at "
            .. "evaluation alike."):format(stat.list(alone))
    end
    return out
end

--- View 1 of an array of groups.
function norms.view(groups)
    local list <const> = one_a_norm(groups)
    local with_norms <const> = stat.map(list, function(group)
        return norms.layers(group.runs[1])[1] and group or nil
    end)
    local view <const> = {
        id = "norms", title = "What each norm does", sentences = sentences(list), blocks = {},
    }
    if #with_norms > 0 then
        view.blocks[1] = { kind = "cells", pictures = stat.map(with_norms, block_of) }
    end
    table.insert(view.blocks, {
        kind = "table",
        caption = "Images x channels x H x W of one mean in the first norm layer, and the counts "
            .. "of the whole network in a training step.",
        head = { "norm", "numbers that share a mean", "means, first norm",
            "statistics, all norms", "learned numbers", "running averages" },
        rows = stat.map(list, count_row),
    })
    if #with_norms > 0 then
        table.insert(view.blocks, {
            kind = "table",
            caption = example_text(),
            head = { "norm", "numbers that share its mean", "mean", "deviation", "result" },
            rows = stat.map(with_norms, example_of),
        })
    end
    return view
end
return norms
