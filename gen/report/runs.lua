-- runs.lua - run folders -> runs, and runs that differ in nothing but their seed -> groups.
--
--     run   = { folder, start, epochs, probes, inside, training_set, finish, seen = (log.lua: what
--               was logged, checked),
--               evaluation = (eval.json) or nil, synthetic = bool,
--               validates = bool: test_loss and test_acc are those of images held out }
--     group = { label = "batch norm", runs = { run, ... }, color = 1, model, norm, synthetic }
--
-- Runs stay in the order in which they were named, groups in that of their first runs; `color`
-- counts groups from 1.

local layers <const> = require("language/layers")
local log <const> = require("report/log")
local stat <const> = require("report/stat")

local runs <const> = {}

-- Settings that make no other training: the seed, and where and how it ran.
local INCIDENTAL <const> = {
    seed = true, data = true, out = true, init = true, resume = true, backend = true,
    threads = true, max_steps = true, log_steps = true, probe = true,
}

local function fail(...)
    error({ kind = "failed", messages = { (...):format(select(2, ...)) } }, 0)
end

-- -- One run -------------------------------------------------------------------------------------

--- The run of a folder. Raises where there is none, none with a whole epoch, or one whose files
--- hold what `train` and `eval` do not write.
function runs.read(folder)
    folder = #folder > 1 and folder:gsub("/+$", "") or folder
    local run <const> = log.read(folder .. "/log.jsonl")
    run.folder = folder
    run.synthetic = run.start.data == "SYNTHETIC"
    run.validates = run.start.val_images ~= nil
    run.evaluation = log.read_evaluation(folder)
    return run
end

--- The value of a setting of a run, or nil.
function runs.setting(run, key)
    local setting <const> = run.start.settings[key]
    return setting and setting.value
end

