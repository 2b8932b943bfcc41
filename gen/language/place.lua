-- place.lua - the line of what has none: fields of plain tables, and names without a call.
--
--     local of <const> = place.index(text)
--     of.key(3, "epochs")          -- the line of "epochs = ..."
--     of.bare_name(3, is_call)     -- a name that is not called, and its line
--
-- Descriptions run before they are checked, and Lua knows the lines of calls alone. Where a message
-- is about a field or a name, the text tells where that stands.

local place <const> = {}

-- Where each line of `text` starts.
local function starts_of(text)
    local starts <const> = { 1 }
    for after in text:gmatch("\n()") do
        starts[#starts + 1] = after
    end
    return starts
end

-- The number of the line that holds the byte `at`.
local function line_at(starts, at)
    local low, high = 1, #starts
    while low < high do
        local middle <const> = (low + high + 1) // 2
        if starts[middle] <= at then
            low = middle
        else
            high = middle - 1
        end
    end
    return low
end

function place.index(text)
    local starts <const> = starts_of(text)
    local of <const> = {}

    local function is_commented(line, at)
        return text:sub(starts[line], at - 1):find("--", 1, true) ~= nil
    end

    -- The first line from `line` on where `pattern` is found outside of a comment, or nil.
    local function first_line(pattern, line)
        local at = starts[line] or #text + 1
        while true do
            local first <const> = text:find(pattern, at)
            if not first then
                return nil
            end
            local found <const> = line_at(starts, first)
            if not is_commented(found, first) then
                return found
            end
            at = first + 1
        end
    end

    -- The line of `key = ...`: the first from `line` on, or of the whole text where there is none,
    -- as of a table that was written before its use; or `line` where it is written nowhere.
    function of.key(line, key)
        local pattern <const> = "%f[%w_]" .. key:gsub("%W", "%%%0") .. "%s*=%f[^=]"
        return first_line(pattern, line) or first_line(pattern, 1) or line
    end

    -- The first name from `line` on that is_call(name) and is not called, and its line; or nothing.
    function of.bare_name(line, is_call)
        local at = starts[line] or #text + 1
        for first, name, after in text:sub(at):gmatch("()%f[%w_]([%a_][%w_]*)()") do
            local next_byte <const> = text:match("^%s*(.?)", at + after - 1)
            if is_call(name) and next_byte:find("^[,}]?$") then
                local found <const> = line_at(starts, at + first - 1)
                if not is_commented(found, at + first - 1) then
                    return name, found
                end
            end
        end
    end

    return of
end

return place
