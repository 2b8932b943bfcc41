-- comparison.lua - the page of runs that are no lesson about norms: many networks and recipes, a
-- table, the curves, and the settings in which they differ.

local curves <const> = require("report/views/curves")
local results <const> = require("report/views/results")
local runs <const> = require("report/runs")
local stat <const> = require("report/stat")

local comparison <const> = {}

-- One row a setting, or other fact, that is not the same for all groups.
local function differences(groups)
    local facts <const>, seen <const> = {}, {}
    local function add(name, of)
        local texts <const> = stat.map(groups, of)
        if not seen[name] and stat.any(texts, function(text) return text ~= texts[1] end) then
            facts[#facts + 1] = { name, table.unpack(texts) }
        end
        seen[name] = true
    end
    add("network", function(group) return group.model end)
    add("norm", function(group) return group.norm end)
    add("parameters", function(group) return stat.integer(group.runs[1].start.parameters) end)
    add("data", function(group)
        return group.synthetic and "SYNTHETIC" or group.runs[1].start.source
    end)
    for _, group in ipairs(groups) do
        for _, entry in ipairs(runs.recipe(group.runs[1])) do
            add((entry[1]:gsub("_", " ")), function(other)
                local value <const> = runs.setting(other.runs[1], entry[1])
                return value == nil and "–" or tostring(value)
            end)
        end
    end
    return facts
end

local function result_sentences(groups)
    local order <const> = results.order(groups)
    local lines <const> = {}
    for i = 1, math.min(2, #order - 1) do
        lines[i] = results.distance(order[i], order[i + 1]) .. "."
    end
    lines[#lines + 1] = curves.idle_sentence(groups)
    lines[#lines + 1] = results.speed(groups)
    return lines
end

--- The views of an array of groups.
function comparison.views(groups)
    local figures <const> = curves.figures(groups)
    local facts <const> = differences(groups)
    local head <const> = { "" }
    for _, group in ipairs(groups) do
        head[#head + 1] = group.label
    end
    return {
        { id = "table", title = "Results", sentences = result_sentences(groups), wide = true,
            picture = results.table(groups), numbers = {} },
        { id = "curves", title = "Curves", wide = true, numbers = {},
            sentences = stat.map({ runs.thinned_sentence(groups, "epochs") or false },
                function(sentence) return sentence or nil end),
            picture = { kind = "figures", figures = figures } },
        { id = "settings", title = "In what they differ", wide = true, numbers = {},
            sentences = { #facts > 0 and "Whatever is not in this table is the same for all of "
                .. "them." or "In no setting but their seeds." },
            picture = #facts > 0 and { kind = "table", caption = "Settings of the first run of "
                .. "each.", head = head, rows = facts } or nil },
    }
end

return comparison
