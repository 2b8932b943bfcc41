-- chart.lua - a figure as inline SVG, drawn by gnuplot.
--
--     figure = { id, title, caption,
--                x = { label, log = bool, whole = bool (ticks at whole numbers alone),
--                      ticks = { { x, text }, ... }, low, high,
--                      names = { [x] = "conv1", ... } (for tooltips and numbers) }, y = the same,
--                series = { { label, color = 1, dashed = bool, style = "line|points",
--                             note = "batch norm 82.1" (written at its end), level = bool (a
--                             horizontal line: one number, whatever x),
--                             points = { { x, y, low, high }, ... } }, ... },
--                left_out = { label, ... },         -- what was not drawn, set by chart.drawable
--                marks = { { x, text }, ... } }     -- vertical lines
--
-- Points are { x, y } or, with a band around the line, { x, y, low, high }. The plot area is where
-- chart.area says, and the ranges are those of chart.ranges, both set and not left to gnuplot: so
-- a test can read the curves back from the picture. Series k is the group `<id>_plot_k`.
--
-- All colours are variables of the page, --ink, --grid and --c1 to --c6, so the picture suits a
-- light and a dark one. No chart has more series than there are colours.

local overlay <const> = require("report/overlay")
local stat <const> = require("report/stat")
local svg_text <const> = require("report/svg")

local chart <const> = {}

--- Colours, and so the series of a chart.
chart.MOST_SERIES = 6

local WIDTH <const>, HEIGHT <const> = 410, 280
local MARGIN <const> = { left = 54, right = 18, top = 38, bottom = 52 } -- pixels
local MAX_MARKERS <const> = 12 -- more points than this are a curve, and need none

-- Colours that stand for those of the page; they are replaced in gnuplot's output.
local INK <const>, GRID <const>, SERIES <const> = "#010101", "#020202", "#0301%02x"

--- The colour of a number from 1 on, as CSS; they start anew behind the last.
function chart.color(number)
    return ("var(--c%d)"):format((number - 1) % chart.MOST_SERIES + 1)
end

local function gnuplot_color(number)
    return SERIES:format((number - 1) % chart.MOST_SERIES + 1)
end

--- Width and height of a figure in pixels of the viewBox.
function chart.size()
    return WIDTH, HEIGHT
end

--- The rectangle of the plot in pixels of the viewBox: left, right, top, bottom.
function chart.area(figure)
    local bottom <const> = HEIGHT - MARGIN.bottom
    local notes <const> = overlay.width(figure, bottom - MARGIN.top)
    return MARGIN.left, WIDTH - math.max(MARGIN.right, notes), MARGIN.top, bottom
end

--- Whether a figure needs no legend.
function chart.names_itself(figure)
    local _, _, top <const>, bottom <const> = chart.area(figure)
    return overlay.names(figure, bottom - top)
end

--- A function from a point of a figure to its pixels.
function chart.place(figure)
    local left <const>, right <const>, top <const>, bottom <const> = chart.area(figure)
    local x_low <const>, x_high <const>, y_low <const>, y_high <const> = chart.ranges(figure)
    local function part(axis, low, high, value)
        if axis.log then
            return math.log(math.max(value, low) / low) / math.log(high / low)
        end
        return (value - low) / (high - low)
    end
    return function(x, y)
        return left + (right - left) * part(figure.x, x_low, x_high, x),
            bottom - (bottom - top) * part(figure.y, y_low, y_high, y)
    end
end

--- The figures of an array without the points that cannot be drawn: a quotient of two numbers of a
--- log may be infinite. Series, and figures, of which nothing is left are left out; and of more
--- series than there are colours, the later ones, which left_out names.
function chart.drawable(figures)
    return stat.map(figures, function(figure)
        figure.series = stat.map(figure.series, function(series)
            series.points = stat.map(series.points, function(point)
                return not stat.any(point, function(x) return not stat.is_finite(x) end)
                    and point or nil
            end)
            return #series.points > 0 and series or nil
        end)
        figure.left_out = {}
        for i = #figure.series, chart.MOST_SERIES + 1, -1 do
            table.insert(figure.left_out, 1, table.remove(figure.series, i).label)
        end
        return #figure.series > 0 and figure or nil
    end)
