-- training.lua - views 2 and 3: loss and accuracy over the epochs, and the final table.

local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local training <const> = {}

-- -- View 2: curves ------------------------------------------------------------------------------

-- The series of one figure of an epoch field: test as lines, train as dashes.
local function series_of(groups, what, digits)
    local list <const> = {}
    for _, part in ipairs({ "test", "train" }) do
        for _, group in ipairs(groups) do
            local points <const> = runs.points(group, function(run)
                return stat.map(run.epochs, function(epoch)
                    return { epoch.epoch, epoch[part .. "_" .. what] }
                end)
            end)
            list[#list + 1] = {
                label = group.label .. ", " .. part,
                color = group.color,
                dashed = part == "train",
                points = points,
                note = part == "test" and ("%." .. digits .. "f"):format(points[#points][2]) or nil,
            }
        end
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

local function figures(groups)
    local marks <const> = rate_marks(groups)
    return {
        {
            id = "accuracy",
            title = "Accuracy over the epochs",
            caption = "Test (lines) and training (dashes) accuracy.",
            x = { label = "epoch" },
            y = { label = "accuracy, %" },
            series = series_of(groups, "acc", 1),
            marks = marks,
        },
        {
            id = "loss",
            title = "Loss over the epochs",
            caption = "Test (lines) and training (dashes) loss.",
            x = { label = "epoch" },
            y = { label = "loss" },
            series = series_of(groups, "loss", 2),
            marks = marks,
        },
    }
end

local function final(part)
    return function(run)
        return runs.last(run)[part]
    end
end

local function final_mean(group, part)
    return stat.mean(runs.values(group, final(part)))
end

-- The label of the group for which f is largest, and that value.
local function best_of(groups, f)
    local best <const> = groups[stat.argmax(groups, f)]
    return best.label, f(best)
end

local function first_epoch_sentence(groups)
    local function first_accuracy(group)
        return stat.mean(runs.values(group, function(run) return run.epochs[1].test_acc end))
    end
    local fast <const>, high <const> = best_of(groups, first_accuracy)
    local slow <const>, low <const> = best_of(groups, function(group)
        return -first_accuracy(group)
    end)
    if fast == slow then
        return ("After the first epoch all stand at %.1f %%."):format(high)
    end
    return ("After the first epoch %s leads with %.1f %% test accuracy; %s has %.1f %%."):format(
        fast, high, slow, -low)
end

-- groups: those that have learned something
local function gap_sentence(groups)
    local function gap(group)
        return final_mean(group, "train_acc") - final_mean(group, "test_acc")
    end
    local label <const>, wide <const> = best_of(groups, gap)
    local other <const>, narrow <const> = best_of(groups, function(group) return -gap(group) end)
    local meaning = "it does better on the test images than on the training images as it saw them"
    if wide > 0 then
        meaning = wide > 5 and "it has learned part of its training images by heart"
            or "it fits the training images hardly better than new ones"
    end
    local side <const> = wide >= 0 and "above" or "below"
    local form <const> = "Under %s training accuracy ends %.1f points %s test accuracy: %s"
    local text <const> = form:format(label, math.abs(wide), side, meaning)
    if #groups > 1 then
        return ("%s; the smallest difference is %+.1f, under %s."):format(text, -narrow, other)
    end
    return text .. "."
end

local function band_sentence(groups)
    local most = 0
    for _, group in ipairs(groups) do
        most = math.max(most, #group.runs)
    end
    if most > 1 then
        return "Bands reach one standard deviation over the seeds to either side of the mean."
    end
    return "Each curve is a single run, so nothing here says how much a seed changes."
end

-- What stays where it began, or nil.
local function unlearned_sentence(groups)
    local labels <const> = stat.map(groups, function(group)
        return not runs.has_learned(group) and group.label or nil
    end)
    return #labels > 0 and ("Under %s nothing is learned: the training loss stays at %.3f, that of "
        .. "guessing."):format(stat.list(labels), runs.guessing(groups[1].runs[1]))
end

--- View 2 of an array of groups.
function training.curves(groups)
    local label <const>, accuracy <const> = best_of(groups, function(group)
        return final_mean(group, "test_acc")
    end)
    local learned <const> = stat.map(groups, function(group)
        return runs.has_learned(group) and group or nil
    end)
    local ends <const> = #groups > 1 and ("%s ends highest, at %.2f %% test accuracy."):format(
        label, accuracy) or ("It ends at %.2f %% test accuracy."):format(accuracy)
    return {
        id = "curves",
        title = "Loss and accuracy",
        sentences = stat.map({
            #groups > 1 and first_epoch_sentence(groups), ends, unlearned_sentence(groups),
            #learned > 0 and gap_sentence(learned), band_sentence(groups),
            runs.thinned_sentence(groups, "epochs"),
        }, function(sentence) return sentence or nil end),
        blocks = { { kind = "figures", figures = figures(groups) } },
    }
end

-- -- View 3: the final table ---------------------------------------------------------------------

local function seconds_of(run)
    return stat.mean(stat.map(run.epochs, function(epoch) return epoch.seconds end))
end

local function final_row(group)
    local run <const> = group.runs[1]
    local function values(f, digits)
        return stat.text(runs.values(group, f), digits)
    end
    local epochs <const> = {}
    for _, one in ipairs(group.runs) do
        epochs[#epochs + 1] = ("%d"):format(runs.last(one).epoch)
    end
    local low <const>, high <const> = stat.range(stat.map(epochs, math.tointeger))
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

-- How far two groups are apart, in words that their spread allows.
local function distance_sentence(first, second)
    local a <const> = runs.values(first, final("test_acc"))
    local b <const> = runs.values(second, final("test_acc"))
    local apart <const> = stat.mean(a) - stat.mean(b)
    local text <const> = ("%s stands %.2f points above %s"):format(first.label, apart, second.label)
    local sd_a <const>, sd_b <const> = stat.sd(a), stat.sd(b)
    if not (sd_a and sd_b) then
        return text .. ", which without more seeds on both sides may be chance."
    end
    local spread <const> = (sd_a ^ 2 / #a + sd_b ^ 2 / #b) ^ 0.5
    if apart > 2 * spread then
        return ("%s: %.1f times the standard error of that difference, so the seeds do not "
            .. "explain it."):format(text, spread > 0 and apart / spread or math.huge)
    end
    return text .. ": less than twice the standard error of that difference, so it may be chance."
end

local function speed_sentence(groups)
    local function seconds(group)
        return stat.mean(runs.values(group, seconds_of))
    end
    local slow <const>, most <const> = best_of(groups, seconds)
    local fast <const>, least <const> = best_of(groups, function(group) return -seconds(group) end)
    if slow == fast then
        return ("An epoch took %s s."):format(stat.short(most))
    end
    return ("An epoch took %s s under %s and %s s under %s; only runs of one machine with nothing "
        .. "else to do compare."):format(stat.short(-least), fast, stat.short(most), slow)
end

--- View 3 of an array of groups.
function training.table(groups)
    local order <const> = stat.map(groups, function(group) return group end)
    table.sort(order, function(a, b)
        local x <const>, y <const> = final_mean(a, "test_acc"), final_mean(b, "test_acc")
        return x > y or x == y and a.color < b.color
    end)
    local lines <const> = {}
    for i = 1, math.min(2, #order - 1) do
        lines[i] = distance_sentence(order[i], order[i + 1])
    end
    lines[#lines + 1] = speed_sentence(groups)
    return {
        id = "table",
        title = "Results",
        sentences = lines,
        blocks = { {
            kind = "table",
            caption = "After the last epoch, not the best one; ± is one standard deviation over "
                .. "the runs. Memory is what a training step reads and writes.",
            head = { "norm and recipe", "epochs", "runs", "test, %", "train, %", "test loss",
                "s an epoch", "memory, MB", "parameters" },
            rows = stat.map(order, final_row),
        } },
    }
end

return training
