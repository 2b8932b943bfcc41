-- Convolutions of stride 2 in frozen networks: when they are chosen, and that their sums, with
-- weights as they are packed, make what direct convolution makes. Integers are exact.

local test <const> = ...

local choice <const> = require("ops/conv/choice")
local floats <const> = require("onnx/floats")
local geometry <const> = require("geometry")
local isa <const> = require("emit/isa")
local layout <const> = require("ops/layout")
local strided <const> = require("ops/conv/strided")

local tests <const> = {}

local function image(c, side, border, vl)
    return { c = c, h = side, w = side, border = border, pitch = layout.round_up(c, vl) }
end

-- A forward convolution with what `more` says otherwise.
local function convolution(set, more)
    local side <const>, c <const> = more.side or 32, more.c or 16
    local axis <const> = geometry.axis(more.window or 3, more.stride or 2, more.padding or 1,
        more.dilation or 1)
    return {
        op = "conv", pass = more.pass or "fwd", geometry = geometry.of(axis, axis),
        groups = more.groups or 1, c = c, k = more.k or 32, images = 1, bias = true, relu = true,
        stats = more.stats or false, x = image(c, side, more.border or 1, set.vl),
        y = image(more.k or 32, more.made or side // 2, 0, set.vl),
    }
end

local function offers(spec, set, wanted)
    for i, one in ipairs(choice.candidates(spec, set, wanted)) do
        if one.algorithm == strided.name then
            return i
        end
    end
end

function tests.frozen_networks_alone_have_it()
    for _, name in ipairs { "avx2", "avx512", "neon" } do
        local set <const> = isa.get(name, "float", false)
        for side, c in pairs { [32] = 16, [16] = 32, [8] = 64 } do
            local spec <const> = convolution(set, { side = side, c = c, k = 2 * c })
            test.equal(offers(spec, set, "frozen"), 1, "the model's choice")
            for _, wanted in ipairs { "auto", "direct" } do
                test.equal(offers(spec, set, wanted), nil, wanted)
            end
        end
    end
end

function tests.other_convolutions_are_not_computed_so()
    local set <const> = isa.get("avx512", "float", false)
    for _, more in ipairs {
        { stride = 1, made = 32 }, { window = 5, padding = 2, border = 2 }, { groups = 2 },
        { dilation = 2, padding = 2, border = 2 }, { c = 20 }, { side = 30, made = 15 },
        { border = 0 }, { stats = true }, { pass = "bwd_data" }, { pass = "bwd_weights" },
    } do
        test.equal(strided.possible(convolution(set, more), set), false)
    end
    -- A few channels are not worth the transforms.
    local narrow <const> = isa.get("avx2", "float", false)
    test.equal(strided.suits(convolution(narrow, { c = 8, k = 8 }), narrow), false)
end

local CHANNELS <const>, OUTPUTS <const>, BLOCK <const> = 3, 4, 2

-- Small integers, the same in each run.
local function integers(count)
    local list <const> = {}
    for i = 1, count do
        list[i] = (i * i * 7 + i * 3) % 11 - 5
    end
    return list
end

-- The five that are multiplied, of five inputs: as strided_tile.c.tpl has them.
local function terms(x)
    return { x[1] - x[3], x[2], x[3], x[5] - x[3], x[4] }
end

-- The 25 products' inputs of one tile and channel. x: [row][column][channel]
local function transformed(x, channel)
    local half <const>, made <const> = {}, {}
    for col = 1, 5 do
        local line <const> = {}
        for row = 1, 5 do
            line[row] = x[((row - 1) * 5 + col - 1) * CHANNELS + channel]
        end
        half[col] = terms(line)
    end
    for row = 1, 5 do
        local line <const> = {}
        for col = 1, 5 do
            line[col] = half[col][row]
        end
        table.move(terms(line), 1, 5, #made + 1, made)
    end
    return made
end

-- The nine sums of an output. packed: as kernels read them
local function sums_of(x, packed, output)
    local list <const>, first = {}, 0
    for s, sum in ipairs(strided.sums()) do
        local total, length <const> = 0, #sum * CHANNELS
        local from <const> = first + output // BLOCK * BLOCK * length + output % BLOCK
        for product, place in ipairs(sum) do
            for channel = 1, CHANNELS do
                local row <const> = (product - 1) * CHANNELS + channel - 1
                total = total + transformed(x, channel)[place + 1] * packed[from + row * BLOCK + 1]
            end
        end
        list[s] = total
        first = first + length * OUTPUTS
    end
    return list
end

function tests.sums_make_the_outputs()
    local w <const>, x <const> = integers(OUTPUTS * CHANNELS * 9), integers(25 * CHANNELS)
    local packed <const> = floats.unpack(host.pack("strided", {
        k = OUTPUTS, k_pitch = OUTPUTS, channels = CHANNELS, block = BLOCK, taps = 9,
    }, string.pack(("<" .. ("d"):rep(#w)), table.unpack(w))))
    test.equal(#packed, 25 * CHANNELS * OUTPUTS)
    for output = 0, OUTPUTS - 1 do
        local m <const> = sums_of(x, packed, output)
        for row = 0, 1 do
            for col = 0, 1 do
                local want = 0
                for tap = 0, 8 do
                    for channel = 0, CHANNELS - 1 do
                        local pixel <const> = (2 * row + tap // 3) * 5 + 2 * col + tap % 3
                        want = want + x[pixel * CHANNELS + channel + 1]
                            * w[(output * CHANNELS + channel) * 9 + tap + 1]
                    end
                end
                local function half(c)
                    return m[6 * row + c] + m[3 + c]
                end
                test.equal(half(2 * col + 1) + half(2) + 0.0, want + 0.0)
            end
        end
    end
end

return tests
