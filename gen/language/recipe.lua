-- recipe.lua - what a description says besides its layers: the network's head and its recipe.
--
-- recipe.network, .recipe, .augment and the calls in recipe.calls are tables of fields as
-- record.lua checks them. recipe.read turns a checked recipe into one flat table, all fields
-- present:
--
--     { batch, chunks, epochs, lr, momentum, weight_decay, nesterov = bool, label_smoothing,
--       precision = "fp32|bf16",
--       freeze = { name of layers, perhaps with *, ... },
--       schedule = "constant|step|onecycle|cosine|...", step_epochs, step_gamma, warmup, start_div,
--       final_div, milestones = { epoch, ... }, patience, warmup_epochs, warmup_div,
--       optimizer = "sgd|adam|adamw|lion|muon", beta1, beta2, eps, others, others_lr,
--       newton_schulz, renormalize = bool, clip, ema, ema_start, ema_batches,
--       rate and decay = { factor of a kind, ... } or nil,
--       crop, crop_border = "reflect|zero", flip = "none|random|alternating",
--       flip_vertical = bool, cutout, rotate, brightness, contrast, mixup,
--       plain_epochs }

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

--- Where a description says nothing: MODEL_CHUNKS of runtime/model.h.
recipe.CHUNKS = 16

local function without_ema(f)
    if f.ema == 0 then
        return "ema 0", "ema above 0"
    end
end

local function without_augmentation(f)
    if f.crop == 0 and f.flip == "none" and not f.flip_vertical and f.cutout == 0 and f.rotate == 0
        and f.brightness == 0 and f.contrast == 0 and f.mixup == 0 then
        return "images as they are in all epochs", "some augmentation"
    end
end

recipe.recipe = {
    name = "recipe",
    doc = "How the network is trained; a plain table. Options of the program go before it.",
    fields = {
        { name = "batch", type = "integer", min = 1, max = 65536, default = 128,
          doc = "images a step" },
        { name = "chunks", type = "integer", min = 1, max = 256, default = recipe.CHUNKS,
          because = "a rank has one at least, and there are no more ranks",
          doc = "parts of a batch whose sums are added in one order; results depend on it" },
        { name = "epochs", type = "integer", min = 1, max = 100000, default = 20,
          doc = "passes over the data" },
        { name = "optimizer", type = "record", kinds = { "sgd", "adam", "adamw", "lion", "muon" },
          doc = "how parameters move" },
        { name = "schedule", type = "record",
          kinds = { "constant", "step", "multistep", "exponential", "linear", "cosine", "onecycle",
              "plateau" },
          optional = true, default_doc = "constant",
          doc = "how the learning rate moves" },
        { name = "clip", type = "number", min = 0, max = 1e6, default = 0,
          doc = "largest norm of all gradients together, 0 any (arXiv:1211.5063)" },
        { name = "ema", type = "number", min = 0, below = 1, default = 0,
          doc = "part of the average parameters that stays in a step, 0 none: they are evaluated" },
        { name = "ema_start", type = "number", min = 0, below = 1, default = 0,
          idle = without_ema,
          doc = "part of all steps after which the average begins" },
        { name = "ema_batches", type = "integer", min = 0, max = 65536, default = 0,
          idle = without_ema,
          doc = "batches of which its batch norms' statistics are estimated anew, 0: averages" },
        { name = "rate", type = "table", optional = true, default_doc = "1 each",
          doc = "factors of the learning rate, by the kind of a parameter: see factors" },
        { name = "decay", type = "table", optional = true, default_doc = "1 each",
          doc = "factors of the weight decay, likewise" },
        { name = "freeze", type = "table", optional = true, default_doc = "none",
          doc = "names of layers that stay as they are; * stands for any letters: { \"conv*\" }" },
        { name = "label_smoothing", type = "number", min = 0, below = 1, default = 0,
          doc = "part of the target that goes to all classes alike" },
        { name = "precision", type = "choice", choices = { "fp32", "bf16" }, default = "fp32",
          doc = "of the numbers that convolutions multiply; all others are fp32" },
        { name = "augment", type = "table", optional = true, default_doc = "none",
          doc = "how training images are varied" },
    },
}

