-- nests.lua - the loop nests of convolutions: which runs of the source a tile of outputs reads.
--
-- nest = { out_h, out_w = outputs it walks, step_h, step_w = between two of them down and across,
--          runs, pixel = floats from one output's source to the next one's across,
--          stride_h, stride_w = the same in pixels,
--          rows, cols = taps, first_tap = the number of its first one among those of all nests,
--          row_residue, col_residue, out_row, out_col = C text of the place of an output }
-- tap = { tap = row or column of the window, at = the source that output 0 reads with it }
-- run = { length, row, col = C text of its place in the source, at = the row of it in the source of
--         output 0, tap = its row of the window, entries = text for a comment }
-- loop = { the fields of its first run, count = runs that differ in their rows alone, down = rows
--          from one to the next, note = comment }

local c <const> = require "emit/c"
local tile <const> = require "ops/conv/tile"

local nests <const> = {}

-- -- Pieces of C ---------------------------------------------------------------------------------

--- A factor of an address: "row" or "(row * 2 + 1)".
function nests.factor(variable, stride, offset)
    local text <const> = variable .. c.times(stride) .. c.add("", offset)
    return text == variable and text or "(" .. text .. ")"
end

-- -- Loops ---------------------------------------------------------------------------------------

-- Entries of a run that the inner loop takes at once: short runs are unrolled a little, long ones
-- are not, since more than one step in flight makes compilers spill accumulators.
local SHORT_RUN <const> = 12

--- Entries of a run of this length that the inner loop takes at once.
function nests.unroll(length, options)
    if options.unroll == "full" then
        return length
    end
    if length <= SHORT_RUN then
        return tile.block(length, 3)
    end
    return 1
end

-- Whether the taps of a row are neighbours.
local function are_neighbours(cols)
    for i = 2, #cols do
        if cols[i].at ~= cols[i - 1].at + 1 then
            return false
        end
    end
    return true
end

-- The runs of one loop nest: what it reads of the source for one output pixel, and in which order
-- it meets the weights. rows, cols: arrays of taps, each with its offset `at` in the source.
local function window_runs(rows, cols, stride_h, stride_w, layout, channels)
    local runs <const> = {}
    for _, row in ipairs(rows) do
        local whole <const> = layout.pitch == channels and are_neighbours(cols)
        for i = 1, whole and math.min(1, #cols) or #cols do
            local taps <const> = whole and #cols or 1
            runs[#runs + 1] = {
                length = taps * channels,
                row = nests.factor("row", stride_h, row.at + layout.border),
                col = "col" .. c.times(stride_w) .. c.add("", cols[i].at + layout.border),
                at = row.at, tap = row.tap,
                entries = string.format("%s, %d channels of each pixel",
                    taps == 1 and "column " .. cols[i].tap or taps .. " columns", channels),
            }
        end
    end
    return runs
end

-- Whether the next run is that of the same columns, one row of the window further on.
local function goes_on(loop, run)
    return run.col == loop.col and run.length == loop.length
        and (loop.count == 1 or run.at == loop.at + loop.count * loop.down)
end

--- The loops of runs that differ in their rows alone. single: whether each is a loop of its own
function nests.loops(runs, single)
    local loops <const> = {}
    for _, run in ipairs(runs) do
        local loop <const> = loops[#loops]
        if loop and not single and goes_on(loop, run) then
            loop.down = (run.at - loop.at) // loop.count
            loop.count, loop.last_tap = loop.count + 1, run.tap
        else
            loops[#loops + 1] = {
                length = run.length, row = run.row, col = run.col, at = run.at, tap = run.tap,
                entries = run.entries, count = 1, down = 0,
            }
        end
    end
    for _, loop in ipairs(loops) do
        loop.note = string.format("Window %s, %s.", loop.count == 1 and "row " .. loop.tap
            or string.format("rows %d to %d", loop.tap, loop.last_tap), loop.entries)
    end
    return loops
end

--- The taps of an axis, forward.
function nests.taps(axis)
    local taps <const> = {}
    for tap = 0, axis.taps - 1 do
        taps[tap + 1] = { tap = tap, at = tap * axis.dilation - axis.padding }
    end
    return taps
end

--- The loop nest of a forward convolution, in an array. channels: of the source, that an output
--- reads.
function nests.forward(spec, channels)
    local h <const>, w <const> = spec.geometry.h, spec.geometry.w
    local rows <const>, cols <const> = nests.taps(h), nests.taps(w)
    return { {
        out_h = spec.y.h, out_w = spec.y.w, step_h = 1, step_w = 1, row_residue = 0,
        col_residue = 0, runs = window_runs(rows, cols, h.stride, w.stride, spec.x, channels),
        rows = rows, cols = cols, first_tap = 0,
        stride_h = h.stride, stride_w = w.stride, pixel = w.stride * spec.x.pitch,
        out_row = nests.factor("row", 1, spec.y.border),
        out_col = "col" .. c.add("", spec.y.border),
    } }
end

-- Taps that reach the input pixels of one residue: pixel residue + step i reads the output gradient
-- at i + at. Ascending in `at`, so descending in the tap.
local function taps_of_residue(axis, residue)
    local taps <const> = {}
    for tap = axis.taps - 1, 0, -1 do
        local reach <const> = residue + axis.padding - tap * axis.dilation
        if reach % axis.stride == 0 then
            taps[#taps + 1] = { tap = tap, at = reach // axis.stride }
        end
    end
    return taps
end

--- The data gradient's loop nests, one for each residue of the output pixel by the stride, and the
--- taps, r * (taps of a row) + s, in the order in which the nests read their weights. channels: of
--- the source, that an output reads.
function nests.backward(spec, channels)
    local list <const>, order <const> = {}, {}
    local h <const>, w <const> = spec.geometry.h, spec.geometry.w
    for row_residue = 0, h.stride - 1 do
        for col_residue = 0, w.stride - 1 do
            local rows <const> = taps_of_residue(h, row_residue)
            local cols <const> = taps_of_residue(w, col_residue)
            local out_h <const> = (spec.dx.h - row_residue + h.stride - 1) // h.stride
            local out_w <const> = (spec.dx.w - col_residue + w.stride - 1) // w.stride
            local runs <const> = window_runs(rows, cols, 1, 1, spec.dy, channels)
            if out_h > 0 and out_w > 0 and (#runs > 0 or not spec.adds) then
                list[#list + 1] = {
                    out_h = out_h, out_w = out_w, step_h = h.stride, step_w = w.stride, runs = runs,
                    row_residue = row_residue, col_residue = col_residue,
                    rows = rows, cols = cols, first_tap = #order,
                    stride_h = 1, stride_w = 1, pixel = spec.dy.pitch,
                    out_row = nests.factor("row", h.stride, row_residue + spec.dx.border),
                    out_col = "col" .. c.times(w.stride) .. c.add("", col_residue + spec.dx.border),
                }
            end
            for _, row in ipairs(rows) do
                for _, col in ipairs(cols) do
                    order[#order + 1] = row.tap * w.taps + col.tap
                end
            end
        end
    end
    return list, order
end

return nests
