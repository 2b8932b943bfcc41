-- chart.lua - a figure as inline SVG, drawn by gnuplot.
--
--     figure = { id, title, caption,
--                x = { label, log = bool, ticks = { { x, text }, ... }, low, high }, y = the same,
--                series = { { label, color = 1, dashed = bool, style = "line|bars|points",
--                             width = (of bars, in x), note = "82.1" (written at its end),
--                             points = { { x, y, low, high }, ... } }, ... },
--                marks = { { x, text }, ... },      -- vertical lines
--                width, height,                     -- of the viewBox, in pixels
--                bare = bool }                      -- no room for notes at the right
--
-- Points are { x, y } or, with a band around the line, { x, y, low, high }. The plot area is where
-- chart.area says, and the ranges are those of chart.ranges, both set and not left to gnuplot: so
-- a test can read the curves back from the picture. Series k is the group `<id>_plot_k`.
--
-- Text is drawn in the colour of the page, so the picture suits a light and a dark one.

local stat <const> = require("report/stat")

local chart <const> = {}

-- Legible on white and on black alike.
chart.colors = {
    "#3b7dd8", "#dd7a1c", "#2f9a60", "#9a62d0", "#d6455d", "#1f97a8", "#8d8420", "#7c818c",
    "#c05fa8", "#5b8f2a",
}

local WIDTH <const>, HEIGHT <const> = 460, 290
local MARGIN <const> = { left = 66, right = 57, top = 20, bottom = 48 } -- pixels
local MAX_MARKERS <const> = 12 -- more points than this are a curve, and need none

-- Colours that stand for those of the page; they are replaced in gnuplot's output.
local INK <const>, GRID <const> = "#010101", "#020202"

