-- depthwise.lua - depthwise convolutions: tiles and what they read.
--
-- Every channel is convolved by itself, so a vector of channels is a vector of results: nothing is
-- broadcast and no sum crosses channels. A tile is mr rows x nr columns of pixels of one vector of
-- channels. It loads each pixel of the source once and multiplies it for all outputs of the tile
-- that see it, so that there are fewer loads than multiply-adds. The weight gradient does the same
-- with the gradients of a tile of outputs and one sum for each tap of the window.

local conv <const> = require "conv"
local grouped <const> = require "grouped"
local layout <const> = require "layout"
local tile <const> = require "tile"

local depthwise <const> = {}

--- Whether the kernels of this module compute a convolution.
function depthwise.is(spec)
    return spec.op == "conv" and grouped.is_depthwise(spec.groups, spec.c, spec.k)
end

-- -- Tiles ---------------------------------------------------------------------------------------

local MAX_ROWS <const>, MAX_COLS <const> = 3, 8
local MAX_TERMS <const> = 200 -- multiply-adds written out in a tile

-- The source rows of a tile, in order: { at = row, cols = { { at = column, terms = { { m, n, tap },
-- ... } }, ... } }, places relative to the first pixel. Term: output m, n sees it in the tap with
-- this number. rows, cols: taps as in conv.lua, ascending in `at`.
local function footprint(rows, cols, stride, mr, nr, first_tap)
    local function places(taps, length)
        local list <const>, of <const> = {}, {}
        for m = 0, length - 1 do
            for i, tap in ipairs(taps) do
                local at <const> = m * stride + tap.at - taps[1].at
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
    for i, row in ipairs(places(rows, mr)) do
        source[i] = { at = row.at, cols = {} }
        for j, col in ipairs(places(cols, nr)) do
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

-- Pixels that a tile loads.
local function loads(source)
    return #source > 0 and #source * #source[1].cols or 0
end