--- The last epoch event of a run.
function runs.last(run)
    return run.epochs[#run.epochs]
end

--- Classes of a run.
function runs.classes(run)
    return run.start.layers[#run.start.layers].shape[1]
end

--- The loss of guessing: every class as likely as any other.
function runs.guessing(run)
    return math.log(runs.classes(run))
end

--- Steps of an epoch, or nil for a log that does not say how many images there were.
function runs.steps_an_epoch(run)
    local images <const>, batch <const> = run.start.train_images, runs.setting(run, "batch")
    return images and (images + batch - 1) // batch
end

--- The test accuracy a run ended with, in percent.
function runs.final_accuracy(run)
    return runs.last(run).test_acc
end

local LEARNED <const> = 0.99 -- of the loss of guessing

--- Whether the training loss of a group ever left that of guessing.
function runs.has_learned(group)
    return stat.any(group.runs, function(run)
        local guessing <const> = LEARNED * runs.guessing(run)
        return stat.any(run.epochs, function(epoch) return epoch.train_loss < guessing end)
    end)
end

--- Those groups of an array that have learned something, and the others.
function runs.learned(groups)
    local learned <const>, idle <const> = {}, {}
    for _, group in ipairs(groups) do
        table.insert(runs.has_learned(group) and learned or idle, group)
    end
    return learned, idle
end

--- What the seeds of two groups say of f(run): { apart = mean of the first less that of the second,
--- error = standard error of that, known = whether both have the two seeds it takes, sure = whether
--- chance would make such a difference in less than one of twenty comparisons (Welch's test, on the
--- degrees of freedom of the smaller group, which is the careful side) }.
function runs.compare(first, second, f)
    local a <const>, b <const> = runs.values(first, f), runs.values(second, f)
    local apart <const> = stat.mean(a) - stat.mean(b)
    local sd_a <const>, sd_b <const> = stat.sd(a), stat.sd(b)
    if not (sd_a and sd_b) then
        return { apart = apart, known = false, sure = false }
    end
    local spread <const> = (sd_a ^ 2 / #a + sd_b ^ 2 / #b) ^ 0.5
    local limit <const> = stat.t95(math.min(#a, #b) - 1) * spread
    return { apart = apart, error = spread, known = true,
        sure = apart ~= 0 and math.abs(apart) > limit }
end

-- -- Groups --------------------------------------------------------------------------------------

--- The settings that decide the numbers, sorted: { { key, text }, ... }.
function runs.recipe(run)
    local recipe <const> = {}
    for key, setting in pairs(run.start.settings) do
        if not INCIDENTAL[key] then
            recipe[#recipe + 1] = { key, tostring(setting.value) }
        end
    end
    table.sort(recipe, function(a, b) return a[1] < b[1] end)
    return recipe
end

local function family_of(run)
    return table.concat({ run.start.model, run.start.norm, tostring(run.synthetic) }, "\0")
end

-- A table that is equal, as a text, for runs that differ in their seed only.
local function key_of(run)
    local parts <const> = { family_of(run) }
    for _, entry in ipairs(runs.recipe(run)) do
        parts[#parts + 1] = entry[1] .. "=" .. entry[2]
    end
    return table.concat(parts, "\0")
end

-- "epochs 5, lr 0.1": the settings of a group in which its relatives, of the same network, norm
-- and data, differ from it.
local function recipe_text(group, groups)
    local words <const> = {}
    for _, entry in ipairs(runs.recipe(group.runs[1])) do
        local differs = false
        for _, other in ipairs(groups) do
            local run <const> = other.runs[1]
            differs = differs or (family_of(run) == family_of(group.runs[1])
                and tostring(runs.setting(run, entry[1])) ~= entry[2])
        end
        words[#words + 1] = differs and entry[1]:gsub("_", " ") .. " " .. entry[2] or nil
    end
    return table.concat(words, ", ")
end

local function differ(groups, f)
    for _, group in ipairs(groups) do
        if f(group) ~= f(groups[1]) then
            return true
        end
    end
    return false
end

local function name_groups(groups)
    local models <const> = differ(groups, function(group) return group.model end)
    local data <const> = differ(groups, function(group) return group.synthetic end)
    for _, group in ipairs(groups) do
        group.recipe = recipe_text(group, groups)
        local words <const> = { (models and group.model .. " " or "")
            .. layers.norm_title(group.norm) }
        words[#words + 1] = group.recipe ~= "" and group.recipe or nil
        words[#words + 1] = data and (group.synthetic and "SYNTHETIC" or "real data") or nil
        group.label = table.concat(words, ", ")
    end
end

--- The groups of an array of runs. Raises where one is there twice: it would count as two seeds.
function runs.groups(list)
    local seen <const> = {}
    for _, run in ipairs(list) do
        if seen[run.folder] then
            fail("%s: named twice: expected each run once", run.folder)
        end
        seen[run.folder] = true
    end
    local groups <const>, group_of <const> = {}, {}
    for _, run in ipairs(list) do
        local key <const> = key_of(run)
        if not group_of[key] then
            groups[#groups + 1] = {
                runs = {},
                color = #groups + 1,
                model = run.start.model,
                norm = run.start.norm,
                synthetic = run.synthetic,
            }
            group_of[key] = groups[#groups]
        end
        table.insert(group_of[key].runs, run)
    end
    name_groups(groups)
    return groups
end

--- Whether groups are one lesson about norms: one network and one kind of data, each norm once.
function runs.is_lesson(groups)
    local seen <const> = {}
    for _, group in ipairs(groups) do
        if seen[group.norm] or group.model ~= groups[1].model
            or group.synthetic ~= groups[1].synthetic then
            return false
        end
        seen[group.norm] = true
    end
    return true
end

--- The points { x, y, low, high } of a group: f(run) gives an array of { x, y }, and y is the mean
--- over the runs that have this x. low and high are one standard deviation away, nil for one run.
function runs.points(group, f)
    local values <const>, order <const> = {}, {}
    for _, run in ipairs(group.runs) do
        for _, point in ipairs(f(run)) do
            if not values[point[1]] then
                values[point[1]] = {}
                order[#order + 1] = point[1]
            end
            table.insert(values[point[1]], point[2])
        end
    end
    table.sort(order)
    return stat.map(order, function(x)
        local mean <const>, sd <const> = stat.mean(values[x]), stat.sd(values[x])
        return { x, mean, sd and mean - sd, sd and mean + sd }
    end)
end

--- How many of the epochs or probes are shown where a log has more of them than a plot can show, or
--- nil.
function runs.thinned_sentence(groups, what)
    for _, group in ipairs(groups) do
        for _, run in ipairs(group.runs) do
            if #run[what] < run.seen[what] then
                return ("Of the %s %s of %s, %s are shown, evenly spread."):format(
                    stat.integer(run.seen[what]), what == "probes" and "looks" or what,
                    run.folder, stat.integer(#run[what]))
            end
        end
    end
end

--- The array of f(run) over the runs of a group.
function runs.values(group, f)
    return stat.map(group.runs, f)
end

return runs
