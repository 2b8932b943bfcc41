-- looked.lua - the looks of runs (look.lua): which groups have any, and x of what is drawn of them.

local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local looked <const> = {}

--- The groups with looks, as copies that hold nothing but the runs that have any; and the runs
--- without.
function looked.of(groups)
    local found <const>, missing <const> = {}, {}
    for _, group in ipairs(groups) do
        local list <const> = {}
        for _, run in ipairs(group.runs) do
            table.insert(#run.probes > 0 and list or missing, run)
        end
        if #list > 0 then
            found[#found + 1] = {
                runs = list, label = group.label, color = group.color, norm = group.norm,
            }
        end
    end
    return found, missing
end

--- What to type where no run was looked into.
function looked.missing_sentence(missing)
    local run <const> = missing[1]
    return ("None of these runs was looked into. `build/%s_%s train --probe auto` looks a few "
        .. "times; a finished run cannot be looked into."):format(run.start.model, run.start.norm)
end

--- All looks of all runs of a group.
function looked.all(group)
    local list <const> = {}
    for _, run in ipairs(group.runs) do
        table.move(run.probes, 1, #run.probes, #list + 1, list)
    end
    return list
end

--- Steps made before a look.
function looked.steps_before(look)
    return look.step - 1
end

--- The finite numbers of an array, in which false stands for those that are not.
function looked.finite(values)
    return stat.map(values, function(value) return value or nil end)
end

--- The axis of time of groups, and a function from a look to it: epochs where all logs tell their
--- length, else steps.
function looked.time(found)
    local steps = runs.steps_an_epoch(found[1].runs[1])
    for _, group in ipairs(found) do
        for _, run in ipairs(group.runs) do
            if runs.steps_an_epoch(run) ~= steps then
                steps = nil
            end
        end
    end
    local length <const> = steps
    if not length then
        return { label = "steps", whole = true }, looked.steps_before
    end
    return { label = "epochs", whole = true }, function(look)
        return looked.steps_before(look) / length
    end
end

--- A figure with one line a group: f(look) gives y, or nil.
function looked.over_time(found, figure, f)
    local axis <const>, at <const> = looked.time(found)
    figure.x = axis
    figure.series = stat.map(found, function(group)
        local points <const> = runs.points(group, function(run)
            return stat.map(run.probes, function(look)
                local y <const> = f(look)
                return y and { at(look), y } or nil
            end)
        end)
        return #points > 0 and { label = group.label, color = group.color, note = group.label,
            points = points } or nil
    end)
    return figure
end

return looked
