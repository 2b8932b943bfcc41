-- nearest.lua - what a misspelt word was meant to be.
--
--     nearest.hint("chanels", { "channels", "window" })   -- " (did you mean channels?)", or ""

local nearest <const> = {}

local byte <const> = string.byte -- no method: a description's process has few of them

local MOST_MISTAKES <const> = 2
local LONGEST <const> = 40

-- What other frameworks call a field; the word wins that is among those to choose from.
local elsewhere <const> = {
    dim = { "channels" },
    features = { "channels" },
    filters = { "channels" },
    kernel = { "window" },
    kernel_size = { "window" },
    learning_rate = { "lr" },
    num_groups = { "groups" },
    out = { "channels" },
    out_channels = { "channels" },
    out_features = { "channels" },
    p = { "rate" },
    pad = { "padding" },
    size = { "window" },
    strides = { "stride" },
    units = { "channels" },
    wd = { "weight_decay" },
}

-- The edit distance of two words: letters changed, left out, put in, and neighbours that changed
-- places (optimal string alignment). Row i is that of the first i letters of a.
local function distance(a, b)
    local before, above = nil, {}
    for j = 0, #b do
        above[j] = j
    end
    for i = 1, #a do
        local row <const> = { [0] = i }
        for j = 1, #b do
            local changed <const> = byte(a, i) ~= byte(b, j) and 1 or 0
            row[j] = math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + changed)
            local swapped <const> = i > 1 and j > 1 and byte(a, i) == byte(b, j - 1)
                and byte(a, i - 1) == byte(b, j)
            if swapped then
                row[j] = math.min(row[j], before[j - 2] + 1)
            end
        end
        before, above = above, row
    end
    return above[#b]
end

-- The one of `words` that `word` is at most two mistakes away from, the first of the nearest, or
-- nil. A word has to keep more than half of its letters.
function nearest.of(word, words)
    if #word > LONGEST then
        return nil
    end
    local best, fewest = nil, MOST_MISTAKES + 1
    for _, candidate in ipairs(words) do
        local mistakes <const> = #candidate <= LONGEST and distance(word, candidate) or fewest
        if mistakes < fewest and 2 * mistakes < #word then
            best, fewest = candidate, mistakes
        end
    end
    for _, candidate in ipairs(best and {} or words) do
        for _, meant in ipairs(elsewhere[word] or {}) do
            best = best or candidate == meant and candidate or nil
        end
    end
    return best
end

-- What a message adds behind `word`, which is none of `words`.
function nearest.hint(word, words)
    local meant <const> = nearest.of(word, words)
    return meant and " (did you mean " .. meant .. "?)" or ""
end

-- The same for the command line: raises the hint as the message of wrong usage, if there is one.
-- `arguments` has the word, and the words with blanks between them.
function nearest.meant(arguments)
    local words <const> = {}
    for word in arguments.words:gmatch("%S+") do
        words[#words + 1] = word
    end
    local hint <const> = nearest.hint(arguments.word, words)
    if hint ~= "" then
        error({ kind = "usage", messages = { hint } }, 0)
    end
end

return nearest
