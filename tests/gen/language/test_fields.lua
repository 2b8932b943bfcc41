-- Every field of the tables of layers and of the recipe: whatever it is given changes the program
-- or is a mistake with its place, and something that it may be given does change it.
--
-- The tables are walked, so that a new field or kind is tried without a word here. A field is tried
-- with values of its type, the ends of its range and nonsense, in calls whose other fields are as
-- they are by default; norms once for each kind they may name, and for each NORM.

local dump <const> = require("plan/dump")
local emit <const> = require("emit/program")
local graph <const> = require("language/graph")
local layers <const> = require("language/layers")
local network <const> = require("language/network")
local recipe <const> = require("language/recipe")

local tests <const> = {}

local NONSENSE <const> = {
    "-1", "0/0", "1/0", "-1e-50", "1e-50", "1e-310", "1e50", "1 - 2^-40", "2^53", "math.mininteger",
    '"3"', '"odd"', '""', "{}", "{ 1 }", "true", "relu()", "relu",
}
local INTEGERS <const> = { "0", "1", "2", "3", "4", "5", "6", "8", "16", "2.5" }
local NUMBERS <const> = { "0", "0.125", "0.25", "0.5", "1", "2", "30" }
local LAYERS <const> = { '"a"', '"b"', '"s"', '"side"', '"input"', '"x"', '"nobody"' }
local LISTS <const> = { "{ 1 }", "{ 2, 5 }", "{ 5, 2 }", "{ 2, 2 }", "{ 0, 1 }", "{ 1, 2.5 }" }
local NAMES <const> = {
    '{ "a" }', '{ "a", "s" }', '{ "s", "a", "a" }', '{ "x" }', '{ "a", 1 }',
}
local SHAPES <const> = { "{ 3, 9, 8 }", "{ 1, 9, 8 }", "{ 3, 8, 8 }", "{ 3, 9, 9 }", "{ 3, 0, 8 }" }

