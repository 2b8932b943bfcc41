-- harness.lua - what the Lua tests check with.
--
-- A file test_x.lua gets this table as its argument and returns { name = function }; test_lua.c
-- runs every function in a Lua state of its own. A check that fails is an error at its own line.
--
--     local test <const> = ...
--     return { sum = function() test.equal(1 + 1, 2) end }

local test <const> = {}

--- The folder of the tests, for files beside them.
test.dir = ...

local function show(x)
    return type(x) == "string" and ("%q"):format(x):gsub("\\\n", "\\n") or tostring(x)
end

--- How many thousands of steps of Lua a call takes; it may raise. Unlike a time, the same on every
--- machine and under every load.
function test.kilosteps(f, ...)
    local count = 0
    debug.sethook(function() count = count + 0.1 end, "", 100)
    pcall(f, ...)
    debug.sethook()
    return count
end

-- The keys of both tables, in an order that does not depend on the run.
local function sorted_keys(a, b)
    local keys <const> = {}
    for key in pairs(a) do
        keys[#keys + 1] = key
    end
    for key in pairs(b) do
        keys[#keys + 1] = a[key] == nil and key or nil
    end
    table.sort(keys, function(x, y)
        if math.type(x) and math.type(y) then
            return x < y
        end
        return tostring(x) < tostring(y)
    end)
    return keys
end

-- The first line at which two texts of several lines differ.
local function text_difference(got, want)
    local next_got <const>, next_want <const> = got:gmatch("[^\n]*"), want:gmatch("[^\n]*")
    for line = 1, math.huge do
        local a <const>, b <const> = next_got(), next_want()
        if a ~= b then
            return ("line %d: expected %s, got %s"):format(line, show(b), show(a))
        end
    end
end

-- Where and how got differs from want; nil when they are equal, part by part and type by type.
local function difference(got, want, path)
    if type(got) == "table" and type(want) == "table" then
        for _, key in ipairs(sorted_keys(got, want)) do
            local found <const> = difference(got[key], want[key], path .. "[" .. show(key) .. "]")
            if found then
                return found
            end
        end
    elseif got ~= want or math.type(got) ~= math.type(want) then
        if type(got) == "string" and type(want) == "string" and (got .. want):find("\n") then
            return path .. ": " .. text_difference(got, want)
        end
        return ("%s: expected %s, got %s"):format(path, show(want), show(got))
    end
    return nil
end

--- got must equal want: tables by their contents, and an integer is not a float. `what` names got.
function test.equal(got, want, what)
    local found <const> = difference(got, want, what or "value")
    if found then
        error(found, 2)
    end
end

--- f(...) must raise. `want` is the message from its start, or the messages of an error table;
--- returns the error value.
function test.raises(want, f, ...)
    local ok <const>, raised <const> = pcall(f, ...)
    if ok then
        error(("no error: expected %s"):format(show(want)), 2)
    end
    local found
    if type(want) == "table" then
        found = difference(type(raised) == "table" and raised.messages or raised, want, "messages")
    elseif type(raised) ~= "string" or raised:sub(1, #want) ~= want then
        found = ("error: expected %s, got %s"):format(show(want), show(raised))
    end
    if found then
        error(found, 2)
    end
    return raised
end

return test