recipe.augment = {
    name = "augment",
    doc = "How training images are varied; a plain table.",
    fields = {
        { name = "crop", type = "integer", min = 0, max = 1023, default = 0,
          doc = "shifts by up to so many pixels" },
        { name = "crop_border", type = "choice", choices = { "reflect", "zero" },
          default = "reflect",
          idle = function(f)
              if f.crop == 0 and f.rotate == 0 then
                  return "crop 0 and rotate 0", "one of them above 0"
              end
          end,
          doc = "what is seen beside the image: its mirror image, or the mean" },
        { name = "flip", type = "choice", choices = { "none", "random", "alternating" },
          default = "none",
          doc = "mirrors images: at random, or every other epoch from a random start" },
        { name = "flip_vertical", type = "boolean", default = false,
          doc = "turns images upside down at random" },
        { name = "cutout", type = "integer", min = 0, max = 1024, default = 0,
          doc = "side of a square set to the mean" },
        { name = "rotate", type = "number", min = 0, max = 180, default = 0,
          doc = "turns by up to so many degrees, either way" },
        { name = "brightness", type = "number", min = 0, max = 1, default = 0,
          doc = "largest change of a factor of all values: 0.2 is 0.8 to 1.2" },
        { name = "contrast", type = "number", min = 0, max = 1, default = 0,
          doc = "the same of what values differ from the mean grey" },
        { name = "mixup", type = "number", min = 0, max = 2, default = 0,
          doc = "mixes two images and their labels; parameter of a beta distribution" },
        { name = "plain_epochs", type = "integer", min = 0, max = 100000, default = 0,
          idle = without_augmentation,
          doc = "the last epochs, so many, see images as they are" },
    },
}

-- Kinds of parameters, in the order of enum param_kind in runtime/model.h.
recipe.kinds = { "weight", "head", "norm", "bias" }

local kind_docs <const> = {
    weight = "filters and matrices but the last",
    head = "weights of the last layer that has any",
    norm = "scales of norms",
    bias = "whatever is added: biases, and the shifts of norms",
}

-- rate = { bias = 16 }, decay = { norm = 0, bias = 0 }
recipe.factors = {
    name = "factors",
    doc = "What rate and decay say: { bias = 16 }, { norm = 0, bias = 0 }; plain tables.",
    fields = {},
}
for i, kind in ipairs(recipe.kinds) do
    recipe.factors.fields[i] = {
        name = kind, type = "number", min = 0, max = 1000, default = 1, doc = kind_docs[kind],
    }
end

-- -- Optimizers ----------------------------------------------------------------------------------

local lr <const> = {
    name = "lr", type = "number", above = 0, max = 1000,
    doc = "learning rate, the peak of the schedule",
}

local function momentum(default)
    return {
        name = "momentum", type = "number", min = 0, below = 1, default = default,
        doc = "part of the last movement that stays",
    }
end

local function decay(default, doc)
    return {
        name = "weight_decay", type = "number", min = 0, max = 1, default = default, doc = doc,
    }
end

local COUPLED <const> = "part of the parameter added to its gradient"
local DECOUPLED <const> = "part of the parameter that goes each step, times the rate"

local function alone(f)
    if f.others == "sgd" then
        return "others sgd", "others adamw"
    end
end

local function beta(n, default, doc)
    return {
        name = "beta" .. n, type = "number", min = 0, below = 1, default = default, idle = alone,
        doc = doc,
    }
end

local function eps(default)
    return {
        name = "eps", type = "number", above = 0, max = 1, default = default, idle = alone,
        doc = "added to the root of the squares",
    }
end

local MEAN <const> = "part of the average gradient that stays"
local SQUARE <const> = "part of the average square that stays"

-- -- Schedules -----------------------------------------------------------------------------------

local final_div <const> = {
    name = "final_div", type = "number", min = 1, max = 1e12, default = 1e4,
    doc = "lr / final_div is the last rate",
}

local function gamma(default)
    return {
        name = "gamma", type = "number", above = 0, max = 1, default = default,
        doc = "factor of a drop",
    }
end

local warmup_epochs <const> = {
    name = "warmup_epochs", type = "number", min = 0, max = 100000, default = 0,
    doc = "epochs spent rising in a line before the schedule begins, whole steps of them",
}
local warmup_div <const> = {
    name = "warmup_div", type = "number", min = 1, max = 1e12, default = 100,
    idle = function(f)
        if f.warmup_epochs == 0 then
            return "warmup_epochs 0", "warmup_epochs above 0"
        end
    end,
    doc = "lr / warmup_div is the first rate of these",
}

