-- answer.lua - what a description left behind, as text from its own process to ours.
--
--     answer.write(message)        the description failed
--     answer.write(nil, result)    it returned `result`
--     answer.read(text) -> message, or nil and the result; or false where the text is no answer
--
-- Only plain data crosses: numbers, texts, booleans, tables and the records of calls (record.lua),
-- each table as often as it is referred to, so that one layer in two places is still one. A
-- function becomes another function, which does nothing.
--
-- The reader trusts nothing: the process that writes ran a stranger's program. It accepts only
-- texts such as the writer makes, with as many nodes at most, and what it accepts is checked like
-- anything else that a description says (network.lua). A node is a table or a value in one; a table
-- counts once, however often it is referred to. So many nodes bound what the checks cost.
--
-- The text is a row of objects, numbered from 1 in the order in which they are first referred to;
-- the first holds the result under the key 1.
--
--     object = "T" or "R" kind line outer (0: none) count, then pairs of value value, then "."
--     value  = "b" bool | "i" integer | "d" float | "s" text | "f" (a function)
--              | "@" number of an object
--
-- A failure is "M" and its message instead.

local record <const> = require("language/record")

local answer <const> = {}

answer.max_nodes = 20000 -- a thousand layers with every field given are about ten thousand
local MAX_NUMBER <const> = 1 << 31 -- of lines, and of values in a call

-- -- Writing -------------------------------------------------------------------------------------

local function writer()
    local parts <const>, objects <const>, number_of <const> = {}, {}, {}

    local function put(format, ...)
        parts[#parts + 1] = string.pack(format, ...)
    end

    local function put_value(value)
        local kind <const> = math.type(value) or type(value)
        if kind == "boolean" then
            put("c1B", "b", value and 1 or 0)
        elseif kind == "integer" then
            put("<c1i8", "i", value)
        elseif kind == "float" then
            put("<c1d", "d", value)
        elseif kind == "string" then
            put("<c1s4", "s", value)
        elseif kind == "table" then
            if not number_of[value] then
                objects[#objects + 1] = value
                number_of[value] = #objects
            end
            put("<c1I4", "@", number_of[value])
        else
            put("c1", "f")
        end
    end

    return { parts = parts, objects = objects, put = put, put_value = put_value }
end

-- The answer, or nil where it would hold too many nodes.
function answer.write(message, result)
    if message then
        return string.pack("<c1s4", "M", message)
    end
    local to <const> = writer()
    to.objects[1] = { result }
    local i, values = 1, 0
    while to.objects[i] do
        local object <const> = to.objects[i]
        local found <const> = record.of(object)
        if found then
            to.put("<c1s1i8i8i8", "R", found.kind, found.line, found.outer or 0, found.count)
        else
            to.put("c1", "T")
        end
        for key, value in next, found and found.arguments or object do
            values = values + 1
            if #to.objects + values > answer.max_nodes then
                return nil
            end
            to.put_value(key)
            to.put_value(value)
        end
        to.put("c1", ".")
        i = i + 1
    end
    return table.concat(to.parts)
end

-- -- Reading -------------------------------------------------------------------------------------

local function nothing() end

-- Takes texts apart from left to right. take(format) raises where there is no such value.
local function reader(text)
    local from <const> = { at = 1, nodes = 0 }

    function from.take(format)
        local value
        value, from.at = string.unpack(format, text, from.at)
        return value
    end

    function from.peek()
        return text:sub(from.at, from.at) -- empty at the end
    end

    return from
end

local function refuse()
    error("no answer", 0)
end

-- Counts one more node.
local function count_node(from)
    from.nodes = from.nodes + 1
    if from.nodes > answer.max_nodes then
        refuse()
    end
end

local function read_value(from, object_at)
    local tag <const> = from.take("c1")
    if tag == "b" then
        return from.take("B") ~= 0
    elseif tag == "i" then
        return from.take("<i8")
    elseif tag == "d" then
        return from.take("<d")
    elseif tag == "s" then
        return from.take("<s4")
    elseif tag == "f" then
        return nothing
    elseif tag == "@" then
        return object_at(from.take("<I4"))
    end
    refuse()
end

-- Fills the table `fill` with the pairs that follow.
local function read_pairs(from, object_at, fill)
    while from.peek() ~= "." do
        count_node(from)
        local key <const> = read_value(from, object_at)
        fill[key] = read_value(from, object_at) -- raises where the key is not a number
    end
    from.take("c1")
end

local function is_number(value)
    return value >= 0 and value <= MAX_NUMBER
end

local function is_call(kind, line, outer, count)
    return kind:find("^[a-z][a-z0-9_]*$") and is_number(line) and is_number(outer)
        and is_number(count)
end

local function read_objects(from)
    local objects <const> = { {} }

    local function object_at(number)
        if number < 1 or number > #objects + 1 then
            refuse()
        elseif not objects[number] then
            count_node(from)
            objects[number] = {}
        end
        return objects[number]
    end

    local i = 0
    repeat
        i = i + 1
        local object <const> = objects[i]
        local tag <const> = from.take("c1")
        if tag == "R" then
            local kind <const> = from.take("<s1")
            local line <const>, outer <const> = from.take("<i8"), from.take("<i8")
            local count <const> = from.take("<i8")
            if not is_call(kind, line, outer, count) then
                refuse()
            end
            read_pairs(from, object_at, record.restore(object, kind, line, count,
                outer > 0 and outer or nil))
        elseif tag == "T" then
            read_pairs(from, object_at, object)
        else
            refuse()
        end
    until i == #objects
    return objects[1][1]
end

local function read_answer(text)
    local from <const> = reader(text)
    local message, result
    if from.peek() == "M" then
        from.take("c1")
        message = from.take("<s4")
    else
        result = read_objects(from)
    end
    if from.peek() ~= "" then
        refuse()
    end
    return message, result
end

function answer.read(text)
    local ok <const>, message <const>, result <const> = pcall(read_answer, text)
    if not ok then
        return false
    end
    return message, result
end

return answer
