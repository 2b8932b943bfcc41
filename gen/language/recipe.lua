-- recipe.lua - what a description says besides its layers: the network's head and its recipe.
--
-- recipe.network, .recipe, .augment and the calls in recipe.calls are tables of fields as
-- record.lua checks them. recipe.read turns a checked recipe into one flat table, all fields
-- present:
--
--     { batch, epochs, lr, momentum, weight_decay, nesterov = bool, label_smoothing,
--       schedule = "constant|step|onecycle|cosine", step_epochs, step_gamma, warmup, start_div,
--       final_div, crop, flip = "none|random|alternating", cutout }

local record <const> = require("language/record")

local recipe <const> = {}

recipe.network = {
    name = "network",
    doc = "The whole network; a description returns it.",
    fields = {
        { name = "name", type = "name", doc = "names the program and its files" },
        { name = "input", type = "shape", doc = "the image" },
        { name = "classes", type = "integer", min = 2, max = 256, because = "a label is a byte",
          doc = "labels are 0 .. classes - 1" },
        { name = "recipe", type = "table", doc = "how it is trained" },
        { name = "layers", type = "table", doc = "layers and lists of layers, in order" },
    },
}

recipe.recipe = {
    name = "recipe",
    doc = "How the network is trained; a plain table. Options of the program go before it.",
    fields = {
        { name = "batch", type = "integer", min = 1, max = 65536, default = 128,
          doc = "images a step" },
        { name = "epochs", type = "integer", min = 1, max = 100000, default = 20,
          doc = "passes over the data" },
        { name = "optimizer", type = "record", kinds = { "sgd" }, doc = "how parameters move" },
        { name = "schedule", type = "record", kinds = { "constant", "step", "onecycle", "cosine" },
          optional = true, default_doc = "constant",
          doc = "how the learning rate moves" },
        { name = "label_smoothing", type = "number", min = 0, below = 1, default = 0,
          doc = "part of the target that goes to all classes alike" },
        { name = "augment", type = "table", optional = true, default_doc = "none",
          doc = "how training images are varied" },
    },
}

recipe.augment = {
    name = "augment",
    doc = "How training images are varied; a plain table.",
    fields = {
        { name = "crop", type = "integer", min = 0, max = 1023, default = 0,
          doc = "shifts by up to so many pixels, the border reflected" },
        { name = "flip", type = "choice", choices = { "none", "random", "alternating" },
          default = "none",
          doc = "mirrors images: at random, or every other epoch from a random start" },
        { name = "cutout", type = "integer", min = 0, max = 1024, default = 0,
          doc = "side of a square set to the mean" },
    },
}

local final_div <const> = {
    name = "final_div", type = "number", min = 1, max = 1e12, default = 1e4,
    doc = "lr / final_div is the last rate",
}

recipe.calls = {
    {
        name = "sgd",
        doc = "Stochastic gradient descent as torch.optim.SGD.",
        example = "sgd { lr = 0.05, momentum = 0.9, weight_decay = 5e-4, nesterov = true }",
        fields = {
            { name = "lr", type = "number", above = 0, max = 1000,
              doc = "learning rate, the peak of the schedule" },
            { name = "momentum", type = "number", min = 0, below = 1, default = 0,
              doc = "part of the last movement that stays" },
            { name = "weight_decay", type = "number", min = 0, max = 1, default = 0,
              doc = "part of the parameter added to its gradient" },
            { name = "nesterov", type = "boolean", default = false, doc = "looks a step ahead" },
        },
    },
    { name = "constant", doc = "One rate throughout.", example = "constant()", fields = {} },
    {
        name = "step",
        doc = "The rate drops by a factor every few epochs.",
        example = "step { every = 6, gamma = 0.2 }",
        fields = {
            { name = "every", type = "integer", min = 1, max = 100000,
              doc = "epochs between two drops" },
            { name = "gamma", type = "number", above = 0, max = 1, doc = "factor of a drop" },
        },
    },
    {
        name = "onecycle",
        doc = "The rate rises from lr / start_div to lr and falls to lr / final_div, as PyTorch's\n"
            .. "OneCycleLR with final_div_factor = final_div / start_div. A warmup of less than a\n"
            .. "step has ended before the first one, whose rate is on the way down already.",
        example = "onecycle { warmup = 0.3 }",
        fields = {
            { name = "warmup", type = "number", min = 0, max = 1, default = 0.3,
              doc = "part of all steps spent rising" },
            { name = "start_div", type = "number", min = 1, max = 1e12, default = 25,
              idle = function(f)
                  if f.warmup == 0 then
                      return "warmup 0", "warmup above 0"
                  end
              end,
              doc = "lr / start_div is the first rate" },
            final_div,
        },
    },
    {
        name = "cosine",
        doc = "The rate falls from lr to lr / final_div along half a cosine.",
        example = "cosine { final_div = 1000 }",
        fields = { final_div },
    },
}

recipe.call_of = {}
for _, spec in ipairs(recipe.calls) do
    recipe.call_of[spec.name] = spec
end

local function read_augment(arguments, line, input, report)
    local augment <const> = record.check(recipe.augment, arguments, line, report)
    if input and input.w == 1 and (augment.flip or "none") ~= "none" then
        report(line, "augment: flip is " .. augment.flip .. ", of images one pixel wide",
            "none, or wider images")
    end
    local side <const> = input and math.min(input.h, input.w)
    if side and augment.crop and augment.crop >= side then
        report(line, "augment: crop is " .. augment.crop, "less than the image side, " .. side)
    end
    if side and augment.cutout and augment.cutout > side then
        report(line, "augment: cutout is " .. augment.cutout, "at most the image side, " .. side)
    end
    return augment
end

-- The flat recipe from the table that a description wrote at `line`. Mistakes go to report; then
-- the result is of no use. `input` is the image, { c, h, w }, or nil where it is wrong itself.
function recipe.read(arguments, line, input, report)
    local top <const> = record.check(recipe.recipe, arguments, line, report)
    local sgd <const> = top.optimizer
        and record.check_call(recipe.call_of.sgd, top.optimizer, report) or {}
    if sgd.nesterov and sgd.momentum == 0 then
        report(top.optimizer.line, "sgd: nesterov is true with momentum 0", "momentum above 0")
    end
    local schedule_kind <const> = top.schedule and top.schedule.kind or "constant"
    local schedule <const> = top.schedule
        and record.check_call(recipe.call_of[schedule_kind], top.schedule, report) or {}
    local augment <const> = read_augment(top.augment or {}, line, input, report)
    return {
        batch = top.batch,
        epochs = top.epochs,
        lr = sgd.lr,
        momentum = sgd.momentum,
        weight_decay = sgd.weight_decay,
        nesterov = sgd.nesterov,
        label_smoothing = top.label_smoothing,
        schedule = schedule_kind,
        step_epochs = schedule.every or 1,
        step_gamma = schedule.gamma or 1,
        warmup = schedule.warmup or 0,
        start_div = schedule.start_div or 1,
        final_div = schedule.final_div or 1,
        crop = augment.crop,
        flip = augment.flip,
        cutout = augment.cutout,
    }
end

return recipe
