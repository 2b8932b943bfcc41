-- layers.lua - everything there is to know of a kind of layer: one table a kind.
--
-- The checker of descriptions, its messages, the manual (`burin layers`), the graph and the PyTorch
-- twin all read these tables, so they cannot drift apart. They are one file, and a long one: a new
-- kind takes its fields and rules from those beside it, as windows, sets of a norm, sums.
--
--     spec = { name, doc, example,
--              fields,                        -- of record.lua; kinds without `inputs` take `from`
--              inputs(f, previous),           -- names of the layers that it reads, where these are
--                                             -- not `from` or the one before
--              check(f) -> what, expected     -- rules between fields; nil when they hold
--              resolve(f, ins, net),          -- fills in what depends on the inputs, on NORM and
--                                             -- on other parts of the network (network.lua)
--              shape(f, ins) -> { c, h, w } or nil, what, expected
--              node = { ... },                -- fields that a node of the graph keeps
--              params(f, ins), states(f, ins) -- arrays in PyTorch's names, layouts and inits
--              flop(f, ins, out),             -- forward, one image; a multiply-add counts two
--              module(node, ins),             -- PyTorch submodule, or none
--              class(node),                   -- text of its class where PyTorch has none, or nil
--              call(node, args, ins) }        -- PyTorch expression of forward, without a module
--
-- f is the table of checked fields, ins the array of inputs and out the output, each { c, h, w }.
-- layers.kinds is the array in the order of the manual; layers.of maps a kind to its table;
-- layers.common are the fields that the manual explains once: name, which every kind takes, and
-- from, which every kind takes but those that read several layers and the loss, whose input is the
-- layer before it.

local geometry <const> = require("geometry")
local record <const> = require("language/record")

local layers <const> = {}

layers.max_channels = 4096
layers.max_side = 1024
layers.max_layers = 1000
layers.max_inputs = 64 -- MODEL_INPUTS of runtime/model.h
layers.max_norm_number = 9999 -- as many as NORM=bn9999 says

local channels <const> = { min = 1, max = layers.max_channels }

local function field(name, kind, range, rest)
    local made <const> = { name = name, type = kind }
    for _, source in ipairs({ range, rest }) do
        for key, value in pairs(source) do
            made[key] = value
        end
    end
    return made
end

local name_field <const> = field("name", "name", {}, {
    optional = true,
    default_doc = "kind and number",
    doc = "what messages, parameters and the generated C call it",
})
local from_field <const> = field("from", "name", {}, {
    optional = true,
    default_doc = "the layer before",
    doc = "the layer that it reads",
})

local function size_text(s)
    return ("%d x %d x %d"):format(s.c, s.h, s.w)
end

layers.size_text = size_text

