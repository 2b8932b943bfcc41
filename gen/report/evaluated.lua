-- evaluated.lua - the runs of groups that have an evaluation, and what to type for the others.

local stat <const> = require("report/stat")

local evaluated <const> = {}

--- The groups that have an evaluated run, as { group, evaluations = { ... }, folder = (of the first
--- of these) }, and those runs that have none.
function evaluated.of(groups)
    local found <const>, missing <const> = {}, {}
    for _, group in ipairs(groups) do
        local list <const> = stat.map(group.runs, function(run)
            return run.evaluation and run or nil
        end)
        if #list > 0 then
            found[#found + 1] = {
                group = group, folder = list[1].folder,
                evaluations = stat.map(list, function(run) return run.evaluation end),
            }
        end
        for _, run in ipairs(group.runs) do
            missing[#missing + 1] = not run.evaluation and run or nil
        end
    end
    return found, missing
end

--- What to type where nothing was evaluated.
function evaluated.missing_sentence(missing)
    local run <const> = missing[1]
    return ("None of these runs has an evaluation. `build/%s_%s eval --model %s/last.safetensors "
        .. "--out %s` makes one."):format(run.start.model, run.start.norm, run.folder, run.folder)
end

--- What is left of entries where f(evaluation) is a list: those that fill it. A test set of one or
--- two images leaves it empty.
function evaluated.with_entries(found, f)
    return stat.map(found, function(entry)
        local list <const> = stat.map(entry.evaluations, function(evaluation)
            return #f(evaluation) > 0 and evaluation or nil
        end)
        return #list > 0 and { group = entry.group, evaluations = list, folder = entry.folder }
            or nil
    end)
end

return evaluated
