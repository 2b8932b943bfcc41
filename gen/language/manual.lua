-- manual.lua - the manual of the description language, from the tables that check descriptions.

local layers <const> = require("language/layers")
local nearest <const> = require("language/nearest")
local recipe <const> = require("language/recipe")
local record <const> = require("language/record")

local manual <const> = {}

local COLUMNS <const> = 79 -- of a line: the last one of a terminal stays free

local head <const> = [[
The description of a network

A description is a Lua file that returns network { ... }. It may use functions, loops and local
variables; lists of layers may be nested, and are flattened. The first value in a call needs no
name: conv { 16, window = 3 } is conv { channels = 16, window = 3 }, and maxpool(2) is
maxpool { window = 2 }.

A layer reads the layer before it unless `from` names another; the first reads the image, which
is called input. Every layer must be read by another, and the last must be
softmax_cross_entropy().

Names default to the kind and a number, conv1, conv2, relu1, which counts every layer of the kind,
those with a name of their own too: norm(), norm { name = "e" }, norm() are norm1, e and norm3. So a
name given to one layer changes no other, nor what a model file calls its parameters.

What a field says must make a difference: one that has no effect beside the others is an error, as
is a number that becomes zero as a float (below 1.18e-38) or leaves its range.

    local function block(channels)
        return {
            conv { channels, window = 3, padding = 1 },
            relu(), norm(), dropout(0.05),
        }
    end

    return network {
        name = "tiny",
        input = { 3, 32, 32 },
        classes = 10,
        recipe = {
            optimizer = sgd {
                lr = 0.05, momentum = 0.9, weight_decay = 5e-4, nesterov = true,
            },
            schedule = step { every = 6, gamma = 0.2 },
            augment = { crop = 2, flip = "random" },
        },
        layers = {
            block(16), maxpool(2), block(32), global_avgpool(), linear(10),
            softmax_cross_entropy(),
        },
    }
]]

local limits <const> = [[
Limits: %d layers, %d channels, images of %d x %d. A description runs for at most 10
seconds in 64 MiB, and reaches no file and no other module; it has these functions of Lua:
]]

-- Adds the words of `text` in lines, of which the first begins with `first` and the others with as
-- many blanks.
local function add_words(lines, first, text)
    local line = first
    for word in text:gmatch("%S+") do
        if #line > #first and #line + 1 + #word > COLUMNS then
            lines[#lines + 1] = line
            line = (" "):rep(#first)
        end
        line = line .. (#line > #first and " " or "") .. word
    end
    lines[#lines + 1] = line
end

-- Adds paragraphs, which blank lines part, behind so many blanks. Lines that begin with a blank are
-- examples and stay as they are.
local function add_paragraphs(lines, indent, text)
    local words = ""
    for line in (text .. "\n"):gmatch("(.-)\n") do
        local is_prose <const> = line:find("^%S") ~= nil
        if is_prose then
            words = words .. " " .. line
        else
            if words ~= "" then
                add_words(lines, (" "):rep(indent), words)
            end
            words = ""
            lines[#lines + 1] = line
        end
    end
    if words ~= "" then
        add_words(lines, (" "):rep(indent), words)
    end
end

local function default_text(field)
    if field.default_doc then
        return field.default_doc
    elseif field.default ~= nil then
        local value <const> = field.default
        return type(value) == "string" and value or record.show(value)
    end
end

local function is_common(field)
    return field == layers.common[1] or field == layers.common[2]
end

local function add_field(lines, field)
    local default <const> = default_text(field)
    add_words(lines, ("    %-16s "):format(field.name), field.doc)
    add_words(lines, (" "):rep(23), record.expected(field)
        .. (default and " [" .. default .. "]" or ""))
end

local function add_spec(lines, spec)
    lines[#lines + 1] = ""
    lines[#lines + 1] = spec.example and ("%s: %s"):format(spec.name, spec.example) or spec.name
    add_paragraphs(lines, 4, spec.doc)
    for _, field in ipairs(spec.fields) do
        if not is_common(field) then
            add_field(lines, field)
        end
    end
end

local function offered_text(offered)
    local names <const> = { "pairs (in the order of its keys)", "tostring" }
    for library, functions in pairs(offered) do
        for _, name in ipairs(functions) do
            names[#names + 1] = library == "" and name or library .. "." .. name
        end
    end
    names[#names + 1] = "string.format"
    table.sort(names)
    return table.concat(names, ", ")
end

-- What the calls of a description are, in the order of the manual.
local function specs()
    local all <const> = table.move(layers.kinds, 1, #layers.kinds, 1, {})
    all[#all + 1] = recipe.network
    all[#all + 1] = recipe.recipe
    table.move(recipe.calls, 1, #recipe.calls, #all + 1, all)
    all[#all + 1] = recipe.factors
    all[#all + 1] = recipe.augment
    return all
end

-- The names of these, each once.
function manual.kinds()
    local names <const> = {}
    for _, spec in ipairs(specs()) do
        names[#names + 1] = not names[spec.name] and spec.name or nil
        names[spec.name] = true
    end
    return names
end

-- What the manual says of calls or tables of that name, or nil and what is wrong with its name.
local function part(kind)
    local lines <const>, names <const> = {}, manual.kinds()
    for _, spec in ipairs(specs()) do
        if spec.name == kind then -- linear is a layer and a schedule
            add_spec(lines, spec)
        end
    end
    if #lines > 0 then
        return table.concat(lines, "\n", 2) .. "\n"
    end
    return nil, ("layers %s: there is no such call%s: expected %s"):format(kind,
        nearest.hint(kind, names), record.either(names))
end

-- The manual, or where there is a `kind` what it says of that alone; nil and what is wrong where
-- nothing is called so.
function manual.text(kind)
    if kind then
        return part(kind)
    end
    local lines <const> = {}
    add_paragraphs(lines, 0, head)
    table.move({ "Layers, with their fields; [defaults]", "" }, 1, 2, #lines + 1, lines)
    lines[#lines + 1] = "any layer; add, mul, concat and softmax_cross_entropy have no `from`"
    for _, field in ipairs(layers.common) do
        add_field(lines, field)
    end
    for _, spec in ipairs(layers.kinds) do
        add_spec(lines, spec)
    end
    lines[#lines + 1] = "\nNetwork and recipe"
    add_spec(lines, recipe.network)
    add_spec(lines, recipe.recipe)
    for _, spec in ipairs(recipe.calls) do
        add_spec(lines, spec)
    end
    add_spec(lines, recipe.factors)
    add_spec(lines, recipe.augment)
    lines[#lines + 1] = ""
    add_paragraphs(lines, 0, limits:format(layers.max_layers, layers.max_channels,
        layers.max_side, layers.max_side))
    add_words(lines, "    ", offered_text(require("language/evaluate").offered))
    return table.concat(lines, "\n") .. "\n"
end

return manual