-- PyTorch's keyword arguments, those that differ from its defaults: { { "groups", 2, 1 }, ... }.
local function keywords(list)
    local texts <const> = {}
    for _, entry in ipairs(list) do
        local name <const>, value <const>, default <const> = table.unpack(entry)
        if value ~= default then
            local text <const> = type(value) == "boolean" and (value and "True" or "False")
                or math.type(value) == "float" and ("%.9g"):format(value) or tostring(value)
            texts[#texts + 1] = (", %s=%s"):format(name, text)
        end
    end
    return table.concat(texts)
end

-- -- Windows: convolution and pooling ------------------------------------------------------------

-- "3" where both sides are alike, else "3 x 1".
local function sides_text(s)
    return s.h == s.w and tostring(s.h) or ("%d x %d"):format(s.h, s.w)
end

-- The same of a field of a geometry, as PyTorch writes it.
local function sides_python(g, name)
    return geometry.alike(g, name) and tostring(g.h[name])
        or ("(%d, %d)"):format(g.h[name], g.w[name])
end

-- "3 with dilation 2": a window in messages.
local function window_text(f)
    local d <const> = f.dilation
    return sides_text(f.window) .. (d and (d.h > 1 or d.w > 1) and " with dilation "
        .. sides_text(d) or "")
end

local function resolve_window(f)
    local function axis(side)
        return geometry.axis(f.window[side], f.stride[side], f.padding[side],
            f.dilation and f.dilation[side])
    end
    f.geometry = geometry.of(axis("h"), axis("w"))
end

local function window_shape(f, ins, c)
    local x <const>, g <const> = ins[1], f.geometry
    local h <const>, w <const> = geometry.outputs(g.h, x.h), geometry.outputs(g.w, x.w)
    if h < 1 or w < 1 then
        return nil,
            ("window %s is larger than its padded input, %d x %d"):format(window_text(f),
                x.h + 2 * f.padding.h, x.w + 2 * f.padding.w),
            "a smaller window or more padding"
    end
    return { c = c, h = h, w = w }
end

local function pool_shape(f, ins)
    return window_shape(f, ins, ins[1].c)
end

local function pool_check(f)
    if f.padding.h > f.window.h // 2 or f.padding.w > f.window.w // 2 then
        return ("padding is %s with window %s"):format(sides_text(f.padding), sides_text(f.window)),
            "at most half the window"
    end
end

local function pool_fields(doc, widest)
    return {
        field("window", "sides", { min = 1, max = widest },
            { position = 1, doc = "sides of the window " .. doc }),
        field("stride", "sides", { min = 1, max = layers.max_side }, {
            default = function(f) return f.window end,
            default_doc = "window",
            doc = "pixels between two windows",
        }),
        field("padding", "sides", { min = 0, max = layers.max_side },
            { default = 0, doc = "pixels around the image, at most window / 2" }),
    }
end

local function pool_module(class)
    return function(node)
        local g <const> = node.geometry
        local window <const> = sides_python(g, "taps")
        return ("nn.%s(%s%s)"):format(class, window, keywords({
            { "stride", sides_python(g, "stride"), window },
            { "padding", sides_python(g, "padding"), "0" },
        }))
    end
end

-- What is added to the variance of standardized weights, as timm's StdConv2d does.
local STANDARD_EPS <const> = 1e-6

local STD_CONV <const> = [[
class StdConv2d(nn.Conv2d):
    """A convolution with standardized weights, as timm's StdConv2d."""

    def forward(self, x):
        weight = self.weight.flatten(1)
        variance, mean = torch.var_mean(weight, dim=1, unbiased=False, keepdim=True)
        weight = (weight - mean) / torch.sqrt(variance + 1e-6)
        return nn.functional.conv2d(x, weight.reshape(self.weight.shape), self.bias, self.stride,
                                    self.padding, self.dilation, self.groups)
]]

local conv <const> = {
    name = "conv",
    doc = "Convolution with zero padding. Starts as PyTorch's nn.Conv2d does. Standardized\n"
        .. "weights are (w - mean) / sqrt(variance + 1e-6) of those of each output channel, and\n"
        .. "gradients go through that (Qiao et al., arXiv:1903.10520).",
    example = "conv { 32, window = 3, padding = 1 } or conv { 32, window = { 1, 7 } }",
    fields = {
        field("channels", "integer", channels, { position = 1, doc = "output channels" }),
        field("window", "sides", { min = 1, max = 11 }, { doc = "sides of the window" }),
        field("stride", "sides", { min = 1, max = 4 },
            { default = 1, doc = "pixels between two windows" }),
        field("padding", "sides", { min = 0, max = 40 },
            { default = 0,
              doc = "zero pixels around the image, less than what the window covers" }),
        field("dilation", "sides", { min = 1, max = 4 }, {
            default = 1,
            idle = function(f)
                local window <const> = f.window or { h = 0, w = 0 } -- said already
                local d <const> = f.dilation or { h = 1, w = 1 }
                if window.h == 1 and d.h > 1 or window.w == 1 and d.w > 1 then
                    return "a side of one pixel", "1 where the window is one pixel"
                end
            end,
            doc = "pixels from one tap of the window to the next",
        }),
        field("groups", "integer", channels, {
            default = 1,
            doc = "groups of channels that see only each other; as many as channels: depthwise",
        }),
        field("bias", "boolean", {}, { default = false, doc = "adds a number a channel" }),
        field("standardize", "boolean", {},
            { default = false, doc = "whether the weights are standardized" }),
    },
    check = function(f)
        if f.channels % f.groups ~= 0 then
            return ("%d output channels in %d groups"):format(f.channels, f.groups),
                "a number of groups that divides the channels"
        end
        local function is_outside(side)
            return f.padding[side] > (f.window[side] - 1) * f.dilation[side]
        end
        if is_outside("h") or is_outside("w") then
            return ("padding is %s with window %s"):format(sides_text(f.padding), window_text(f)),
                "padding less than what the window covers"
        end
    end,
    resolve = resolve_window,
    shape = function(f, ins)
        if ins[1].c % f.groups ~= 0 then
            return nil, ("%d input channels in %d groups"):format(ins[1].c, f.groups),
                "a number of groups that divides the channels"
        elseif f.standardize and ins[1].c // f.groups * f.geometry.taps == 1 then
            return nil, "standardizes one weight a channel, which is 0 then",
                "two weights or more that share a mean"
        end
        return window_shape(f, ins, f.channels)
    end,
    node = { "geometry", "groups", "bias", "standardize" },
    params = function(f, ins)
        local inputs <const> = ins[1].c // f.groups
        local fan_in <const> = inputs * f.geometry.taps
        local list <const> = {
            {
                name = "weight",
                shape = { f.channels, inputs, f.window.h, f.window.w },
                init = "fan_in",
                fan_in = fan_in,
                standardize = f.standardize and STANDARD_EPS or nil,
            },
        }
        if f.bias then
            list[2] = { name = "bias", shape = { f.channels }, init = "fan_in", fan_in = fan_in }
        end
        return list
    end,
    flop = function(f, ins, out)
        return 2 * (ins[1].c // f.groups) * f.geometry.taps * out.c * out.h * out.w
    end,
    class = function(node)
        return node.standardize and STD_CONV or nil
    end,
    module = function(node, ins)
        local g <const> = node.geometry
        return ("%s(%d, %d, kernel_size=%s%s)"):format(
            node.standardize and "StdConv2d" or "nn.Conv2d", ins[1].c, node.c,
            sides_python(g, "taps"), keywords({
                { "stride", sides_python(g, "stride"), "1" },
                { "padding", sides_python(g, "padding"), "0" },
                { "dilation", sides_python(g, "dilation"), "1" },
                { "groups", node.groups, 1 },
                { "bias", node.bias, true },
            }))
    end,
}

-- The place of a maximum in its window is kept in a byte.
local WIDEST_MAXPOOL <const> = 16

local maxpool <const> = {
    name = "maxpool",
    doc = "The largest value of each window.",
    example = "maxpool(2)",
    fields = pool_fields("whose largest value is taken", WIDEST_MAXPOOL),
    check = pool_check,
    resolve = resolve_window,
    shape = pool_shape,
    node = { "geometry" },
    module = pool_module("MaxPool2d"),
}

local avgpool <const> = {
    name = "avgpool",
    doc = "The average of each window, zero padding counted as values.",
    example = "avgpool { 3, stride = 2, padding = 1 }",
    fields = pool_fields("that is averaged", layers.max_side),
    check = pool_check,
    resolve = resolve_window,
    shape = pool_shape,
    node = { "geometry" },
    module = pool_module("AvgPool2d"),
}

local global_avgpool <const> = {
    name = "global_avgpool",
    doc = "The average of each channel over the image, which becomes 1 x 1.",
    example = "global_avgpool()",
    fields = {},
    shape = function(_, ins)
        return { c = ins[1].c, h = 1, w = 1 }
    end,
    node = {},
    module = function()
        return "nn.AdaptiveAvgPool2d(1)"
    end,
}

local global_maxpool <const> = {
    name = "global_maxpool",
    doc = "The largest value of each channel over the image, which becomes 1 x 1.",
    example = "global_maxpool()",
    fields = {},
    shape = function(_, ins)
        return { c = ins[1].c, h = 1, w = 1 }
    end,
    node = {},
    module = function()
        return "nn.AdaptiveMaxPool2d(1)"
    end,
}

-- -- Point by point ------------------------------------------------------------------------------

local function same_shape(_, ins)
    return ins[1]
end

-- A kind of layer that applies a function to each value. The field `activation` of its nodes is the
-- name of the function, that of the kind where `more` does not say another. module: of PyTorch
local function activation(name, doc, module, more)
    local spec <const> = {
        name = name,
        doc = doc,
        example = name .. "()",
        fields = {},
        resolve = function(f)
            f.activation = name
        end,
        shape = same_shape,
        node = { "activation", "slope" },
        module = function()
            return module
        end,
    }
    for key, value in pairs(more or {}) do -- each sets its own field
        spec[key] = value
    end
    return spec
end

local activations <const> = {
    activation("relu", "max(x, 0).", "nn.ReLU()"),
    activation("relu6", "min(max(x, 0), 6).", "nn.ReLU6()"),
    activation("leaky_relu", "x where it is positive, else slope * x.", nil, {
        example = "leaky_relu(0.01)",
        fields = {
            field("slope", "number", { min = 1e-6, below = 1 },
                { position = 1, default = 0.01, doc = "what negative values are multiplied by" }),
        },
        module = function(node)
            return ("nn.LeakyReLU(%.9g)"):format(node.slope)
        end,
    }),
    activation("hard_swish", "x * min(max(x + 3, 0), 6) / 6.", "nn.Hardswish()"),
    activation("silu", "x / (1 + exp(-x)), also called swish.", "nn.SiLU()"),
    activation("gelu", "x times the probability that a normal variable is below x, or its form\n"
        .. "with tanh: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))).", nil, {
        example = 'gelu() or gelu { form = "tanh" }',
        fields = {
            field("form", "choice", { choices = { "erf", "tanh" } },
                { default = "erf", doc = "the probability itself, or the form with tanh" }),
        },
        resolve = function(f)
            f.activation = f.form == "tanh" and "gelu_tanh" or "gelu"
        end,
        module = function(node)
            return node.activation == "gelu" and "nn.GELU()" or 'nn.GELU(approximate="tanh")'
        end,
    }),
    activation("sigmoid", "1 / (1 + exp(-x)).", "nn.Sigmoid()"),
    activation("tanh", "The hyperbolic tangent.", "nn.Tanh()"),
}

-- Whether a value is dropped is drawn with 16 bits (dropout.lua).
local LEAST_DROPOUT <const> = 2.0 ^ -17

-- PyTorch has no such module; torchvision has.
local DROP_IMAGES <const> = [[
class DropImages(nn.Module):
    """Drops whole images of a batch, as torchvision's StochasticDepth of mode "row"."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        kept = torch.rand(x.shape[0], 1, 1, 1, device=x.device) >= self.p
        return x * kept / (1 - self.p)
]]

local DROP_MODULES <const> = {
    values = "nn.Dropout(%.9g)", channels = "nn.Dropout2d(%.9g)", images = "DropImages(%.9g)",
}

local dropout <const> = {
    name = "dropout",
    doc = "In training sets each value to 0 with probability p and divides the others by 1 - p.\n"
        .. "Of channels: each channel of an image, as one. Of images: all that an image has here,\n"
        .. "which in front of an add leaves out a branch of a residual network (stochastic depth).",
    example = 'dropout(0.05) or dropout { 0.2, of = "images" }',
    fields = {
        field("p", "number", { min = 0, below = 1 },
            { position = 1, doc = "probability of dropping a value, in steps of 1 / 65536" }),
        field("of", "choice", { choices = { "values", "channels", "images" } },
            { default = "values", doc = "what is dropped or kept as one" }),
    },
    check = function(f)
        if f.p > 0 and f.p < LEAST_DROPOUT then
            return ("p is %s, which drops nothing"):format(record.show(f.p)),
                "0, or half of 1 / 65536 and more"
        end
    end,
    resolve = function(f)
        f.unit = f.of
    end,
    shape = same_shape,
    node = { "p", "unit" },
    class = function(node)
        return node.unit == "images" and DROP_IMAGES or nil
    end,
    module = function(node)
        return DROP_MODULES[node.unit]:format(node.p)
    end,
}

-- The fields and inputs of layers that read two: the layer before and the one named, or both named.
local function two_fields()
    return {
        field("first", "name", {}, { position = 1, doc = "a layer" }),
        field("second", "name", {}, {
            position = 2,
            optional = true,
            default_doc = "the layer before",
            doc = "another layer",
        }),
    }
end

local function two_inputs(f, previous)
    return f.second and { f.first, f.second } or { previous, f.first }
end

local add <const> = {
    name = "add",
    doc = "The sum of two layers of one shape: the layer before and the one named, or both named.",
    example = 'add("relu2") or add { "conv3", "conv4" }',
    fields = two_fields(),
    inputs = two_inputs,
    shape = function(_, ins)
        local a <const>, b <const> = ins[1], ins[2]
        if a.c ~= b.c or a.h ~= b.h or a.w ~= b.w then
            return nil, ("adds %s and %s"):format(size_text(a), size_text(b)), "equal shapes"
        end
        return a
    end,
    node = {},
    call = function(_, args)
        return args[1] .. " + " .. args[2]
    end,
}

local mul <const> = {
    name = "mul",
    doc = "The product of two layers of one shape, or of which one is 1 x 1 and multiplies each\n"
        .. "channel of the other: the layer before and the one named, or both named.",
    example = 'mul("relu2") or mul { "conv3", "sigmoid1" }',
    fields = two_fields(),
    inputs = two_inputs,
    shape = function(_, ins)
        local a <const>, b <const> = ins[1], ins[2]
        local one <const> = a.h * a.w == 1 or b.h * b.w == 1
        if a.c ~= b.c or not one and (a.h ~= b.h or a.w ~= b.w) then
            return nil, ("multiplies %s and %s"):format(size_text(a), size_text(b)),
                "equal shapes, or as many channels in 1 x 1"
        end
        return a.h * a.w == 1 and b or a
    end,
    node = {},
    call = function(_, args)
        return args[1] .. " * " .. args[2]
    end,
}

local concat <const> = {
    name = "concat",
    doc = "Layers of one height and width, their channels side by side in the order of the names.\n"
        .. "One name alone: that layer, then the layer before.",
    example = 'concat("block1") or concat { "conv1", "conv2", "conv3" }',
    fields = {
        field("layers", "names", { most = layers.max_inputs }, { rest = true, doc = "the layers" }),
    },
    inputs = function(f, previous)
        local names <const> = f.layers or { previous } -- none where the field is wrong
        return #names > 1 and names or { names[1], previous }
    end,
    shape = function(_, ins)
        local first <const> = ins[1]
        local c = 0
        for _, x in ipairs(ins) do
            if x.h ~= first.h or x.w ~= first.w then
                return nil, ("concatenates %s and %s"):format(size_text(first), size_text(x)),
                    "equal heights and widths"
            end
            c = c + x.c
        end
        if c > layers.max_channels then
            return nil, ("makes %d channels"):format(c), "at most " .. layers.max_channels
        end
        return { c = c, h = first.h, w = first.w }
    end,
    node = {},
    call = function(_, args)
        return ("torch.cat((%s), dim=1)"):format(table.concat(args, ", "))
    end,
}

local pad_channels <const> = {
    name = "pad_channels",
    doc = "Its input between channels of zeros: a skip to more channels without weights (He et\n"
        .. "al. 2016, option A), behind an avgpool { 1, stride = 2 } where the image halves.",
    example = "pad_channels(32) or pad_channels { 32, before = 0 }",
    fields = {
        field("channels", "integer", channels,
            { position = 1, doc = "channels of its output, more than its input has" }),
        field("before", "integer", { min = 0, max = layers.max_channels }, {
            optional = true,
            default_doc = "half of them",
            doc = "how many of the new channels stand before those of the input",
        }),
    },
    resolve = function(f, ins)
        f.first = f.before or math.max(f.channels - ins[1].c, 0) // 2
    end,
    shape = function(f, ins)
        local x <const> = ins[1]
        if f.channels <= x.c then
            return nil, ("pads %d channels to %d"):format(x.c, f.channels), "more than there are"
        elseif f.first > f.channels - x.c then
            return nil, ("before is %d of %d new channels"):format(f.first, f.channels - x.c),
                "as many at most"
        end
        return { c = f.channels, h = x.h, w = x.w }
    end,
    node = { "first" },
    call = function(node, args, ins)
        return ("nn.functional.pad(%s, (0, 0, 0, 0, %d, %d))"):format(args[1], node.first,
            node.c - node.first - ins[1].c)
    end,
}

-- -- Normalization -------------------------------------------------------------------------------

layers.norms = { "bn", "gn", "ln", "in", "cn", "rms", "none" }

local norm_titles <const> = {
    bn = "batch norm", gn = "group norm", ln = "layer norm", ["in"] = "instance norm",
    cn = "layer norm of each pixel", rms = "RMS norm", none = "no norm",
}

-- The kind of a NORM and its number, the images of a batch norm or the groups of a group norm:
-- "gn" is { "gn", nil }, "bn16" is { "bn", 16 }, "gn8" is { "gn", 8 }.
function layers.split_norm(norm)
    local kind <const>, number <const> = norm:match("^([bg]n)(%d+)$")
    return kind or norm, kind and math.tointeger(number)
end

-- What people call a NORM: "gn8" is group norm of 8 groups, "bn" is batch norm, "bn16" batch norm
-- over 16 images, unless a batch has no more. batch: its images, or nil where that is not known.
function layers.norm_title(norm, batch)
    local kind <const>, number <const> = layers.split_norm(norm)
    if kind == "gn" and number then
        return ("%s of %d groups"):format(norm_titles[kind], number)
    end
    local parts <const> = number and not (batch and number >= batch)
    return norm_titles[kind] .. (parts and (" over %d images"):format(number) or "")
end

-- For fields that belong to some kinds of norm: where the layer names another kind, the field can
-- have no effect. Where it leaves its kind to NORM, the field is for those NORMs.
local function only_with(...)
    local kinds <const> = { ... }
    return function(f)
        for _, kind in ipairs(kinds) do
            if not f.kind or f.kind == kind then
                return nil
            end
        end
        return "kind " .. f.kind, "kind " .. record.either(kinds)
    end
end

-- What a norm of one value would make of it is zero, whatever the value is.
local function check_set(f, x)
    if f.over == "image" then
        if x.c * x.h * x.w == 1 then
            return "images of one value", "two values or more"
        end
        return nil
    elseif f.over == "pixel" then
        if x.c == 1 then
            return "pixels of 1 channel, one value", "two channels or more"
        end
        return nil
    end
    local images <const> = f.norm == "batch" and (f.ghost > 0 and f.ghost or f.batch) or 1
    local width <const> = f.norm == "batch" and 1 or x.c // f.groups
    if images * width * x.h * x.w == 1 then
        return (f.norm == "batch" and "batch norm of 1 image" or "groups of 1 channel")
                .. " of 1 x 1, one value",
            "two values or more that share a mean"
    end
end

local DEFAULT_GROUPS <const> = 4

-- PyTorch's norms are over the last sides of a tensor.
local PIXEL_NORM <const> = [[
class Pixel%s(nn.%s):
    """nn.%s over the channels of each pixel of images, (N, C, H, W)."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
]]

-- How a kind takes its statistics: norm and over of a node. Sets of group norms are groups of
-- channels.
local function statistics_of(kind, elements)
    if kind == "bn" then
        return "batch", nil
    elseif kind == "cn" or kind == "ln" and elements then
        return "layer", elements and "image" or "pixel"
    elseif kind == "rms" then
        return "rms", elements and "image" or "pixel"
    end
    return "group", nil
end

local norm <const> = {
    name = "norm",
    doc = "Normalization with a scale and shift a channel; NORM chooses the kind where the layer\n"
        .. "does not: bn batch norm, gn group norm, ln one group (layer norm), in a group a\n"
        .. "channel (instance norm), cn layer norm over the channels of each pixel (ConvNeXt's),\n"
        .. "rms the same by the root of the mean square and with no mean and no shift (RMS norm),\n"
        .. "none takes the layer out of the network. With elements, ln and rms are over the\n"
        .. "image and have a weight an element, as PyTorch's LayerNorm([C, H, W]). NORM=bn16 is\n"
        .. "bn with ghost = 16, where the layer leaves kind and ghost to NORM, and NORM=gn8 is gn\n"
        .. "with groups = 8. A field of another kind than the layer names is an error, and so is\n"
        .. "a mean of one value.",
    example = 'norm() or norm { kind = "gn", groups = 8 }',
    fields = {
        field("kind", "choice", { choices = layers.norms },
            { position = 1, optional = true, default_doc = "NORM", doc = "which normalization" }),
        field("groups", "integer", channels,
            { optional = true, idle = only_with("gn"), default_doc = "4",
              doc = "gn: groups of channels; divides their number" }),
        field("ghost", "integer", { min = 1, max = layers.max_norm_number }, {
            optional = true,
            idle = only_with("bn"),
            default_doc = "the batch",
            doc = "bn: images that share a mean in training; divides the batch",
        }),
        field("elements", "boolean", {}, {
            default = false,
            idle = only_with("ln", "rms"),
            doc = "ln, rms: a scale, and of ln a shift, an element of the image",
        }),
        field("eps", "number", { above = 0, max = 1 },
            { default = 1e-5, idle = only_with("bn", "gn", "ln", "in", "cn", "rms"),
              doc = "added to the variance, or to the mean square" }),
        field("momentum", "number", { min = 0, max = 1 },
            { default = 0.1, idle = only_with("bn"),
              doc = "bn: weight of a batch in the running mean and variance" }),
    },
    resolve = function(f, ins, net)
        local named <const>, number <const> = layers.split_norm(net.norm)
        local kind <const> = f.kind or named
        local of_norm <const> = not f.kind and number
        f.batch = net.recipe.batch
        f.ghost = kind == "bn" and (f.ghost or of_norm) or 0
        f.ghost = f.ghost ~= f.batch and f.ghost or 0
        f.vanishes = kind == "none"
        f.norm, f.over = statistics_of(kind, f.elements)
        f.momentum = kind == "bn" and f.momentum or nil
        f.groups = ({ bn = 0, ln = 1, ["in"] = ins[1].c, cn = 1, rms = 1 })[kind] or f.groups
            or of_norm or DEFAULT_GROUPS
    end,
    shape = function(f, ins)
        if f.norm == "group" and ins[1].c % f.groups ~= 0 then
            return nil, ("%d channels in %d groups"):format(ins[1].c, f.groups),
                "a number of groups that divides the channels"
        elseif f.ghost > 0 and f.batch % f.ghost ~= 0 then
            return nil, ("ghost is %d with a batch of %d images"):format(f.ghost, f.batch),
                "a number that divides the batch"
        end
        local what <const>, expected <const> = check_set(f, ins[1])
        return not what and ins[1] or nil, what, expected
    end,
    node = { "norm", "over", "groups", "ghost", "eps", "momentum" },
    params = function(f, ins)
        local x <const> = ins[1]
        local function shape()
            return f.over == "image" and { x.c, x.h, x.w } or { x.c }
        end
        return {
            { name = "weight", shape = shape(), init = "one", fan_in = 1 },
            f.norm ~= "rms" and { name = "bias", shape = shape(), init = "zero", fan_in = 1 }
                or nil,
        }
    end,
    states = function(f, ins)
        if f.norm ~= "batch" then
            return {}
        end
        return {
            { name = "running_mean", count = ins[1].c, init = 0 },
            { name = "running_var", count = ins[1].c, init = 1 },
        }
    end,
    class = function(node)
        if node.over == "pixel" then
            local name <const> = node.norm == "rms" and "RMSNorm" or "LayerNorm"
            return PIXEL_NORM:format(name, name, name)
        end
    end,
    module = function(node)
        local eps <const> = { "eps", node.eps, 1e-5 }
        if node.norm == "batch" then
            return ("nn.BatchNorm2d(%d%s)"):format(node.c,
                keywords({ eps, { "momentum", node.momentum, 0.1 } }))
        elseif node.over then
            local name <const> = node.norm == "rms" and "RMSNorm" or "LayerNorm"
            return node.over == "pixel" and ("Pixel%s(%d, eps=%.9g)"):format(name, node.c, node.eps)
                or ("nn.%s([%d, %d, %d], eps=%.9g)"):format(name, node.c, node.h, node.w, node.eps)
        end
        return ("nn.GroupNorm(%d, %d%s)"):format(node.groups, node.c, keywords({ eps }))
    end,
}

-- -- The end of a network ------------------------------------------------------------------------

local linear <const> = {
    name = "linear",
    doc = "Fully connected: flattens its input in the order C, H, W.",
    example = "linear(10)",
    fields = {
        field("channels", "integer", channels, { position = 1, doc = "outputs" }),
        field("bias", "boolean", {}, { default = true, doc = "adds a number an output" }),
    },
    shape = function(f)
        return { c = f.channels, h = 1, w = 1 }
    end,
    node = { "bias" },
    params = function(f, ins)
        local fan_in <const> = ins[1].c * ins[1].h * ins[1].w
        local list <const> = {
            { name = "weight", shape = { f.channels, fan_in }, init = "fan_in", fan_in = fan_in },
        }
        if f.bias then
            list[2] = { name = "bias", shape = { f.channels }, init = "fan_in", fan_in = fan_in }
        end
        return list
    end,
    flop = function(_, ins, out)
        return 2 * ins[1].c * ins[1].h * ins[1].w * out.c
    end,
    module = function(node, ins)
        return ("nn.Linear(%d, %d%s)"):format(ins[1].c * ins[1].h * ins[1].w, node.c,
            keywords({ { "bias", node.bias, true } }))
    end,
}

local softmax_cross_entropy <const> = {
    name = "softmax_cross_entropy",
    doc = "The loss, and the end of every network: softmax over the classes, cross entropy with\n"
        .. "the label. Its input has one channel a class and is 1 x 1.",
    example = "softmax_cross_entropy()",
    fields = {},
    resolve = function(f, _, net)
        f.classes = net.classes
    end,
    shape = function(f, ins)
        local x <const> = ins[1]
        if x.c ~= f.classes or x.h ~= 1 or x.w ~= 1 then
            return nil, "its input is " .. size_text(x),
                ("%d x 1 x 1 for %d classes"):format(f.classes, f.classes)
        end
        return x
    end,
    node = {},
}

layers.kinds = {
    conv, table.unpack(activations),
}
for _, spec in ipairs {
    norm, dropout, maxpool, avgpool, global_avgpool, global_maxpool, add, mul, concat,
    pad_channels, linear,
    softmax_cross_entropy,
} do
    layers.kinds[#layers.kinds + 1] = spec
end
layers.common = { name_field, from_field }
layers.of = {}
for _, spec in ipairs(layers.kinds) do
    spec.check = spec.check or function() end
    spec.resolve = spec.resolve or function() end
    spec.params = spec.params or function() return {} end
    spec.states = spec.states or function() return {} end
    spec.flop = spec.flop or function() return 0 end
    spec.fields[#spec.fields + 1] = name_field
    if not spec.inputs and spec ~= softmax_cross_entropy then
        spec.fields[#spec.fields + 1] = from_field
    end
    spec.inputs = spec.inputs or function(f, previous)
        return { f.from or previous }
    end
    layers.of[spec.name] = spec
end

return layers
