-- describe.lua - a list of layers becomes a description, with a function for what repeats.
--
--     describe.text({ name, source, input, classes, layers = named layers (naming.lua) }) -> text
--
-- An item is a line of the text: the call of a layer or of a function.
--
--     item  = { head = "conv", args = { arg, ... }, defines = { names of layers },
--               shape = { c, h, w }, call = whether it is one of a function }
--     arg   = { key = 1 or "window", base = "window", kind = "literal" | "name" | "ref",
--               text = as it is written, value = name of a layer for the last two,
--               silent = whether a layer's call does without it,
--               sides = whether it is a table of two sides }
--
-- A repeated row of items becomes a function: compress() finds the row that saves most lines, puts
-- calls in its places and begins again, so functions are made of functions. An argument that is the
-- same everywhere stands in the function; others are its parameters, one for all that are always
-- equal. Names of layers that differ in how they begin alone are one parameter: name .. "_conv1".

local layers <const> = require("language/layers")

local describe <const> = {}

local MAX_ROW <const> = 40 -- items of a function
local MAX_PARAMETERS <const> = 6
-- Letters that a line, an argument, a call and a function take besides their own.
local LINE_COST <const>, ARGUMENT_COST <const> = 8, 8
local CALL_COST <const>, FUNCTION_COST <const> = 24, 60
local MAX_TRIES <const> = 100 -- rows that are looked at for a function
local MAX_FUNCTIONS <const> = 40
local WIDTH <const> = 96

-- -- Items of layers -----------------------------------------------------------------------------

local function literal(value)
    if type(value) == "string" then
        return '"' .. value .. '"' -- a word of ours
    elseif type(value) == "table" then
        return ("{ %d, %d }"):format(value[1], value[2]) -- two sides
    elseif math.type(value) == "float" then
        local text <const> = ("%.9g"):format(value)
        return text
    end
    return tostring(value)
end

