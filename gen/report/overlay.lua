-- overlay.lua - what stands on a chart beside gnuplot's lines: what y is, above it, the name of
-- each series at its end, and a tooltip on each point.
--
--     place = function(x, y) -> pixels, as chart.place makes it
--
-- A note that is too long for one line is broken into several, never cut. Notes do not cover each
-- other: they move apart, and where they have no room together the chart has a legend instead.

local stat <const> = require("report/stat")
local svg <const> = require("report/svg")

local overlay <const> = {}

local LINE <const>, LETTER <const> = 14, 6.7 -- pixels: a line of text, the mean width of a letter
local MOST_LETTERS <const> = 18 -- of a line of a note
local REACH <const> = 7 -- of a point's tooltip, in pixels
local MOST_TOOLTIPS <const> = 40 -- points of a series that have one

-- Lines of at most MOST_LETTERS letters; a longer word is broken, too.
local function wrap(text)
    local lines <const> = { "" }
    local function put(word)
        local joined <const> = lines[#lines] == "" and word or lines[#lines] .. " " .. word
        if (utf8.len(joined) or #joined) <= MOST_LETTERS then
            lines[#lines] = joined
        elseif (utf8.len(word) or #word) <= MOST_LETTERS then
            lines[#lines + 1] = word
        else
            local cut <const> = utf8.len(word) and utf8.offset(word, MOST_LETTERS + 1)
                or MOST_LETTERS + 1
            lines[#lines + 1] = word:sub(1, cut - 1)
            put(word:sub(cut))
        end
    end
    for word in text:gmatch("%S+") do
        put(word)
    end
    if lines[1] == "" and #lines > 1 then
        table.remove(lines, 1)
    end
    return lines
end

-- The notes of a figure: { series, lines }, none where they would not fit into `height` pixels.
local function notes_of(figure, height)
    local notes <const> = stat.map(figure.series, function(series)
        return series.note and { series = series, lines = wrap(series.note) } or nil
    end)
    local lines = 0
    for _, note in ipairs(notes) do
        lines = lines + #note.lines
    end
    return lines * LINE <= height and notes or {}
end

--- Pixels that the notes of a figure need at its right; 0 without any.
function overlay.width(figure, height)
    local letters = 0
    for _, note in ipairs(notes_of(figure, height)) do
        for _, line in ipairs(note.lines) do
            letters = math.max(letters, utf8.len(line) or #line)
        end
    end
    return letters > 0 and math.ceil(letters * LETTER) + 10 or 0
end

--- Whether the series have their names at their ends, so that no legend need tell them.
function overlay.names(figure, height)
    return #notes_of(figure, height) > 0
end

-- Moves notes, sorted from top to bottom, so that none overlaps the one above or leaves the plot.
local function spread(notes, top, bottom)
    local at = top
    for _, note in ipairs(notes) do
        note.top = math.max(note.top, at)
        at = note.top + #note.lines * LINE
    end
    local limit = bottom
    for i = #notes, 1, -1 do
        notes[i].top = math.min(notes[i].top, limit - #notes[i].lines * LINE)
        limit = notes[i].top
    end
end

local function note_texts(figure, place, color, area)
    local _, right <const>, top <const>, bottom <const> = table.unpack(area)
    local notes <const> = notes_of(figure, bottom - top)
    for _, note in ipairs(notes) do
        local last <const> = note.series.points[#note.series.points]
        local _, y <const> = place(last[1], last[2])
        note.top = math.max(top, math.min(bottom, y)) - #note.lines * LINE / 2
    end
    table.sort(notes, function(a, b)
        return a.top < b.top or a.top == b.top and a.series.color < b.series.color
    end)
    spread(notes, top - LINE / 2, bottom + LINE / 2)
    local out <const> = {}
    for _, note in ipairs(notes) do
        for i, line in ipairs(note.lines) do
            out[#out + 1] = ('<text class="note" x="%s" y="%s" font-size="12" style="fill: %s">'
                .. "%s</text>"):format(svg.number(right + 7), svg.number(note.top + i * LINE - 3),
                    color(note.series.color), svg.escape(line))
        end
    end
    return out
end

-- "epoch 3: 71.2, batch norm": on each point of those that have room for it.
local function tooltips(figure, place, color)
    local out <const>, names <const> = {}, figure.x.names or {}
    for _, series in ipairs(figure.series) do
        local every <const> = (#series.points - 1) // MOST_TOOLTIPS + 1
        for i = 1, #series.points, every do
            local point <const> = series.points[i]
            local x <const>, y <const> = place(point[1], point[2])
            local where <const> = names[point[1]] or figure.x.label .. " " .. stat.short(point[1])
            local text <const> = ("%s, %s: %s"):format(series.label, where, stat.short(point[2]))
            out[#out + 1] = ('<circle class="hit" color="%s" cx="%s" cy="%s" r="%d">'
                .. "<title>%s</title></circle>"):format(color(series.color), svg.number(x),
                    svg.number(y), REACH, svg.escape(text))
        end
    end
    return out
end

--- Notes and tooltips as SVG elements. area: { left, right, top, bottom } of the plot; color(k):
--- the colour of a series.
function overlay.elements(figure, place, color, area)
    local out <const> = note_texts(figure, place, color, area)
    out[#out + 1] = ('<text x="4" y="13" font-size="12">%s</text>'):format(
        svg.escape(figure.y.label))
    for _, element in ipairs(tooltips(figure, place, color)) do
        out[#out + 1] = element
    end
    return table.concat(out, "\n") .. "\n"
end

return overlay