end

-- -- Ranges --------------------------------------------------------------------------------------

-- What axis `index` (1 x, 2 y) has to show.
local function extent(figure, index)
    local low, high = math.huge, -math.huge
    local function include(value)
        if value and value == value and math.abs(value) < math.huge then
            low, high = math.min(low, value), math.max(high, value)
        end
    end
    for _, series in ipairs(figure.series) do
        for _, point in ipairs(series.points) do
            include(point[index])
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
        if high < 10 * low and index == 2 then -- a decade at least, so that there are ticks
            local middle <const> = (low * high) ^ 0.5
            low, high = middle / 10 ^ 0.5, middle * 10 ^ 0.5
        elseif coincide(low, high) then
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

-- Ticks of a logarithmic axis: powers of ten, and 2 and 5 times them where there are few.
local function log_ticks(low, high, most)
    local decades <const> = math.log(high / low, 10)
    local factors <const> = decades < 1.5 and { 1, 2, 5 } or { 1 }
    local every <const> = math.max(1, math.ceil(decades / most))
    local ticks <const> = {}
    local first <const>, last <const> = math.floor(math.log(low, 10)), math.ceil(math.log(high, 10))
    for power = first, last do
        for _, factor in ipairs(power % every == 0 and factors or {}) do
            local value <const> = factor * 10.0 ^ power
            if value >= low * (1 - 1e-9) and value <= high * (1 + 1e-9) then
                ticks[#ticks + 1] = { value, stat.brief(value) }
            end
        end
    end
    return ticks
end

-- Ticks of a linear axis, with as many digits as their step has.
local function linear_ticks(axis, low, high, most)
    local step = tick_step(low, high, most)
    if axis.whole then
        step = math.max(1.0, math.ceil(step))
    end
    local digits <const> = math.max(0, -math.floor(math.log(step, 10) + 1e-9))
    local ticks <const> = {}
    for i = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) do
        ticks[#ticks + 1] = { i * step,
            digits <= 4 and stat.fixed(i * step, digits) or stat.brief(i * step) }
    end
    return ticks
end

--- The ticks of an axis between two ends: { { value, text }, ... }, about `most` of them.
function chart.ticks(axis, low, high, most)
    if axis.ticks then
        return axis.ticks
    end
    return axis.log and log_ticks(low, high, most) or linear_ticks(axis, low, high, most)
end

