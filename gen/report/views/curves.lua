-- curves.lua - view 4: accuracy over the epochs, and why that of training can be below that of the
-- test.

local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local curves <const> = {}

-- With so many groups and fewer, training is drawn beside the test.
local WITH_TRAINING <const> = 3

local function points_of(group, field)
    return runs.points(group, function(run)
        return stat.map(run.epochs, function(epoch) return { epoch.epoch, epoch[field] } end)
    end)
end

-- The series of a figure: test as lines, train as dashes.
local function series_of(groups, what, digits)
    local list <const> = {}
    for _, group in ipairs(groups) do
        local points <const> = points_of(group, "test_" .. what)
        list[#list + 1] = {
            label = group.label .. ", test", color = group.color, points = points,
            note = ("%s %s"):format(group.label, stat.fixed(points[#points][2], digits)),
        }
    end
    for _, group in ipairs(#groups <= WITH_TRAINING and groups or {}) do
        list[#list + 1] = {
            label = group.label .. ", train", color = group.color, dashed = true,
            points = points_of(group, "train_" .. what),
        }
    end
    return list
end

-- The learning rates of a run, one an epoch, as a text.
local function rates_of(run)
    return table.concat(stat.map(run.epochs, function(epoch)
        return ("%.6g"):format(epoch.lr)
    end), " ")
end

-- Where the learning rate drops, when all runs drop it alike and in steps.
local function rate_marks(groups)
    local first <const> = groups[1].runs[1]
    for _, group in ipairs(groups) do
        for _, run in ipairs(group.runs) do
            if runs.setting(run, "schedule") ~= "step" or rates_of(run) ~= rates_of(first) then
                return {}
            end
        end
    end
    local marks <const> = {}
    for i = 2, #first.epochs do
        local before <const>, now <const> = first.epochs[i - 1].lr, first.epochs[i].lr
        if now ~= before then
            marks[#marks + 1] = { first.epochs[i].epoch - 0.5, ("rate %.4g"):format(now) }
        end
    end
    return marks
end

--- The figures of accuracy and loss. Groups that have learned nothing would flatten the others, and
--- are left out unless there are no others.
function curves.figures(groups)
    local learned <const>, idle <const> = runs.learned(groups)
    local shown <const> = #learned > 0 and learned or groups
    local marks <const> = rate_marks(shown)
    local drawn <const> = "Lines: test" .. (#shown <= WITH_TRAINING
        and "; dashes: training, counted during the epoch." or ".")
    local left <const> = #learned > 0 and #idle > 0
        and (" Not drawn: %s, which learned nothing."):format(stat.list(stat.map(idle,
            function(group) return group.label end))) or ""
    return {
        {
            id = "accuracy", title = "Accuracy over the epochs",
            caption = drawn .. left,
            x = { label = "epoch", whole = true }, y = { label = "accuracy, %" },
            series = series_of(shown, "acc", 1), marks = marks,
        },
        {
            id = "loss", title = "Loss over the epochs",
            caption = drawn .. left,
            x = { label = "epoch", whole = true }, y = { label = "loss" },
            series = series_of(shown, "loss", 2), marks = marks,
        },
    }
end

-- -- Sentences -----------------------------------------------------------------------------------

local function first_epoch_sentence(groups)
    local function first_accuracy(group)
        return stat.mean(runs.values(group, function(run) return run.epochs[1].test_acc end))
    end
    local order <const> = stat.map(groups, function(group)
        return { label = group.label, acc = first_accuracy(group) }
    end)
    local fast <const> = order[stat.argmax(order, function(one) return one.acc end)]
    local slow <const> = order[stat.argmax(order, function(one) return -one.acc end)]
    if #groups < 2 then
        return ("After the first epoch it stands at %s %% test accuracy."):format(
            stat.fixed(fast.acc, 1))
    elseif stat.fixed(fast.acc, 1) == stat.fixed(slow.acc, 1) then
        return ("After the first epoch all stand at %s %% test accuracy."):format(
            stat.fixed(fast.acc, 1))
    end
    return ("After the first epoch %s leads with %s %% test accuracy; %s has %s %%."):format(
        fast.label, stat.fixed(fast.acc, 1), slow.label, stat.fixed(slow.acc, 1))
end

-- What training images go through that test images do not, by the settings of a run.
local function handicaps(run)
    local list <const> = { "the parameters still move" }
    local function on(key)
        local value <const> = runs.setting(run, key)
        return value and value ~= 0 and value ~= "none"
    end
    local changed <const> = {}
    if runs.setting(run, "augment") ~= false then
        changed[#changed + 1] = on("crop") and "shifted" or nil
        changed[#changed + 1] = on("flip") and "mirrored" or nil
        changed[#changed + 1] = on("cutout") and "partly hidden" or nil
        changed[#changed + 1] = on("rotate") and "turned" or nil
        changed[#changed + 1] = on("mixup") and "mixed" or nil
    end
    if #changed > 0 then
        list[#list + 1] = ("the images are %s"):format(stat.list(changed))
    end
    local drops <const> = stat.any(run.start.layers, function(layer)
        return layer.kind:find("dropout") ~= nil
    end)
    list[#list + 1] = drops and runs.setting(run, "dropout") ~= false
        and "dropout takes values away" or nil
    return list
end

local function gap_of(group)
    return stat.mean(runs.values(group, function(run)
        return runs.last(run).train_acc - runs.last(run).test_acc
    end))
end

-- The group whose training accuracy is farthest below its test accuracy, or least above it.
local function gap_sentence(groups)
    local group <const> = groups[stat.argmax(groups, function(one) return -gap_of(one) end)]
    local gap <const> = gap_of(group)
    local size <const> = stat.fixed(math.abs(gap), 1)
    if size == "0.0" then
        return ("Under %s training accuracy ends level with test accuracy."):format(group.label)
    elseif gap > 0 then
        return ("Under %s training accuracy ends %s points above test accuracy%s."):format(
            group.label, size, #groups > 1 and "; nowhere is it less" or "")
    end
    return ("Under %s training accuracy ends %s points below test accuracy. It is counted during "
        .. "the epoch, while %s; nothing of this happens to test images."):format(group.label, size,
        stat.list(handicaps(group.runs[1])))
end

-- Training images treated as test images are, where that was measured.
local function settled_sentence(groups)
    local texts <const> = stat.map(groups, function(group)
        local list <const> = stat.map(group.runs, function(run)
            return run.training_set and { run.training_set.acc, runs.last(run).test_acc } or nil
        end)
        if #list == 0 then
            return nil
        end
        local acc <const> = stat.mean(stat.map(list, function(one) return one[1] end))
        local gap <const> = acc - stat.mean(stat.map(list, function(one) return one[2] end))
        return ("%s %% under %s, %s points %s test accuracy"):format(stat.fixed(acc, 1),
            group.label, stat.fixed(math.abs(gap), 1), gap < 0 and "below" or "above")
    end)
    return #texts > 0 and ("Treated as test images are, training images reach %s.")
        :format(stat.list(texts)) or nil
end

--- What stays where it began, or nil.
function curves.idle_sentence(groups)
    local _, idle <const> = runs.learned(groups)
    local texts <const> = stat.map(idle, function(group)
        return ("%s ends at a training loss of %s"):format(group.label, stat.text(runs.values(group,
            function(run) return runs.last(run).train_loss end), 3))
    end)
    return #texts > 0 and ("%s, where guessing among %d classes has %s: nothing is learned.")
        :format(stat.list(texts), runs.classes(idle[1].runs[1]),
            stat.fixed(runs.guessing(idle[1].runs[1]), 3)) or nil
end

--- The view of an array of groups.
function curves.view(groups)
    local learned <const> = runs.learned(groups)
    local figures <const> = curves.figures(groups)
    return {
        id = "curves",
        title = "How fast do they learn, and how can training accuracy be below test accuracy?",
        sentences = stat.map({
            first_epoch_sentence(groups), #learned > 0 and gap_sentence(learned),
            #learned > 0 and settled_sentence(learned) or false,
            curves.idle_sentence(groups) or false,
            runs.thinned_sentence(groups, "epochs") or false,
        }, function(sentence) return sentence or nil end),
        picture = { kind = "figures", figures = { figures[1] } },
        numbers = { { kind = "figures", figures = { figures[2] } } },
    }
end

return curves