-- The layers that a layer reads, as arguments.
local function add_inputs(args, list, i)
    local layer <const> = list[i]
    local function add(key, input, base)
        local name <const> = input == 0 and "input" or list[input].name
        args[#args + 1] =
            { key = key, base = base, kind = "ref", value = name, text = '"' .. name .. '"' }
    end
    local inputs <const> = layer.inputs
    if #inputs == 1 then
        if inputs[1] ~= i - 1 then
            add("from", inputs[1], "from")
        end
        return
    end
    -- Of two, the layer before is not named; a concatenation has it as the second.
    local a, b = inputs[1], inputs[2]
    if #inputs == 2 and a == i - 1 and layer.kind ~= "concat" then
        a, b = b, a
    end
    if #inputs == 2 and b == i - 1 and a ~= b then
        add(1, a, "skip")
    else
        for k, input in ipairs(inputs) do
            add(k, input, "skip")
        end
    end
end

local function item_of(list, i)
    local layer <const> = list[i]
    local spec <const> = layers.of[layer.kind]
    local args <const> = {}
    for _, field in ipairs(spec.fields) do
        local value <const> = layer.f[field.name]
        local default = field.default
        if type(default) == "function" then
            default = default(layer.f)
        end
        if field.name ~= "name" and field.name ~= "from" and layer.all[field.name] ~= nil
            and (value ~= nil or default ~= nil and not field.idle) and #layer.inputs == 1 then
            local shown = value
            if shown == nil then
                shown = default
            end
            args[#args + 1] = {
                key = field.position or field.name, base = field.name, kind = "literal",
                text = literal(shown), silent = literal(shown) == literal(default),
                sides = type(shown) == "table",
            }
        end
    end
    add_inputs(args, list, i)
    if layer.named then
        args[#args + 1] = {
            key = "name", base = layer.kind .. "_name", kind = "name", value = layer.name,
            text = '"' .. layer.name .. '"',
        }
    end
    return {
        head = layer.kind, args = args, defines = { layer.name },
        shape = { c = layer.c, h = layer.h, w = layer.w },
    }
end

-- Two sides alone stand in braces of their own: maxpool({ 2, 1 }) would be a maxpool of two values.
local function call_text(item)
    local texts <const> = {}
    local plain = true
    for _, arg in ipairs(item.args) do
        if not arg.silent then
            local positional <const> = math.type(arg.key) == "integer"
            plain = plain and positional and not arg.sides
            texts[#texts + 1] = positional and arg.text or arg.key .. " = " .. arg.text
        end
    end
    if item.call or plain and #texts <= 1 then
        return item.head .. "(" .. table.concat(texts, ", ") .. ")"
    end
    return item.head .. " { " .. table.concat(texts, ", ") .. " }"
end

-- -- Finding what repeats ------------------------------------------------------------------------

-- Items of one signature differ in the values of their arguments alone.
local function signature(item)
    local words <const> = { item.head }
    for _, arg in ipairs(item.args) do
        words[#words + 1] = arg.key .. ":" .. arg.kind
    end
    return table.concat(words, " ")
end

-- The items as a string of codes of two bytes each, one a signature.
local function encode(items)
    local codes <const>, count, parts = {}, 0, {}
    for i, item in ipairs(items) do
        local key <const> = signature(item)
        if not codes[key] then
            count = count + 1
            codes[key] = string.pack(">I2", count)
        end
        parts[i] = codes[key]
    end
    return table.concat(parts)
end

-- The rows of at most `longest` items that stand in several places, those that save most lines
-- first: { length, starts, saves }.
local function find_rows(items, longest)
    local text <const>, rows <const> = encode(items), {}
    for length = 2, math.min(longest, #items // 2) do
        local row_of <const>, found <const> = {}, {}
        for start = 1, #items - length + 1 do
            local key <const> = text:sub(2 * start - 1, 2 * (start + length - 1))
            local row = row_of[key]
            if not row then
                row = { length = length, starts = {}, next = 0 }
                row_of[key] = row
                found[#found + 1] = row
            end
            if start >= row.next then
                row.starts[#row.starts + 1] = start
                row.next = start + length
            end
        end
        for _, row in ipairs(found) do
            local places <const> = #row.starts
            row.saves = places * length - places - length - 3
            if row.saves > 0 then
                rows[#rows + 1] = row
            end
        end
    end
    table.sort(rows, function(a, b)
        if a.saves ~= b.saves then
            return a.saves > b.saves
        elseif a.length ~= b.length then
            return a.length > b.length
        end
        return a.starts[1] < b.starts[1]
    end)
    return rows
end

-- -- Making a function ---------------------------------------------------------------------------

-- The names that a row defines at each of its places.
local function defined_names(items, row)
    local sets <const> = {}
    for place, start in ipairs(row.starts) do
        sets[place] = {}
        for i = start, start + row.length - 1 do
            for _, name in ipairs(items[i].defines) do
                sets[place][name] = true
            end
        end
    end
    return sets
end

-- The arguments of a row at each of its places: slots[n] = { item, arg, values = { arg a place } }.
local function slots_of(items, row)
    local slots <const> = {}
    for offset = 0, row.length - 1 do
        for k in ipairs(items[row.starts[1] + offset].args) do
            local values <const> = {}
            for place, start in ipairs(row.starts) do
                values[place] = items[start + offset].args[k]
            end
            slots[#slots + 1] = { offset = offset, index = k, values = values }
        end
    end
    return slots
end

local function common_start(names)
    local start = names[1]
    for _, name in ipairs(names) do
        while name:sub(1, #start) ~= start do
            start = start:sub(1, -2)
        end
    end
    -- Not in the middle of a word: every name ends there or goes on with _.
    while start ~= "" do
        local good = start:sub(-1) ~= "_"
        for _, name in ipairs(names) do
            good = good and (#name == #start or name:sub(#start + 1, #start + 1) == "_")
        end
        if good then
            break
        end
        start = start:sub(1, -2)
    end
    return start
end

-- How the names of layers at each place begin, if after that they are alike: { prefix a place }.
local function find_prefixes(slots, places, sets)
    local prefixes <const> = {}
    local named <const> = {}
    for _, slot in ipairs(slots) do
        local kind <const> = slot.values[1].kind
        local inner = kind == "name"
        for place = 1, places do
            inner = inner or kind == "ref" and sets[place][slot.values[place].value]
        end
        named[#named + 1] = inner and slot or nil
    end
    for place = 1, places do
        local names <const> = {}
        for i, slot in ipairs(named) do
            names[i] = slot.values[place].value
        end
        if #names == 0 then
            return nil
        end
        prefixes[place] = common_start(names)
    end
    local suffixes <const> = {}
    for i, slot in ipairs(named) do
        suffixes[i] = slot.values[1].value:sub(#prefixes[1] + 1)
        for place = 1, places do
            local prefix <const> = prefixes[place]
            if prefix == "" or slot.values[place].value ~= prefix .. suffixes[i] then
                return nil
            end
        end
    end
    for i, slot in ipairs(named) do
        slot.suffix = suffixes[i]
    end
    return prefixes
end

-- The parameters of a row's function, { base, kind, texts, values }. Sets slot.parameter.
local function find_parameters(slots, places, prefixes)
    local parameters <const>, by_key <const> = {}, {}
    local function add(base, kind, texts, values)
        local key <const> = kind .. "\0" .. table.concat(texts, "\0")
        if not by_key[key] then
            by_key[key] = { base = base, kind = kind, texts = texts, values = values }
            parameters[#parameters + 1] = by_key[key]
        end
        return by_key[key]
    end
    if prefixes then
        local texts <const> = {}
        for place, prefix in ipairs(prefixes) do
            texts[place] = '"' .. prefix .. '"'
        end
        parameters.prefix = add("name", "name", texts, prefixes)
    end
    for _, slot in ipairs(slots) do
        local texts <const>, values <const> = {}, {}
        local same = true
        for place = 1, places do
            texts[place], values[place] = slot.values[place].text, slot.values[place].value
            same = same and texts[place] == texts[1]
        end
        if slot.suffix then
            slot.parameter = parameters.prefix
        elseif not same then
            local arg <const> = slot.values[1]
            slot.parameter = add(arg.base, arg.kind, texts, values)
        end
    end
    return parameters
end

local function name_parameters(parameters)
    local taken <const> = {}
    local order <const> = { name = 1, literal = 2, ref = 3 }
    for i, parameter in ipairs(parameters) do
        parameter.place = i
    end
    table.sort(parameters, function(a, b)
        if a.kind ~= b.kind then
            return order[a.kind] < order[b.kind]
        end
        return a.place < b.place
    end)
    for _, parameter in ipairs(parameters) do
        local number <const> = (taken[parameter.base] or 0) + 1
        taken[parameter.base] = number
        parameter.name = number == 1 and parameter.base or parameter.base .. number
    end
end

-- The items of a function's body: those of the first place, with parameters in place of values.
local function body_of(items, row, slots)
    local body <const> = {}
    for offset = 0, row.length - 1 do
        local item <const> = items[row.starts[1] + offset]
        body[offset + 1] = { head = item.head, args = {}, call = item.call }
        for k, arg in ipairs(item.args) do
            body[offset + 1].args[k] = {
                key = arg.key, kind = arg.kind, text = arg.text, silent = arg.silent,
                sides = arg.sides,
            }
        end
    end
    for _, slot in ipairs(slots) do
        local arg <const> = body[slot.offset + 1].args[slot.index]
        if slot.parameter then
            arg.text = slot.parameter.name
            arg.silent = false
            if slot.suffix and slot.suffix ~= "" then
                arg.text = ('%s .. "%s"'):format(arg.text, slot.suffix)
            end
        end
    end
    return body
end

-- What a function is called: by what it does, where that is short.
local function function_name(body, taken)
    local heads <const>, seen <const> = {}, {}
    for i, item in ipairs(body) do
        heads[i] = item.head
        seen[item.head] = true
        seen.calls = seen.calls or item.call
    end
    local name = seen.add and "residual" or seen.concat and "branches" or "block"
    if #heads <= 3 and not seen.calls and not seen.add then
        name = table.concat(heads, "_")
    end
    taken[name] = (taken[name] or 0) + 1
    return taken[name] == 1 and name or name .. taken[name]
end

-- The items with calls in the places of a row.
local function replace_row(items, row, head, parameters)
    local out <const> = {}
    local at, place = 1, 1
    while at <= #items do
        if at ~= row.starts[place] then
            out[#out + 1] = items[at]
            at = at + 1
        else
            local call <const> = { head = head, args = {}, defines = {}, call = true }
            for k, parameter in ipairs(parameters) do
                call.args[k] = {
                    key = k, base = parameter.base, kind = parameter.kind,
                    text = parameter.texts[place], value = parameter.values[place],
                }
            end
            for i = at, at + row.length - 1 do
                table.move(items[i].defines, 1, #items[i].defines, #call.defines + 1, call.defines)
                call.shape = items[i].shape
            end
            out[#out + 1] = call
            at, place = at + row.length, place + 1
        end
    end
    return out
end

-- Letters that a function saves: those of its items, less the calls and the function.
local function saved_letters(items, row, parameters)
    local letters, body = 0, 0
    for place, start in ipairs(row.starts) do
        for i = start, start + row.length - 1 do
            local length <const> = #call_text(items[i]) + LINE_COST
            letters = letters + length
            body = place == 1 and body + length or body
        end
        letters = letters - CALL_COST
        for _, parameter in ipairs(parameters) do
            letters = letters - #parameter.texts[place] - ARGUMENT_COST
        end
    end
    return letters - body - FUNCTION_COST
end

-- The row of at most `longest` items whose function saves most.
local function best_row(items, longest)
    local best
    local best_score = 0
    for i, row in ipairs(find_rows(items, longest)) do
        if i > MAX_TRIES then
            break
        end
        local slots <const> = slots_of(items, row)
        local places <const> = #row.starts
        local prefixes <const> = find_prefixes(slots, places, defined_names(items, row))
        local parameters <const> = find_parameters(slots, places, prefixes)
        local score <const> = saved_letters(items, row, parameters)
        if #parameters <= MAX_PARAMETERS and score > best_score then
            best_score = score
            best = { row = row, slots = slots, parameters = parameters }
        end
    end
    return best, best_score
end

-- Items and functions, { name, parameters, body }, in the order in which they need each other, and
-- how much they save. Rows are at most `longest` items until no more of them save anything.
local function compress(items, longest)
    local functions <const>, taken <const> = {}, {}
    local saved = 0
    while #functions < MAX_FUNCTIONS do
        local best, score = best_row(items, longest)
        if not best and longest < MAX_ROW then
            longest = MAX_ROW
        elseif not best then
            break
        else
            name_parameters(best.parameters)
            local body <const> = body_of(items, best.row, best.slots)
            local name <const> = function_name(body, taken)
            functions[#functions + 1] = { name = name, parameters = best.parameters, body = body }
            items = replace_row(items, best.row, name, best.parameters)
            saved = saved + score
        end
    end
    return items, functions, saved
end

-- The same from whatever length saves most: a long row may hide that a part of it stands in other
-- places too.
local function compress_best(items)
    local best_items, best_functions, most = items, {}, 0
    for _, longest in ipairs({ MAX_ROW, 12, 8, 6, 4 }) do
        local left <const>, functions <const>, saved <const> = compress(items, longest)
        if saved > most then
            best_items, best_functions, most = left, functions, saved
        end
    end
    return best_items, best_functions
end

-- -- Text ----------------------------------------------------------------------------------------

-- A call on one line, or on several where it is too long.
local function add_call(lines, indent, item, comment)
    local text <const> = indent .. call_text(item) .. "," .. comment
    if #text <= WIDTH then
        lines[#lines + 1] = text
        return
    end
    local words = indent
    for piece in (call_text(item) .. ","):gmatch("[^,]+,?") do
        if #words + #piece > WIDTH and words ~= indent then
            lines[#lines + 1] = words:gsub(" +$", "")
            words = indent .. "   "
        end
        words = words .. piece
    end
    lines[#lines + 1] = words .. (#words + #comment <= WIDTH and comment or "")
end

local function add_function(lines, made)
    local names <const> = {}
    for i, parameter in ipairs(made.parameters) do
        names[i] = parameter.name
    end
    lines[#lines + 1] = ("local function %s(%s)"):format(made.name, table.concat(names, ", "))
    lines[#lines + 1] = "    return {"
    for _, item in ipairs(made.body) do
        add_call(lines, "        ", item, "")
    end
    lines[#lines + 1] = "    }"
    lines[#lines + 1] = "end"
    lines[#lines + 1] = ""
end

local function same_shape(a, b)
    return a.c == b.c and a.h == b.h and a.w == b.w
end

function describe.text(net)
    local list <const> = {}
    for i in ipairs(net.layers) do
        list[i] = item_of(net.layers, i)
    end
    local items <const>, functions <const> = compress_best(list)
    local lines <const> = {
        ("-- %s: as burin import found it in %s. The recipe is one to fine-tune with."):format(
            net.name, net.source),
        "",
    }
    for _, made in ipairs(functions) do
        add_function(lines, made)
    end
    local input <const> = net.input
    table.move({
        "return network {",
        ('    name = "%s",'):format(net.name),
        ("    input = { %d, %d, %d },"):format(input.c, input.h, input.w),
        ("    classes = %d,"):format(net.classes),
        "    recipe = {",
        "        optimizer = sgd { lr = 0.01, momentum = 0.9, weight_decay = 5e-4 },",
        "        schedule = cosine { final_div = 100 },",
        "    },",
        "    layers = {",
    }, 1, 9, #lines + 1, lines)
    local shape = input
    for _, item in ipairs(items) do
        local comment <const> = same_shape(shape, item.shape) and ""
            or " -- " .. layers.size_text(item.shape)
        add_call(lines, "        ", item, comment)
        shape = item.shape
    end
    lines[#lines + 1] = "        softmax_cross_entropy(),"
    lines[#lines + 1] = "    },"
    lines[#lines + 1] = "}"
    return table.concat(lines, "\n") .. "\n"
end

return describe
