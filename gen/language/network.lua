-- network.lua - from the text of a description to a checked list of layers.
--
--     network = { file = "gen/nets/s8.lua", norm = "bn", name = "s8", line, where = "file:line",
--                 input = { c, h, w }, classes, recipe = (recipe.lua), layers = { layer, ... } }
--     layer   = { kind = "conv", name = "conv1", where = "file:line", outer (record.lua),
--                 fields = (layers.lua),
--                 inputs = { "input" } }        -- names of earlier layers, or of the image
--
-- The calls of a description only note their arguments (evaluate.lua, record.lua). What they noted
-- is checked here; shapes come later, in graph.lua. Both passes report all their errors together.

local evaluate <const> = require("language/evaluate")
local identifier <const> = require("language/identifier")
local layers <const> = require("language/layers")
local nearest <const> = require("language/nearest")
local place <const> = require("language/place")
local recipe <const> = require("language/recipe")
local record <const> = require("language/record")

local network <const> = {}

local MAX_LISTS <const> = 10000
local MAX_MESSAGES <const> = 20
local MAX_KEYS <const> = 5 -- of a list that are quoted
local MAX_PATH <const> = 160 -- bytes of a place in nested lists that are written out
local MAX_INPUT <const> = 1 << 26 -- values of an image: indices in C are int

