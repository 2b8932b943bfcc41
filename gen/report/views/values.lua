-- values.lua - view 3: the values before a norm and behind it, over the training: one column a
-- norm, one row a look, all on the same axes.
--
-- Drawn are those of the middle norm, or of the middle activation of a network without norms, of
-- the first run of each group. Heights are on a scale of square roots: many values are exact zeros
-- of a ReLU, and the tails are to be seen all the same.

local chart <const> = require("report/chart")
local looked <const> = require("report/looked")
local parts <const> = require("report/look").parts
local runs <const> = require("report/runs")
local stat <const> = require("report/stat")
local svg <const> = require("report/svg")

local values <const> = {}

local MOST_COLUMNS <const>, MOST_ROWS <const> = 4, 4
local SIDES <const> = { "before", "after" }
local PART_NAMES <const> = {
    channel = "channels", group = "groups of channels of an image", image = "images",
}

-- -- Histograms ----------------------------------------------------------------------------------

-- The values in the bins, and with those outside.
local function totals(side)
    local sum = 0
    for _, count in ipairs(side.histogram) do
        sum = sum + count
    end
    return sum, sum + (side.outside or 0)
end

-- Whether two ends are far enough apart for an axis.
local function are_apart(low, high)
    return high - low > math.max(1e-12, 1e-6 * math.max(math.abs(low), math.abs(high)))
end

-- Whether a side can be drawn: it has values, and they differ.
local function has_width(side)
    return side and side.low and side.high and are_apart(side.low, side.high)
        and (totals(side)) > 0
end

-- The part of all values for each unit of x, bin by bin: { { from, to, density }, ... }.
local function density(side)
    local width <const> = (side.high - side.low) / #side.histogram
    local _, all <const> = totals(side)
    local bins <const> = {}
    for i, count in ipairs(side.histogram) do
        bins[i] = { side.low + (i - 1) * width, side.low + i * width, count / (all * width) }
    end
    return bins
end