-- Source of values that are tried for a field.
local function values_of(field)
    local found <const> = {}
    local function add(list)
        for _, value in ipairs(list) do
            found[#found + 1] = value
        end
    end
    if field.type == "integer" or field.type == "sides" or field.type == "number" then
        add(field.type == "number" and NUMBERS or INTEGERS)
        for _, limit in ipairs({ "min", "above", "max", "below" }) do
            add({ field[limit] and ("%.17g"):format(field[limit]) })
        end
    elseif field.type == "boolean" then
        add({ "true", "false" })
    elseif field.type == "choice" then
        for _, choice in ipairs(field.choices) do
            add({ ("%q"):format(choice) })
        end
    elseif field.type == "name" then
        add(field.name == "name" and { '"other"' } or LAYERS)
    elseif field.type == "integers" then
        add(LISTS)
    elseif field.type == "names" then
        add(NAMES)
    elseif field.type == "shape" then
        add(SHAPES)
    end
    return found
end

-- What a field of a call is when nobody says otherwise: its source for one that must be given.
local function base_value(field)
    if field.type == "integer" then
        return field.max >= 8 and "8" or "3"
    end
    return ({
        sides = "3", number = "0.25", name = '"a"', integers = "{ 3, 4 }", names = '{ "s", "b" }',
    })[field.type]
end

local function base_of(spec, more)
    local base <const> = {}
    for _, field in ipairs(spec.fields) do
        if more[field.name] then
            base[field.name] = more[field.name]
        elseif field.default == nil and not field.optional then
            base[field.name] = base_value(field)
        end
    end
    return base
end

local function call_text(spec, given)
    local parts <const> = {}
    for _, field in ipairs(spec.fields) do
        if given[field.name] then
            parts[#parts + 1] = field.name .. " = " .. given[field.name]
        end
    end
    return "{ " .. table.concat(parts, ", ") .. " }"
end

local function value_of(source)
    return load("return " .. source, "=value", "t", { math = math })()
end

-- Whether `source` says what the field is in `base` anyway.
local function is_base(field, source, base, spec)
    if base[field.name] then
        local known <const> = base[field.name]
        local is_list <const> = field.type == "shape" or field.type == "names"
        return source == known or not is_list and value_of(source) == value_of(known)
    end
    local default = field.default
    if type(default) == "function" then
        local values <const> = {}
        for _, other in ipairs(spec.fields) do
            values[other.name] = base[other.name] and value_of(base[other.name]) or nil
        end
        default = default(values)
    end
    if default == nil then
        default = tonumber(field.default_doc) -- NORM may say another number
    end
    return default ~= nil and value_of(source) == default
end

-- The graph of a description, or nil where it is rejected as it should be.
local function build(text, norm)
    local ok <const>, result <const> = pcall(function()
        return graph.build(network.read(text, "fields.lua", norm))
    end)
    if ok then
        return result
    elseif type(result) ~= "table" or result.kind ~= "rejected" then
        error("no message for people: " .. tostring(result) .. "\n" .. text, 0)
    end
    for _, message in ipairs(result.messages) do
        assert(message:find("^fields%.lua:%d+: .+: expected .+"), message)
    end
end

local function program(built)
    return emit.program(built, {
        network = "fields.lua", norm = built.norm, isa = "c", algorithm = "auto", unroll = "tile",
    })
end

-- Tries every value of a field, and nonsense where asked. Notes in `effects` that one has any.
--     case = { spec, norm, base = { field = source },
--              place(given),           -- the description around the call with these fields
--              may_idle = bool,        -- fields without effect are no mistakes
--              skips = { field = true } or nil }
--     usual = { graph, dump, program or nil }: of the case as its base is; the program made once
local function try_field(case, usual, field, nonsense, effects)
    local spec <const>, base <const>, norm <const> = case.spec, case.base, case.norm
    local values <const> = values_of(field)
    table.move(NONSENSE, 1, nonsense and #NONSENSE or 0, #values + 1, values)
    for _, source in ipairs(values) do
        local given <const> = {}
        for key, value in pairs(base) do
            given[key] = value
        end
        given[field.name] = source
        local built <const> = build(case.place(given), norm)
        if built and not is_base(field, source, base, spec) then
            local what <const> = ("%s %s %s: %s"):format(norm, spec.name, field.name,
                case.place(given))
            local changes <const> = dump.text(built) ~= usual.dump
            assert(changes or case.may_idle, "no effect: " .. what)
            if changes and (field.type == "number" or not effects[field]) then
                usual.program = usual.program or program(usual.graph)
                assert(program(built) ~= usual.program, "no effect on the program: " .. what)
                effects[field] = true
            end
        end
    end
end

-- Tries all fields of a table in all cases; each must have an effect in one. Tables and calls in a
-- field are walked by themselves.
local function walk(cases)
    local effects <const> = {}
    for i, case in ipairs(cases) do
        local graph_of_base <const> = assert(build(case.place(case.base), case.norm),
            "the base is rejected")
        local usual <const> = { graph = graph_of_base, dump = dump.text(graph_of_base) }
        for _, field in ipairs(case.spec.fields) do
            local is_walked <const> = field.type == "table" or field.type == "record"
            if not is_walked and not (case.skips and case.skips[field.name]) then
                try_field(case, usual, field, i == 1, effects)
            end
        end
    end
    for _, field in ipairs(cases[1].spec.fields) do
        local is_walked <const> = field.type == "table" or field.type == "record"
        assert(is_walked or effects[field], "nothing changes with " .. field.name)
    end
end

-- -- Layers --------------------------------------------------------------------------------------

-- A call between layers that are all read, whatever it reads itself. `s` is 8 x 9 x 8.
local function place_layer(spec)
    return function(given)
        local ends <const> = spec.name == "softmax_cross_entropy"
        local call <const> = spec.name .. call_text(spec, given)
        return ([[return network {
            name = "fields", input = { 3, 9, 8 }, classes = 8,
            recipe = { batch = 12, optimizer = sgd { lr = 0.5 } },
            layers = {
                conv { 8, window = 3, padding = 1, name = "a" }, relu { name = "b" },
                add { "a", name = "s" }, global_avgpool { name = "side" },
                %s, global_avgpool(), linear { 8, name = "last" }, add("side"),
                %s,
            },
        }]]):format(ends and 'relu { from = "s" }' or call, ends and call
            or "softmax_cross_entropy()")
    end
end

for _, spec in ipairs(layers.kinds) do
    tests["fields of " .. spec.name] = function()
        local cases <const> = {}
        local function add(norm, more, rest)
            local case <const> = { spec = spec, norm = norm, place = place_layer(spec) }
            case.base = base_of(spec, more)
            for key, value in pairs(rest or {}) do
                case[key] = value
            end
            cases[#cases + 1] = case
        end
        if spec.name ~= "norm" then
            add("bn", { from = '"s"', second = '"s"',
                channels = spec.name == "pad_channels" and "11" or nil, before = "0" })
        else
            for _, kind in ipairs(layers.norms) do
                -- A layer that leaves the network takes its name with it.
                add("bn", { kind = ("%q"):format(kind), from = '"s"' },
                    { skips = { name = kind == "none" } })
                -- A layer that leaves its kind to NORM has fields for any.
                add(kind, { from = '"s"' }, { may_idle = true })
            end
        end
        walk(cases)
    end
end

-- -- Network and recipe --------------------------------------------------------------------------

local parts <const> = {} -- spec, with what its call needs besides required fields

local function add_part(spec, place, more)
    local base <const> = base_of(spec, more or {})
    parts[#parts + 1] = { spec = spec, norm = "bn", place = place, base = base }
end

local LAYERS_TEXT <const> = "{ conv { 4, window = 3 }, relu(), norm(), dropout(0.5), "
    .. "global_avgpool(), linear(%s), softmax_cross_entropy() }"

local function network_text(given)
    return "return network " .. call_text(recipe.network, given)
end

local function place_recipe(text)
    return network_text({
        name = '"fields"', input = "{ 3, 9, 8 }", classes = "2", recipe = text,
        layers = LAYERS_TEXT:format("2"),
    })
end

add_part(recipe.network, function(given)
    local changed <const> = { layers = LAYERS_TEXT:format(given.classes) }
    for key, value in pairs(given) do
        changed[key] = changed[key] or value
    end
    return network_text(changed)
end, {
    name = '"fields"', input = "{ 3, 9, 8 }", classes = "2",
    recipe = "{ optimizer = sgd { lr = 0.5 } }", layers = "{}",
})

add_part(recipe.recipe, function(given)
    return place_recipe(call_text(recipe.recipe, given))
end, { optimizer = "sgd { lr = 0.5 }", batch = "16", ema = "0.75" })

add_part(recipe.augment, function(given)
    return place_recipe("{ optimizer = sgd { lr = 0.5 }, augment = "
        .. call_text(recipe.augment, given) .. " }")
end, { crop = "2" })

for _, name in ipairs { "rate", "decay" } do
    add_part(recipe.factors, function(given)
        local factors <const> = call_text(recipe.factors, given)
        return place_recipe("{ optimizer = sgd { lr = 0.5, weight_decay = 0.5 }, " .. name .. " = "
            .. factors .. " }")
    end, { bias = "0.25" })
    parts[#parts].name = name
    parts[#parts].may_idle = true -- 1 - 2^-40 is 1 as a float, which is the default
end

for _, field in ipairs(recipe.recipe.fields) do
    for _, kind in ipairs(field.type == "record" and field.kinds or {}) do
        local spec <const> = recipe.call_of[kind]
        local rest <const> = field.name == "optimizer" and "" or ", optimizer = sgd { lr = 0.5 }"
        add_part(spec, function(given)
            return place_recipe(("{ %s = %s%s%s }"):format(field.name, kind,
                call_text(spec, given), rest))
        end, { momentum = "0.75", warmup_epochs = "2" })
        parts[#parts].owner = field
    end
end

for _, part in ipairs(parts) do
    tests["fields of the recipe: " .. (part.name or part.spec.name)] = function()
        walk({ part })
    end
end

-- The calls that may stand for one field make programs of their own.
function tests.calls_differ()
    local seen <const> = {}
    for _, part in ipairs(parts) do
        if part.owner then
            local text <const> = program(build(part.place(part.base), "bn"))
            assert(not seen[text], part.spec.name .. " is " .. (seen[text] or ""))
            seen[text] = part.spec.name
        end
    end
end

return tests
