-- record.lua - calls such as conv { 16, window = 3 }, and their checking against a table of fields.
--
-- A description calls constructors; each call returns an empty token, and what it was given is
-- kept here, where the description cannot reach it. Checking comes later, in one pass over all of
-- them, so that every mistake is reported at once.
--
--     record = { kind = "conv", line = 7, outer = the line of the description's main part that
--                called the function in which it stands, or nil,
--                count = how many values it was called with, arguments = { 16, window = 3 } }
--     spec   = { name = "conv", fields = { field, ... } }
--     field  = { name, type, doc, position = n,          -- may also be the n-th unnamed value
--                default = value or function(values),    -- neither default nor optional: required
--                default_doc = text, optional = true,
--                min and max, or min and below (>= and <), or above and max,   -- numbers
--                because = text,                         -- the reason of these limits
--                idle = function(values) -> why, unless, -- what keeps the field from any effect
--                choices = { ... },                      -- type "choice"
--                most = n,                               -- the longest list
--                rest = true }                           -- type "names": all unnamed values
--
-- Types: integer, sides (an integer for height and width, or { height, width }), integers (a list
-- of them that rises, from min to max), number, boolean, choice, name (of a layer or network),
-- names (a list of them), shape ({ C, H, W }),
-- table (a plain table, checked by whoever owns it) and record (a token of one of field.kinds).

local identifier <const> = require("language/identifier")
local nearest <const> = require("language/nearest")

local record <const> = {}

local records <const> = setmetatable({}, { __mode = "k" })

-- A token for the call kind(...) at `line`. Runs inside the description: it keeps and judges
-- nothing, and uses no methods of strings, which are cut down there.
function record.make(kind, line, ...)
    local first <const> = ...
    local arguments <const> = {}
    if type(first) == "table" and not records[first] then
        for key, value in next, first do
            arguments[key] = value
        end
    else
        arguments[1] = first
    end
    local token <const> = {}
    records[token] = { kind = kind, line = line, count = select("#", ...), arguments = arguments }
    return token
end

-- Notes that the main part of the description came to a call from line `outer`, and returns its
-- token.
function record.from(token, outer)
    local call <const> = records[token]
    call.outer = outer ~= call.line and outer or nil
    return token
end

-- Makes `token` the token of a call that another process recorded (answer.lua), and returns its
-- table of arguments, still empty.
function record.restore(token, kind, line, count, outer)
    local arguments <const> = {}
    records[token] = {
        kind = kind, line = line, outer = outer, count = count, arguments = arguments,
    }
    return arguments
end

-- The record behind a token, or nil.
function record.of(token)
    return records[token]
end

-- -- Texts ---------------------------------------------------------------------------------------

-- `value` as a message quotes it: short, on one line, printable. Descriptions call it too, so it
-- uses no methods of strings.
function record.show(value)
    local kind <const> = type(value)
    if kind == "string" then
        local text <const> = #value > 40 and string.sub(value, 1, 40) .. "..." or value
        return '"' .. string.gsub(text, "[^\x20-\x7e]", "?") .. '"'
    elseif value ~= value then
        return "not a number"
    elseif kind == "number" then
        return string.format(math.type(value) == "integer" and "%d" or "%.10g", value)
    elseif records[value] then
        return "a call of " .. records[value].kind
    elseif kind == "table" or kind == "function" then
        return "a " .. kind
    end
    return tostring(value)
end

