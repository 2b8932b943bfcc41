-- recipe.lua - the recipe of a description as C: the initializer of a struct recipe, which stands
-- in the program or in a file of its own.

local language <const> = require "language/recipe"

local emit_recipe <const> = {}

local FLIPS <const> = {
    none = "FLIP_NONE", random = "FLIP_RANDOM", alternating = "FLIP_ALTERNATING",
}

-- The fields that a program of sgd without factors does not have: 0 is off.
local function add_optimizer(recipe, line, literal)
    local function nonzero(field)
        if recipe[field] ~= 0 then
            line(field, literal(recipe[field]))
        end
    end
    if recipe.optimizer ~= "sgd" then
        line("optimizer", "OPTIMIZER_" .. recipe.optimizer:upper())
    end
    nonzero("beta1")
    nonzero("beta2")
    nonzero("eps")
    if recipe.optimizer == "muon" then
        line("others", "OPTIMIZER_" .. recipe.others:upper())
        line("others_lr", literal(recipe.others_lr))
        line("newton_schulz", recipe.newton_schulz)
        line("renormalize", tostring(recipe.renormalize))
    end
    nonzero("clip")
    nonzero("ema")
    nonzero("ema_start")
    if recipe.chunks ~= language.CHUNKS then
        line("chunks", recipe.chunks)
    end
    if recipe.ema_batches > 0 then
        line("ema_batches", recipe.ema_batches)
    end
    if recipe.rate or recipe.decay then
        line("factors", "true")
        for _, what in ipairs { "rate", "decay" } do
            local factors <const> = {}
            for i = 1, #language.kinds do
                factors[i] = literal(recipe[what] and recipe[what][i] or 1)
            end
            line(what, "{" .. table.concat(factors, ", ") .. "}")
        end
    end
end

local function add_schedule(recipe, line, literal)
    if #recipe.milestones > 0 then
        line("milestones", "{" .. table.concat(recipe.milestones, ", ") .. "}")
    end
    if recipe.schedule == "plateau" then
        line("patience", recipe.patience)
    end
    if recipe.warmup_epochs > 0 then
        line("warmup_epochs", literal(recipe.warmup_epochs))
        line("warmup_div", literal(recipe.warmup_div))
    end
end

--- The fields of struct recipe in runtime/model.h, one a line. literal: of the instruction set
function emit_recipe.lines(recipe, literal)
    local lines <const> = {}
    local function line(field, text)
        lines[#lines + 1] = string.format(".%s = %s,", field, text)
    end
    line("batch", recipe.batch)
    line("epochs", recipe.epochs)
    for _, field in ipairs { "lr", "momentum", "weight_decay" } do
        line(field, literal(recipe[field]))
    end
    line("nesterov", tostring(recipe.nesterov))
    line("label_smoothing", literal(recipe.label_smoothing))
    line("schedule", "LR_" .. recipe.schedule:upper())
    line("step_epochs", recipe.step_epochs)
    for _, field in ipairs { "step_gamma", "warmup", "start_div", "final_div" } do
        line(field, literal(recipe[field]))
    end
    line("crop", recipe.crop)
    line("flip", FLIPS[recipe.flip])
    line("cutout", recipe.cutout)
    if recipe.crop_border == "zero" then
        line("crop_border", "CROP_ZERO")
    end
    if recipe.flip_vertical then
        line("flip_vertical", "true")
    end
    for _, field in ipairs { "rotate", "brightness", "contrast", "mixup" } do
        if recipe[field] ~= 0 then
            line(field, literal(recipe[field]))
        end
    end
    if recipe.plain_epochs > 0 then
        line("plain_epochs", recipe.plain_epochs)
    end
    add_optimizer(recipe, line, literal)
    add_schedule(recipe, line, literal)
    return lines
end

return emit_recipe