--- The colour of a number of chart.colors; they start anew behind the last.
function chart.color(number)
    return chart.colors[(number - 1) % #chart.colors + 1]
end

--- Width and height of a figure in pixels of the viewBox.
function chart.size(figure)
    return figure.width or WIDTH, figure.height or HEIGHT
end

--- The rectangle of the plot in pixels of the viewBox: left, right, top, bottom.
function chart.area(figure)
    local w <const>, h <const> = chart.size(figure)
    return MARGIN.left, w - (figure.bare and MARGIN.top or MARGIN.right), MARGIN.top,
        h - MARGIN.bottom
end

--- The figures of an array without the points that cannot be drawn: a quotient of two numbers of a
--- log may be infinite. Series, and figures, of which nothing is left are left out.
function chart.drawable(figures)
    return stat.map(figures, function(figure)
        figure.series = stat.map(figure.series, function(series)
            series.points = stat.map(series.points, function(point)
                return not stat.any(point, function(x) return not stat.is_finite(x) end)
                    and point or nil
            end)
            return #series.points > 0 and series or nil
        end)
        return #figure.series > 0 and figure or nil
    end)
end

-- -- Ranges --------------------------------------------------------------------------------------

-- What axis `index` (1 x, 2 y) has to show; bars stand on zero and are as wide as they are.
local function extent(figure, index)
    local low, high = math.huge, -math.huge
    local function include(value)
        if value and value == value and math.abs(value) < math.huge then
            low, high = math.min(low, value), math.max(high, value)
        end
    end
    for _, series in ipairs(figure.series) do
        for _, point in ipairs(series.points) do
            local half <const> = index == 1 and series.style == "bars" and series.width / 2 or 0
            include(point[index] - half)
            include(point[index] + half)
            if index == 2 then
                include(point[3])
                include(point[4])
            end
        end
    end
    return low, high
end

-- Whether two ends are one in the digits that gnuplot is told.
local function coincide(low, high)
    return high - low <= 1e-6 * math.max(math.abs(low), math.abs(high))
end

local function axis_range(figure, index)
    local axis <const> = index == 1 and figure.x or figure.y
    local low, high = extent(figure, index)
    if axis.log then
        low, high = math.max(low, 1e-12), math.max(high, 1e-12)
        local pad <const> = index == 1 and 1 or (high / low) ^ 0.05
        low, high = low / pad, high * pad
        if coincide(low, high) then
            low, high = low / 2, high * 2
        end
    else
        local pad <const> = index == 1 and 0 or (high - low) * 0.05
        low, high = low - pad, high + pad
        if coincide(low, high) then
            local half <const> = math.max(math.abs(low) * 0.1, 0.5)
            low, high = low - half, high + half
        end
    end
    return axis.low or low, axis.high or high
end

--- The ends of both axes: x low, x high, y low, y high.
function chart.ranges(figure)
    local x_low <const>, x_high <const> = axis_range(figure, 1)
    local y_low <const>, y_high <const> = axis_range(figure, 2)
    return x_low, x_high, y_low, y_high
end

-- -- The script ----------------------------------------------------------------------------------

-- A string of gnuplot's that expands nothing, on one line.
local function quote(text)
    return "'" .. text:gsub("%c", " "):gsub("'", "''") .. "'"
end

local function number(x)
    return ("%.9g"):format(x)
end

-- Where the note of each series stands, so that none covers another: { y, text, color }.
local function place_notes(figure, low, high)
    local notes <const> = {}
    local log <const> = figure.y.log
    for _, series in ipairs(figure.series) do
        local last <const> = series.points[#series.points]
        if series.note and last then
            local part = log and math.log(last[2] / low) / math.log(high / low)
                or (last[2] - low) / (high - low)
            part = math.max(0, math.min(1, part))
            notes[#notes + 1] = { part = part, text = series.note, color = series.color }
        end
    end
    table.sort(notes, function(a, b) return a.part < b.part end)
    local step <const> = 0.062
    for i = 2, #notes do
        notes[i].part = math.max(notes[i].part, notes[i - 1].part + step)
    end
    local excess <const> = #notes > 0 and math.max(0, notes[#notes].part - 1) or 0
    for _, note in ipairs(notes) do
        note.part = note.part - excess
    end
    return notes
end

-- The step of at most `most` ticks: 1, 2 or 5 times a power of ten.
local function tick_step(low, high, most)
    local rough <const> = (high - low) / most
    local power <const> = 10 ^ math.floor(math.log(rough, 10))
    for _, factor in ipairs({ 1, 2, 5 }) do
        if factor * power >= rough then
            return factor * power
        end
    end
    return 10 * power
end

local function axis_lines(script, name, axis, low, high, most)
    script[#script + 1] = ("set %srange [%s:%s]"):format(name, number(low), number(high))
    script[#script + 1] = ("set %slabel %s textcolor rgb '%s' noenhanced"):format(name,
        quote(axis.label), INK)
    if axis.log then
        script[#script + 1] = "set logscale " .. name
        script[#script + 1] = ("set format %s '%%.0e'"):format(name)
        if high / low < 1e6 and low >= 1e-3 and high <= 1e5 then
            script[#script + 1] = ("set format %s '%%g'"):format(name)
        end
    end
    local extra = axis.log and "" or " " .. number(tick_step(low, high, most))
    if axis.ticks then
        local ticks <const> = stat.map(axis.ticks, function(tick)
            return quote(tick[2]) .. " " .. number(tick[1])
        end)
        extra = axis.slanted and " rotate by -40" or ""
        extra = extra .. " (" .. table.concat(ticks, ", ") .. ")"
    end
    script[#script + 1] = ("set %stics nomirror scale 0.5 textcolor rgb '%s' noenhanced%s"):format(
        name, INK, extra)
end

-- The lines of one block of data. Bars start at zero; a point that has no band is its own.
local function data_lines(script, name, points)
    script[#script + 1] = name .. " << EOD"
    for _, point in ipairs(points) do
        script[#script + 1] = ("%s %s %s %s"):format(number(point[1]), number(point[2]),
            number(point[3] or point[2]), number(point[4] or point[2]))
    end
    script[#script + 1] = "EOD"
end

local function plot_clauses(figure)
    local curves <const>, bands <const> = {}, {}
    for i, series in ipairs(figure.series) do
        local color <const> = ("rgb '%s'"):format(chart.color(series.color))
        local line <const> = ("lc %s lw 1.8 dt %d"):format(color, series.dashed and 2 or 1)
        local with
        if series.style == "bars" then
            with = ("using 1:2:(%s) with boxes fs solid 0.85 noborder lc %s"):format(
                number(series.width), color)
        elseif series.style == "points" then
            with = ("using 1:2 with points pt 7 ps 0.6 lc %s"):format(color)
        elseif #series.points <= MAX_MARKERS then
            with = ("using 1:2 with linespoints pt 7 ps 0.4 %s"):format(line)
        else
            with = ("using 1:2 with lines %s"):format(line)
        end
        curves[i] = ("$d%d %s notitle"):format(i, with)
        if series.points[1] and series.points[1][3] and series.style ~= "bars" then
            bands[#bands + 1] = ("$d%d using 1:3:4 with filledcurves fs transparent solid 0.16 "
                .. "noborder fc %s notitle"):format(i, color)
        end
    end
    for _, band in ipairs(bands) do
        curves[#curves + 1] = band
    end
    return curves
end

--- The script that draws a figure; not all of its series may be empty.
function chart.script(figure)
    local x_low <const>, x_high <const>, y_low <const>, y_high <const> = chart.ranges(figure)
    local w <const>, h <const> = chart.size(figure)
    local script <const> = {
        "set encoding utf8",
        ("set terminal svg size %d,%d font 'sans-serif,12' name '%s'"):format(w, h, figure.id),
    }
    local left <const>, right <const>, top <const>, bottom <const> = chart.area(figure)
    for _, side in ipairs({ { "l", left / w }, { "r", right / w }, { "t", 1 - top / h },
        { "b", 1 - bottom / h } }) do
        script[#script + 1] = ("set %smargin at screen %s"):format(side[1], number(side[2]))
    end
    script[#script + 1] = ("set border 3 lc rgb '%s'"):format(INK)
    script[#script + 1] = ("set grid y lt 1 lc rgb '%s'"):format(GRID)
    axis_lines(script, "x", figure.x, x_low, x_high, (right - left) // 55)
    axis_lines(script, "y", figure.y, y_low, y_high, (bottom - top) // 30)
    for _, mark in ipairs(figure.marks or {}) do
        script[#script + 1] = ("set arrow from %s, graph 0 to %s, graph 1 nohead dt 3 lc rgb '%s'")
            :format(number(mark[1]), number(mark[1]), INK)
        script[#script + 1] = ("set label %s at %s, graph 1.03 center textcolor rgb '%s' "
            .. "noenhanced font ',10'"):format(quote(mark[2]), number(mark[1]), INK)
    end
    for _, note in ipairs(place_notes(figure, y_low, y_high)) do
        script[#script + 1] = ("set label %s at graph 1.02, graph %s textcolor rgb '%s' noenhanced")
            :format(quote(note.text), number(note.part), chart.color(note.color))
    end
    for i, series in ipairs(figure.series) do
        data_lines(script, "$d" .. i, series.points)
    end
    script[#script + 1] = "plot " .. table.concat(plot_clauses(figure), ", ")
    return table.concat(script, "\n") .. "\n"
end

-- -- The picture ---------------------------------------------------------------------------------

-- gnuplot's file as a part of a page: no head, ids of its own, no definitions but those of the dot
-- that it uses, the colours of the page, and its size left to the page.
local function inline(svg, figure, title)
    local body = svg:match("<g id=\"gnuplot_canvas\">\n(.*)</g>\n</svg>") or svg
    body = body:gsub("<defs>.-</defs>\n", ""):gsub("<title>[^\n]-</title>", "")
    body = body:gsub("<g fill=\"none\" color=[^\n]+>\n</g>\n", "")
    local dot <const> = figure.id .. "_dot"
    body = body:gsub("xlink:href='#gpPt6'", "href='#" .. dot .. "'")
    body = body:gsub("rgb%( *1, *1, *1%)", "var(--ink)")
    body = body:gsub(" color=\"black\"", "") -- else nothing could follow the page
    body = body:gsub("rgb%( *2, *2, *2%)", "var(--grid)")
    body = body:gsub(" font%-family=\"sans%-serif\"", "")
    local w <const>, h <const> = chart.size(figure)
    return ("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
        .. "aria-label=\"%s\">\n<defs><circle id=\"%s\" r=\"1\" fill=\"currentColor\"/></defs>\n"
        .. "%s</svg>"):format(w, h, title, dot, body)
end

--- The figure as an <svg> element. `escape` makes text fit for XML. Raises when gnuplot fails.
function chart.svg(figure, escape)
    local svg <const>, problem <const> = host.gnuplot(chart.script(figure))
    if not svg then
        error({ kind = "failed", messages = { problem } }, 0)
    end
    return inline(svg, figure, escape(figure.title))
end

-- -- The numbers ---------------------------------------------------------------------------------

--- The numbers of a figure as rows of texts, the head first: x, then y of every series, which is
--- empty where a series has no such x.
function chart.rows(figure)
    local head <const>, order <const>, of <const> = { figure.x.label }, {}, {}
    for i, series in ipairs(figure.series) do
        head[#head + 1] = series.label
        for _, point in ipairs(series.points) do
            if not of[point[1]] then
                of[point[1]] = {}
                order[#order + 1] = point[1]
            end
            of[point[1]][i] = point[2]
        end
    end
    table.sort(order)
    local rows <const> = { head }
    for _, x in ipairs(order) do
        local row <const> = { ("%.6g"):format(x) }
        for i = 1, #figure.series do
            row[i + 1] = of[x][i] and ("%.6g"):format(of[x][i]) or ""
        end
        rows[#rows + 1] = row
    end
    return rows
end

return chart
