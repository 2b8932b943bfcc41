-- evaluate.lua - from the text of a description to the call of network{...} that it returns.
--
-- A description is a stranger's program. It runs as text, never bytecode, in an environment that
-- offers what a description needs and nothing that reaches the machine, runs other code, catches an
-- error, matches patterns or changes a metatable; with the budget of host.load_description; and in
-- a process of its own, whose answer is plain data (answer.lua). Its calls only note their
-- arguments (record.lua), which network.lua checks.

local answer <const> = require("language/answer")
local layers <const> = require("language/layers")
local nearest <const> = require("language/nearest")
local recipe <const> = require("language/recipe")
local record <const> = require("language/record")

local evaluate <const> = {}

evaluate.max_text = 1 << 20
local MAX_MESSAGE <const> = 400

-- -- The environment of a description ------------------------------------------------------------

local offered <const> = {
    [""] = { "assert", "error", "ipairs", "select", "tonumber", "type" },
    math = {
        "abs", "ceil", "floor", "fmod", "huge", "max", "maxinteger", "min", "mininteger", "pi",
        "sqrt", "tointeger", "type",
    },
    string = { "byte", "char", "len", "lower", "reverse", "sub", "upper" },
    table = { "concat", "insert", "pack", "remove", "unpack" },
}

-- pairs in the order of sorted keys: a description must mean the same in every run.
local function sorted_pairs(t)
    if type(t) ~= "table" then
        error("pairs of " .. record.show(t) .. ": expected a table", 0)
    end
    local keys <const> = {}
    for key in next, t do
        local kind <const> = type(key)
        if kind ~= "number" and kind ~= "string" then
            error("pairs of a table with a key that is " .. record.show(key)
                .. ": expected numbers and texts", 0)
        end
        keys[#keys + 1] = key
    end
    table.sort(keys, function(a, b)
        if type(a) ~= type(b) then
            return type(a) == "number"
        end
        return a < b
    end)
    local i = 0
    return function()
        i = i + 1
        return keys[i], t[keys[i]]
    end
end

-- tostring and string.format take plain values only: the others would print addresses, which
-- change from run to run. Errors here have no position: the host adds the description's.
local function plain(value)
    local kind <const> = type(value)
    return kind == "string" or kind == "number" or kind == "boolean" or kind == "nil"
end

local function plain_tostring(value)
    if not plain(value) then
        error("tostring of a " .. type(value) .. ": expected a plain value", 0)
    end
    return tostring(value)
end

local function plain_format(format, ...)
    if type(format) ~= "string" then
        error("string.format without a format: expected a text", 0)
    end
    for i = 1, select("#", ...) do
        if not plain((select(i, ...))) then
            error("string.format of a table or function: expected plain values", 0)
        end
    end
    if string.find(string.gsub(format, "%%%%", ""), "%%[-+ #0-9.]*p") then
        error("string.format with %p: expected another conversion", 0)
    end
    local ok <const>, text <const> = pcall(string.format, format, ...)
    if not ok then
        error(text, 0)
    end
    return text
end

-- Which global was meant by a name that is none.
local function meant_global(env, name)
    local names <const> = {}
    for key in next, env do
        names[#names + 1] = type(key) == "string" and key or nil
    end
    table.sort(names)
    return type(name) == "string" and nearest.hint(name, names) or ""
end

local function environment()
    local env <const> = {}
    for library, names in pairs(offered) do
        local source <const> = library == "" and _G or _G[library]
        local target <const> = library == "" and env or {}
        for _, name in ipairs(names) do
            target[name] = source[name]
        end
        if library ~= "" then
            env[library] = target
        end
    end
    env.pairs = sorted_pairs
    env.tostring = plain_tostring
    env.string.format = plain_format

    local function offer(kind)
        env[kind] = host.located(function(line, outer, ...)
            return record.from(record.make(kind, line, ...), outer)
        end)
    end
    offer("network")
    for _, spec in ipairs(layers.kinds) do
        offer(spec.name)
    end
    for _, spec in ipairs(recipe.calls) do
        offer(spec.name)
    end

    return setmetatable(env, {
        __index = function(_, name)
            error("unknown name " .. record.show(name) .. meant_global(env, name)
                .. ": expected a layer, a variable or one of the functions that `burin layers` "
                .. "lists", 0)
        end,
    })
end

evaluate.offered = offered

-- -- The process of a description -----------------------------------------------------------------

-- What was expected, where Lua's own messages do not say it: { start of the message, words }.
local hints <const> = {
    { "attempt to call a ", "a function; `burin layers` lists those there are" },
    { "attempt to index a ", "a table" },
    { "attempt to perform arithmetic on ", "numbers" },
    { "attempt to concatenate a ", "texts or numbers" },
    { "attempt to compare ", "two numbers or two texts" },
    { "attempt to get length of ", "a text or a table" },
    { "attempt to load a binary chunk", "the text of a description" },
    { "'}' expected ", "a comma before it, or the brace" },
    { "unexpected symbol near ", "Lua 5.4" },
    { "syntax error near ", "Lua 5.4" },
    { "unfinished ", "its end" },
    { "stack overflow", "calls that end" },
    { "C stack overflow", "at most 200 levels of nesting" },
    { "too many results to unpack", "fewer than a million" },
}

-- A message of the description's process, in one line of printable text that starts with `file:`
-- and a line.
local function tidy(message, file)
    local start <const> = file .. ":"
    local line, text = "1", message
    if message:sub(1, #start) == start then
        line, text = message:sub(#start + 1):match("^(%d+): (.*)$")
        if not line or #line > 7 then
            line, text = "1", message
        end
    end
    text = text:gsub("\nstack traceback:.*", ""):gsub("[^\x20-\x7e]", "?")
    if #text > MAX_MESSAGE then
        text = text:sub(1, MAX_MESSAGE) .. "..."
    end
    for _, hint in ipairs(hints) do
        if text:sub(1, #hint[1]) == hint[1] then
            text = ("%s: expected %s"):format(text, hint[2])
        end
    end
    return ("%s:%s: %s"):format(file, line, text)
end

-- Runs the description `text` and returns what it left, as a text that answer.lua reads. This is
-- the part of evaluate.read that runs in a process of its own.
function evaluate.answer(text, file)
    local runner <const>, problem <const> = host.load_description(text, "@" .. file, environment())
    if not runner then
        return answer.write(problem)
    end
    local ran <const>, result <const> = runner()
    if not ran then
        return answer.write(result)
    end
    return answer.write(nil, result) or answer.write(("%s:1: the description returns too many "
        .. "tables and values: expected at most %d"):format(file, answer.max_nodes))
end

local function reject(file, message)
    error({ kind = "rejected", messages = { file .. ":1: " .. message } }, 0)
end

-- What ended the process of a description, for a user.
local ends <const> = {
    time = "the description runs too long: expected at most 10 seconds",
    size = "the description returns too much: expected at most 4 MiB of names and numbers",
}

-- Runs the description in a process of its own and returns what evaluate.answer returned there.
local function answer_of_child(text, file)
    local found <const>, kind <const>, words <const> = host.in_child(evaluate.answer, text, file)
    if found then
        return found
    elseif kind == "system" then
        error({ kind = "failed", messages = { file .. ": cannot run it in a process: " .. words } },
            0)
    end
    reject(file, ends[kind] or ("the description ends its process: %s: expected "
        .. "`return network { ... }`"):format(words))
end

-- The record of the network{...} call that a description returned, from the text that
-- evaluate.answer made of it.
function evaluate.result(text, file)
    local message <const>, result <const> = answer.read(text)
    if message == false then
        reject(file, "the description breaks its answer: expected `return network { ... }`")
    elseif message then
        error({ kind = "rejected", messages = { tidy(message, file) } }, 0)
    end
    local top <const> = record.of(result)
    if not top or top.kind ~= "network" then
        reject(file, ("the description returns %s: expected `return network { ... }`"):format(
            record.show(result)))
    end
    return top
end

-- The record of the network{...} call that the description `text` returns. `file` names it in
-- messages. Raises { kind = "rejected" } where there is none.
function evaluate.read(text, file)
    if #text > evaluate.max_text then
        reject(file, ("the description is too long: expected at most %d bytes"):format(
            evaluate.max_text))
    end
    return evaluate.result(answer_of_child(text, file), file)
end

return evaluate