-- A few looks, the first and the last among them.
local function rows_of(run)
    local list <const> = run.inside
    local count <const> = math.min(#list, MOST_ROWS)
    local rows <const> = {}
    for i = 1, count do
        local index <const> = count == 1 and 1
            or math.floor(1 + (i - 1) * (#list - 1) / (count - 1) + 0.5)
        rows[i] = list[index]
    end
    return rows
end

-- The columns that can be drawn: { group, layer, looks = { { step, before, after }, ... } }.
local function columns_of(found)
    local columns <const> = {}
    for _, group in ipairs(found) do
        local run <const> = group.runs[1]
        local count <const> = #run.inside[1].norms
        local position <const> = count // 2 + 1
        if count > 0 and #columns < MOST_COLUMNS then
            columns[#columns + 1] = {
                group = group,
                layer = run.inside[1].norms[position].layer,
                looks = stat.map(rows_of(run), function(look)
                    local norm <const> = look.norms[position]
                    return { step = look.step, before = norm.before, after = norm.after }
                end),
            }
        end
    end
    return columns
end

-- Ends of x and the highest density over all columns, or nil where nothing has any width.
local function axes_of(columns)
    local low, high, top = math.huge, -math.huge, 0
    for _, column in ipairs(columns) do
        for _, look in ipairs(column.looks) do
            for _, side in ipairs(SIDES) do
                if has_width(look[side]) then
                    low, high = math.min(low, look[side].low), math.max(high, look[side].high)
                    for _, bin in ipairs(density(look[side])) do
                        top = math.max(top, bin[3])
                    end
                end
            end
        end
    end
    return top > 0 and are_apart(low, high) and { low = low, high = high, top = top } or nil
end

-- -- The drawing ---------------------------------------------------------------------------------

local WIDTH <const>, LEFT <const>, RIGHT <const> = 230, 8, 8
local ROW <const>, HEAD <const>, FOOT <const> = 80, 6, 24

local function outline(side, axes, base)
    local function x_of(value)
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - axes.low) / (axes.high - axes.low)
    end
    local d <const> = {}
    local bins <const> = density(side)
    d[1] = ("M%s,%s"):format(svg.number(x_of(bins[1][1])), svg.number(base))
    for _, bin in ipairs(bins) do
        local y <const> = svg.number(base - (ROW - HEAD) * (bin[3] / axes.top) ^ 0.5)
        d[#d + 1] = ("L%s,%sL%s,%s"):format(svg.number(x_of(bin[1])), y,
            svg.number(x_of(bin[2])), y)
    end
    d[#d + 1] = ("L%s,%sZ"):format(svg.number(x_of(bins[#bins][2])), svg.number(base))
    return table.concat(d)
end

local function side_name(column, side)
    if not column.looks[1].after then
        return "without a norm"
    end
    return side == "before" and "before the norm" or "behind it"
end

local function number_text(value)
    return value and stat.fixed(value, 2) or "not finite"
end

local function describe(column, side, data)
    return ("%s: mean %s, deviation %s"):format(side_name(column, side), number_text(data.mean),
        number_text(data.deviation))
end

local function draw_column(column, axes, time)
    local height <const> = #column.looks * ROW + FOOT
    local picture <const> = svg.new(WIDTH, height, ("Values of %s, %s, at %s of the training")
        :format(column.layer, column.group.label, stat.count(#column.looks, "moment")))
    for i, look in ipairs(column.looks) do
        local base <const> = i * ROW
        picture.open((#column.looks - i) * ROW)
        picture.text(WIDTH - RIGHT, base - ROW / 2, time(look), { class = "soft", anchor = "end" })
        for _, side in ipairs(SIDES) do
            local data <const> = look[side]
            if has_width(data) then
                local own <const> = side == "after" or not look.after
                picture.path(outline(data, axes, base), own and "behind" or "before",
                    describe(column, side, data),
                    own and ("fill: %s; stroke: %s"):format(chart.color(column.group.color),
                        chart.color(column.group.color)) or nil)
            end
        end
        picture.line(LEFT, base, WIDTH - RIGHT, base, "axis")
        picture.close()
    end
    local base <const> = #column.looks * ROW
    for _, tick in ipairs(chart.ticks({}, axes.low, axes.high, 5)) do
        local x <const> = LEFT + (WIDTH - LEFT - RIGHT) * (tick[1] - axes.low)
            / (axes.high - axes.low)
        picture.line(x, base, x, base + 4, "axis")
        picture.text(x, base + 17, tick[2], { anchor = "middle", class = "soft" })
    end
    return picture.done()
end

-- "before the first step", "after epoch 2.5", as the logs allow.
local function time_of(found)
    local axis <const>, at <const> = looked.time(found)
    return function(look)
        local x <const> = at(look)
        if x == 0 then
            return "before the first step"
        end
        local text <const> = x == math.floor(x) and ("%d"):format(x) or stat.fixed(x, 1)
        return ("after %s %s"):format(text, x == 1 and axis.label:gsub("s$", "") or axis.label)
    end
end

-- -- Sentences -----------------------------------------------------------------------------------

-- The side that a norm leaves, or the activations where there is none.
local function behind(look)
    return look.after or look.before
end

local function sentences(columns, time)
    local lines <const> = {}
    lines[1] = ("Values that go into %s (grey) and come out of it (coloured), on the same axes.")
        :format(columns[1].looks[1].after and "the middle norm, " .. columns[1].layer
            or "the middle activation, " .. columns[1].layer)
    for _, column in ipairs(columns) do
        local first <const>, last <const> = behind(column.looks[1]),
            behind(column.looks[#column.looks])
        local moment <const> = time(column.looks[#column.looks])
        if first.deviation and last.deviation and #column.looks > 1 then
            lines[#lines + 1] = ("Under %s their deviation is %s before the first step and %s %s.")
                :format(column.group.label, number_text(first.deviation),
                    number_text(last.deviation), moment)
        end
    end
    return { lines[1], table.concat(lines, " ", 2) ~= "" and table.concat(lines, " ", 2) or nil }
end

-- -- Numbers -------------------------------------------------------------------------------------

local function value_rows(columns, time)
    local rows <const> = {}
    for _, column in ipairs(columns) do
        for _, look in ipairs(column.looks) do
            for _, side in ipairs(SIDES) do
                local data <const> = look[side]
                if data then
                    rows[#rows + 1] = { column.group.label, time(look), side_name(column, side),
                        number_text(data.mean), number_text(data.deviation),
                        stat.integer((select(2, totals(data)))) }
                end
            end
        end
    end
    return rows
end

-- How means and deviations of parts scatter behind the norms, at the first look and the last.
local function scatter_rows(found)
    local rows <const> = {}
    local function text(value)
        return value and stat.fixed(value, 2) or "not finite"
    end
    for _, group in ipairs(found) do
        local probes <const> = group.runs[1].probes
        for _, part in ipairs(probes[1].norm_count > 0 and parts or {}) do
            local first <const>, last <const> = probes[1].scatter, probes[#probes].scatter
            rows[#rows + 1] = { group.label, PART_NAMES[part], text(first.means[part]),
                text(last.means[part]), text(first.deviations[part]), text(last.deviations[part]) }
        end
    end
    return rows
end

--- The view of an array of groups.
function values.view(groups)
    local found <const>, missing <const> = looked.of(groups)
    local view <const> = {
        id = "values", title = "What happens to the values during training?", wide = true,
        numbers = {},
    }
    if #found == 0 then
        view.sentences = { looked.missing_sentence(missing) }
        return view
    end
    -- The values of a network that learned nothing stay where they were, and would flatten others.
    local learned <const>, idle <const> = runs.learned(found)
    local shown <const> = #learned > 0 and learned or found
    local columns <const>, time <const> = columns_of(shown), time_of(shown)
    local axes <const> = axes_of(columns)
    if not axes then
        view.sentences = { "The looks of these runs have no values that differ." }
        return view
    end
    view.sentences = sentences(columns, time)
    view.picture = {
        kind = "columns",
        moments = math.max(table.unpack(stat.map(columns, function(column)
            return #column.looks
        end))),
        columns = stat.map(columns, function(column)
            return { color = column.group.color,
                title = ("%s, %s"):format(column.group.label, column.layer),
                svg = draw_column(column, axes, time) }
        end),
        caption = "Height: part of the values, on a scale of square roots. Values farther than "
            .. "four deviations from their mean are not drawn." .. (#learned > 0 and #idle > 0
            and (" Not drawn: %s, which learned nothing."):format(stat.list(stat.map(idle,
                function(group) return group.label end))) or ""),
    }
    view.numbers = {
        { kind = "table", caption = "The values of the picture.",
            head = { "norm", "when", "where", "mean", "deviation", "values" },
            rows = value_rows(columns, time) },
        { kind = "table", caption = "How the means of parts scatter behind the norms, in "
            .. "deviations of all values, and how their deviations do, in parts of their mean: "
            .. "means over the norm layers at the first look and the last; 0: all alike.",
            head = { "norm", "parts", "means, first", "means, last", "deviations, first",
                "deviations, last" },
            rows = scatter_rows(found) },
    }
    return view
end

return values
