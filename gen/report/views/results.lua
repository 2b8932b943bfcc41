-- results.lua - the final table, and how far apart its rows are.

local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local results <const> = {}

local function final(part)
    return function(run)
        return runs.last(run)[part]
    end
end

local function seconds_of(run)
    return stat.mean(stat.map(run.epochs, function(epoch) return epoch.seconds end))
end

--- Groups by their final test accuracy, the highest first.
function results.order(groups)
    local order <const> = stat.map(groups, function(group)
        return { group = group, acc = stat.mean(runs.values(group, runs.final_accuracy)) }
    end)
    table.sort(order, function(a, b)
        return a.acc > b.acc or a.acc == b.acc and a.group.color < b.group.color
    end)
    return stat.map(order, function(one) return one.group end)
end

local function row(group)
    local run <const> = group.runs[1]
    local function values(f, digits)
        return stat.text(runs.values(group, f), digits)
    end
    local low <const>, high <const> = stat.range(runs.values(group, final("epoch")))
    return {
        group.label,
        low == high and ("%d"):format(low) or ("%d to %d"):format(low, high),
        ("%d"):format(#group.runs),
        values(final("test_acc"), 2),
        values(final("train_acc"), 2),
        values(final("test_loss"), 3),
        values(seconds_of, 1),
        run.start.memory_mb and stat.short(run.start.memory_mb) or "–",
        stat.integer(run.start.parameters),
    }
end

--- How far the first of two groups is above the second, in words that their spread allows. name:
--- what to call the first, unless by its label.
function results.distance(first, second, name)
    name = name or first.label
    local found <const> = runs.compare(first, second, runs.final_accuracy)
    local apart <const> = stat.fixed(math.abs(found.apart), 2)
    if apart == "0.00" then
        return ("%s ends level with %s"):format(name, second.label)
    end
    local text <const> = ("%s ends %s points %s %s"):format(name, apart,
        found.apart > 0 and "above" or "below", second.label)
    if not found.known then
        return text .. ", which without more seeds of both may be chance"
    elseif found.sure then
        return ("%s, ± %s: more than chance among seeds explains"):format(text,
            stat.fixed(found.error, 2))
    end
    return ("%s, ± %s: seeds differ so much that it may be chance"):format(text,
        stat.fixed(found.error, 2))
end

--- What an epoch took.
function results.speed(groups)
    local function seconds(group)
        return stat.mean(runs.values(group, seconds_of))
    end
    local slow <const> = groups[stat.argmax(groups, seconds)]
    local fast <const> = groups[stat.argmax(groups, function(group) return -seconds(group) end)]
    local least <const>, most <const> = stat.short(seconds(fast)), stat.short(seconds(slow))
    if least == most then
        return ("An epoch took %s s."):format(most)
    end
    return ("An epoch took %s s under %s and %s s under %s; only runs of one machine with nothing "
        .. "else to do compare."):format(least, fast.label, most, slow.label)
end

--- The table as a block.
function results.table(groups)
    return {
        kind = "table",
        caption = "After the last epoch, not the best one; ± is one standard deviation over the "
            .. "runs. Memory is what a training step reads and writes.",
        head = { "norm and recipe", "epochs", "runs", "test, %", "train, %", "test loss",
            "s an epoch", "memory, MB", "parameters" },
        rows = stat.map(results.order(groups), row),
    }
end

return results
