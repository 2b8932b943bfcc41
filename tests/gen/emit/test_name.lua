-- Names of generated things: identifiers, of the grammar in name.lua, one a shape.

local test <const> = ...
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()

local geometry <const> = require("geometry")
local legend <const> = require("emit/legend")
local name <const> = require("emit/name")
local ops <const> = require("ops/ops")
local template <const> = require("emit/template")

local tests <const> = {}

local OPTIONS <const> = { unroll = "tile", algorithm = "auto" }

-- Calls check(spec, title, plans) for every kernel of every network.
local function each_kernel(check)
    local function all(plans, title)
        for _, part in ipairs({ plans.train, plans.eval }) do
            for _, spec in ipairs(part.plan.kernels) do
                check(spec, title, plans)
            end
        end
    end
    nets.each(all)
    nets.each_varied(all)
end

-- The part of the name before the passes: the first pattern of an operation that matches.
local HEADS <const> = {
    conv = { "^conv%d+x%d+s?[%dx]*d?[%dx]*", "^dwconv%d+x%d+s?[%dx]*d?[%dx]*" },
    linear = { "^linear" },
    pointwise = { "^batchnorm", "^norm", "^pointwise" },
    sums = { "^norm_sums" },
    maxpool = { "^maxpool%d+x%d+s?[%dx]*" },
    global_maxpool = { "^maxpool_global" },
    avgpool = { "^avgpool_global", "^avgpool%d+x%d+s?[%dx]*" },
    add = { "^add" },
    set_norm = { "^cn", "^rms" },
    concat = { "^concat" },
    pad_channels = { "^pad_channels" },
}

local HOW <const> = {
    "^direct$", "^winograd4$", "^bank$", "^depthwise$", "^p[%dx]+$", "^add$", "^padded$",
    "^b%d+$", "^%d+$", "^x%d+$",
}

local FLAGS <const> = {
    relu = true, norm = true, winner = true, bias = true, mask = true, silu = true, relu6 = true,
    hswish = true, gelu = true, gelutanh = true, sigmoid = true, tanh = true,
}

