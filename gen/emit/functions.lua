-- functions.lua - the functions of a program, each once, and what their templates note of them.
--
--     local all <const> = functions.new(set.words)
--     local kernels <const> = all:new_list()          -- { texts, prototypes }
--     all:add(kernels, name, "ops/add.c.tpl", params)
--     local helpers <const> = all:helpers({ "emit/prelude.c.tpl" }, params)
--
-- A template of helpers gets the table `wanted`: whether a helper is called. So it is expanded
-- after all that may call it, whatever their order in the file is.

local template <const> = require "emit/template"

local functions <const> = {}
functions.__index = functions

-- Whether two values are the same, tables part by part but for the key `but`.
local function equal(a, b, but)
    if type(a) ~= "table" or type(b) ~= "table" then
        return a == b
    end
    for key, value in pairs(a) do -- the order does not matter
        if key ~= but and not equal(value, b[key]) then
            return false
        end
    end
    for key in pairs(b) do
        if key ~= but and a[key] == nil then
            return false
        end
    end
    return true
end

--- A program without functions. words: those of its instruction set, which its templates see
function functions.new(words)
    local calls <const>, offered <const> = {}, {}
    local wanted <const> = setmetatable({}, {
        __index = function(_, helper)
            offered[helper] = true
            return calls[helper] or false
        end,
    })
    return setmetatable({
        words = words, made = {}, calls = calls, offered = offered, wanted = wanted,
    }, functions)
end

--- A part of the file: its functions, the names of those that add() adds, and the prototypes of
--- those that are called before them.
function functions.new_list()
    return { texts = {}, names = {}, prototypes = {}, is_entry = {} }
end

--- Notes that a helper is called by what is no template of a function.
function functions:call(helper)
    self.calls[helper] = true
end

--- Whether there is a function of that name, made from the same source; else notes it. A text
--- follows from its source, and two functions of one name that differ would be a bug of name.lua.
--- but: a key of the source on which the text does not depend
function functions:is_made(name, source, but)
    local known <const> = self.made[name]
    self.made[name] = known or source
    assert(not known or equal(known, source, but), "one name for two functions: " .. name)
    return known ~= nil
end

--- Appends the functions of a template to a list and returns their text.
function functions:append(list, file, params)
    local text <const>, notes <const> = template.render(file, params, self.words)
    for _, helper in ipairs(notes.uses) do
        self.calls[helper] = true
    end
    list.texts[#list.texts + 1] = text
    list.is_entry[#list.texts] = params.is_entry
    table.move(notes.prototypes, 1, #notes.prototypes, #list.prototypes + 1, list.prototypes)
    return text
end

--- The texts of a list, each with a blank line behind it but for lines of a table, which a macro
--- makes functions (is_entry of their parameters) and which follow each other.
function functions.closed_up(list)
    local texts <const> = {}
    for i, text in ipairs(list.texts) do
        texts[i] = list.is_entry[i] and list.is_entry[i + 1] and text:gsub("\n$", "") or text
    end
    return texts
end

--- The same, unless there is one of that name.
function functions:add(list, name, file, params)
    if not self:is_made(name, params) then
        list.names[#list.names + 1] = name
        self:append(list, file, params)
    end
end

--- A list of those functions of some templates of helpers that are called, by others or by each
--- other. A helper stands behind those that it calls.
function functions:helpers(files, params)
    params.wanted = self.wanted
    local list, known
    repeat
        known, list = self:count(), functions.new_list()
        for _, file in ipairs(files) do
            if self:append(list, file, params) == "\n" then
                table.remove(list.texts) -- none of its helpers is called
            end
        end
    until self:count() == known
    return list
end

--- The number of helpers that are called.
function functions:count()
    local count = 0
    for _ in pairs(self.calls) do -- a number: the order does not matter
        count = count + 1
    end
    return count
end

--- Every helper that is called is one that a template has. To be asked at the end.
function functions:check()
    for helper in pairs(self.calls) do -- there should be none
        assert(self.offered[helper], "a template uses the helper '" .. helper
            .. "', which no template of helpers has")
    end
end

return functions
