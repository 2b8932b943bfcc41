-- The PyTorch twin: its submodules and forward, line by line.

local test <const> = ...

local graph <const> = require("language/graph")
local network <const> = require("language/network")
local twin <const> = require("language/twin")

local tests <const> = {}

-- The twin of `lines`, layers between an image of 3 x 8 x 8 and two classes.
local function file_of(lines, norm)
    local text <const> = [[return network {
        name = "small", classes = 2, input = { 3, 8, 8 },
        recipe = { optimizer = sgd { lr = 0.1 } },
        layers = { ]] .. lines .. [[, softmax_cross_entropy() },
    }]]
    local built <const> = graph.build(network.read(text, "small.lua", norm))
    return twin.text(built, { network = "small.lua", norm = norm })
end

-- The lines of its class Net.
local function class(lines, norm)
    local text <const> = file_of(lines, norm):match("super%(%).__init__%(%)\n(.-)\n\n\ndef")
    return (text:gsub(" *#[^\n]*", ""))
end

function tests.every_layer_has_its_line()
    test.equal(class([[
        conv { 8, window = 3, stride = 2, padding = 1 }, norm(), relu(), dropout(0.25),
        conv { 8, window = 1, bias = true, groups = 4, name = "mix" },
        maxpool { 3, stride = 2, padding = 1 },
        conv { 8, window = { 3, 1 }, stride = { 1, 2 }, padding = { 1, 0 } },
        conv { 8, window = 3, padding = { 2, 4 }, dilation = { 2, 4 } },
        avgpool { { 2, 1 } }, global_avgpool(), linear(2)]], "bn"), [[
        self.conv1 = nn.Conv2d(3, 8, kernel_size=3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(8)
        self.relu1 = nn.ReLU()
        self.dropout1 = nn.Dropout(0.25)
        self.mix = nn.Conv2d(8, 8, kernel_size=1, groups=4)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(8, 8, kernel_size=(3, 1), stride=(1, 2), padding=(1, 0), bias=False)
        self.conv4 = nn.Conv2d(8, 8, kernel_size=3, padding=(2, 4), dilation=(2, 4), bias=False)
        self.avgpool1 = nn.AvgPool2d((2, 1))
        self.global_avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.linear1 = nn.Linear(8, 2)

    def forward(self, x):
        """Logits, (N, 2), of images, (N, 3, 8, 8)."""
        x = self.conv1(x)
        x = self.norm1(x)
        x = self.relu1(x)
        x = self.dropout1(x)
        x = self.mix(x)
        x = self.maxpool1(x)
        x = self.conv3(x)
        x = self.conv4(x)
        x = self.avgpool1(x)
        x = self.global_avgpool1(x)
        x = self.linear1(x.flatten(1))
        return x]])
end

function tests.skips_keep_their_values()
    test.equal(class([[
        conv { 3, window = 1 }, relu { name = "r" }, conv { 3, window = 1 }, add("r"),
        add { "input", "add1" }, global_avgpool(), conv { 2, window = 1 }]], "bn"), [[
        self.conv1 = nn.Conv2d(3, 3, kernel_size=1, bias=False)
        self.r = nn.ReLU()
        self.conv2 = nn.Conv2d(3, 3, kernel_size=1, bias=False)
        self.global_avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.conv3 = nn.Conv2d(3, 2, kernel_size=1, bias=False)

    def forward(self, y_input):
        """Logits, (N, 2), of images, (N, 3, 8, 8)."""
        x = self.conv1(y_input)
        y_r = self.r(x)
        x = self.conv2(y_r)
        x = x + y_r
        x = y_input + x
        x = self.global_avgpool1(x)
        x = self.conv3(x)
        return x.flatten(1)]])
end

function tests.layers_lie_side_by_side()
    local text <const> = class([[
        conv { 4, window = 1, name = "a" }, relu { name = "r" }, concat("a"),
        concat { "input", "concat1", "r" }, global_maxpool(), mul("concat2"),
        pad_channels(16), pad_channels { 19, before = 1 },
        dropout { 0.25, of = "channels" }, dropout { 0.5, of = "images" },
        dropout { 0.125, of = "images" }, linear(2)]], "bn")
    assert(text:find("self.dropout1 = nn.Dropout2d(0.25)\n", 1, true), text)
    assert(text:find("self.dropout2 = DropImages(0.5)\n", 1, true), text)
    assert(text:find("self.global_maxpool1 = nn.AdaptiveMaxPool2d(1)\n", 1, true), text)
    assert(text:find("x = x * y_concat2\n", 1, true), text)
    -- Of an odd number of new channels the last stands behind.
    assert(text:find("x = nn.functional.pad(x, (0, 0, 0, 0, 0, 1))\n", 1, true), text)
    assert(text:find("x = nn.functional.pad(x, (0, 0, 0, 0, 1, 2))\n", 1, true), text)
    assert(text:find("x = torch.cat((y_a, y_r), dim=1)\n", 1, true), text)
    assert(text:find("y_concat2 = torch.cat((y_input, x, y_r), dim=1)\n", 1, true), text)
end

-- A linear layer that others follow gives an image of 1 x 1 again.
function tests.linear_in_the_middle_unflattens()
    local text <const> = class("linear(4), relu(), linear { 2, bias = false }", "bn")
    assert(text:find("x = self.linear1(x.flatten(1))[:, :, None, None]\n", 1, true), "no such line")
    assert(text:find("x = self.linear2(x.flatten(1))\n        return x", 1, true), "no such line")
    assert(text:find("self.linear2 = nn.Linear(4, 2, bias=False)", 1, true), "no such line")
end

function tests.norms_are_pytorchs()
    local lines <const> = "conv { 8, window = 1 }, norm { eps = 0.001, momentum = 0.05 }, "
        .. "global_avgpool(), linear(2)"
    for norm, line in pairs({
        bn = "nn.BatchNorm2d(8, eps=0.001, momentum=0.05)\n",
        gn = "nn.GroupNorm(4, 8, eps=0.001)\n",
        ln = "nn.GroupNorm(1, 8, eps=0.001)\n",
        ["in"] = "nn.GroupNorm(8, 8, eps=0.001)\n",
        cn = "PixelLayerNorm(8, eps=0.001)\n", rms = "PixelRMSNorm(8, eps=0.001)\n",
    }) do
        local text <const> = class(lines, norm)
        assert(text:find("self.norm1 = " .. line, 1, true), "no such line")
    end
    assert(not class(lines, "none"):find("norm"), "norm none left a line")
    local whole <const> = class([[conv { 8, window = 1 }, norm { "ln", elements = true },
        norm { "rms", elements = true, eps = 0.5 }, global_avgpool(), linear(2)]], "bn")
    assert(whole:find("self.norm1 = nn.LayerNorm([8, 8, 8], eps=1e-05)\n", 1, true), whole)
    assert(whole:find("self.norm2 = nn.RMSNorm([8, 8, 8], eps=0.5)\n", 1, true), whole)
end

-- PyTorch's are over the last sides of a tensor: each kind that is there has a class.
function tests.norms_of_pixels_have_classes()
    local text <const> = file_of([[conv { 8, window = 1 }, norm("cn"), norm("cn"), norm("rms"),
        global_avgpool(), linear(2)]], "bn")
    for _, name in ipairs({ "LayerNorm", "RMSNorm" }) do
        local _, count <const> = text:gsub("class Pixel" .. name .. "%(nn." .. name .. "%):\n", "")
        test.equal(count, 1, name)
    end
    local other <const> = file_of("norm(), global_avgpool(), linear(2)", "rms")
    assert(not other:find("LayerNorm") and other:find("class PixelRMSNorm", 1, true), other)
end

function tests.ghosts_are_not_pytorchs()
    test.raises({ "small.lua:4: batch norm over 16 images: expected a norm that PyTorch has" },
        class, "conv { 8, window = 1 }, norm(), global_avgpool(), linear(2)", "bn16")
end

function tests.the_recipe_is_a_dictionary()
    local built <const> = graph.build(network.read([[return network {
        name = "small", classes = 2, input = { 3, 8, 8 },
        recipe = {
            batch = 24, optimizer = sgd { lr = 0.25, momentum = 0.5, nesterov = true },
        },
        layers = { conv { 8, window = 1 }, global_avgpool(), linear(2), softmax_cross_entropy() },
    }]], "small.lua", "none"))
    local text <const> = twin.text(built, { network = "small.lua", norm = "none" })
    local inside <const> = text:match("\nRECIPE = {\n(.-\n)}\n\n\nclass Net")
    local lines = 0
    for line in inside:gmatch("([^\n]*)\n") do
        assert(line:find('^    "[%l_]+": [%w."]+,$'), line)
        lines = lines + 1
    end
    assert(lines >= 16)
    for _, line in ipairs({ '"batch": 24', '"lr": 0.25', '"nesterov": True', '"cutout": 0' }) do
        assert(inside:find("    " .. line .. ",\n", 1, true), line)
    end
end

-- Lines of the twin of a network with this recipe.
local function with_recipe(recipe)
    local built <const> = graph.build(network.read([[return network {
        name = "small", classes = 2, input = { 3, 8, 8 }, recipe = { ]] .. recipe .. [[ },
        layers = { conv { 8, window = 3, bias = true }, norm(), conv { 4, window = 1 },
            global_avgpool(), linear(2), softmax_cross_entropy() },
    }]], "small.lua", "bn"))
    return twin.text(built, { network = "small.lua", norm = "bn" })
end

local function has(text, ...)
    for _, part in ipairs { ... } do
        assert(text:find(part, 1, true), part .. " is not in:\n" .. text)
    end
end

-- What they compute, tests/project/check_optimizers.py compares in PyTorch.
function tests.every_optimizer_has_its_text()
    local sgd <const> = with_recipe("optimizer = sgd { lr = 0.1 }")
    has(sgd, "    return torch.optim.SGD(\n        net.parameters(),\n")
    assert(not sgd:find("KINDS", 1, true) and not sgd:find("beta1", 1, true), sgd)
    has(with_recipe("optimizer = adam { lr = 0.1, beta2 = 0.99 }"), "torch.optim.Adam(\n",
        '"beta2": 0.99,', '"eps": 1e-08,')
    has(with_recipe("optimizer = lion { lr = 0.1 }"), "class Lion(", "    return Lion(\n")
    local muon <const> = with_recipe("optimizer = muon { lr = 0.02, others_lr = 0.003 }, "
        .. "rate = { norm = 2 }")
    has(muon, "class Muon(", "    return Muon(\n", "    others = torch.optim.AdamW(\n",
        '"others_lr": 0.003,',
        '    "weight": [\n        "conv1.weight",\n        "conv2.weight",\n    ],',
        '    "head": [\n        "linear1.weight",\n    ],', '"norm1.weight",\n    ],',
        '    "bias": [\n        "conv1.bias",\n        "norm1.bias",\n        "linear1.bias",\n',
        'RATE = {"weight": 1, "head": 1, "norm": 2, "bias": 1}')
    has(with_recipe("optimizer = sgd { lr = 0.1, weight_decay = 0.1 }, decay = { bias = 0 }"),
        'DECAY = {"weight": 1, "head": 1, "norm": 1, "bias": 0}',
        '        parameter_groups(net, KINDS, RECIPE["lr"]),\n')
    has(with_recipe("optimizer = sgd { lr = 0.1 }, augment = { mixup = 0.5 }"), '"mixup": 0.5,')
    -- Any augmentation is one that plain epochs are without.
    for _, augmentation in ipairs { "crop = 1", 'flip = "random"', "flip_vertical = true",
        "cutout = 1", "rotate = 1", "brightness = 0.1", "contrast = 0.1", "mixup = 0.1" } do
        has(with_recipe("optimizer = sgd { lr = 0.1 }, augment = { plain_epochs = 2, "
            .. augmentation .. " }"), '"plain_epochs": 2,')
    end
end

function tests.path_cannot_leave_the_docstring()
    local file <const> = "gen/nets/s8.lua"
    local built <const> = graph.build(network.read(host.source(file), file, "bn"))
    local text <const> = twin.text(built, { network = 'x"""\nimport os\n\\', norm = "bn" })
    assert(text:find("burin twin --norm bn x????import os??\n", 1, true), "no such line")
end

return tests