local function check_grammar(spec)
    local text <const> = spec.name
    assert(#text < 100 and text:find("^[a-z][a-z0-9_]*$"), text .. ": no identifier")
    local rest
    for _, pattern in ipairs(HEADS[spec.op]) do
        local _, last <const> = text:find(pattern)
        rest = rest or last and text:sub(last + 1)
    end
    assert(rest, text .. ": begins wrongly")
    local flags <const>, tail <const> = rest:match("^([%w_]-)(_c%d+.*)$")
    assert(flags == "" or flags:find("^[_%w]+$"), text)
    for flag in flags:gmatch("[^_]+") do
        assert(FLAGS[flag] or flag:find("^drop%w+$") or flag:find("^leaky%w+$"),
            text .. ": " .. flag)
    end
    local weighted <const> = (spec.op == "conv" or spec.op == "linear")
        and not text:find("^dwconv")
    local outputs <const> = weighted
        and "_k" .. spec.k .. (spec.groups > 1 and "_g" .. spec.groups or "") or ""
    local shape <const> = ("_c%d%s_%dx%d_%s"):format(spec.c, outputs, spec.x.h, spec.x.w,
        spec.pass)
    test.equal(tail:sub(1, #shape), shape, text)
    local how <const> = tail:sub(#shape + 1)
    assert(how == "" or how:sub(1, 2) == "__", text)
    for part in how:gmatch("[^_]+") do
        local known = false
        for _, pattern in ipairs(HOW) do
            known = known or part:find(pattern) ~= nil
        end
        assert(known, text .. ": " .. part)
    end
end

function tests.kernels_follow_the_grammar()
    each_kernel(check_grammar)
end

-- Every word of a name is one that the legend of a generated file explains.
function tests.the_legend_has_every_word()
    each_kernel(function(spec, title)
        for word in spec.name:gmatch("[^_]+") do
            assert(legend.word_of(word), title .. ": " .. spec.name .. ": " .. word)
        end
    end)
    assert(not legend.word_of("convolve") and not legend.word_of("k"))
end

-- Within a program, a name is the key of one function.
function tests.distinct_shapes_have_distinct_names()
    local program, seen
    each_kernel(function(spec, title, plans)
        if title ~= program then
            program, seen = title, {}
        end
        local file <const>, params <const> = ops[spec.op].params(spec, plans.set, OPTIONS)
        params.where = "one of its layers"
        local text <const> = template.render(file, params, plans.set.words)
        test.equal(seen[spec.name] or text, text, title .. ": " .. spec.name)
        seen[spec.name] = text
    end)
end

function tests.names_tell_each_field()
    local layout <const> = { c = 8, h = 6, w = 5, pitch = 8, border = 1 }
    local inner <const> = { c = 8, h = 6, w = 5, pitch = 8, border = 0 }
    local function square(...)
        local axis <const> = geometry.axis(...)
        return geometry.of(axis, axis)
    end
    local function conv(changes)
        local spec <const> = {
            op = "conv", pass = "fwd", geometry = square(3, 1, 1), groups = 1,
            c = 8, k = 8, x = layout, y = inner,
        }
        for key, value in pairs(changes) do -- each sets its own field
            spec[key] = value
        end
        return name.kernel(spec)
    end
    test.equal(conv({}), "conv3x3_c8_k8_6x5_fwd__direct")
    test.equal(conv({ geometry = square(3, 2, 1) }), "conv3x3s2_c8_k8_6x5_fwd__direct")
    test.equal(conv({ geometry = geometry.of(geometry.axis(3, 2, 1), geometry.axis(5, 1, 0)) }),
        "conv3x5s2x1_c8_k8_6x5_fwd__direct_p1x0")
    test.equal(conv({ geometry = square(3, 1, 1, 2) }), "conv3x3d2_c8_k8_6x5_fwd__direct_p1")
    test.equal(conv({ geometry = geometry.of(geometry.axis(3, 2, 2, 2), geometry.axis(3, 2, 1)) }),
        "conv3x3s2d2x1_c8_k8_6x5_fwd__direct_b1_0")
    test.equal(conv({ relu = true, stats = true }), "conv3x3_relu_norm_c8_k8_6x5_fwd__direct")
    test.equal(conv({ bias = true }), "conv3x3_bias_c8_k8_6x5_fwd__direct")
    test.equal(conv({ geometry = square(3, 1, 0) }), "conv3x3_c8_k8_6x5_fwd__direct_p0_b1_0")
    test.equal(conv({ y = layout }), "conv3x3_c8_k8_6x5_fwd__direct_b1_1")
    test.equal(conv({ algorithm = "winograd4" }), "conv3x3_c8_k8_6x5_fwd__winograd4")
    test.equal(conv({ pass = "bwd_data", dx = inner, dy = layout, adds = true }),
        "conv3x3_c8_k8_6x5_bwd_data__direct_add")
    test.equal(conv({ pass = "bwd_weights", dy = inner }), "conv3x3_c8_k8_6x5_bwd_weights__direct")
    test.equal(conv({ groups = 2, stats = true }), "conv3x3_norm_c8_k8_g2_6x5_fwd__direct")
    test.equal(conv({ groups = 8, relu = true, algorithm = "depthwise" }),
        "dwconv3x3_relu_c8_6x5_fwd")
    test.equal(conv({ groups = 8, k = 16, algorithm = "depthwise" }),
        "conv3x3_c8_k16_g8_6x5_fwd__depthwise")
    local wide <const> = { c = 8, h = 6, w = 5, pitch = 16, border = 1 }
    test.equal(conv({ x = wide }), "conv3x3_c8_k8_6x5_fwd__direct_padded")
    local function add(x, x2)
        return name.kernel({ op = "add", pass = "fwd", c = 8, x = x, x2 = x2, y = inner })
    end
    test.equal(add(inner, inner), "add_c8_6x5_fwd")
    test.equal(add(inner, layout), "add_c8_6x5_fwd__x1")
    test.equal(add(layout, inner), "add_c8_6x5_fwd__b1_0")
    local function pointwise(p, activation, slope, unit)
        return name.kernel({ op = "pointwise", pass = "fwd", c = 8, x = inner, y = inner, p = p,
            affine = true, activation = activation or "relu", slope = slope, each_image = true,
            unit = unit or "values" })
    end
    test.equal(pointwise(0.0), "norm_relu_c8_6x5_fwd")
    test.equal(pointwise(0.05), "norm_relu_drop0p05_c8_6x5_fwd")
    test.equal(pointwise(1e-7), "norm_relu_drop1em07_c8_6x5_fwd")
    test.equal(pointwise(0.5, nil, nil, "channels"), "norm_relu_dropchannels0p5_c8_6x5_fwd")
    test.equal(pointwise(0.5, nil, nil, "images"), "norm_relu_dropimages0p5_c8_6x5_fwd")
    test.equal(pointwise(0.0, "silu"), "norm_silu_c8_6x5_fwd")
    test.equal(pointwise(0.1, "leaky_relu", 0.25), "norm_leaky0p25_drop0p1_c8_6x5_fwd")
end

-- Slots follow the table of kernels; what runs again has a number.
function tests.slots_are_distinct()
    local first <const> = { layer = "norm1", pass = "fwd" }
    local again <const> = { layer = "norm1", pass = "fwd" }
    local other <const> = { layer = "add1", pass = "bwd_data" }
    local list <const>, of <const> = name.slots({ first, other, again })
    test.equal(table.concat(list, " "), "SLOT_NORM1_FWD SLOT_ADD1_BWD_DATA SLOT_NORM1_FWD_2")
    test.equal(of[first], "SLOT_NORM1_FWD")
    test.equal(of[again], "SLOT_NORM1_FWD_2")
end

-- Of norms, the numbers that are not the usual ones, and a momentum only where there is one.
function tests.norms_say_what_is_not_usual()
    local norm <const> = require("ops/norm")
    local function fn(kind, eps, momentum)
        return norm.fn({ norm = kind, c = 16, groups = 4, eps = eps, momentum = momentum,
            ghost = 0 }, "fwd")
    end
    test.equal(fn("batch", 1e-5, 0.1), "batch_norm_c16_fwd")
    test.equal(fn("batch", 1e-5, 0.25), "batch_norm_c16_momentum0p25_fwd")
    test.equal(fn("batch", 1e-3, 0.25), "batch_norm_c16_eps0p001_momentum0p25_fwd")
    test.equal(fn("group", 1e-5, 0.1), "group_norm4_c16_fwd")
    test.equal(fn("group", 1e-3, 0.25), "group_norm4_c16_eps0p001_fwd")
end

return tests