-- A list of the user's errors: report(line, what, expected, key) notes one, raise() raises all of
-- them in the order of their lines, if there is any, though no more than anybody reads. `what` may
-- be a function that returns the words, called for those that are read. A mistake in the field
-- `key` stands on the line of that field; `of` (place.lua) finds it, where there is a text.
function network.errors(file, of)
    local noted <const> = {}
    local errors <const> = {}

    function errors.report(line, what, expected, key)
        noted[#noted + 1] = {
            line = line, order = #noted, what = what, expected = expected, key = key,
        }
    end

    local function sort(list)
        table.sort(list, function(a, b)
            if a.line ~= b.line then
                return a.line < b.line
            end
            return a.order < b.order
        end)
    end

    function errors.raise()
        if #noted == 0 then
            return
        end
        sort(noted)
        local read <const> = table.move(noted, 1, math.min(#noted, MAX_MESSAGES), 1, {})
        for _, one in ipairs(read) do
            one.line = of and one.key and of.key(one.line, one.key) or one.line
        end
        sort(read)
        local messages <const> = {}
        for i, one in ipairs(read) do
            messages[i] = ("%s:%d: %s: expected %s"):format(file, one.line,
                record.words(one.what), one.expected)
        end
        if #noted > MAX_MESSAGES then
            messages[#messages + 1] = ("%s:%d: %d more mistakes: expected none"):format(file,
                noted[MAX_MESSAGES + 1].line, #noted - MAX_MESSAGES)
        end
        error({ kind = "rejected", messages = messages }, 0)
    end

    return errors
end

-- -- Layers --------------------------------------------------------------------------------------

-- The place of the i-th value of the list at `path`, for messages.
local function place_in(path, i)
    if #path < MAX_PATH then
        return ("%s[%d]"):format(path, i)
    end
    return path:find("[...]", -5, true) and path or path .. "[...]"
end

-- The largest index in a list, and the text of the keys that are no indices, or nil.
local function look_at(list)
    local count = 0
    local keys <const> = {}
    for key in next, list do
        if math.type(key) == "integer" and key >= 1 then
            count = math.max(count, key)
        else
            keys[#keys + 1] = record.show(key)
        end
    end
    if #keys == 0 then
        return count, nil
    end
    table.sort(keys) -- next has no order of its own
    local more <const> = #keys > MAX_KEYS and (" and %d more"):format(#keys - MAX_KEYS) or ""
    return count, table.concat(keys, ", ", 1, math.min(#keys, MAX_KEYS)) .. more
end

-- The name of a layer that stands where its call was meant, `value`, and its line; or nothing. It
-- is looked for behind the last layer that was called and the last such name.
local function find_bare_name(flat, line, value)
    if type(value) ~= "function" or not flat.of then
        return nil
    end
    local last <const> = flat[#flat]
    local first <const> = math.max(last and last.line or line, flat.bare_line + 1)
    local name <const>, at <const> = flat.of.bare_name(first, function(word)
        return layers.of[word] ~= nil
    end)
    flat.bare_line = at or math.maxinteger - 1 -- there is no other
    return name, at
end

-- Appends the records of a nested list to `flat`, an array that also counts its lists and knows
-- those that are open, since lists may hold themselves or each other many times. `path` says
-- where in the list, for messages. False when it is of no use to go on; flat.broken where
-- anything is missing. A list that is wrong is told once and never looked at again, so the work is
-- bounded by the limits on lists and layers and by what the lists hold, each counted once.
-- flat.told: the places in inner lists where a name without its call was told.
local function flatten(list, path, line, flat, report)
    local function complain(what, expected, at)
        flat.broken = true
        flat.wrong[list] = true
        report(at or line, what, expected)
    end

    flat.lists = flat.lists + 1
    if flat.open[list] then
        complain(path .. " holds itself", "layers and lists of layers")
        return false
    elseif flat.lists > MAX_LISTS then
        complain("network: too many lists of layers", "at most " .. MAX_LISTS)
        return false
    elseif flat.wrong[list] then
        return true
    end
    local count <const>, keys <const> = look_at(list)
    if keys then
        complain(("%s has a key %s"):format(path, keys), "a list without keys")
        return true
    end
    flat.open[list] = true
    for i = 1, count do
        local value <const> = list[i]
        local found <const> = record.of(value)
        if #flat > layers.max_layers then
            return false
        elseif found and layers.of[found.kind] then
            flat[#flat + 1] = found
        elseif not found and type(value) == "table" then
            if not flatten(value, place_in(path, i), line, flat, report) then
                return false
            end
        else
            local name <const>, at <const> = find_bare_name(flat, line, value)
            -- A function of the description that is called many times makes a list each time.
            local again <const> = not name and type(value) == "function" and flat.told[i]
            local expected <const> = name and ("%s { ... } or %s()"):format(name, name)
                or "a layer or a list of layers"
            local found_text <const> = name or record.show(value)
            if name and path:find("]", 1, true) then
                flat.told[i] = true
            end
            if again then
                flat.wrong[list] = true
            else
                complain(("%s is %s"):format(place_in(path, i), found_text), expected, at)
            end
            if value == nil then
                break -- the list may be all holes
            end
        end
    end
    flat.open[list] = nil
    return true
end

-- Whether the layer at `line`, with the fields f, may be called `name`; notes it in `used` where it
-- may. A name that is none is quoted only as record.show does: it may hold anything.
local function check_name(spec, f, name, line, used, report)
    local what <const>, expected <const> = identifier.layer_problem(name)
    if what then
        report(line, ("%s: name %s %s"):format(spec.name, record.show(name), what), expected)
        return false
    end
    local constant <const> = name:upper() -- as in the generated C
    local noun <const> = f.name and "name" or "default name"
    local other <const> = used[constant]
    if not other then
        used[constant] = { name = name, line = line }
    elseif other.name == name then
        report(line, ("%s: the %s %s is taken by the layer at line %d"):format(spec.name, noun,
            name, other.line), "a name of its own")
    else
        report(line, ("%s: the %s %s is taken by %s, at line %d"):format(spec.name, noun, name,
            other.name, other.line), "a name that differs in more than capitals")
    end
    return not other
end

-- The checked fields of a layer.
local function check_fields(spec, call, report)
    local f <const> = record.check_call(spec, call, report)
    local complete = true
    for _, field in ipairs(spec.fields) do
        complete = complete and (f[field.name] ~= nil or field.optional)
    end
    if complete then
        local what <const>, expected <const> = spec.check(f)
        if what then
            report(call.line, spec.name .. ": " .. what, expected)
        end
    end
    return f
end

-- Checks fields and names of each layer. The second result is false where names are wrong.
local function check_layers(found, report)
    local list <const> = {}
    local names_hold = true
    local fields_of <const>, numbers <const>, used <const> = {}, {}, {}
    for i, call in ipairs(found) do
        local spec <const> = layers.of[call.kind]
        if fields_of[call] then
            report(call.line, spec.name .. ": one layer in two places",
                "a call for each place")
        end
        local f <const> = fields_of[call] or check_fields(spec, call, report)
        fields_of[call] = f
        numbers[spec.name] = (numbers[spec.name] or 0) + 1
        local name <const> = f.name or spec.name .. numbers[spec.name]
        names_hold = check_name(spec, f, name, call.line, used, report) and names_hold
        list[i] = { kind = spec.name, name = name, line = call.line, outer = call.outer,
            fields = f }
    end
    return list, names_hold
end

-- Which of the layers before the i-th was meant by a name that none has.
local function meant_before(list, i, name)
    local names <const> = { "input" }
    for k = 1, i - 1 do
        names[k + 1] = list[k].name
    end
    return nearest.hint(name, names)
end

-- Fills in what each layer reads, and sees that names exist and nothing is left unread.
local function connect(list, report)
    local index_of <const> = { input = 0 }
    for i, layer in ipairs(list) do
        index_of[layer.name] = index_of[layer.name] or i
    end
    local is_read <const> = {}
    local all_known = true
    for i, layer in ipairs(list) do
        local f <const> = layer.fields
        local previous <const> = i == 1 and "input" or list[i - 1].name
        layer.inputs = layers.of[layer.kind].inputs(f, previous)
        for _, name in ipairs(layer.inputs) do
            local index <const> = index_of[name]
            all_known = all_known and index ~= nil and index < i
            if not index then
                report(layer.line, function()
                    return ("%s: reads %s, which no layer is called%s"):format(layer.kind,
                        record.show(name), meant_before(list, i, name))
                end, "the name of an earlier layer, or input")
            elseif index >= i then
                report(layer.line, ("%s: reads %s, which comes no earlier"):format(layer.kind,
                    record.show(name)), "the name of an earlier layer, or input")
            else
                is_read[index] = true
            end
        end
    end
    for i, layer in ipairs(list) do
        if layer.kind == "softmax_cross_entropy" and i < #list then
            report(layer.line, "softmax_cross_entropy: layers follow it", "the end of the network")
        elseif all_known and i < #list and not is_read[i] then
            report(layer.line, ("%s: no layer reads %s"):format(layer.kind, layer.name),
                "no dead ends")
        end
    end
end

local function read_layers(top, file, nested, report, of)
    local found <const> = { lists = 0, open = {}, wrong = {}, of = of, bare_line = 0, told = {} }
    flatten(nested, "network: layers", top.line, found, report)
    if #found > layers.max_layers then
        report(top.line, "network: too many layers", "at most " .. layers.max_layers)
        return {}
    end
    local list <const>, names_hold <const> = check_layers(found, report)
    if names_hold and not found.broken then
        connect(list, report)
        local last <const> = list[#list]
        if not last then
            report(top.line, "network: there is no layer",
                "layers that end in softmax_cross_entropy()")
        elseif last.kind ~= "softmax_cross_entropy" then
            report(last.line, ("network: the last layer is %s"):format(last.kind),
                "softmax_cross_entropy()")
        end
    end
    for _, layer in ipairs(list) do
        layer.where = ("%s:%d"):format(file, layer.line)
    end
    return list
end

-- NORM is a choice of the command line, and so is its mistake.
local function check_norm(norm, batch)
    local kind <const>, images <const> = layers.split_norm(norm)
    if kind == "bn" and images and batch % images ~= 0 then
        error({ kind = "usage", messages = { ("--norm %s: the network has a batch of %d images: "
            .. "expected a number that divides it"):format(norm, batch) } }, 0)
    end
end

-- The checked network of `top`, the record of a network{...} call, for NORM `norm`. `file` names
-- the description in messages, and its text, where there is one, the lines of fields. Raises
-- { kind = "rejected" } with all errors.
function network.check(top, file, norm, text)
    local of <const> = text and place.index(text)
    local errors <const> = network.errors(file, of)
    local report <const> = errors.report
    local head <const> = record.check_call(recipe.network, top, report)
    if head.name then
        local what <const>, expected <const> = identifier.problem(head.name)
        if what then
            report(top.line, ("network: name %s %s"):format(record.show(head.name), what), expected)
        end
    end
    local image <const> = head.input
    if image and image.c * image.h * image.w > MAX_INPUT then
        report(top.line, ("network: input is %s"):format(layers.size_text(image)),
            ("at most %d values"):format(MAX_INPUT))
    end
    local training <const> = head.recipe
        and recipe.read(head.recipe, top.line, head.input, report)
    local list <const> = head.layers and read_layers(top, file, head.layers, report, of)
    errors.raise()
    check_norm(norm, training.batch)
    return {
        file = file,
        norm = norm,
        name = head.name,
        line = top.line,
        where = ("%s:%d"):format(file, top.line),
        freeze_line = #training.freeze > 0 and of and of.key(top.line, "freeze") or nil,
        input = head.input,
        classes = head.classes,
        recipe = training,
        layers = list,
    }
end

-- The same from the text of a description.
function network.read(text, file, norm)
    return network.check(evaluate.read(text, file), file, norm, text)
end

return network
