-- schema.lua - values out of JSON against what they should be.
--
--     spec = { kind = "text" | "integer" | "number" | "scalar" | "list" | "map" | "object",
--              expected = "a text", optional = bool,
--              low, high = (of numbers),     null = true where a number may be null,
--              of = spec (of the values of lists and maps),   least, most = (entries of a list),
--              fields = { { name, spec }, ... } (of an object),
--              also = f(value) -> nil, or the path of what is wrong, what was found, the expected }
--
-- host.json makes tables of objects and arrays and false of null. A value that fits is returned as
-- a copy with nothing in it that the spec does not name: others may write more than we read.

local schema <const> = {}

-- -- Specs ---------------------------------------------------------------------------------------

function schema.text()
    return { kind = "text", expected = "a text" }
end

--- A text, a number or a truth value.
function schema.scalar()
    return { kind = "scalar", expected = "a text, a number, true or false" }
end

function schema.integer(low, high)
    return { kind = "integer", low = low, high = high,
        expected = ("an integer from %d to %d"):format(low, high) }
end

--- A finite number.
function schema.number(low, high)
    return { kind = "number", low = low, high = high,
        expected = ("a number from %g to %g"):format(low, high) }
end

--- The same, or null: a number that was not finite when it was written.
function schema.number_or_null(low, high)
    return { kind = "number", low = low, high = high, null = true,
        expected = ("null or a number from %g to %g"):format(low, high) }
end

--- A list of at least and at most so many entries; both may be left out.
function schema.list(of, least, most)
    local size = ""
    if least and least == most then
        size = (" of %d"):format(least)
    elseif least and most then
        size = (" of %d to %d"):format(least, most)
    elseif least then
        size = (" of at least %d"):format(least)
    end
    return { kind = "list", of = of, least = least or 0, most = most or math.huge,
        expected = "a list" .. size }
end

--- An object with keys of any names.
function schema.map(of)
    return { kind = "map", of = of, expected = "an object" }
end

--- An object: fields = { { name, spec }, ... }.
function schema.object(fields, also)
    return { kind = "object", fields = fields, also = also, expected = "an object" }
end

--- The same, which may be absent.
function schema.optional(spec)
    local copy <const> = { optional = true }
    for key, value in pairs(spec) do -- their order does not matter
        copy[key] = value
    end
    return copy
end

-- -- Checking ------------------------------------------------------------------------------------

local SHOWN <const> = 40 -- bytes of a text in a message

--- A value as a message shows it, printable whatever it holds.
function schema.show(value)
    if type(value) == "string" then
        local text <const> = value:gsub("[^ -~]", "?")
        return #text > SHOWN and '"' .. text:sub(1, SHOWN) .. '..."' or '"' .. text .. '"'
    elseif type(value) == "table" then
        return (#value > 0 and "a list of %d" or next(value) == nil and "empty" or "an object")
            :format(#value)
    elseif type(value) == "number" then
        return ("%.14g"):format(value)
    end
    return value and "true" or "false or null"
end

local function is_list(value)
    return type(value) == "table" and (#value > 0 or next(value) == nil)
end

local function is_object(value)
    return type(value) == "table" and #value == 0
end

local function in_range(value, spec)
    return value >= spec.low and value <= spec.high
end

local FITS <const> = {
    text = function(value) return type(value) == "string" end,
    scalar = function(value) return type(value) ~= "table" end,
    integer = function(value, spec)
        return math.type(value) == "integer" and in_range(value, spec)
    end,
    number = function(value, spec)
        return type(value) == "number" and in_range(value, spec) or spec.null and value == false
    end,
    list = function(value, spec)
        return is_list(value) and #value >= spec.least and #value <= spec.most
    end,
    map = is_object,
    object = is_object,
}

-- Raises { path, found, expected }.
local function refuse(path, found, expected)
    error({ path, found, expected }, 0)
end

local copy -- of a value, by its spec

local COPIES <const> = {
    list = function(value, spec, path)
        local out <const> = {}
        for i, entry in ipairs(value) do
            out[i] = copy(entry, spec.of, path, i)
        end
        return out
    end,
    map = function(value, spec, path)
        local out <const> = {}
        local keys <const> = {}
        for key in pairs(value) do
            keys[#keys + 1] = key
        end
        table.sort(keys) -- which mistake is told does not depend on the run
        for _, key in ipairs(keys) do
            out[key] = copy(value[key], spec.of, path, key)
        end
        return out
    end,
    object = function(value, spec, path)
        local out <const> = {}
        for _, field in ipairs(spec.fields) do
            out[field[1]] = copy(value[field[1]], field[2], path, field[1])
        end
        return out
    end,
}

-- The path of an entry: "walk" and "losses" are "walk.losses", "losses" and 2 are "losses[2]".
local function join(path, key)
    if math.type(key) then
        return ("%s[%d]"):format(path, key)
    end
    key = key:gsub("[^ -~]", "?"):sub(1, SHOWN)
    return path == "" and key or path .. "." .. key
end

function copy(value, spec, parent, key)
    if value == nil then
        return not spec.optional and refuse(join(parent, key), "missing", spec.expected) or nil
    elseif not FITS[spec.kind](value, spec) then
        refuse(join(parent, key), schema.show(value), spec.expected)
    end
    local deeper <const> = COPIES[spec.kind]
    if not deeper then
        return value
    end
    local path <const> = key and join(parent, key) or parent
    local out <const> = deeper(value, spec, path)
    if spec.also then
        local wrong <const>, found <const>, expected <const> = spec.also(out)
        if wrong then
            refuse(join(path, wrong), found, expected)
        end
    end
    return out
end

--- The copy of a table that fits an object's spec; or nil and "what: found: expected ...".
function schema.read(value, spec)
    if not is_object(value) then
        return nil, ("%s: expected an object"):format(schema.show(value))
    end
    local ok <const>, result <const> = pcall(copy, value, spec, "")
    if ok then
        return result
    elseif type(result) ~= "table" then
        error(result, 0) -- no mistake of the value
    end
    return nil, ("%s: %s: expected %s"):format(table.unpack(result))
end

return schema