local function window_taps(spec, first, last)
    local rows <const>, cols <const> = {}, {}
    for tap = 0, spec.window - 1 do
        cols[tap + 1] = { tap = tap, at = tap - spec.padding }
        if tap >= first and tap < last then
            rows[#rows + 1] = cols[tap + 1]
        end
    end
    return rows, cols
end

-- Filter rows whose sums the weight gradient keeps at once, beside a tile of gradients.
local function filter_rows(spec, isa, pixels)
    local room <const> = isa.registers - pixels - 1 - (spec.bias and 1 or 0)
    return math.min(spec.window, room // spec.window)
end

-- Registers of a forward or data-gradient tile without its weights.
local function busy(spec, mr, nr)
    return mr * nr + 1 + (spec.stats and 2 or 0)
end

-- What a tile costs for each of its outputs: mostly its loads.
local function cost_of(spec, isa, mr, nr)
    local outputs <const> = mr * nr
    if spec.pass == "bwd_weights" then
        local height <const> = filter_rows(spec, isa, outputs)
        local cost = 0
        for first = 0, spec.window - 1, height do
            local rows <const>, cols <const> =
                window_taps(spec, first, math.min(first + height, spec.window))
            cost = cost + loads(footprint(rows, cols, spec.stride, mr, nr, 0)) + outputs
        end
        return cost / outputs
    end
    local rows <const>, cols <const> = window_taps(spec, 0, spec.window)
    local stride <const> = spec.pass == "fwd" and spec.stride or 1
    local spilled <const> = math.max(0, spec.window ^ 2 + busy(spec, mr, nr) - isa.registers)
    return (loads(footprint(rows, cols, stride, mr, nr, 0)) + spilled) / outputs
end

local function fits(spec, isa, mr, nr)
    if mr * nr * spec.window ^ 2 > MAX_TERMS then
        return false
    elseif spec.pass == "bwd_weights" then
        return filter_rows(spec, isa, mr * nr) >= 1
    end
    return busy(spec, mr, nr) + spec.window <= isa.registers
end

--- The candidate tiles of a kernel, mr rows x nr columns of pixels, best first by the model.
function depthwise.tiles(spec, isa)
    local made <const> = spec.pass == "bwd_data" and spec.dx or spec.y
    local list <const> = {}
    for mr = 1, math.min(MAX_ROWS, made.h) do
        for nr = 1, math.min(MAX_COLS, made.w) do
            if mr * nr == 1 or fits(spec, isa, mr, nr) then
                list[#list + 1] = { mr = mr, nr = nr, cost = cost_of(spec, isa, mr, nr) }
            end
        end
    end
    table.sort(list, function(a, b)
        if a.cost ~= b.cost then
            return a.cost < b.cost
        elseif a.mr * a.nr ~= b.mr * b.nr then
            return a.mr * a.nr > b.mr * b.nr
        end
        return a.nr > b.nr
    end)
    return list
end

-- -- Loops ---------------------------------------------------------------------------------------

-- Cuts rows x columns of pixels into tiles: the groups of tile.lua, each row group with its column
-- groups, each of those with its source.
local function cut(h, w, spec, read)
    local groups <const> = tile.split(h, spec.tile.mr)
    for _, group in ipairs(groups) do
        group.cols = tile.split(w, spec.tile.nr)
        for _, cols in ipairs(group.cols) do
            cols.source = read(group.mr, cols.mr)
        end
    end
    return groups
end

-- Forward and data gradient, the same but for the order of the weights.
local function data_params(spec)
    local forward <const> = spec.pass == "fwd"
    local source <const>, target <const> = forward and spec.x or spec.dy,
        forward and spec.y or spec.dx
    local nests <const> = {}
    local planned <const> = forward and conv.forward_nests(spec, 1) or conv.backward_nests(spec, 1)
    for i, nest in ipairs(planned) do
        local rows <const>, cols <const> = nest.rows, nest.cols
        local seen <const> = #rows > 0 and #cols > 0
        nests[i] = {
            step = nest.step, row_phase = nest.row_phase, col_phase = nest.col_phase,
            out_row = nest.out_row, out_col = nest.out_col, reads = seen,
            first_tap = nest.first_tap, taps = #rows * #cols,
            row = seen and conv.factor("row", nest.stride, rows[1].at + source.border) or "",
            col = seen and conv.factor("col", nest.stride, cols[1].at + source.border) or "",
            groups = cut(nest.out_h, nest.out_w, spec, function(mr, nr)
                return seen and footprint(rows, cols, nest.stride, mr, nr, nest.first_tap) or {}
            end),
        }
    end
    return {
        nests = nests, source_cols = layout.cols(source), target_cols = layout.cols(target),
        taps = spec.window * spec.window,
    }
end

local function weights_params(spec, isa)
    local chunks <const> = {}
    local height <const> = filter_rows(spec, isa, spec.tile.mr * spec.tile.nr)
    local at <const> = spec.x.border - spec.padding
    for first = 0, spec.window - 1, height do
        local last <const> = math.min(first + height, spec.window)
        local rows <const>, cols <const> = window_taps(spec, first, last)
        chunks[#chunks + 1] = {
            first = first, last = last,
            row = conv.factor("row", spec.stride, at + first),
            groups = cut(spec.dy.h, spec.dy.w, spec, function(mr, nr)
                return footprint(rows, cols, spec.stride, mr, nr, first * spec.window)
            end),
        }
    end
    return {
        chunks = chunks, window = spec.window, taps = spec.window * spec.window,
        col = conv.factor("col", spec.stride, at), x_cols = layout.cols(spec.x),
        dy_border = spec.dy.border, dy_cols = layout.cols(spec.dy),
    }
end

--- The parameters of the templates that say how the loops run.
function depthwise.params(spec, isa)
    local params <const> = spec.pass == "bwd_weights" and weights_params(spec, isa)
        or data_params(spec)
    params.mr, params.nr = spec.tile.mr, spec.tile.nr
    return params
end

return depthwise
