-- Descriptions: the exact message for each mistake.

local test <const> = ...

local made <const> = load(assert(host.read_file(test.dir .. "/support/descriptions.lua")),
    "@descriptions.lua")()

local build <const>, describe <const>, ending <const> = made.build, made.describe, made.ending

local tests <const> = {}

local one_value <const> = " of 1 x 1, one value: expected two values or more that share a mean"

-- { what, text, messages without "bad.lua:" }. One string stands for one message.
local rejected <const> = {
    -- The language.
    { "syntax", "return network {\n    name = ,\n}",
      "2: unexpected symbol near ',': expected Lua 5.4" },
    { "unknown call", "return network { layers = { conv2d(16) } }",
      '1: unknown name "conv2d" (did you mean conv?): expected a layer, a variable or one of the '
      .. "functions that `burin layers` lists" },
    { "nothing returned", "network {}",
      "1: the description returns nil: expected `return network { ... }`" },
    { "wrong value returned", "return { conv(16) }",
      "1: the description returns a table: expected `return network { ... }`" },
    { "own error", 'local k = 3\nassert(k % 2 == 0, "k must be even")', "2: k must be even" },
    { "error with a table", "\nerror({})", "2: error with a table value: expected a text" },
    { "bytecode", "\27Lua",
      "1: attempt to load a binary chunk (mode is 't'): expected the text of a description" },
    { "pairs of no table", "\nlocal f = pairs(nil)", "2: pairs of nil: expected a table" },
    { "pairs of odd keys", "\nlocal f = pairs({ [true] = 1 })",
      "2: pairs of a table with a key that is true: expected numbers and texts" },
    { "a call of nothing", "local x\nx()", "2: attempt to call a nil value (local 'x'): expected a "
      .. "function; `burin layers` lists those there are" },
    { "an index of nothing", "local x\nreturn x.y",
      "2: attempt to index a nil value (local 'x'): expected a table" },
    { "a sum of texts", "return 'a' .. {}",
      "1: attempt to concatenate a table value: expected texts or numbers" },
    { "an order of tables", "return {} < {}",
      "1: attempt to compare two table values: expected two numbers or two texts" },
    { "a length of nothing", "return #nil",
      "1: attempt to get length of a nil value: expected a text or a table" },
    { "an unfinished text", "\nreturn 'a", "2: unfinished string near <eof>: expected its end" },
    { "control characters in a message", "error('\27[2J\\n\127')", "1: ?[2J??" },
    { "a message without end", "local s = 'x'\nfor _ = 1, 10 do s = s .. s end error(s)",
      "2: " .. ("x"):rep(400) .. "..." },
    { "too long a text", ("-"):rep((1 << 20) + 1),
      "1: the description is too long: expected at most 1048576 bytes" },
    { "arithmetic on nil", "local t = {}\nlocal n = t.x + 1",
      "2: attempt to perform arithmetic on a nil value (field 'x'): expected numbers" },

    -- Fields.
    { "unknown field", describe("conv { 16, windw = 3, window = 3 }, " .. ending),
      '6: conv: has no field "windw" (did you mean window?): expected channels, window, stride, '
      .. "padding, dilation, groups, bias, standardize, name or from" },
    { "field missing", describe("conv(16), " .. ending),
      "6: conv: window is missing: expected an integer from 1 to 11, or two: { height, width }" },
    { "nothing given", describe("conv(), " .. ending), {
        "6: conv: channels is missing: expected an integer from 1 to 4096",
        "6: conv: window is missing: expected an integer from 1 to 11, or two: { height, width }",
    } },
    { "out of range", describe("conv { 16, window = 12 }, " .. ending),
      "6: conv: window is 12: expected an integer from 1 to 11, or two: { height, width }" },
    { "stride", describe("conv { 16, window = 3, stride = 5 }, " .. ending),
      "6: conv: stride is 5: expected an integer from 1 to 4, or two: { height, width }" },
    { "one side out of range", describe("conv { 16, window = { 3, 12 } }, " .. ending),
      "6: conv: window is a table: expected an integer from 1 to 11, or two: { height, width }" },
    { "window larger than one side", describe("conv { 16, window = { 1, 11 } }, maxpool(8), "
      .. "conv { 16, window = { 1, 5 } }, " .. ending),
      "6: conv: window 1 x 5 is larger than its padded input, 4 x 2: expected a smaller window or "
      .. "more padding" },
    { "padding of one side", describe("conv { 16, window = { 3, 1 }, padding = 1 }, " .. ending),
      "6: conv: padding is 1 with window 3 x 1: expected padding less than what the window "
      .. "covers" },
    { "padding beyond what is dilated", describe("conv { 16, window = { 3, 2 }, dilation = 2, "
      .. "padding = { 4, 3 } }, " .. ending),
      "6: conv: padding is 4 x 3 with window 3 x 2 with dilation 2: expected padding less than "
      .. "what the window covers" },
    { "dilated window larger than the image", describe("maxpool(8), conv { 16, window = 3, "
      .. "dilation = { 1, 2 } }, " .. ending),
      "6: conv: window 3 with dilation 1 x 2 is larger than its padded input, 4 x 4: expected a "
      .. "smaller window or more padding" },
    { "dilation out of range", describe("conv { 16, window = 3, dilation = 5 }, " .. ending),
      "6: conv: dilation is 5: expected an integer from 1 to 4, or two: { height, width }" },
    { "dilation of one pixel", describe("conv { 16, window = { 3, 1 }, dilation = 2 }, " .. ending),
      "6: conv: dilation has no effect with a side of one pixel: expected no dilation, or 1 where "
      .. "the window is one pixel" },
    { "pool dilation", describe("maxpool { 2, dilation = 2 }, " .. ending),
      '6: maxpool: has no field "dilation": expected window, stride, padding, name or from' },
    { "pool padding of one side", describe("avgpool { { 3, 1 }, padding = { 1, 1 } }, " .. ending),
      "6: avgpool: padding is 1 with window 3 x 1: expected at most half the window" },
    { "a text for a number", describe('conv { 16, window = "3" }, ' .. ending),
      '6: conv: window is "3": expected an integer from 1 to 11, or two: { height, width }' },
    { "fraction", describe("conv { 16, window = 2.5 }, " .. ending),
      "6: conv: window is 2.5: expected an integer from 1 to 11, or two: { height, width }" },
    { "not a number", describe("dropout(0/0), " .. ending),
      "6: dropout: p is not a number: expected a number from 0, below 1" },
    { "channels", describe("conv { 5000, window = 1 }, " .. ending),
      "6: conv: channels is 5000: expected an integer from 1 to 4096" },
    { "boolean", describe("conv { 16, window = 1, bias = 1 }, " .. ending),
      "6: conv: bias is 1: expected true or false" },
    { "probability", describe("dropout(1), " .. ending),
      "6: dropout: p is 1: expected a number from 0, below 1" },
    { "a probability of nothing", describe("dropout(7.6e-6), " .. ending),
      "6: dropout: p is 7.6e-06, which drops nothing: expected 0, or half of 1 / 65536 and more" },
    { "choice", describe('norm("batch"), ' .. ending),
      '6: norm: kind is "batch": expected one of bn, gn, ln, in, cn, rms or none' },
    { "two values", describe("conv(16, 3), " .. ending), {
        "6: conv: called with 2 values: expected one value, or a table: conv { ... }",
        "6: conv: window is missing: expected an integer from 1 to 11, or two: { height, width }",
    } },
    { "value too many", describe("maxpool { 2, 2 }, " .. ending),
      "6: maxpool: has a value too many, number 2: expected window, stride, padding, name or "
      .. "from" },
    { "given twice", describe("maxpool { 2, window = 2 }, " .. ending),
      "6: maxpool: window is given twice: expected one value" },
    { "layer in a layer", describe("relu(relu()), " .. ending),
      "6: relu: has a value too many, number 1: expected name or from" },
    { "padding", describe("conv { 16, window = 3, padding = 3 }, " .. ending),
      "6: conv: padding is 3 with window 3: expected padding less than what the window covers" },
    { "window of a maximum", describe("maxpool(17), " .. ending),
      "6: maxpool: window is 17: expected an integer from 1 to 16, or two: { height, width }" },
    { "pool padding", describe("maxpool { 3, padding = 2 }, " .. ending),
      "6: maxpool: padding is 2 with window 3: expected at most half the window" },

    -- Names and references.
    { "bad name", describe('relu { name = "a-b" }, ' .. ending),
      '6: relu: name "a-b" is no identifier: expected letters, digits and _, at most 64, no digit '
      .. "first" },
    { "C keyword", describe('relu { name = "double" }, ' .. ending),
      '6: relu: name "double" is a keyword of C: expected another name' },
    { "Python keyword", describe('relu { name = "lambda" }, ' .. ending),
      '6: relu: name "lambda" is a keyword of Python: expected another name' },
    { "PyTorch name", describe('relu { name = "train" }, ' .. ending),
      '6: relu: name "train" is an attribute of torch.nn.Module: expected another name' },
    { "name of the image", describe('relu { name = "input" }, ' .. ending),
      '6: relu: name "input" is the name of the image: expected another name' },
    { "control characters", describe('relu { name = "a\\27[2J" }, ' .. ending),
      '6: relu: name "a?[2J" is no identifier: expected letters, digits and _, at most 64, no '
      .. "digit first" },
    { "a wrong name twice",
      describe('relu { name = "a\\27" },\nrelu { name = "a\\27" }, ' .. ending), {
        '6: relu: name "a?" is no identifier: expected letters, digits and _, at most 64, no digit '
        .. "first",
        '7: relu: name "a?" is no identifier: expected letters, digits and _, at most 64, no digit '
        .. "first",
    } },
    { "name taken", describe('relu { name = "first" }, ' .. ending),
      "6: relu: the name first is taken by the layer at line 5: expected a name of its own" },
    { "names that differ in capitals", describe('relu { name = "FIRST" }, ' .. ending),
      "6: relu: the name FIRST is taken by first, at line 5: expected a name that differs in more "
      .. "than capitals" },
    { "a default name in capitals", describe('relu { name = "RELU2" }, relu(), ' .. ending),
      "6: relu: the default name relu2 is taken by RELU2, at line 6: expected a name that differs "
      .. "in more than capitals" },
    { "a default name", describe('relu { name = "relu2" }, relu(), ' .. ending),
      "6: relu: the default name relu2 is taken by the layer at line 6: expected a name of its "
      .. "own" },
    { "private names", describe('relu { name = "_buffers" }, relu { name = "__x" }, ' .. ending), {
        '6: relu: name "_buffers" starts with _, as the private names of Python and C do: expected '
        .. "another name",
        '6: relu: name "__x" starts with _, as the private names of Python and C do: expected '
        .. "another name",
    } },
    { "a type of PyTorch", describe('relu { name = "T_destination" }, ' .. ending),
      '6: relu: name "T_destination" is an attribute of torch.nn.Module: expected another name' },
    { "name of an offset", describe('relu { name = "At_y" },\nrelu { name = "eval_at_y" }, '
      .. ending), {
        '6: relu: name "At_y" starts with At_, as offsets in the generated C do: expected another '
        .. "name",
        '7: relu: name "eval_at_y" starts with eval_at_, as offsets in the generated C do: '
        .. "expected another name",
    } },
    { "unknown reference", describe('relu { from = "firts" }, ' .. ending),
      '6: relu: reads "firts", which no layer is called (did you mean first?): expected '
      .. "the name of an earlier layer, or input" },
    { "later reference", describe('add("linear1"), ' .. ending),
      '6: add: reads "linear1", which comes no earlier: expected the name of an earlier layer, or '
      .. "input" },
    { "dead end", describe('relu(),\nrelu { from = "first" }, ' .. ending),
      "6: relu: no layer reads relu1: expected no dead ends" },
    { "dead end by normalization", describe('norm(),\nrelu { from = "first" }, ' .. ending),
      "6: norm: no layer reads norm1: expected no dead ends" },
    { "layer twice", 'local r = relu()\n' .. describe("r, r, " .. ending),
      "1: relu: one layer in two places: expected a call for each place" },

    -- The list of layers.
    { "call forgotten", describe("relu, " .. ending),
      "6: network: layers[2] is relu: expected relu { ... } or relu()" },
    { "calls forgotten", describe("relu() --relu,\n, norm\n, relu, pairs, " .. ending), {
        "1: network: layers[5] is a function: expected a layer or a list of layers",
        "7: network: layers[3] is norm: expected norm { ... } or norm()",
        "8: network: layers[4] is relu: expected relu { ... } or relu()",
    } },
    { "call forgotten in a function",
      "local function block()\n    return { linear(8), relu }\nend\n"
      .. describe("block(), block(), block(), " .. ending),
      "2: network: layers[2][2] is relu: expected relu { ... } or relu()" },
    { "comma forgotten", describe("relu()\nnorm(), " .. ending),
      "7: '}' expected (to close '{' at line 4) near 'norm': expected a comma before it, or the "
      .. "brace" },
    { "hole", describe("nil, " .. ending),
      "1: network: layers[2] is nil: expected a layer or a list of layers" },
    { "schedule among layers", describe("{ relu(), constant() }, " .. ending),
      "1: network: layers[2][2] is a call of constant: expected a layer or a list of layers" },
    { "key in a list", describe("{ block = relu() }, " .. ending),
      '1: network: layers[2] has a key "block": expected a list without keys' },
    { "no loss", describe("global_avgpool(), linear(10),"),
      "6: network: the last layer is linear: expected softmax_cross_entropy()" },
    { "loss inside", describe("softmax_cross_entropy(),\n" .. ending),
      "6: softmax_cross_entropy: layers follow it: expected the end of the network" },
    { "no layers", 'return network { name = "bad", classes = 10, input = { 3, 8, 8 },\n'
      .. "recipe = { optimizer = sgd { lr = 0.1 } }, layers = {} }",
      "1: network: there is no layer: expected layers that end in softmax_cross_entropy()" },
    { "too many layers", "local t = {}\nfor i = 1, 1001 do t[i] = relu() end\n"
      .. describe("t, " .. ending), "3: network: too many layers: expected at most 1000" },
    { "list in itself", "local t = {}\nt[1] = t\n" .. describe("t, " .. ending),
      "3: network: layers[2][1] holds itself: expected layers and lists of layers" },
    { "lists of lists", "local t = {}\nfor i = 1, 50 do t = { t, t } end\n"
      .. describe("t, " .. ending),
      "3: network: too many lists of layers: expected at most 10000" },

    -- The head and the recipe.
    { "empty network", "return network {}", {
        "1: network: name is missing: expected a name (letters, digits and _, at most 64, no "
        .. "digit first)",
        "1: network: input is missing: expected { channels, height, width }, at most 4096 "
        .. "channels of 1024 x 1024",
        "1: network: classes is missing: expected an integer from 2 to 256: a label is a byte",
        "1: network: recipe is missing: expected a table { ... }",
        "1: network: layers is missing: expected a table { ... }",
    } },
    { "input", describe(ending, "input = { 3, 32 }, recipe = { optimizer = sgd { lr = 1 } },"),
      "3: network: input is a table: expected { channels, height, width }, at most 4096 channels "
      .. "of 1024 x 1024" },
    { "large input",
      describe(ending, "input = { 4096, 1024, 1024 }, recipe = { optimizer = sgd { lr = 1 } },"),
      "1: network: input is 4096 x 1024 x 1024: expected at most 67108864 values" },
    { "more classes than a label tells apart", describe(ending):gsub("= 10,", "= 257,", 1),
      "2: network: classes is 257: expected an integer from 2 to 256: a label is a byte" },
    { "no optimizer", describe(ending, "input = { 3, 32, 32 }, recipe = {},"),
      "1: recipe: optimizer is missing: expected sgd, adam, adamw, lion or muon { ... }" },
    { "optimizer and schedule", describe(ending, "input = { 3, 32, 32 }, recipe = {\n"
      .. "optimizer = sgd { lr = 0, nesterov = true },\nschedule = step { every = 0 } },"), {
        "4: sgd: lr is 0: expected a number above 0, at most 1000",
        "4: sgd: nesterov is true with momentum 0: expected momentum above 0",
        "5: step: every is 0: expected an integer from 1 to 100000",
        "5: step: gamma is missing: expected a number above 0, at most 1",
    } },
    { "a first rate without a rise", describe(ending, "input = { 3, 32, 32 }, recipe = {\n"
      .. "optimizer = sgd { lr = 1 },\nschedule = onecycle { warmup = 0, start_div = 9 } },"),
      "5: onecycle: start_div has no effect with warmup 0: expected no start_div, or warmup above "
      .. "0" },
    { "numbers too small for a float", describe("dropout(-1e-50), norm { eps = 1e-38, "
      .. "momentum = 1e-310 },\n" .. ending, "input = { 3, 32, 32 }, recipe = {\n"
      .. "optimizer = sgd { lr = 1e-50, momentum = 1e-46 } },"), {
        "4: sgd: lr is 1e-50, too small for a float: expected a number above 0, at most 1000",
        "4: sgd: momentum is 1e-46, too small for a float: expected a number from 0, below 1",
        "7: dropout: p is -1e-50: expected a number from 0, below 1",
        "7: norm: eps is 1e-38, too small for a float: expected a number above 0, at "
        .. "most 1",
        "7: norm: momentum is 1e-310, too small for a float: expected a number from 0 to 1",
    } },
    { "a number that a float rounds out of range", describe("dropout(0.99999999), " .. ending),
      "6: dropout: p is 0.99999999, as a float 1: expected a number from 0, below 1" },
    { "schedule of another kind", describe(ending, "input = { 3, 32, 32 },\n"
      .. "recipe = { optimizer = sgd { lr = 1 }, schedule = relu() },"),
      "4: recipe: schedule is a call of relu: expected constant, step, multistep, exponential, "
      .. "linear, cosine, onecycle or plateau { ... }" },
    { "milestones that fall", describe(ending, "input = { 3, 32, 32 },\n"
      .. "recipe = { optimizer = sgd { lr = 1 },\n"
      .. "schedule = multistep { at = { 8, 4 }, gamma = 0.1 } },"),
      "5: multistep: at is a table: expected a list of integers that rises, at most 16 of 1 to "
      .. "100000" },
    { "numbers of AdamW where it moves nothing", describe(ending, "input = { 3, 32, 32 },\n"
      .. 'recipe = { optimizer = muon { lr = 1, others = "sgd", others_lr = 1, beta2 = 0.5 } },'),
      "4: muon: beta2 has no effect with others sgd: expected no beta2, or others adamw" },
    { "field misspelt in a recipe", describe(ending, "input = { 3, 32, 32 },\n"
      .. "recipe = {\nbacth = 32, optimizer = sgd { lr = 1 } },"),
      '5: recipe: has no field "bacth" (did you mean batch?): expected batch, chunks, epochs, '
      .. "optimizer, schedule, clip, ema, ema_start, ema_batches, rate, decay, freeze, "
      .. "label_smoothing, precision or augment" },
    { "factors of nothing", describe(ending, "input = { 3, 32, 32 },\n"
      .. "recipe = { optimizer = sgd { lr = 1 },\n"
      .. "decay = { norm = 0 }, rate = { bias = 1, scale = 2 } },"), {
        "5: recipe: decay has no effect with weight_decay 0: expected no decay, or weight_decay "
        .. "above 0",
        "5: rate: has no field \"scale\": expected weight, head, norm or bias",
        "5: rate: has no effect: expected a factor that is not 1, or no rate",
    } },
    { "chunks of no image", describe(ending, "input = { 3, 32, 32 },\n"
      .. "recipe = { batch = 20, chunks = 32, optimizer = sgd { lr = 1 } },"),
      "4: recipe: chunks is 32 with a batch of 20 images: expected at most 20" },
    { "more chunks than there are ranks", describe(ending, "input = { 3, 32, 32 },\n"
      .. "recipe = { batch = 512, chunks = 257, optimizer = sgd { lr = 1 } },"),
      "4: recipe: chunks is 257: expected an integer from 1 to 256: a rank has one at least, and "
      .. "there are no more ranks" },
    { "augmentation", describe(ending, "input = { 3, 32, 32 },\n"
      .. "recipe = { optimizer = sgd { lr = 1 },\n"
      .. 'augment = { crop = 32, flip = "often", cutout = 33 } },'), {
        "5: augment: flip is \"often\": expected one of none, random or alternating",
        "5: augment: crop is 32: expected less than the image side, 32",
        "5: augment: cutout is 33: expected at most the image side, 32",
    } },
    { "plain epochs after plain epochs", describe(ending, "input = { 3, 32, 32 },\n"
      .. 'recipe = { optimizer = sgd { lr = 1 }, augment = { plain_epochs = 1 } },'),
      "4: augment: plain_epochs has no effect with images as they are in all epochs: expected no "
      .. "plain_epochs, or some augmentation" },

    { "images that a flip leaves as they are", describe(ending, "input = { 3, 32, 1 },\n"
      .. 'recipe = { optimizer = sgd { lr = 1 }, augment = { flip = "random" } },'),
      "4: augment: flip is random, of images one pixel wide: expected none, or wider images" },
    { "nothing that learns", "\nreturn network { name = 'bad', input = { 10, 8, 8 },\n"
      .. "classes = 10, recipe = { optimizer = sgd { lr = 1 } },\n"
      .. "layers = { relu(), global_avgpool(), softmax_cross_entropy() } }",
      "2: network: it has no parameters: expected a layer that learns" },

    -- Shapes.
    { "sum of shapes", describe('maxpool(2),\nadd("first"), ' .. ending),
      "7: add: adds 16 x 16 x 16 and 16 x 32 x 32: expected equal shapes" },
    { "standardized weights of one value", describe("conv { 16, window = 1, groups = 16, "
      .. "standardize = true }, " .. ending),
      "6: conv: standardizes one weight a channel, which is 0 then: expected two weights or more "
      .. "that share a mean" },
    { "product of shapes", describe('maxpool(2),\nmul("first"), ' .. ending), "7: mul: multiplies "
      .. "16 x 16 x 16 and 16 x 32 x 32: expected equal shapes, or as many channels in 1 x 1" },
    { "layers of other sizes side by side", describe('maxpool(2),\nconcat("first"), ' .. ending),
      "7: concat: concatenates 16 x 32 x 32 and 16 x 16 x 16: expected equal heights and widths" },
    { "too many channels side by side", describe('conv { 4090, window = 1 },\nconcat("first"), '
      .. ending), "7: concat: makes 4106 channels: expected at most 4096" },
    { "channels that are there already", describe('pad_channels(16),\n'
      .. 'pad_channels { 20, before = 5 }, ' .. ending),
      "6: pad_channels: pads 16 channels to 16: expected more than there are" },
    { "zeros before more than all", describe('pad_channels { 20, before = 5 }, ' .. ending),
      "6: pad_channels: before is 5 of 4 new channels: expected as many at most" },
    { "nothing to lie side by side", describe("concat(),\nconcat { 'first', 5 }, " .. ending), {
        "6: concat: layers is missing: expected at most 64 names, at least one (letters, digits "
            .. "and _, at most 64, no digit first)",
        "7: concat: layers is a table: expected at most 64 names, at least one (letters, digits "
            .. "and _, at most 64, no digit first)",
    } },
    { "names given twice", describe("concat { 'first', layers = { 'first' } }, " .. ending),
      "6: concat: layers is given twice: expected one value" },
    { "window too large", describe("maxpool(16),\nmaxpool(2),\nconv { 8, window = 3 }, " .. ending),
      "8: conv: window 3 is larger than its padded input, 1 x 1: expected a smaller window or more "
      .. "padding" },
    { "groups", describe('norm { kind = "gn", groups = 5 }, ' .. ending),
      "6: norm: 16 channels in 5 groups: expected a number of groups that divides the channels" },
    { "fields of other kinds of norm", describe([[norm { "bn", groups = 16 },
        norm { "in", ghost = 4, momentum = 0.3 }, norm { "gn", ghost = 3 },
        norm { "ln", groups = 2 }, norm { "none", eps = 0.1 },]] .. ending), {
        "6: norm: groups has no effect with kind bn: expected no groups, or kind gn",
        "7: norm: ghost has no effect with kind in: expected no ghost, or kind bn",
        "7: norm: momentum has no effect with kind in: expected no momentum, or kind bn",
        "7: norm: ghost has no effect with kind gn: expected no ghost, or kind bn",
        "8: norm: groups has no effect with kind ln: expected no groups, or kind gn",
        "8: norm: eps has no effect with kind none: expected no eps, or kind bn, gn, ln, in, cn or "
            .. "rms",
    } },
    { "elements of other kinds of norm", describe([[norm { "cn", elements = true },
        norm { "gn", elements = true }, norm { "rms", elements = true },]] .. ending), {
        "6: norm: elements has no effect with kind cn: expected no elements, or kind ln or rms",
        "7: norm: elements has no effect with kind gn: expected no elements, or kind ln or rms",
    } },
    { "an image of one value", describe('linear(1), norm { "ln", elements = true }, ' .. ending),
      "6: norm: images of one value: expected two values or more" },
    { "pixels of one channel", describe('conv { 1, window = 1 },\nnorm("cn"),\nnorm("rms"), '
        .. ending), {
        "7: norm: pixels of 1 channel, one value: expected two channels or more",
    } },
    { "a ghost that does not divide", describe("norm { ghost = 3 }, " .. ending),
      "6: norm: ghost is 3 with a batch of 128 images: expected a number that divides the batch" },
    { "a ghost of more than a batch", describe('norm { "bn", ghost = 256 }, ' .. ending),
      "6: norm: ghost is 256 with a batch of 128 images: expected a number that divides the "
      .. "batch" },
    { "an instance norm of one pixel", describe('global_avgpool(), norm { "in" }, ' .. ending),
      "6: norm: groups of 1 channel" .. one_value },
    { "a group norm of one value",
      describe('global_avgpool(), norm { "gn", groups = 16 }, ' .. ending),
      "6: norm: groups of 1 channel" .. one_value },
    { "a layer norm of one value", describe('linear(1), norm { "ln" }, ' .. ending),
      "6: norm: groups of 1 channel" .. one_value },
    { "a ghost of one value", describe("global_avgpool(), norm { ghost = 1 }, " .. ending),
      "6: norm: batch norm of 1 image" .. one_value },
    { "a batch norm of one value", describe("global_avgpool(), norm(), " .. ending,
      "input = { 3, 32, 32 }, recipe = { batch = 1, optimizer = sgd { lr = 1 } },"),
      "6: norm: batch norm of 1 image" .. one_value },
    { "groups of inputs", describe("conv { 30, window = 3, groups = 5 }, " .. ending),
      "6: conv: 16 input channels in 5 groups: expected a number of groups that divides the "
      .. "channels" },
    { "groups of outputs", describe("conv { 24, window = 3, groups = 16 }, " .. ending),
      "6: conv: 24 output channels in 16 groups: expected a number of groups that divides the "
      .. "channels" },
    { "classes", describe("global_avgpool(), linear(16), softmax_cross_entropy(),"),
      "6: softmax_cross_entropy: its input is 16 x 1 x 1: expected 10 x 1 x 1 for 10 classes" },
    { "image at the end", describe("conv { 10, window = 1 }, softmax_cross_entropy(),"),
      "6: softmax_cross_entropy: its input is 10 x 32 x 32: expected 10 x 1 x 1 for 10 classes" },
    { "parameters", describe("linear(4096),\nlinear(4096), linear(4096), linear(4096), "
      .. "linear(4096),\nlinear(4096), linear(4096), linear(4096), linear(4096), linear(4096),\n"
      .. "linear(4096), linear(4096), linear(4096), linear(4096), linear(10), "
      .. "softmax_cross_entropy(),"),
      "9: linear: with it the network has 268489136 parameters: expected at most 268435456" },
    { "two shape errors", describe("norm { kind = \"gn\", groups = 5 },\n"
      .. 'conv { 8, window = 1, from = "first" }, add("norm1"),\n'
      .. 'norm { "gn", groups = 3, from = "conv2" }, add("add1"), ' .. ending), {
        "6: norm: 16 channels in 5 groups: expected a number of groups that divides the channels",
        "8: norm: 8 channels in 3 groups: expected a number of groups that divides the channels",
    } },
}

-- Those whose message is the description's own.
local own <const> = {
    ["own error"] = true,
    ["control characters in a message"] = true,
    ["a message without end"] = true,
}

for _, case in ipairs(rejected) do
    local what <const>, text <const>, expected <const> = table.unpack(case)
    tests["rejects " .. what] = function()
        local messages <const> = type(expected) == "table" and { table.unpack(expected) }
            or { expected }
        for i, message in ipairs(messages) do
            assert(own[what] or message:find("^%d+: .+: expected .+"), message)
            messages[i] = "bad.lua:" .. message
        end
        local ok <const>, raised <const> = pcall(build, text)
        assert(not ok and type(raised) == "table", "accepted, or a bug: " .. tostring(raised))
        test.equal(raised.kind, "rejected")
        test.equal(raised.messages, messages)
    end
end

return tests
