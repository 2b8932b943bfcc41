-- norms.lua - which values of a block share a mean, from the layers of a run.
--
-- A norm cuts the block of N images x C channels x H x W pixels into sets, each with one mean and
-- one deviation. partition() says which, and everything about it follows from that.

local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local norms <const> = {}

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

--- How a norm layer cuts n images: { images, channels, h, w = those of one set, count = sets }.
function norms.partition(layer, n)
    local channels <const>, h <const>, w <const> = table.unpack(layer.shape)
    if layer.kind == "layer norm" or layer.kind == "RMS norm" then -- of each pixel
        return { images = 1, channels = channels, h = 1, w = 1, count = n * h * w }
    elseif layer.kind == "batch norm" then
        local images <const> = math.min(layer.ghost or n, n)
        return {
            images = images, channels = 1, h = h, w = w,
            count = channels * ((n + images - 1) // images),
        }
    end
    return {
        images = 1, channels = channels // layer.groups, h = h, w = w, count = n * layer.groups,
    }
end

--- The groups of an array whose network has norms, those that take a mean over several images, and
--- those whose images are alone.
function norms.split(groups)
    local with <const>, crossing <const>, alone <const> = {}, {}, {}
    for _, group in ipairs(groups) do
        local layer <const> = norms.layers(group.runs[1])[1]
        if layer then
            local batch <const> = runs.setting(group.runs[1], "batch")
            with[#with + 1] = group
            table.insert(norms.partition(layer, batch).images > 1 and crossing or alone, group)
        end
    end
    return with, crossing, alone
end

return norms
