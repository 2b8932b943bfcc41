-- direct.lua - the loop nests of direct convolutions: which runs of the source a tile of outputs
-- reads.
--
-- nest = { out_h, out_w = outputs it walks, step = between two of them, runs, pixel = floats from
--          one output's source to the next one's, stride = the same in pixels,
--          rows, cols = taps, first_tap = the number of its first one among those of all nests,
--          row_phase, col_phase, out_row, out_col = C text of the place of an output }
-- tap = { tap = row or column of the window, at = the source that output 0 reads with it }
-- run = { length, row, col = C text of its place in the source, note = comment }

local c <const> = require "emit/c"
local grouped <const> = require "ops/conv/grouped"
local tile <const> = require "ops/conv/tile"

local conv <const> = {}

-- -- Pieces of C ---------------------------------------------------------------------------------

--- A factor of an address: "row" or "(row * 2 + 1)".
function conv.factor(variable, stride, offset)
    local text <const> = variable .. c.times(stride) .. c.add("", offset)
    return text == variable and text or "(" .. text .. ")"
end

-- -- Loops ---------------------------------------------------------------------------------------

-- Entries of a run that the inner loop takes at once: short runs are unrolled a little, long ones
-- are not, since more than one step in flight makes compilers spill accumulators.
local SHORT_RUN <const> = 12

--- Entries of a run of this length that the inner loop takes at once.
function conv.unroll(length, options)
    if options.unroll == "full" then
        return length
    end
    if length <= SHORT_RUN then
        return tile.block(length, 3)
    end
    return 1
end

-- The runs of one loop nest: what it reads of the source for one output pixel, and in which order
-- it meets the weights. rows, cols: arrays of taps, each with its offset `at` in the source.
local function window_runs(rows, cols, stride, layout, channels)
    local runs <const> = {}
    for _, row in ipairs(rows) do
        local whole <const> = layout.pitch == channels
        for i = 1, whole and math.min(1, #cols) or #cols do
            local taps <const> = whole and #cols or 1
            runs[#runs + 1] = {
                length = taps * channels,
                row = conv.factor("row", stride, row.at + layout.border),
                col = "col" .. c.times(stride) .. c.add("", cols[i].at + layout.border),
                note = string.format("Window row %d, %s, %d channels each.", row.tap,
                    taps == 1 and "column " .. cols[i].tap or taps .. " columns", channels),
            }
        end
    end
    return runs
end

--- The loop nest of a forward convolution, in an array. channels: of the source, that an output
--- reads.
function conv.forward_nests(spec, channels)
    local rows <const>, cols <const> = {}, {}
    for tap = 0, spec.window - 1 do
        rows[tap + 1] = { tap = tap, at = tap - spec.padding }
        cols[tap + 1] = { tap = tap, at = tap - spec.padding }
    end
    return { {
        out_h = spec.y.h, out_w = spec.y.w, step = 1, row_phase = 0, col_phase = 0,
        runs = window_runs(rows, cols, spec.stride, spec.x, channels),
        rows = rows, cols = cols, first_tap = 0,
        stride = spec.stride, pixel = spec.stride * spec.x.pitch,
        out_row = conv.factor("row", 1, spec.y.border), out_col = "col" .. c.add("", spec.y.border),
    } }
end

-- Taps that reach the input pixels of one residue: pixel phase + step i reads the output gradient
-- at i + at. Ascending in `at`, so descending in the tap.
local function taps_of_phase(spec, phase)
    local taps <const> = {}
    for tap = spec.window - 1, 0, -1 do
        local reach <const> = phase + spec.padding - tap
        if reach % spec.stride == 0 then
            taps[#taps + 1] = { tap = tap, at = reach // spec.stride }
        end
    end
    return taps
end

--- The data gradient's loop nests, one for each residue of the output pixel by the stride, and the
--- taps, r * window + s, in the order in which the nests read their weights. channels: of the
--- source, that an output reads.
function conv.backward_nests(spec, channels)
    local nests <const>, order <const> = {}, {}
    local step <const> = spec.stride
    for row_phase = 0, step - 1 do
        for col_phase = 0, step - 1 do
            local rows <const> = taps_of_phase(spec, row_phase)
            local cols <const> = taps_of_phase(spec, col_phase)
            local out_h <const> = (spec.dx.h - row_phase + step - 1) // step
            local out_w <const> = (spec.dx.w - col_phase + step - 1) // step
            local runs <const> = window_runs(rows, cols, 1, spec.dy, channels)
            if out_h > 0 and out_w > 0 and (#runs > 0 or not spec.adds) then
                nests[#nests + 1] = {
                    out_h = out_h, out_w = out_w, step = step, runs = runs,
                    row_phase = row_phase, col_phase = col_phase,
                    rows = rows, cols = cols, first_tap = #order,
                    stride = 1, pixel = spec.dy.pitch,
                    out_row = conv.factor("row", step, row_phase + spec.dx.border),
                    out_col = "col" .. c.times(step) .. c.add("", col_phase + spec.dx.border),
                }
            end
            for _, row in ipairs(rows) do
                for _, col in ipairs(cols) do
                    order[#order + 1] = row.tap * spec.window + col.tap
                end
            end
        end
    end
    return nests, order
end

-- Pixels of a tile beside a bank of weights: enough sums in flight to hide the latency of a
-- multiply-add.
conv.BANK_PIXELS = 4

--- Whether all weights of a forward convolution fit registers, beside the sums of a tile and one
--- broadcast.
function conv.fits_bank(spec, isa)
    return isa.folds and spec.pass == "fwd" and spec.y.pitch == isa.vl and spec.groups == 1
        and spec.window * spec.window * spec.c + conv.BANK_PIXELS + 1 <= isa.registers
end

--- Neighbouring entries of a filter row that the weight gradient finds side by side. channels: of
--- the source, that an output reads.
function conv.filter_run(spec, channels)
    return spec.x.pitch == channels and spec.window * channels or channels
end

--- The candidate tiles of a kernel, best first by the model; the widest of several nests decides.
function conv.tiles(spec, isa)
    local bundle <const> = grouped.bundle(spec, isa)
    local made <const> = (bundle.made + isa.vl - 1) // isa.vl -- vectors
    if spec.pass == "bwd_weights" then
        return tile.candidates(isa, conv.filter_run(spec, bundle.read), made)
    end
    local nests <const> = spec.pass == "fwd" and conv.forward_nests or conv.backward_nests
    local widest = 0
    for _, nest in ipairs(nests(spec, bundle.read)) do
        widest = math.max(widest, nest.out_w)
    end
    return tile.candidates(isa, widest, made)
end

return conv
