-- Kernel parameters: every loop nest of a convolution reads what the definition says.

local test <const> = ...
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()

local dropout <const> = require("ops/dropout")
local geometry <const> = require("geometry")
local grouped <const> = require("ops/conv/grouped")
local isa <const> = require("emit/isa")
local nests <const> = require("ops/conv/nests")
local ops <const> = require("ops/ops")
local winograd <const> = require("ops/conv/winograd")

local tests <const> = {}

local AVX2 <const> = isa.get("avx2")
local OPTIONS <const> = { unroll = "tile", algorithm = "auto" }

local function layout(channels, h, w, border)
    return { c = channels, h = h, w = w, pitch = (channels + 7) // 8 * 8, border = border }
end

-- The order in which a data gradient reads its weights.
local function tap_order(spec)
    local _, order <const> = nests.backward(spec, spec.k)
    return order
end

local function square(window, stride, padding)
    local axis <const> = geometry.axis(window, stride, padding)
    return geometry.of(axis, axis)
end

-- The data gradient of a convolution over an image of h x w, and what wide borders it needs.
local function gradient_spec(g, h, w, channels)
    local out_h <const>, out_w <const> = geometry.outputs(g.h, h), geometry.outputs(g.w, w)
    local border <const> = math.max(g.h.reach, g.w.reach)
    return {
        op = "conv", pass = "bwd_data", name = "test", geometry = g, groups = 1, c = 8,
        k = channels, flop = 0, params = { "dx", "dy", "w" },
        x = layout(8, h, w, 0), dx = layout(8, h, w, 1),
        dy = layout(channels, out_h, out_w, border), y = layout(channels, out_h, out_w, border),
        algorithm = "direct", tile = { mr = 4, nr = 1 },
    }
end

local function forward_spec(g, h, w, channels)
    return {
        op = "conv", pass = "fwd", name = "test", geometry = g, groups = 1, c = channels, k = 8,
        flop = 0, params = { "y", "x", "w" },
        x = layout(channels, h, w, math.max(g.h.padding, g.w.padding)),
        y = layout(8, geometry.outputs(g.h, h), geometry.outputs(g.w, w), 1),
        algorithm = "direct", tile = { mr = 4, nr = 1 },
    }
end

-- Along one side of an image, every window up to 7 with every padding, and some that are dilated or
-- larger, or move further.
local function axes()
    local list <const> = {}
    for window = 1, 7 do
        for stride = 1, 2 do
            for padding = 0, window - 1 do
                list[#list + 1] = geometry.axis(window, stride, padding)
            end
        end
    end
    for _, is in ipairs({ { 3, 1, 2, 2 }, { 2, 2, 1, 3 }, { 3, 2, 1, 2 }, { 3, 2, 4, 4 },
        { 2, 3, 0, 2 }, { 3, 4, 3, 2 }, { 4, 3, 3, 3 }, { 1, 3, 0 }, { 2, 4, 1 },
        { 3, 3, 1 }, { 4, 4, 0 }, { 5, 3, 2 }, { 9, 3, 4 }, { 9, 1, 4 },
        { 11, 4, 5 }, { 11, 1, 5 }, { 11, 2, 10 } }) do
        list[#list + 1] = geometry.axis(table.unpack(is))
    end
    return list
end

-- Calls check(geometry, h, w) for the same down and across, and for two of these, on two small
-- images.
local function each_window(check)
    local list <const> = axes()
    for i, axis in ipairs(list) do
        local other <const> = list[i * 31 % #list + 1]
        for _, size in ipairs({ { 7, 8 }, { 10, 9 } }) do
            for _, g in ipairs({ geometry.of(axis, axis), geometry.of(axis, other) }) do
                if geometry.outputs(g.h, size[1]) > 0 and geometry.outputs(g.w, size[2]) > 0 then
                    check(g, size[1], size[2])
                end
            end
        end
    end
end

function tests.tap_order_is_a_permutation()
    each_window(function(g, h, w)
        local order <const> = tap_order(gradient_spec(g, h, w, 8))
        local seen <const> = {}
        for _, tap in ipairs(order) do
            assert(tap >= 0 and tap < g.taps and not seen[tap], "no permutation")
            seen[tap] = true
        end
        test.equal(#order, g.taps)
    end)
end

-- The value of a C expression in row and col.
local function evaluator(text)
    return load("local row, col = ...; return " .. text, text, "t", {})
end

-- What the loop nests of a kernel do, pixel by pixel: a set of "tap row col" for each pixel of the
-- target, where row and col are of the source, without its border.
local function reads_of(params, spec, set, source, target, order)
    local channels <const> = grouped.inputs(spec, set)
    local pixels <const> = {}
    for _, nest in ipairs(params.nests) do
        local row_of <const>, col_of <const> = {}, {}
        for i, run in ipairs(nest.loops) do
            row_of[i], col_of[i] = evaluator(run.row), evaluator(run.col)
            test.equal(run.length % channels, 0)
            test.equal(run.length % nest.unroll, 0)
        end
        local out_row <const>, out_col <const> = evaluator(nest.out_row), evaluator(nest.out_col)
        for row = 0, nest.out_h - 1 do
            for _, span in ipairs(nest.spans) do
                for col = span.first, span.last - 1 do
                    local reads <const> = {}
                    local tap = nest.first_tap
                    for i, run in ipairs(nest.loops) do
                        local width <const> = run.length // channels
                        for at = 0, run.count * width - 1 do
                            local y <const> = row_of[i](row, col) + at // width * run.down
                                - source.border
                            local x <const> = col_of[i](row, col) - source.border + at % width
                            assert(y >= -source.border and y < source.h + source.border
                                and x >= -source.border and x < source.w + source.border,
                                "reads outside its buffer")
                            tap = tap + 1
                            if y >= 0 and y < source.h and x >= 0 and x < source.w then
                                reads[#reads + 1] =
                                    ("%d %d %d"):format(order[tap], y, x)
                            end
                        end
                    end
                    local y <const> = out_row(row, col) - target.border
                    local x <const> = out_col(row, col) - target.border
                    table.sort(reads)
                    local key <const> = y .. " " .. x
                    assert(not pixels[key], "computes a pixel twice")
                    pixels[key] = reads
                end
            end
        end
        test.equal(nest.spans[#nest.spans].last, nest.out_w)
    end
    return pixels
end

-- The same by the definition: output (y, x) reads input (y * stride - padding + r * dilation, ...)
-- by tap r.
local function definition(g, x, y, forward)
    local pixels <const> = {}
    local target <const> = forward and y or x
    for row = 0, target.h - 1 do
        for col = 0, target.w - 1 do
            pixels[row .. " " .. col] = {}
        end
    end
    for row = 0, y.h - 1 do
        for col = 0, y.w - 1 do
            for r = 0, g.h.taps - 1 do
                for s = 0, g.w.taps - 1 do
                    local i <const> = row * g.h.stride - g.h.padding + r * g.h.dilation
                    local j <const> = col * g.w.stride - g.w.padding + s * g.w.dilation
                    if i >= 0 and i < x.h and j >= 0 and j < x.w then
                        local tap <const> = r * g.w.taps + s
                        local into <const> = forward and row .. " " .. col or i .. " " .. j
                        table.insert(pixels[into], forward and ("%d %d %d"):format(tap, i, j)
                            or ("%d %d %d"):format(tap, row, col))
                    end
                end
            end
        end
    end
    for _, reads in pairs(pixels) do -- each is sorted by itself
        table.sort(reads)
    end
    return pixels
end

-- With channels that fill the pitch, the taps of a window row are one run; else each is its own.
function tests.data_gradients_read_what_the_definition_says()
    each_window(function(g, h, w)
        for _, channels in ipairs({ 8, 5 }) do
            local spec <const> = gradient_spec(g, h, w, channels)
            local _, params <const> = ops[spec.op].params(spec, AVX2, OPTIONS)
            test.equal(reads_of(params, spec, AVX2, spec.dy, spec.dx, tap_order(spec)),
                definition(g, spec.dx, spec.dy, false),
                geometry.text(g))
        end
    end)
end

function tests.forward_reads_what_the_definition_says()
    each_window(function(g, h, w)
        local order <const> = {}
        for tap = 1, g.taps do
            order[tap] = tap - 1
        end
        for _, channels in ipairs({ 8, 5 }) do
            local spec <const> = forward_spec(g, h, w, channels)
            local _, params <const> = ops[spec.op].params(spec, AVX2, OPTIONS)
            test.equal(reads_of(params, spec, AVX2, spec.x, spec.y, order),
                definition(g, spec.x, spec.y, true),
                geometry.text(g))
        end
    end)
end

-- The same, for the kernels and borders that the planner chose. A kernel that adds leaves out the
-- pixels which no tap reaches; one that sets must clear them.
function tests.planned_convolutions_read_what_the_definition_says()
    local function check(plans, title)
        for _, spec in ipairs(plans.train.plan.kernels) do
            if spec.algorithm == "direct" and spec.pass ~= "bwd_weights" then
                local forward <const> = spec.pass == "fwd"
                local x <const> = forward and spec.x or spec.dx
                local y <const> = forward and spec.y or spec.dy
                local order <const> = forward and {} or tap_order(spec)
                for tap = 1, forward and spec.geometry.taps or 0 do
                    order[tap] = tap - 1
                end
                local _, params <const> = ops[spec.op].params(spec, plans.set, OPTIONS)
                local got <const> = reads_of(params, spec, plans.set, forward and x or y,
                    forward and y or x, order)
                local want <const> = definition(spec.geometry, x, y, forward)
                for pixel, reads in pairs(want) do
                    if spec.adds and #reads == 0 then
                        want[pixel] = got[pixel]
                    end
                end
                test.equal(got, want, title .. ": " .. spec.name)
            end
        end
    end
    nets.each_varied(check)
    check(nets.plans(nets.graph("resnet8", "bn"), "c"), "resnet8")
end

-- What a depthwise tile does to each of its outputs, as reads_of: "tap row col".
local function depthwise_reads(params, source, target, order)
    local pixels <const> = {}
    local function add_tile(band, part, rows, cols, row, col)
        local out_row <const>, out_col <const> = evaluator(band.out_row), evaluator(part.out_col)
        local function output(m, n)
            return out_row(row, col) + m * band.step_h - target.border .. " "
                .. out_col(row, col) + n * band.step_w - target.border
        end
        for m = 0, rows.mr - 1 do
            for n = 0, cols.mr - 1 do
                assert(not pixels[output(m, n)], "computes a pixel twice")
                pixels[output(m, n)] = {}
            end
        end
        for _, line in ipairs(cols.source) do
            for _, pixel in ipairs(line.cols) do
                local y <const> = evaluator(part.row)(row, col) + line.at - source.border
                local x <const> = evaluator(part.col)(row, col) + pixel.at - source.border
                assert(y >= -source.border and y < source.h + source.border
                    and x >= -source.border and x < source.w + source.border,
                    "reads outside its buffer")
                local inside <const> = y >= 0 and y < source.h and x >= 0 and x < source.w
                for _, term in ipairs(inside and pixel.terms or {}) do
                    table.insert(pixels[output(term.m, term.n)],
                        ("%d %d %d"):format(order[term.tap + 1], y, x))
                end
            end
        end
    end
    for _, band in ipairs(params.bands) do
        for _, rows in ipairs(band.spans) do
            for _, part in ipairs(rows.parts) do
                for _, cols in ipairs(part.cols) do
                    for row = rows.first, rows.last - 1, rows.mr do
                        for col = cols.first, cols.last - 1, cols.mr do
                            add_tile(band, part, rows, cols, row, col)
                        end
                    end
                end
            end
        end
    end
    for _, reads in pairs(pixels) do -- each is sorted by itself
        table.sort(reads)
    end
    return pixels
end

function tests.depthwise_reads_what_the_definition_says()
    each_window(function(g, h, w)
        local order <const> = {}
        for tap = 1, g.taps do
            order[tap] = tap - 1
        end
        for i, spec in ipairs({
            forward_spec(g, h, w, 8),
            gradient_spec(g, h, w, 8),
        }) do
            local forward <const> = i == 1
            local x <const> = forward and spec.x or spec.dx
            local y <const> = forward and spec.y or spec.dy
            spec.groups, spec.algorithm = 8, "depthwise"
            for _, tile in ipairs({ { mr = 1, nr = 1 }, { mr = 2, nr = 3 } }) do
                spec.tile = tile
                local _, params <const> = ops[spec.op].params(spec, AVX2, OPTIONS)
                test.equal(depthwise_reads(params, forward and x or y, forward and y or x,
                    forward and order or tap_order(spec)),
                    definition(g, x, y, forward),
                    geometry.text(g))
            end
        end
    end)
end

-- Every output reads its own channel, and every channel has the gradients of its own outputs alone.
-- A vector of outputs begins at k, what it reads or adds to at k / multiplier.
function tests.multipliers_read_their_channels()
    local g <const> = square(3, 1, 1)
    for _, case in ipairs({
        -- set, channels, outputs: of the source and the target of fwd, pads of bwd_data from
        { "avx2", 8, 16, "k / 2", "spread_2" }, { "avx512", 5, 10, "k / 2", "spread_2", 8 },
        { "avx512", 20, 80, "k / 4", "spread_4", 20 }, { "c", 3, 48, "k / 16", "spread_16", 3 },
        { "avx2", 8, 8, "k", "_mm256_loadu_ps" },
    }) do
        local set <const>, channels <const>, outputs <const> = isa.get(case[1]), case[2], case[3]
        local pitch <const> = (channels + set.vl - 1) // set.vl * set.vl
        local function sized(spec)
            for _, l in ipairs({ spec.x, spec.dx }) do
                l.c, l.pitch = channels, pitch
            end
            spec.c, spec.k, spec.groups, spec.algorithm = channels, outputs, channels, "depthwise"
            spec.tile = { mr = 1, nr = 1 }
            local _, params <const> = ops[spec.op].params(spec, set, OPTIONS)
            return params
        end
        local forward <const> = sized(forward_spec(g, 4, 4, outputs))
        test.equal({ forward.of_source, forward.of_target, forward.load },
            { case[4], "k", case[5] })
        local backward <const> = sized(gradient_spec(g, 4, 4, outputs))
        test.equal({ backward.of_source, backward.of_target }, { "k", case[4] })
        test.equal(backward.pads_from, case[6] or false)
    end
end

-- Multipliers that are a part of a vector or whole vectors; of plain loops, none.
function tests.multipliers_fit_vectors()
    for _, case in ipairs({
        { "avx512", 8, true }, { "avx512", 3, false }, { "avx512", 24, false },
        { "avx512", 32, true }, { "avx2", 24, true }, { "c", 12, true }, { "c", 6, false },
    }) do
        local name <const>, each <const>, fits <const> = table.unpack(case)
        test.equal(grouped.is_apart({ groups = 6, c = 6, k = 6 * each }, isa.get(name)), fits)
    end
    local plain <const> = isa.get("c", nil, true)
    test.equal(grouped.is_apart({ groups = 6, c = 6, k = 12 }, plain), false)
    test.equal(grouped.is_apart({ groups = 2, c = 6, k = 12 }, AVX2), false)
    test.equal(grouped.is_apart({ groups = 1, c = 1, k = 4 }, AVX2), false)
end

-- Every output of a bundle of groups lies in its own whole vectors, unless one bundle has all.
function tests.bundles_fill_vectors()
    for _, case in ipairs({
        -- vl, channels, outputs, groups: bundles, read, made
        { 8, 32, 64, 4, 4, 8, 16 }, { 16, 32, 64, 8, 4, 8, 16 }, { 16, 32, 32, 8, 2, 16, 16 },
        { 16, 20, 36, 4, 1, 20, 36 }, { 4, 20, 36, 2, 1, 20, 36 }, { 4, 24, 24, 3, 3, 8, 8 },
        { 8, 16, 32, 1, 1, 16, 32 }, { 16, 64, 32, 32, 2, 32, 16 },
    }) do
        local vl <const>, c <const>, k <const>, groups <const> = table.unpack(case)
        test.equal(grouped.bundle({ pass = "fwd", c = c, k = k, groups = groups }, { vl = vl }),
            { count = case[5], read = case[6], made = case[7] })
        test.equal(grouped.bundle({ pass = "bwd_data", c = k, k = c, groups = groups },
            { vl = vl }), { count = case[5], read = case[6], made = case[7] })
    end
end

-- A tile lies in the registers, and its vectors fill the output channels.
function tests.tiles_fit()
    nets.each(function(plans, title)
        for _, spec in ipairs(plans.train.plan.kernels) do
            if spec.algorithm == "direct" or spec.algorithm == "bank" then
                local _, params <const> = ops[spec.op].params(spec, plans.set, OPTIONS)
                assert(params.mr * params.nr + params.nr + 1 <= plans.set.registers, title)
                test.equal(params.k_pitch // plans.set.vl % params.nr, 0, title)
            end
        end
    end)
end

-- What the loops of a Winograd kernel are made of, and the images that it reads and makes.
local function winograd_of(spec, plans)
    local _, _, shared <const> = ops[spec.op].params(spec, plans.set, OPTIONS)
    local data <const> = spec.pass == "bwd_data"
    return shared[#shared - 1].params, data and spec.dy or spec.x, -- before the macro
        data and spec.dx or spec.pass == "fwd" and spec.y or spec.dy
end

-- The same for the tiles of Winograd's products, whose blocks lie in the scratch memory.
function tests.winograd_tiles_fit()
    local count = 0
    nets.each(function(plans, title)
        for _, spec in ipairs(plans.train.plan.kernels) do
            if spec.algorithm == "winograd4" then
                count = count + 1
                local params <const>, source <const>, target <const> = winograd_of(spec, plans)
                local mr <const> = params.spans and params.spans[1].mr or params.block
                assert(mr * params.nr + params.nr + 1 <= plans.set.registers, title)
                test.equal(target.pitch // plans.set.vl % params.nr, 0, title)
                test.equal(source.pitch % plans.set.vl, 0, title)
                local floats <const> = params.block * (source.pitch + target.pitch) + 2 * 16
                    + (params.spans and source.c * target.pitch + 16 or 0)
                test.equal(winograd.scratch(spec), 36 * floats, title)
            end
        end
    end)
    assert(count > 100, count)
end

-- Every tile that the template takes for whole lies inside the source with its border, and the
-- tiles cover the target.
function tests.winograd_tiles_lie_inside()
    local count = 0
    nets.each_varied(function(plans, title)
        for _, spec in ipairs(plans.train.plan.kernels) do
            if spec.algorithm == "winograd4" then
                count = count + 1
                local params <const>, source <const>, target <const> = winograd_of(spec, plans)
                local p <const> = spec.geometry.h.padding
                local padding <const> = spec.pass == "bwd_data" and 2 - p or p
                assert(source.border >= padding, title)
                for _, size in ipairs { "h", "w" } do
                    local last <const> = (target[size] - 1) // 4 * 4 -- where the last tile begins
                    local left <const> = source[size] + source.border + padding - last
                    assert(params.ragged or left >= 6, title)
                    assert(left > 0, title)
                end
            end
        end
    end)
    assert(count > 0)
end

-- "direct" asks for direct kernels everywhere.
function tests.algorithm_direct_is_obeyed()
    local graph <const> = nets.graph("s8", "gn")
    for _, algorithm in ipairs({ "auto", "direct" }) do
        local plan <const> = nets.plans(graph, "avx2", algorithm).train.plan
        local transformed = 0
        for _, spec in ipairs(plan.kernels) do
            transformed = transformed + (spec.algorithm == "winograd4" and 1 or 0)
        end
        test.equal(transformed, algorithm == "auto" and 21 or 0)
    end
end

-- Packed in blocks, a weight has its tap order exactly where its kernel goes through it by taps.
function tests.weights_are_packed_as_kernels_read_them()
    local spec <const> = gradient_spec(square(3, 2, 1), 8, 8, 8)
    local _, data <const> = ops.conv.pack(spec, "pack_transposed", AVX2)
    test.equal(data.tap_order, table.concat(tap_order(spec), ", "))
    test.equal(data.tap_order, "4, 5, 3, 7, 1, 8, 6, 2, 0")
    test.equal(data.name, ops.conv.pack_name(spec, "pack_transposed", AVX2))
    local forward <const> = forward_spec(square(3, 2, 1), 8, 8, 5)
    local _, packed <const> = ops.conv.pack(forward, "pack", AVX2)
    test.equal(packed.tap_order, false)
    test.equal(packed.block % AVX2.vl, 0)
    test.equal({ packed.taps, packed.channels, packed.k, packed.k_pitch, packed.c_pitch },
        { 9, 5, 8, 8, 8 })
end

-- --unroll full writes out the whole run of a window row.
function tests.full_unrolls_the_run()
    local spec <const> = forward_spec(square(3, 1, 1), 8, 8, 8)
    local _, tiled <const> = ops[spec.op].params(spec, AVX2, OPTIONS)
    local _, full <const> = ops[spec.op].params(spec, AVX2, { unroll = "full", algorithm = "auto" })
    test.equal(tiled.nests[1].unroll, 1)
    test.equal(full.nests[1].unroll, 24)
end

-- Dropout: the threshold and the scale are those of the float that the runtime knows.
function tests.dropout_rounds_as_the_runtime_does()
    local spec <const> = {
        op = "pointwise", pass = "fwd", name = "test", x = layout(8, 2, 2, 0),
        y = layout(8, 2, 2, 0), activation = false, affine = false, masks_x = false,
        p = 0.25, unit = "values", c = 8, params = { "y", "x", "keep" },
    }
    local _, params <const> = ops[spec.op].params(spec, AVX2, OPTIONS)
    test.equal(params.given[3].text, "DROP0P25_2x2x8")
    test.equal(params.given[3].defines,
        "{.pitch = 16, .bytes = 8, .scale = 1.3333334f /* 65536 / 49152 */}")
    spec.unit = "channels"
    local _, of_channels <const> = ops[spec.op].params(spec, AVX2, OPTIONS)
    test.equal(of_channels.given[3].text, "DROP0P25_ALLx8")
    test.equal(of_channels.given[3].defines,
        "{.pitch = 0, .bytes = 4, .scale = 1.3333334f /* 65536 / 49152 */}")
    test.equal(dropout.threshold(0.25), 1 << 14)
    test.equal(dropout.threshold(0.9999999), 0xffff)
end

return tests