recipe.calls = {
    {
        name = "sgd",
        doc = "Stochastic gradient descent as torch.optim.SGD.",
        example = "sgd { lr = 0.05, momentum = 0.9, weight_decay = 5e-4, nesterov = true }",
        fields = {
            lr, momentum(0), decay(0, COUPLED),
            { name = "nesterov", type = "boolean", default = false, doc = "looks a step ahead" },
        },
    },
    {
        name = "adam",
        doc = "Kingma and Ba, arXiv:1412.6980, as torch.optim.Adam.",
        example = "adam { lr = 1e-3 }",
        fields = { lr, beta(1, 0.9, MEAN), beta(2, 0.999, SQUARE), eps(1e-8), decay(0, COUPLED) },
    },
    {
        name = "adamw",
        doc = "Adam with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101), as\n"
            .. "torch.optim.AdamW.",
        example = "adamw { lr = 2e-3, weight_decay = 0.05 }",
        fields = {
            lr, beta(1, 0.9, MEAN), beta(2, 0.999, SQUARE), eps(1e-8), decay(0.01, DECOUPLED),
        },
    },
    {
        name = "lion",
        doc = "The sign of an average gradient (Chen et al., arXiv:2302.06675). It wants a rate\n"
            .. "some five times lower than AdamW's, and a weight decay as many times higher.",
        example = "lion { lr = 3e-4, weight_decay = 0.1 }",
        fields = {
            lr, beta(1, 0.9, "weight of the average in the sign"), beta(2, 0.99, MEAN),
            decay(0, DECOUPLED),
        },
    },
    {
        name = "muon",
        doc = "Filters and matrices move by their momentum made orthogonal (Jordan et al., 2024,\n"
            .. "kellerjordan.github.io/posts/muon): a filter bank as the matrix of output\n"
            .. "channels by all weights of one. Head, norms and biases move by AdamW or SGD, as\n"
            .. "its authors have it; momentum and nesterov are that SGD's, too.",
        example = "muon { lr = 0.02, others_lr = 3e-3, weight_decay = 0.01 }",
        fields = {
            lr, momentum(0.95),
            { name = "nesterov", type = "boolean", default = true, doc = "looks a step ahead" },
            decay(0, DECOUPLED .. "; of others with SGD as there"),
            { name = "newton_schulz", type = "integer", min = 1, max = 20, default = 5,
              doc = "steps of the iteration that makes a matrix orthogonal" },
            { name = "renormalize", type = "boolean", default = false,
              doc = "in place of decay: filters keep the norm sqrt(output channels)" },
            { name = "others", type = "choice", choices = { "adamw", "sgd" }, default = "adamw",
              doc = "how all but filters and matrices move" },
            { name = "others_lr", type = "number", above = 0, max = 1000,
              doc = "their learning rate; the schedule is the same" },
            beta(1, 0.9, MEAN), beta(2, 0.95, SQUARE), eps(1e-10),
        },
    },
    {
        name = "constant", doc = "One rate throughout.", example = "constant()",
        fields = { warmup_epochs, warmup_div },
    },
    {
        name = "step",
        doc = "The rate drops by a factor every few epochs.",
        example = "step { every = 6, gamma = 0.2 }",
        fields = {
            { name = "every", type = "integer", min = 1, max = 100000,
              doc = "epochs between two drops" },
            gamma(nil), warmup_epochs, warmup_div,
        },
    },
    {
        name = "multistep",
        doc = "The rate drops by a factor at some epochs, as PyTorch's MultiStepLR.",
        example = "multistep { at = { 10, 15 }, gamma = 0.1 }",
        fields = {
            { name = "at", type = "integers", min = 1, max = 100000, most = 16,
              doc = "epochs after which it drops" },
            gamma(nil), warmup_epochs, warmup_div,
        },
    },
    {
        name = "exponential",
        doc = "The rate drops by a factor after every epoch, as PyTorch's ExponentialLR.",
        example = "exponential { gamma = 0.9 }",
        fields = { gamma(nil), warmup_epochs, warmup_div },
    },
    {
        name = "linear",
        doc = "The rate falls from lr to lr / final_div in a line.",
        example = "linear { warmup_epochs = 3, final_div = 1e6 }",
        fields = { final_div, warmup_epochs, warmup_div },
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
        doc = "The rate falls from lr to lr / final_div along half a cosine (Loshchilov and\n"
            .. "Hutter, arXiv:1608.03983).",
        example = "cosine { final_div = 1000, warmup_epochs = 2 }",
        fields = { final_div, warmup_epochs, warmup_div },
    },
    {
        name = "plateau",
        doc = "The rate drops by a factor when the loss of an epoch has not fallen by a\n"
            .. "ten-thousandth of itself for more than `patience` epochs, as PyTorch's\n"
            .. "ReduceLROnPlateau: the held-out loss with --validate, else that of the training\n"
            .. "images, for the test set decides nothing.",
        example = "plateau { patience = 2, gamma = 0.1 }",
        fields = {
            gamma(0.1),
            { name = "patience", type = "integer", min = 0, max = 100000, default = 10,
              doc = "epochs without a lower loss that are let pass" },
            warmup_epochs, warmup_div,
        },
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
            "none, or wider images", "flip")
    end
    if input and input.h == 1 and augment.flip_vertical then
        report(line, "augment: flip_vertical is true, of images one pixel high",
            "false, or higher images", "flip_vertical")
    end
    if input and input.h == 1 and input.w == 1 and (augment.rotate or 0) > 0 then
        report(line, "augment: rotate is " .. augment.rotate .. ", of images of one pixel",
            "0, or larger images")
    end
    local side <const> = input and math.min(input.h, input.w)
    if side and augment.crop and augment.crop >= side then
        report(line, "augment: crop is " .. augment.crop, "less than the image side, " .. side,
            "crop")
    end
    if side and augment.cutout and augment.cutout > side then
        report(line, "augment: cutout is " .. augment.cutout, "at most the image side, " .. side,
            "cutout")
    end
    return augment
end

-- The factors of the kinds, in their order, or nil where there are none.
local function read_factors(name, arguments, line, report)
    if not arguments then
        return nil
    end
    local spec <const> = { name = name, fields = recipe.factors.fields }
    local given <const> = record.check(spec, arguments, line, report)
    local factors <const> = {}
    local useful = false
    for i, kind in ipairs(recipe.kinds) do
        factors[i] = given[kind] or 1
        useful = useful or factors[i] ~= 1
    end
    if not useful then
        report(line, name .. ": has no effect", "a factor that is not 1, or no " .. name,
            name)
    end
    return factors
end

-- The names of frozen layers, as they were written: which layers they are, graph.lua knows.
local function read_freeze(list, line, report)
    local names <const> = {}
    for key, name in pairs(list or {}) do -- all are looked at, the first mistake is told
        if math.type(key) ~= "integer" or type(name) ~= "string" or not name:find("^[%w_*]+$") then
            report(line, "recipe: freeze holds " .. record.show(name),
                'names of layers, as { "conv1", "norm*" }', "freeze")
            return {}
        end
    end
    table.move(list or {}, 1, #(list or {}), 1, names)
    return names
end

-- The flat recipe from the table that a description wrote at `line`. Mistakes go to report; then
-- the result is of no use. `input` is the image, { c, h, w }, or nil where it is wrong itself.
function recipe.read(arguments, line, input, report)
    local top <const> = record.check(recipe.recipe, arguments, line, report)
    local optimizer <const> = top.optimizer
        and record.check_call(recipe.call_of[top.optimizer.kind], top.optimizer, report) or {}
    if optimizer.nesterov and optimizer.momentum == 0 then
        report(top.optimizer.line, top.optimizer.kind .. ": nesterov is true with momentum 0",
            "momentum above 0", "nesterov")
    end
    if top.chunks and top.batch and top.chunks ~= recipe.CHUNKS and top.chunks > top.batch then
        report(line, ("recipe: chunks is %d with a batch of %d images"):format(top.chunks,
            top.batch), ("at most %d"):format(top.batch), "chunks")
    end
    if top.decay and optimizer.weight_decay == 0 then
        report(line, "recipe: decay has no effect with weight_decay 0",
            "no decay, or weight_decay above 0", "decay")
    end
    local schedule_kind <const> = top.schedule and top.schedule.kind or "constant"
    local schedule <const> = top.schedule
        and record.check_call(recipe.call_of[schedule_kind], top.schedule, report) or {}
    local augment <const> = read_augment(top.augment or {}, line, input, report)
    return {
        batch = top.batch,
        chunks = top.chunks,
        epochs = top.epochs,
        lr = optimizer.lr,
        momentum = optimizer.momentum or 0,
        weight_decay = optimizer.weight_decay,
        nesterov = optimizer.nesterov or false,
        label_smoothing = top.label_smoothing,
        precision = top.precision,
        freeze = read_freeze(top.freeze, line, report),
        schedule = schedule_kind,
        step_epochs = schedule.every or 1,
        step_gamma = schedule.gamma or 1,
        warmup = schedule.warmup or 0,
        start_div = schedule.start_div or 1,
        final_div = schedule.final_div or 1,
        milestones = schedule.at or {},
        patience = schedule.patience or 0,
        warmup_epochs = schedule.warmup_epochs or 0,
        warmup_div = schedule.warmup_div or 1,
        optimizer = top.optimizer and top.optimizer.kind,
        beta1 = optimizer.beta1 or 0,
        beta2 = optimizer.beta2 or 0,
        eps = optimizer.eps or 0,
        others = optimizer.others or "sgd",
        others_lr = optimizer.others_lr or 0,
        newton_schulz = optimizer.newton_schulz or 0,
        renormalize = optimizer.renormalize or false,
        clip = top.clip,
        ema = top.ema,
        ema_start = top.ema_start,
        ema_batches = top.ema_batches,
        rate = read_factors("rate", top.rate, line, report),
        decay = read_factors("decay", top.decay, line, report),
        crop = augment.crop,
        crop_border = augment.crop_border,
        flip = augment.flip,
        flip_vertical = augment.flip_vertical,
        cutout = augment.cutout,
        rotate = augment.rotate,
        brightness = augment.brightness,
        contrast = augment.contrast,
        mixup = augment.mixup,
        plain_epochs = augment.plain_epochs,
    }
end

return recipe
