-- image.lua - view 2: feature maps of one image before a norm and behind it, for each norm.
--
-- All maps have one scale of colours: zero is white, what is above it red, below it blue, and the
-- strongest colour stands for the value that 98 % of all values shown are within.

local evaluated <const> = require("report/evaluated")
local stat <const> = require("report/stat")

local image <const> = {}

local WITHIN <const> = 0.98
local BLUE <const>, WHITE <const>, RED <const> = { 33, 102, 172 }, { 247, 247, 247 },
    { 178, 24, 43 }
local SIDES <const> = { "before", "after" }

-- Groups with maps: { group, maps }.
local function with_maps(groups)
    local found <const> = {}
    for _, entry in ipairs((evaluated.of(groups))) do
        local maps <const> = entry.evaluations[1].maps
        if maps and #maps.layers > 0 then
            found[#found + 1] = { group = entry.group, maps = maps,
                pictures = entry.evaluations[1].pictures }
        end
    end
    return found
end

-- The value that WITHIN of all values do not exceed in size.
local function scale_of(found)
    local sizes <const> = {}
    for _, entry in ipairs(found) do
        for _, layer in ipairs(entry.maps.layers) do
            for _, map in ipairs(layer.maps) do
                for _, side in ipairs(SIDES) do
                    for _, value in ipairs(map[side]) do
                        sizes[#sizes + 1] = value and math.abs(value) or nil
                    end
                end
            end
        end
    end
    table.sort(sizes)
    return math.max(sizes[math.max(1, math.ceil(WITHIN * #sizes))] or 1, 1e-6)
end

-- 0 to 255 of red, green and blue for a value; none, which was not finite, is white.
local function color(value, scale)
    local part <const> = math.max(-1, math.min(1, (value or 0) / scale))
    local to <const> = part < 0 and BLUE or RED
    local mixed <const> = {}
    for i = 1, 3 do
        mixed[i] = math.floor(WHITE[i] + (to[i] - WHITE[i]) * math.abs(part) + 0.5)
    end
    return mixed
end

local function png(values, scale, h, w)
    local planes <const> = { {}, {}, {} }
    for i, value in ipairs(values) do
        local mixed <const> = color(value, scale)
        for k = 1, 3 do
            planes[k][i] = string.char(mixed[k])
        end
    end
    return host.png(table.concat(planes[1]) .. table.concat(planes[2]) .. table.concat(planes[3]),
        3, h, w)
end

-- The mean of the finite values of a map, and its text.
local function mean_of(values)
    local list <const> = stat.map(values, function(value) return value or nil end)
    return #list > 0 and stat.mean(list) or 0.0
end

local function cell(layer, entry, map, side, scale)
    local mean <const> = stat.fixed(mean_of(map[side]), 2)
    return {
        png = png(map[side], scale, layer.h, layer.w),
        text = mean,
        alt = ("%s, channel %d %s %s: mean %s"):format(entry.group.label, map.channel,
            side == "before" and "before" or "behind", layer.layer, mean),
    }
end

-- The layers that all entries have, with a row a group and side.
local function blocks_of(found, scale)
    return stat.map(found[1].maps.layers, function(first)
        local rows <const> = {}
        for _, entry in ipairs(found) do
            for _, layer in ipairs(entry.maps.layers) do
                if layer.layer == first.layer then
                    rows[#rows + 1] = {
                        label = entry.group.label,
                        sides = stat.map(SIDES, function(side)
                            return { name = side == "before" and "before" or "behind",
                                cells = stat.map(layer.maps, function(map)
                                    return cell(layer, entry, map, side, scale)
                                end) }
                        end),
                    }
                end
            end
        end
        return {
            title = first.layer,
            channels = stat.map(first.maps, function(map) return map.channel end),
            rows = rows,
        }
    end)
end

-- The picture itself: three channels, or the first; false where it was not kept.
local function input_picture(entry)
    if not entry.maps.pixels or not entry.pictures then
        return false
    end
    local c <const>, h <const>, w <const> = table.unpack(entry.pictures.shape)
    local shown <const> = c < 3 and 1 or 3
    local bytes <const> = {}
    for i = 1, shown * h * w do
        bytes[i] = string.char(entry.maps.pixels[i])
    end
    return host.png(table.concat(bytes), shown, h, w)
end

-- The part of the values of a layer's maps that are negative, in percent.
local function negative_part(layer, side)
    local count, below = 0, 0
    for _, map in ipairs(layer.maps) do
        for _, value in ipairs(map[side]) do
            count = count + 1
            below = below + (value and value < 0 and 1 or 0)
        end
    end
    return 100 * below / count
end

local function sentences(found)
    local first <const> = found[1].maps.layers[1]
    local texts <const> = stat.map(found, function(entry)
        local layer <const> = entry.maps.layers[1]
        return ("%s %% before and %s %% behind %s"):format(
            stat.fixed(negative_part(layer, "before"), 0),
            stat.fixed(negative_part(layer, "after"), 0), entry.group.label)
    end)
    return {
        ("The first test image in a batch of %d, as the trained networks see it: four channels of "
            .. "%s, each with its mean."):format(found[1].maps.images, stat.list(stat.map(
            found[1].maps.layers, function(layer) return layer.layer end))),
        ("A norm moves the middle of the values to about zero: of these maps of %s, %s are below "
            .. "zero (blue)."):format(first.layer, stat.list(texts)),
        "Batch norm and instance norm subtract a mean of each channel's own. Group and layer norm "
            .. "subtract one that channels share: until the learned scale and shift, what differs "
            .. "between these channels stays.",
    }
end

local function rows_of(found)
    local rows <const> = {}
    for _, entry in ipairs(found) do
        for _, layer in ipairs(entry.maps.layers) do
            for _, map in ipairs(layer.maps) do
                rows[#rows + 1] = { entry.group.label, layer.layer, ("%d"):format(map.channel),
                    stat.fixed(mean_of(map.before), 2), stat.fixed(mean_of(map.after), 2) }
            end
        end
    end
    return rows
end

--- The view of an array of groups.
function image.view(groups)
    local found <const> = with_maps(groups)
    local view <const> = {
        id = "image", title = "What does a norm do to an image?", wide = true, numbers = {},
    }
    if #found == 0 then
        view.sentences = { "No evaluation of these runs kept feature maps of a norm: "
            .. "`eval --out RUN` does." }
        return view
    end
    local scale <const> = scale_of(found)
    view.sentences = sentences(found)
    view.picture = {
        kind = "maps", input = input_picture(found[1]), layers = blocks_of(found, scale),
        scale = stat.short(scale),
        caption = ("White is 0, the strongest blue −%s and the strongest red %s, for all maps "
            .. "alike. The learned scale and shift are part of what is behind."):format(
            stat.short(scale), stat.short(scale)),
    }
    view.numbers[1] = {
        kind = "table", caption = "The mean of each map.",
        head = { "norm", "layer", "channel", "before", "behind" }, rows = rows_of(found),
    }
    return view
end

return image