local function axis_lines(script, name, axis, low, high, most)
    script[#script + 1] = ("set %srange [%s:%s]"):format(name, number(low), number(high))
    if axis.log then
        script[#script + 1] = "set logscale " .. name
    end
    local ticks <const> = stat.map(chart.ticks(axis, low, high, most), function(tick)
        return quote(tick[2]) .. " " .. number(tick[1])
    end)
    script[#script + 1] = ("set %stics nomirror scale 0.5 textcolor rgb '%s' noenhanced (%s)")
        :format(name, INK, table.concat(ticks, ", "))
end

-- The lines of one block of data; a point that has no band is its own.
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
        local color <const> = ("rgb '%s'"):format(gnuplot_color(series.color))
        local line <const> = ("lc %s lw 1.8 dt %d"):format(color, series.dashed and 2 or 1)
        local with
        if series.style == "points" then
            with = ("using 1:2 with points pt 7 ps 0.7 lc %s"):format(color)
        elseif #series.points <= MAX_MARKERS then
            with = ("using 1:2 with linespoints pt 7 ps 0.4 %s"):format(line)
        else
            with = ("using 1:2 with lines %s"):format(line)
        end
        curves[i] = ("$d%d %s notitle"):format(i, with)
        if series.points[1] and series.points[1][3] and series.style ~= "points" then
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
    local w <const>, h <const> = chart.size()
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
    script[#script + 1] = ("set xlabel %s textcolor rgb '%s' noenhanced"):format(
        quote(figure.x.label), INK)
    axis_lines(script, "x", figure.x, x_low, x_high, (right - left) // 55)
    axis_lines(script, "y", figure.y, y_low, y_high, (bottom - top) // 30)
    for _, mark in ipairs(figure.marks or {}) do
        script[#script + 1] = ("set arrow from %s, graph 0 to %s, graph 1 nohead dt 3 lc rgb '%s'")
            :format(number(mark[1]), number(mark[1]), INK)
        script[#script + 1] = ("set label %s at %s, graph 1.03 center textcolor rgb '%s' "
            .. "noenhanced font ',10'"):format(quote(mark[2]), number(mark[1]), INK)
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
local function inline(svg, figure)
    local body = svg:match("<g id=\"gnuplot_canvas\">\n(.*)</g>\n</svg>") or svg
    body = body:gsub("<defs>.-</defs>\n", ""):gsub("<title>[^\n]-</title>", "")
    body = body:gsub("<g fill=\"none\" color=[^\n]+>\n</g>\n", "")
    local dot <const> = figure.id .. "_dot"
    body = body:gsub("xlink:href='#gpPt6'", "href='#" .. dot .. "'")
    body = body:gsub("rgb%( *1, *1, *1%)", "var(--ink)")
    body = body:gsub(" color=\"black\"", "") -- else nothing could follow the page
    body = body:gsub("rgb%( *2, *2, *2%)", "var(--grid)")
    body = body:gsub("rgb%( *3, *1, *(%d+)%)", "var(--c%1)")
    body = body:gsub(" font%-family=\"sans%-serif\"", "")
    local w <const>, h <const> = chart.size()
    local over <const> = overlay.elements(figure, chart.place(figure), chart.color,
        { chart.area(figure) })
    return ("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
        .. "aria-label=\"%s\">\n<defs><circle id=\"%s\" r=\"1\" fill=\"currentColor\"/></defs>\n"
        .. "%s%s</svg>"):format(w, h, svg_text.escape(figure.title), dot, body, over)
end

--- The figure as an <svg> element. Raises when gnuplot fails.
function chart.svg(figure)
    local svg <const>, problem <const> = host.gnuplot(chart.script(figure))
    if not svg then
        error({ kind = "failed", messages = { problem } }, 0)
    end
    return inline(svg, figure)
end

-- -- The numbers ---------------------------------------------------------------------------------

-- Whether all series are over the same x, so that one column of x serves all.
local function is_shared(series)
    for _, one in ipairs(series) do
        if #one.points ~= #series[1].points then
            return false
        end
        for i, point in ipairs(one.points) do
            if point[1] ~= series[1].points[i][1] then
                return false
            end
        end
    end
    return true
end

-- One column of x, and one of y for each series.
local function wide_rows(series, label, x_text)
    local rows <const> = { { label } }
    for _, one in ipairs(series) do
        table.insert(rows[1], one.label)
    end
    for i, point in ipairs(series[1].points) do
        rows[i + 1] = { x_text(point[1]) }
        for _, one in ipairs(series) do
            table.insert(rows[i + 1], ("%.6g"):format(one.points[i][2]))
        end
    end
    return rows
end

--- The numbers of a figure as rows of texts, the head first: x and then y of every series, or,
--- where they are not over the same x, a row a point with the name of its series. Names of x stand
--- for it.
function chart.rows(figure)
    local names <const>, label <const> = figure.x.names or {}, figure.x.label
    local function x_text(x)
        return names[x] or ("%.6g"):format(x)
    end
    local levels <const> = stat.any(figure.series, function(series) return series.level end)
    if not levels and is_shared(figure.series) then
        return wide_rows(figure.series, label, x_text)
    end
    local rows <const> = { { "series", label, figure.y.label } }
    for _, series in ipairs(figure.series) do
        for i = 1, series.level and 1 or #series.points do
            local point <const> = series.points[i]
            rows[#rows + 1] = { series.label, series.level and "any" or x_text(point[1]),
                ("%.6g"):format(point[2]) }
        end
    end
    return rows
end

return chart
