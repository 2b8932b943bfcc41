-- dump.lua - any plain table as text, the same text in every run: keys sorted, arrays in order.
--
-- Short tables take one line. It prints what a pass hands to the next (`burin plan --pass NAME`).

local dump <const> = {}

local WIDTH <const> = 100
local INDENT <const> = "    "

local function scalar(value)
    if type(value) == "string" then
        return '"' .. value:gsub('[%c"\\]', function(c)
            return c == "\n" and "\\n" or ("\\%03d"):format(c:byte())
        end) .. '"'
    elseif math.type(value) == "float" then
        return ("%.9g"):format(value)
    elseif type(value) == "function" or type(value) == "userdata" then
        return "<" .. type(value) .. ">"
    end
    return tostring(value)
end

local function key_text(key)
    if type(key) == "string" and key:find("^[%a_][%w_]*$") then
        return key .. " = "
    end
    return "[" .. scalar(key) .. "] = "
end

local function sorted_keys(t)
    local keys <const> = {}
    local length <const> = #t
    for key in next, t do
        if not (math.type(key) == "integer" and key >= 1 and key <= length) then
            keys[#keys + 1] = key
        end
    end
    table.sort(keys, function(a, b)
        if type(a) ~= type(b) then
            return type(a) < type(b)
        elseif type(a) == "number" or type(a) == "string" then
            return a < b
        end
        return tostring(a) < tostring(b)
    end)
    return keys
end

local render

local function render_table(t, indent, path)
    if path[t] then
        return "<cycle>"
    end
    path[t] = true
    local items <const> = {}
    for _, value in ipairs(t) do
        items[#items + 1] = render(value, indent .. INDENT, path)
    end
    for _, key in ipairs(sorted_keys(t)) do
        items[#items + 1] = key_text(key) .. render(t[key], indent .. INDENT, path)
    end
    path[t] = nil
    if #items == 0 then
        return "{}"
    end
    local line <const> = "{ " .. table.concat(items, ", ") .. " }"
    if #indent + #line <= WIDTH and not line:find("\n", 1, true) then
        return line
    end
    local inner <const> = "\n" .. indent .. INDENT
    return "{" .. inner .. table.concat(items, "," .. inner) .. ",\n" .. indent .. "}"
end

function render(value, indent, path)
    if type(value) == "table" then
        return render_table(value, indent, path)
    end
    return scalar(value)
end

-- `value` as text that ends in a newline; a table inside itself prints as <cycle>.
function dump.text(value)
    return render(value, "", {}) .. "\n"
end

return dump
