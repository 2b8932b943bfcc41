-- depthwise.lua - depthwise convolutions: tiles and what they read.
--
-- Every channel is convolved by itself, so a vector of channels is a vector of results: nothing is
-- broadcast and no sum crosses channels. A tile is mr rows x nr columns of pixels of one vector of
-- channels. It loads each pixel of the source once and multiplies it for all outputs of the tile
-- that see it, so that there are fewer loads than multiply-adds. All channels of these pixels come
-- before the next ones, so that what is read and written is in a row: vectors of 256 channels, a
-- pixel from each other, share so few sets of the first cache that none of them stays there. The
-- weights of a vector are read again for each tile.
--
-- The weight gradient does the same with the gradients of a tile of outputs and one sum for each
-- tap of the window, which stays in its register over a row of tiles of one vector of channels.
--
-- Where each channel has several outputs (a multiplier), vectors are of outputs: see spread.lua.

local common <const> = require "ops/conv/common"
local grouped <const> = require "ops/conv/grouped"
local layout <const> = require "ops/layout"
local nests <const> = require "ops/conv/nests"
local packing <const> = require "ops/conv/packing"
local spread <const> = require "ops/conv/spread"
local tile <const> = require "ops/conv/tile"

local depthwise <const> = { name = "depthwise", exact = true }

--- Depthwise convolutions, with a multiplier that fits vectors or none, and no other.
depthwise.possible = grouped.is_apart

-- -- Tiles ---------------------------------------------------------------------------------------

local MAX_ROWS <const>, MAX_COLS <const> = 3, 8
local MAX_TERMS <const> = 400 -- multiply-adds written out in a tile

