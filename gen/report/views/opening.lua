-- opening.lua - the head of the page: why normalize at all, the formula, what the norms differ in,
-- a verdict of three lines, and what ran.

local chart <const> = require("report/chart")
local looked <const> = require("report/looked")
local norms <const> = require("report/norms")
local results <const> = require("report/views/results")
local runs <const> = require("report/runs")
local stat <const> = require("report/stat")
local svg <const> = require("report/svg")

local opening <const> = {}

local function labels_of(groups)
    return stat.list(stat.map(groups, function(group) return group.label end))
end

local function without_norm(groups)
    for _, group in ipairs(groups) do
        if group.norm == "none" then
            return group
        end
    end
end

-- -- Why normalize? ------------------------------------------------------------------------------

-- The deviations behind each norm, or of each activation, at the first look: by group.
local function depths(groups)
    return stat.map((looked.of(groups)), function(group)
        local first <const> = group.runs[1].inside[1]
        local values <const> = stat.map(first.norms, function(norm)
            return (norm.after or norm.before).deviation or 0
        end)
        return #values > 1 and { group = group, values = values } or nil
    end)
end

-- From layer to layer; networks with another number of them cannot stand on the same axis.
local function depth_figure(found)
    local list <const> = stat.map(found, function(one)
        return #one.values == #found[1].values and one or nil
    end)
    return {
        id = "depth",
        title = "Deviation of the activations from layer to layer",
        caption = "Before the first step: deviation of the values behind each norm, or behind each "
            .. "activation of a network without norms.",
        x = { label = "norm or activation, from the input on", whole = true },
        y = { label = "deviation of the values", log = true },
        series = stat.map(list, function(one)
            local points <const> = {}
            for i, value in ipairs(one.values) do
                points[#points + 1] = value > 0 and { i, value } or nil
            end
            return { label = one.group.label, note = one.group.label, color = one.group.color,
                style = "points", points = points }
        end),
    }
end

local function change_word(first, last)
    return last < 0.5 * first and "shrinks" or last > 2 * first and "grows" or "stays near"
end

-- What the values do without a norm and with one, before the first step.
local function depth_sentences(found)
    local lines <const>, held <const> = {}, {}
    for _, one in ipairs(found) do
        local first <const>, last <const> = one.values[1], one.values[#one.values]
        if one.group.norm == "none" then
            local word <const> = change_word(first, last)
            lines[1] = ("Without a norm the deviation of the values %s: %s behind the first "
                .. "activation, %s behind the last."):format(
                word == "stays near" and "stays near where it began" or word
                .. " from layer to layer", stat.short(first), stat.short(last))
        else
            local low <const>, high <const> = stat.range(one.values)
            local range <const> = stat.short(low) == stat.short(high) and stat.short(low)
                or ("%s to %s"):format(stat.short(low), stat.short(high))
            held[#held + 1] = ("%s under %s"):format(range, one.group.label)
        end
    end
    if #held > 0 then
        lines[#lines + 1] = ("Behind the norms the deviation is %s, before a single step is made.")
            :format(stat.list(held))
    end
    return lines
end

local function question(groups)
    local found <const> = depths(groups)
    local none <const> = without_norm(groups)
    local lines <const> = {
        "Each layer of a network takes what the layer before it makes. When the sizes of these "
            .. "values drift, so do the gradients, and every step has to serve layers whose inputs "
            .. "change under them. A norm puts the values back to a mean and a size of its own, in "
            .. "every layer and every step.",
    }
    table.move(depth_sentences(found), 1, 2, 2, lines)
    if not none then
        lines[#lines + 1] = "How this network fares without a norm was not tried (NORM=none)."
    end
    local figure <const> = #found > 0 and depth_figure(found)
    return { sentences = lines,
        picture = figure and { kind = "figures", figures = { figure } } or nil }
end

-- -- Verdict -------------------------------------------------------------------------------------

local function accuracy_text(group)
    return stat.text(runs.values(group, runs.final_accuracy), 2) .. " %"
end

-- The first line: without a norm.
local function none_line(groups)
    local none <const> = without_norm(groups)
    local learned <const> = runs.learned(groups)
    if not none then
        return "Without a norm: not tried."
    elseif not runs.has_learned(none) then
        return ("Without a norm: %s test accuracy; it learns nothing in these epochs."):format(
            accuracy_text(none))
    end
    local best <const> = results.order(learned)[1]
    if best == none then
        return ("Without a norm: %s test accuracy, and no norm ends higher here."):format(
            accuracy_text(none))
    end
    return ("Without a norm: %s test accuracy; %s."):format(accuracy_text(none),
        results.distance(best, none))
end

-- The second: who ends highest of all, ghosts included.
local function best_line(groups)
    local learned <const> = runs.learned(groups)
    local with <const> = norms.split(learned)
    if #with == 0 then
        return "With a norm: none of these runs learned anything."
    end
    local order <const> = results.order(with)
    local first <const> = order[1]
    local text <const> = ("Highest with a norm: %s, %s test accuracy"):format(first.label,
        accuracy_text(first))
    return order[2] and ("%s; %s."):format(text, results.distance(first, order[2], "it"))
        or text .. "."
end

-- The third: who depends on the batch.
local function batch_line(groups)
    local with <const>, crossing <const>, alone <const> = norms.split(groups)
    if #with == 0 then
        return "None of these networks has a norm."
    end
    local parts <const> = {}
    parts[1] = #crossing > 0 and ("under %s the images of a batch depend on each other"):format(
        labels_of(crossing)) or nil
    parts[#parts + 1] = #alone > 0 and ("under %s each is alone"):format(labels_of(alone)) or nil
    local text <const> = table.concat(parts, ", ")
    return "Price: " .. text .. "."
end

local ROW <const>, LEFT <const>, WIDTH <const>, RIGHT <const> = 34, 8, 330, 86

-- One row a group: its final accuracies as a point with a deviation, and in digits. Those that
-- learned nothing, which would flatten the others, have digits alone.
local function verdict_picture(groups)
    local order <const> = results.order(groups)
    local any <const> = #(runs.learned(groups)) > 0
    local low, high = math.huge, -math.huge
    local found <const> = stat.map(order, function(group)
        local values <const> = runs.values(group, runs.final_accuracy)
        local mean <const>, sd <const> = stat.mean(values), stat.sd(values) or 0
        local drawn <const> = not any or runs.has_learned(group)
        low = drawn and math.min(low, mean - sd) or low
        high = drawn and math.max(high, mean + sd) or high
        return { group = group, mean = mean, sd = sd, values = values, drawn = drawn }
    end)
    local pad <const> = math.max((high - low) * 0.05, 0.5)
    low, high = math.max(0, low - pad), math.min(100, high + pad)
    local function x_of(acc)
        return LEFT + (WIDTH - LEFT - RIGHT) * (acc - low) / (high - low)
    end
    local height <const> = #found * ROW + 40
    local picture <const> = svg.new(WIDTH, height, "Final test accuracy of " .. labels_of(order))
    local function draw(one, y)
        local color <const>, x <const> = chart.color(one.group.color), x_of(one.mean)
        picture.path(("M%s,%sL%s,%s"):format(svg.number(x_of(one.mean - one.sd)), svg.number(y),
            svg.number(x_of(one.mean + one.sd)), svg.number(y)), "whisker", nil,
            "stroke: " .. color)
        picture.path(("M%s,%sm-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0"):format(svg.number(x),
            svg.number(y)), "dot", ("%s: %s"):format(one.group.label, accuracy_text(one.group)),
            "fill: " .. color)
    end
    for i, one in ipairs(found) do
        local y <const> = i * ROW - 8
        picture.text(LEFT, y - 10, one.group.label)
        picture.line(LEFT, y, WIDTH - RIGHT, y, "rule")
        if one.drawn then
            draw(one, y)
        else
            picture.text(WIDTH - RIGHT, y - 10, "off the scale",
                { anchor = "end", class = "soft" })
        end
        picture.text(WIDTH - RIGHT + 14, y + 4, stat.text(one.values, 1))
    end
    local base <const> = #found * ROW + 4
    picture.line(LEFT, base, WIDTH - RIGHT, base, "axis")
    for _, tick in ipairs(chart.ticks({ whole = true }, low, high, 5)) do
        picture.line(x_of(tick[1]), base, x_of(tick[1]), base + 4, "axis")
        picture.text(x_of(tick[1]), base + 16, tick[2], { anchor = "middle", class = "soft" })
    end
    picture.text((LEFT + WIDTH - RIGHT) / 2, base + 32, "test accuracy, %",
        { anchor = "middle", class = "soft" })
    return picture.done()
end

local function seeds_text(groups)
    local low <const>, high <const> = stat.range(stat.map(groups, function(group)
        return #group.runs
    end))
    if high == 1 then
        return "One seed each, so there are no error bars: differences may be chance."
    end
    return ("± and bars: one standard deviation over the seeds, %s each; ± of a difference: its "
        .. "standard error."):format(low == high and ("%d"):format(low)
        or ("%d to %d"):format(low, high))
end

-- -- What ran ------------------------------------------------------------------------------------

-- Whether f(run) is one text for all runs: that text, or all of them.
local function texts_of(groups, f)
    local list <const>, seen <const> = {}, {}
    for _, group in ipairs(groups) do
        for _, run in ipairs(group.runs) do
            local text <const> = f(run)
            if text and not seen[text] then
                seen[text] = true
                list[#list + 1] = text
            end
        end
    end
    return list
end

--- The command that trains a run, by the options that its log says were given.
function opening.command(run)
    local words <const>, keys <const> = {}, {}
    for key, setting in pairs(run.start.settings) do
        keys[#keys + 1] = setting.source == "option" and key ~= "out" and key ~= "resume"
            and key or nil
    end
    table.sort(keys)
    for _, key in ipairs(keys) do
        local value <const> = run.start.settings[key].value
        local option <const> = key:gsub("_", "-")
        if value == false then
            words[#words + 1] = "--no-" .. option
        elseif value == true then
            words[#words + 1] = "--" .. option
        else
            words[#words + 1] = ("--%s %s"):format(option, tostring(value))
        end
    end
    return ("build/%s_%s train %s"):format(run.start.model, run.start.norm,
        table.concat(words, " ")):gsub(" $", "")
end

local function recipe_text(groups)
    local words <const> = {}
    for _, entry in ipairs(runs.recipe(groups[1].runs[1])) do
        local same = true
        for _, group in ipairs(groups) do
            same = same and tostring(runs.setting(group.runs[1], entry[1])) == entry[2]
        end
        words[#words + 1] = ("%s %s"):format(entry[1]:gsub("_", " "),
            same and entry[2] or "differs")
    end
    return table.concat(words, ", ")
end

--- What ran: { { term, text }, ... }.
function opening.box(groups)
    local start <const> = groups[1].runs[1].start
    local input <const> = start.layers[1].shape
    local with <const> = norms.split(groups)
    local count <const> = with[1] and #norms.layers(with[1].runs[1]) or 0
    local dates <const> = texts_of(groups, function(run) return run.start.date end)
    table.sort(dates)
    local machines <const> = texts_of(groups, function(run)
        return ("%s, %s"):format(run.start.isa, run.start.cpu)
    end)
    local rows <const> = {
        { "network", ("%s: %d x %d x %d to %d classes, %s parameters, %s"):format(start.model,
            input[1], input[2], input[3], runs.classes(groups[1].runs[1]),
            stat.integer(start.parameters), stat.count(count, "norm layer")) },
        { "recipe", recipe_text(groups) },
        { "data", stat.list(texts_of(groups, function(run)
            local images <const> = run.start.train_images
            return (run.synthetic and "SYNTHETIC" or run.start.source) .. (images
                and (", %s training images"):format(stat.integer(images)) or "")
        end)) },
        { "command", (opening.command(groups[1].runs[1])) },
        { "version", ("%s; %s"):format(stat.list(texts_of(groups, function(run)
            return run.start.program or "unknown"
        end)), stat.list(machines)) },
    }
    if #dates > 0 then
        rows[#rows + 1] = { "date", dates[1] == dates[#dates] and dates[1]
            or ("%s to %s"):format(dates[1], dates[#dates]) }
    end
    return rows
end

local MOST_LAYERS <const> = 80 -- of the strip

-- The layers of the first network with norms: { { name, kind, shape or nil, norm = bool }, ... }.
local function strip_of(groups)
    local with <const> = norms.split(groups)
    local layers <const> = (with[1] or groups[1]).runs[1].start.layers
    local items <const>, shape = {}, nil
    for i = 1, math.min(#layers, MOST_LAYERS) do
        local layer <const> = layers[i]
        local text <const> = ("%d x %d x %d"):format(table.unpack(layer.shape))
        items[i] = {
            name = layer.name, shape = text ~= shape and text or nil,
            norm = layer.kind:find(" norm$") ~= nil, title = layer.kind .. ", " .. text,
        }
        shape = text
    end
    return { items = items, more = #layers - #items }
end

--- The head of the page of groups, which are one lesson; `main` are those that are no ghosts.
function opening.of(groups, main)
    return {
        question = question(main),
        verdict = { lines = { none_line(groups), best_line(groups), batch_line(main) },
            svg = verdict_picture(groups), note = seeds_text(groups) },
        box = opening.box(main),
        strip = strip_of(main),
    }
end

return opening