-- { "a", "b", "c" } as "a, b or c".
function record.either(words)
    if #words < 2 then
        return words[1] or ""
    end
    return table.concat(words, ", ", 1, #words - 1) .. " or " .. words[#words]
end

local function range_text(field)
    local show <const> = record.show
    local text <const> = field.type == "integer" and "an integer" or "a number"
    if field.min and field.max then
        return ("%s from %s to %s"):format(text, show(field.min), show(field.max))
    elseif field.min then
        return ("%s from %s, below %s"):format(text, show(field.min), show(field.below))
    end
    return ("%s above %s, at most %s"):format(text, show(field.above), show(field.max))
end

local function number_text(field)
    return range_text(field) .. (field.because and ": " .. field.because or "")
end

local expected_texts <const> = {
    integer = number_text,
    sides = function(field)
        return ("an integer from %d to %d, or two: { height, width }"):format(field.min, field.max)
    end,
    integers = function(field)
        return ("a list of integers that rises, at most %d of %s to %s"):format(field.most,
            record.show(field.min), record.show(field.max))
    end,
    number = number_text,
    boolean = function() return "true or false" end,
    choice = function(field) return "one of " .. record.either(field.choices) end,
    name = function() return "a name (" .. identifier.expected .. ")" end,
    names = function(field)
        return ("at most %d names, at least one (%s)"):format(field.most, identifier.expected)
    end,
    shape = function()
        return "{ channels, height, width }, at most 4096 channels of 1024 x 1024"
    end,
    table = function() return "a table { ... }" end,
    record = function(field) return record.either(field.kinds) .. " { ... }" end,
}

-- The words of `what`, which a report got.
function record.words(what)
    return type(what) == "function" and what() or what
end

-- What a field accepts, in words.
function record.expected(field)
    return expected_texts[field.type](field)
end

-- -- Numbers -------------------------------------------------------------------------------------

-- Numbers reach the program as floats, and it takes those below this one for zero.
local SMALLEST_FLOAT <const> = 2.0 ^ -126

local function to_float(value)
    return (string.unpack("f", string.pack("f", value)))
end

local function is_too_small(value)
    return value ~= 0 and math.abs(to_float(value)) < SMALLEST_FLOAT
end

-- `value` with as many digits as tell it from every other number.
local function exact_text(value)
    for digits = 10, 16 do
        local text <const> = ("%." .. digits .. "g"):format(value)
        if tonumber(text) == value then
            return text
        end
    end
    return ("%.17g"):format(value)
end

local function in_range(field, value)
    return (not field.min or value >= field.min) and (not field.above or value > field.above)
        and (not field.max or value <= field.max) and (not field.below or value < field.below)
end

-- The range is one of what is written in the description and of the float that comes of it.
local function float_in_range(field, value)
    return in_range(field, value) and not is_too_small(value) and in_range(field, to_float(value))
end

-- `value`, which a field refuses, and why where one does not see it.
local function refused_text(field, value)
    if field.type == "number" and type(value) == "number" and in_range(field, value) then
        return exact_text(value) .. (is_too_small(value) and ", too small for a float"
            or ", as a float " .. exact_text(to_float(value)))
    end
    return record.show(value)
end

local function is_integer(value, low, high)
    local integer <const> = type(value) == "number" and math.tointeger(value)
    return integer and integer >= low and integer <= high
end

-- Each returns the value as the passes want it, or nil.
local converters <const> = {
    integer = function(field, value)
        local integer <const> = type(value) == "number" and math.tointeger(value)
        return integer and in_range(field, integer) and integer or nil
    end,
    sides = function(field, value)
        local list <const> = type(value) == "table" and not records[value] and value
            or { value, value }
        for key in next, list do
            if not is_integer(key, 1, 2) then
                return nil
            end
        end
        if is_integer(list[1], field.min, field.max) and is_integer(list[2], field.min, field.max)
        then
            return { h = math.tointeger(list[1]), w = math.tointeger(list[2]) }
        end
    end,
    integers = function(field, value)
        if type(value) ~= "table" or records[value] or #value == 0 or #value > field.most then
            return nil
        end
        local list <const> = {}
        for key in next, value do
            if not is_integer(key, 1, #value) then
                return nil
            end
        end
        for i, item in ipairs(value) do
            if not is_integer(item, i == 1 and field.min or list[i - 1] + 1, field.max) then
                return nil
            end
            list[i] = math.tointeger(item)
        end
        return list
    end,
    number = function(field, value)
        local good <const> = type(value) == "number" and float_in_range(field, value)
        return good and (value == 0 and 0 or value) or nil -- there is no -0
    end,
    choice = function(field, value)
        for _, choice in ipairs(field.choices) do
            if value == choice then
                return value
            end
        end
    end,
    name = function(_, value)
        return type(value) == "string" and value or nil
    end,
    names = function(field, value)
        if type(value) ~= "table" or records[value] or #value == 0 or #value > field.most then
            return nil
        end
        local list <const> = {}
        for key, item in next, value do
            if not is_integer(key, 1, #value) or type(item) ~= "string" then
                return nil
            end
            list[key] = item
        end
        for i = 1, #value do
            if not list[i] then
                return nil
            end
        end
        return list
    end,
    shape = function(_, value)
        if type(value) ~= "table" or records[value] or #value ~= 3 then
            return nil
        end
        for key in next, value do
            if not is_integer(key, 1, 3) then
                return nil
            end
        end
        if not (is_integer(value[1], 1, 4096) and is_integer(value[2], 1, 1024)
                and is_integer(value[3], 1, 1024)) then
            return nil
        end
        return {
            c = math.tointeger(value[1]),
            h = math.tointeger(value[2]),
            w = math.tointeger(value[3]),
        }
    end,
    table = function(_, value)
        return type(value) == "table" and not records[value] and value or nil
    end,
    record = function(field, value)
        local found <const> = records[value]
        for _, kind in ipairs(field.kinds) do
            if found and found.kind == kind then
                return found
            end
        end
    end,
}

-- `key` is the name of the field where it was given by name.
local function check_field(spec, field, value, key, values, line, report)
    local what <const> = spec.name .. ": " .. field.name
    if value == nil then
        if type(field.default) == "function" then
            values[field.name] = field.default(values)
        elseif field.default ~= nil then
            local both <const> = field.type == "sides"
            values[field.name] = both and converters.sides(field, field.default) or field.default
        elseif not field.optional then
            report(line, what .. " is missing", record.expected(field))
        end
        return
    end
    if field.type == "boolean" then
        if type(value) == "boolean" then
            values[field.name] = value
            return
        end
    else
        local converted <const> = converters[field.type](field, value)
        if converted ~= nil then
            values[field.name] = converted
            return
        end
    end
    local hint <const> = field.type == "choice" and type(value) == "string"
        and nearest.hint(value, field.choices) or ""
    report(line, what .. " is " .. refused_text(field, value) .. hint, record.expected(field), key)
end

-- A field that was given and has no effect beside the others is a mistake.
local function check_idle(spec, field, values, line, report)
    local why <const>, unless <const> = field.idle(values)
    if why then
        report(line, ("%s: %s has no effect with %s"):format(spec.name, field.name, why),
            ("no %s, or %s"):format(field.name, unless), field.name)
    end
end

-- Reports the keys of `arguments` that are not `known`, in the order of what messages show of them.
local function report_strangers(spec, arguments, known, line, report)
    local strangers <const> = {}
    for key in next, arguments do
        if not known[key] then
            strangers[#strangers + 1] = { key = key, text = record.show(key) }
        end
    end
    if #strangers == 0 then
        return
    end
    table.sort(strangers, function(a, b) return a.text < b.text end)
    local names <const> = {}
    for i, field in ipairs(spec.fields) do
        names[i] = field.name
    end
    local expected <const> = #names > 0 and record.either(names) or "none"
    for _, stranger in ipairs(strangers) do
        local key <const> = type(stranger.key) == "string" and stranger.key or nil
        local what
        if type(stranger.key) == "number" then
            what = "has a value too many, number " .. stranger.text
        else
            what = "has no field " .. (key and stranger.text or "of that type")
        end
        report(line, function()
            return spec.name .. ": " .. what .. (key and nearest.hint(key, names) or "")
        end, expected, key)
    end
end

-- The unnamed values of a call as a list, or nil where there are none.
local function unnamed_values(arguments, known)
    local list
    for key, value in next, arguments do
        if math.type(key) == "integer" then
            list = list or {}
            list[key] = value
            known[key] = true
        end
    end
    return list
end

-- Checks `arguments`, a table that a description wrote at `line`, against spec.fields and returns
-- the values with defaults filled in, nil where a field is wrong. Mistakes go to
-- report(line, what, expected, key): what is a text or a function that returns one (record.words);
-- key is that of the field where it was given by name.
function record.check(spec, arguments, line, report)
    local known <const>, values <const>, given <const> = {}, {}, {}
    for _, field in ipairs(spec.fields) do
        local value = arguments[field.name]
        known[field.name] = true
        local position <const> = field.position
        if position then
            known[position] = true
        end
        local unnamed = position and arguments[position]
        if field.rest then
            unnamed = unnamed_values(arguments, known)
        end
        if value ~= nil and unnamed ~= nil then
            report(line, ("%s: %s is given twice"):format(spec.name, field.name), "one value")
        end
        if unnamed ~= nil then
            value = unnamed
        end
        local key <const> = arguments[field.name] ~= nil and field.name or nil
        check_field(spec, field, value, key, values, line, report)
        given[#given + 1] = value ~= nil and field or nil
    end
    for _, field in ipairs(given) do
        if field.idle then
            check_idle(spec, field, values, line, report)
        end
    end
    report_strangers(spec, arguments, known, line, report)
    return values
end

-- The same for the record of a call, which takes one value or one table.
function record.check_call(spec, call, report)
    if call.count > 1 then
        report(call.line, ("%s: called with %d values"):format(spec.name, call.count),
            ("one value, or a table: %s { ... }"):format(spec.name))
    end
    return record.check(spec, call.arguments, call.line, report)
end

return record
