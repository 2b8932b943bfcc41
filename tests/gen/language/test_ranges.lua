-- A checkpoint brings its settings along, and they have the ranges of a recipe.

local test <const> = ...

local recipe <const> = require("language/recipe")

local tests <const> = {}

-- The rows of runtime/train/settings_rows.c that a recipe fills, by their field: kind, min and max.
local function read_rows()
    local text <const> = assert(host.read_file(test.dir .. "/../runtime/train/settings_rows.c"))
    local rows <const> = {}
    for kind, field, min, max in text:gmatch(
        "{\"[%w_]+\", (%u+), RECIPE%(([%w_]+)%),%s+([^,]+),%s+([^,]+),%s+NULL,") do
        rows[field] = { kind = kind, min = tonumber(min), max = tonumber(max) or max }
    end
    return rows
end

-- The same of a field of a recipe. The runtime's greatest number of epochs has a name there.
local function row_of(field)
    local kind = field.type == "integer" and "INT" or "REAL"
    kind = field.above and "ABOVE" or field.below and "BELOW" or kind
    local max <const> = field.max or field.below
    return {
        kind = kind,
        min = field.min or field.above,
        max = max == 100000 and "SETTINGS_MAX_EPOCHS" or max,
    }
end

-- Not here: --lr may be more and 0; crop and cutout have the side of the image as limit; chunks are
-- the program's.
function tests.a_checkpoint_may_say_what_a_recipe_may()
    local rows <const> = read_rows()
    local names <const> = { every = "step_epochs", gamma = "step_gamma" }
    local skipped <const> = { lr = true, crop = true, cutout = true, chunks = true }
    local count = 0
    local specs <const> = { recipe.recipe, recipe.augment, table.unpack(recipe.calls) }
    for _, spec in ipairs(specs) do
        for _, field in ipairs(spec.fields) do
            local numeric <const> = field.type == "integer" or field.type == "number"
            if numeric and not skipped[field.name] then
                local name <const> = names[field.name] or field.name
                test.equal({ [name] = rows[name] }, { [name] = row_of(field) })
                count = count + 1
            end
        end
    end
    test.equal(count, 57)
end

-- Those of the papers and of PyTorch, and such as the field itself may be given.
function tests.usual_values_of_optimizers()
    local usual <const> = {}
    for _, name in ipairs({ "sgd", "adam", "adamw", "lion", "muon" }) do
        usual[name] = {}
        for _, field in ipairs(recipe.call_of[name].fields) do
            local value <const> = field.default
            if type(value) == "number" then
                usual[name][field.name] = value
                assert(value >= (field.min or field.above) and value <= (field.max or field.below),
                    name .. " " .. field.name)
            end
        end
    end
    test.equal(usual, {
        sgd = { momentum = 0, weight_decay = 0 },
        adam = { beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0 },
        adamw = { beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01 },
        lion = { beta1 = 0.9, beta2 = 0.99, weight_decay = 0 },
        muon = { momentum = 0.95, weight_decay = 0, newton_schulz = 5, beta1 = 0.9, beta2 = 0.95,
            eps = 1e-10 },
    })
end

return tests