-- The source rows of a tile, in order: { at = row, cols = { { at = column, terms = { { m, n, tap },
-- ... } }, ... } }, places relative to the first pixel. Term: output m, n sees it in the tap with
-- this number. rows, cols: taps as in nests.lua, ascending in `at`; step_h, step_w: of the source,
-- from an output to the next.
local function footprint(rows, cols, step_h, step_w, mr, nr, first_tap)
    local function places(taps, length, step)
        local list <const>, of <const> = {}, {}
        for m = 0, length - 1 do
            for i, tap in ipairs(taps) do
                local at <const> = m * step + tap.at - taps[1].at
                if not of[at] then
                    of[at] = { at = at, uses = {} }
                    list[#list + 1] = of[at]
                end
                table.insert(of[at].uses, { output = m, tap = i - 1 })
            end
        end
        table.sort(list, function(a, b) return a.at < b.at end)
        return list
    end
    local source <const> = {}
    for i, row in ipairs(places(rows, mr, step_h)) do
        source[i] = { at = row.at, cols = {} }
        for j, col in ipairs(places(cols, nr, step_w)) do
            local terms <const> = {}
            for _, up in ipairs(row.uses) do
                for _, along in ipairs(col.uses) do
                    terms[#terms + 1] = {
                        m = up.output, n = along.output,
                        tap = first_tap + up.tap * #cols + along.tap,
                    }
                end
            end
            source[i].cols[j] = { at = col.at, terms = terms }
        end
    end
    return source
end

-- Pixels that a tile loads: as many as its footprint has.
local function loads(rows, cols, step_h, step_w, mr, nr)
    local function places(taps, length, step)
        local seen <const>, count = {}, 0
        for m = 0, length - 1 do
            for _, tap in ipairs(taps) do
                local at <const> = m * step + tap.at
                count = count + (seen[at] and 0 or 1)
                seen[at] = true
            end
        end
        return count
    end
    return places(rows, mr, step_h) * places(cols, nr, step_w)
end

-- The taps of the rows first to last - 1 of the window, and of its columns.
local function window_taps(spec, first, last)
    local rows <const> = nests.taps(spec.geometry.h)
    return table.move(rows, first + 1, last, 1, {}), nests.taps(spec.geometry.w)
end

-- Registers for sums of the weight gradient, beside a tile of gradients and two pixels on their
-- way.
local function filter_room(spec, isa, pixels)
    return isa.registers - pixels - 2 - (spec.bias and 1 or 0)
end

-- Filter rows whose sums it keeps at once: one, where not even that has room.
local function filter_rows(spec, isa, pixels)
    local room <const> = filter_room(spec, isa, pixels)
    return math.max(1, math.min(spec.geometry.h.taps, room // spec.geometry.w.taps))
end

-- Registers of a forward or data-gradient tile without its weights.
local function busy(spec, mr, nr)
    return mr * nr + 1 + (spec.stats and 2 or 0)
end

-- What a tile costs for each of its outputs: mostly its loads.
local function cost_of(spec, isa, mr, nr)
    local outputs <const> = mr * nr
    local h <const>, w <const>, taps <const> = spec.geometry.h, spec.geometry.w, spec.geometry.taps
    if spec.pass == "bwd_weights" then
        local height <const> = filter_rows(spec, isa, outputs)
        local cost = 0
        for first = 0, h.taps - 1, height do
            local rows <const>, cols <const> =
                window_taps(spec, first, math.min(first + height, h.taps))
            cost = cost + loads(rows, cols, h.stride, w.stride, mr, nr) + outputs
        end
        return cost / outputs
    end
    local rows <const>, cols <const> = window_taps(spec, 0, h.taps)
    local forward <const> = spec.pass == "fwd"
    local spilled <const> = math.max(0, taps + busy(spec, mr, nr) - isa.registers)
    return (loads(rows, cols, forward and h.stride or 1, forward and w.stride or 1, mr, nr)
        + spilled) / outputs
end

local function fits(spec, isa, mr, nr)
    if mr * nr * spec.geometry.taps > MAX_TERMS then
        return false
    elseif spec.pass == "bwd_weights" then
        return filter_room(spec, isa, mr * nr) >= spec.geometry.w.taps
    end
    return busy(spec, mr, nr) + spec.geometry.w.taps <= isa.registers
end

-- Tiles that the model thinks slower than this many others are not worth the time to measure.
local TILES <const> = 6

--- Tiles of mr rows x nr columns of pixels.
function depthwise.candidates(spec, isa)
    local made <const> = spec.pass == "bwd_data" and spec.dx or spec.y
    local list <const> = {}
    for mr = 1, math.min(MAX_ROWS, made.h) do
        for nr = 1, math.min(MAX_COLS, made.w) do
            if mr * nr == 1 or fits(spec, isa, mr, nr) then
                list[#list + 1] = { mr = mr, nr = nr, cost = cost_of(spec, isa, mr, nr) }
            end
        end
    end
    tile.sort(list, function(a, b)
        if a.mr * a.nr ~= b.mr * b.nr then
            return a.mr * a.nr > b.mr * b.nr
        end
        return a.nr > b.nr
    end)
    return table.move(list, 1, TILES, 1, {})
end

-- -- Loops ---------------------------------------------------------------------------------------

-- Cuts a row of tiles: the spans of tile.lua, each with its source, which read(columns) gives.
local function cut(w, spec, read)
    local spans <const> = tile.split(w, spec.tile.nr)
    for _, span in ipairs(spans) do
        span.source = read(span.mr)
    end
    return spans
end

local function nests_of(spec)
    return spec.pass == "fwd" and nests.forward(spec, 1) or (nests.backward(spec, 1))
end

-- The part of a row of outputs that one nest makes, for tiles of mr rows.
local function row_part(nest, spec, source, mr)
    local rows <const>, cols <const> = nest.rows, nest.cols
    local seen <const> = #rows > 0 and #cols > 0
    return {
        col_residue = nest.col_residue, out_col = nest.out_col, reads = seen,
        first_tap = nest.first_tap, taps = #rows * #cols,
        row = seen and nests.factor("row", nest.stride_h, rows[1].at + source.border) or "",
        col = seen and nests.factor("col", nest.stride_w, cols[1].at + source.border) or "",
        cols = cut(nest.out_w, spec, function(nr)
            return seen and footprint(rows, cols, nest.stride_h, nest.stride_w, mr, nr,
                nest.first_tap) or {}
        end),
    }
end

-- Forward and data gradient, the same but for the order of the weights. Nests that make parts of
-- the same rows share the loop over these, so that a row is written as a whole.
local function data_params(spec)
    local forward <const> = spec.pass == "fwd"
    local source <const>, target <const> = forward and spec.x or spec.dy,
        forward and spec.y or spec.dx
    local bands <const> = {}
    for _, nest in ipairs(nests_of(spec)) do
        local band = bands[#bands]
        if not band or band.row_residue ~= nest.row_residue then
            band = {
                step_h = nest.step_h, step_w = nest.step_w, row_residue = nest.row_residue,
                out_row = nest.out_row, reads = false, spans = tile.split(nest.out_h, spec.tile.mr),
            }
            bands[#bands + 1] = band
        end
        band.reads = band.reads or #nest.rows > 0 and #nest.cols > 0
        for _, span in ipairs(band.spans) do
            span.parts = span.parts or {}
            table.insert(span.parts, row_part(nest, spec, source, span.mr))
        end
    end
    return {
        bands = bands, source_cols = layout.cols(source), target_cols = layout.cols(target),
        source_pitch = source.pitch, target_pitch = target.pitch, taps = spec.geometry.taps,
    }
end

local function weights_params(spec, isa)
    local spans <const> = tile.split(spec.dy.h, spec.tile.mr)
    local height <const> = filter_rows(spec, isa, spec.tile.mr * spec.tile.nr)
    local h <const>, w <const> = spec.geometry.h, spec.geometry.w
    for _, span in ipairs(spans) do
        span.chunks = {}
        for first = 0, h.taps - 1, height do
            local last <const> = math.min(first + height, h.taps)
            local rows <const>, cols <const> = window_taps(spec, first, last)
            table.insert(span.chunks, {
                first = first, last = last,
                row = nests.factor("row", h.stride, spec.x.border + rows[1].at),
                cols = cut(spec.dy.w, spec, function(nr)
                    return footprint(rows, cols, h.stride, w.stride, span.mr, nr, first * w.taps)
                end),
            })
        end
    end
    return {
        spans = spans, window_w = w.taps, taps = spec.geometry.taps,
        col = nests.factor("col", w.stride, spec.x.border - w.padding),
        x_cols = layout.cols(spec.x),
        x_pitch = spec.x.pitch, dy_border = spec.dy.border, dy_cols = layout.cols(spec.dy),
    }
end

-- Tiles of a row or column of them.
local function count(spans)
    local tiles = 0
    for _, span in ipairs(spans) do
        tiles = tiles + (span.last - span.first) // span.mr
    end
    return tiles
end

--- How often a kernel fetches memory ahead: once a tile.
function depthwise.ahead_steps(spec, isa)
    local tile_rows <const> = spec.tile.mr
    local vectors <const> = layout.round_up(spec.k, isa.vl) // isa.vl
    local tiles = 0
    if spec.pass == "bwd_weights" then
        local height <const> = filter_rows(spec, isa, tile_rows * spec.tile.nr)
        tiles = count(tile.split(spec.dy.h, tile_rows)) * count(tile.split(spec.dy.w, spec.tile.nr))
            * ((spec.geometry.h.taps + height - 1) // height)
    else
        for _, nest in ipairs(nests_of(spec)) do
            tiles = tiles + count(tile.split(nest.out_h, tile_rows))
                * count(tile.split(nest.out_w, spec.tile.nr))
        end
    end
    return tiles * vectors * spec.images
end

--- The template of a kernel, its parameters and the functions that it shares.
function depthwise.params(spec, isa)
    local taps <const>, pitch <const> = spec.geometry.taps, layout.round_up(spec.k, isa.vl)
    local params <const> = { mr = spec.tile.mr, nr = spec.tile.nr, pitch = pitch }
    if spec.pass == "bwd_weights" then
        common.merge(params, common.weights_params(spec, isa))
        common.merge(params, weights_params(spec, isa))
        return "ops/conv/depthwise_weights.c.tpl", params, spread.add_loads(spec, isa, params)
    end
    common.merge(params, common.data_params(spec, isa, string.format("%d x 1 x %d", taps, pitch),
        taps * pitch))
    common.merge(params, data_params(spec))
    local add_functions <const> = spec.pass == "fwd" and spread.add_loads or spread.add_stores
    return "ops/conv/depthwise.c.tpl", params, add_functions(spec, isa, params)
end

-- -- Weights -------------------------------------------------------------------------------------

function depthwise.weight_block(_, isa)
    return isa.vl
end

function depthwise.weight_floats(spec, isa)
    return spec.geometry.taps * layout.round_up(spec.k, isa.vl)
end

function depthwise.pack_name(spec, what)
    return string.format("%s_dw%s_c%d", what, packing.window_word(spec, what), spec.k)
end

function depthwise.pack(spec, what, isa)
    return "ops/conv/pack_depthwise.c.tpl", {
        name = depthwise.pack_name(spec, what), what = what,
        window = string.format("%d x %d", spec.geometry.h.taps, spec.geometry.w.taps),
        taps = spec.geometry.taps, channels = spec.k,
        pitch = layout.round_up(spec.k, isa.vl), vl = isa.vl,
        tap_order = packing.tap_order(spec, what, isa),
    }
end

return depthwise
