-- look.lua - a probe event (log.lua) -> a look, which is as little of it as the report needs.
--
--     look = { step, loss, weights, walk (of the event), norm_count,
--              scatter = { means = { channel, group, image }, deviations = { the same } } }
--
-- A norm event has ten numbers and a histogram for each side of each norm; the scatter is what
-- curves are made of, means over the norm layers. A number that was not finite is false in the
-- event; what follows from it is nil.

local stat <const> = require("report/stat")

local look <const> = {}

--- The parts whose means and deviations a look compares.
look.parts = { "channel", "group", "image" }

-- Places in the arrays channel, group and image of an event.
local MEANS_SPREAD <const>, DEVIATIONS <const>, DEVIATIONS_SPREAD <const> = 2, 3, 4

-- a / b, 0 where b is; nil where either was not finite.
local function quotient(a, b)
    if a and b then
        return b > 0 and a / b or 0.0
    end
    return nil
end

-- The side of a norm that the report compares: behind it, or the activations where there is none.
local function behind(norm)
    return norm.after or norm.before
end

-- For each part the mean of f(side, its array) over the norms, or nil.
local function mean_over(norms, f)
    local means <const> = {}
    for _, part in ipairs(look.parts) do
        local values <const> = stat.map(norms, function(norm)
            return f(behind(norm), behind(norm)[part])
        end)
        means[part] = #values > 0 and stat.mean(values) or nil
    end
    return means
end

--- The look of a probe event.
function look.of(event)
    return {
        step = event.step,
        loss = event.loss,
        weights = event.weights,
        walk = event.walk,
        norm_count = #event.norms,
        scatter = {
            -- how the means of the parts scatter, in deviations of all values
            means = mean_over(event.norms, function(side, part)
                return quotient(part[MEANS_SPREAD], side.deviation)
            end),
            deviations = mean_over(event.norms, function(_, part)
                return quotient(part[DEVIATIONS_SPREAD], part[DEVIATIONS])
            end),
        },
    }
end

return look
