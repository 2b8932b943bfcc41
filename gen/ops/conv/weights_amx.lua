-- weights_amx.lua - the weight gradient of a direct convolution in tiles of AMX.
--
-- A product of tiles adds up pairs of pixels: a tile of inputs x pixels times one of pixels x
-- outputs. So the image is laid in planes, a channel each, of which every tap reads a run of
-- words; with a stride, pixels of each residue have planes of their own. Outputs are numbered
-- through all rows of an image, each as long as a row of a plane: where it has no outputs, pairs of
-- zeros are multiplied. See direct_amx.lua.

local amx <const> = require "ops/conv/amx"
local c <const> = require "emit/c"
local common <const> = require "ops/conv/common"
local layout <const> = require "ops/layout"
local nests <const> = require "ops/conv/nests"
local tile <const> = require "ops/conv/tile"

local weights <const> = {}

-- -- Memory --------------------------------------------------------------------------------------

-- The residues of the strides that taps of an axis read, in order, and for each tap which of them
-- and how many pixels of it lie before.
local function residues(axis, border)
    local list <const>, taps <const>, known <const> = {}, {}, {}
    for i, tap in ipairs(nests.taps(axis)) do
        local at <const> = border + tap.at
        local residue <const> = at % axis.stride
        if not known[residue] then
            list[#list + 1] = residue
            known[residue] = #list
        end
        taps[i] = { phase = known[residue], before = at // axis.stride }
    end
    return list, taps
end

-- Pixels of a row or column that have this residue.
local function pixels_of(length, residue, stride)
    return (length - residue + stride - 1) // stride
end

--- How a kernel lays what it multiplies = {
---   lines      inputs in a tile
---   row_words  pixels in a row of a plane, an even number
---   plane      words of one
---   phases     the residues that are read: { row, col = which, rows, cols, begins = word }
---   units      words where the inputs of a tile begin, tap by tap
---   step       pairs that a product sums
---   all_pairs  of an image, whole steps
---   planes_floats, floats  of the planes, and of these and the pairs }
function weights.made(spec)
    local h <const>, w <const> = spec.geometry.h, spec.geometry.w
    local row_residues <const>, row_taps <const> = residues(h, spec.x.border)
    local col_residues <const>, col_taps <const> = residues(w, spec.x.border)
    local rows <const>, cols <const> = layout.rows(spec.x), layout.cols(spec.x)
    local made <const> = { phases = {}, units = {}, lines = amx.divisor(spec.c) }
    made.row_words = layout.round_up(pixels_of(cols, 0, w.stride), 2)
    local all <const> = spec.dy.h * made.row_words // 2
    local steps <const> = (all + amx.lines - 1) // amx.lines
    made.step = (all + steps - 1) // steps
    made.all_pairs = steps * made.step
    -- The last tap reads from its first output to the last pair.
    local last <const> = row_taps[#row_taps].before * made.row_words
        + col_taps[#col_taps].before
    made.plane = layout.round_up(math.max(pixels_of(rows, 0, h.stride) * made.row_words,
        last + 2 * made.all_pairs), 2)
    for i, row in ipairs(row_residues) do
        for j, col in ipairs(col_residues) do
            made.phases[#made.phases + 1] = {
                row = row, col = col, rows = pixels_of(rows, row, h.stride),
                cols = pixels_of(cols, col, w.stride),
                begins = ((i - 1) * #col_residues + j - 1) * spec.c * made.plane,
            }
        end
    end
    for _, row in ipairs(row_taps) do
        for _, col in ipairs(col_taps) do
            local phase <const> = made.phases[(row.phase - 1) * #col_residues + col.phase]
            for i = 0, spec.c - 1, made.lines do
                made.units[#made.units + 1] = phase.begins + i * made.plane
                    + row.before * made.row_words + col.before
            end
        end
    end
    made.planes_floats = layout.round_up(#made.phases * spec.c * made.plane // 2, amx.lines)
    made.floats = made.planes_floats + made.all_pairs * spec.dy.pitch
    return made
end

-- -- Tiles ---------------------------------------------------------------------------------------

-- Cycles by Intel's manual: a product, its latency, and what loads take. A row of inputs lies
-- across two lines of the cache.
local PRODUCT <const>, LATENCY <const>, LOAD_INPUTS <const>, LOAD_GRADIENTS <const> = 16, 52, 16, 8

local function cycles(mr, nr)
    return math.max(PRODUCT * mr * nr, LATENCY, LOAD_INPUTS * mr + LOAD_GRADIENTS * nr) / (mr * nr)
end

--- mr: taps, each with the inputs of a tile; nr: vectors of outputs.
function weights.candidates(spec, isa)
    local units <const>, vectors <const> = #weights.made(spec).units, spec.dy.pitch // isa.vl
    local list <const> = {}
    for nr = 1, math.min(vectors, amx.tiles) do
        for mr = 1, amx.tiles do
            if vectors % nr == 0 and units % mr == 0 and mr * nr + 1 + nr <= amx.tiles then
                list[#list + 1] = { mr = mr, nr = nr, cost = cycles(mr, nr) }
            end
        end
    end
    return tile.sort(list, function(a, b) return a.mr * a.nr > b.mr * b.nr end)
end

-- -- Kernels -------------------------------------------------------------------------------------

--- The template of a kernel and its parameters.
function weights.params(spec, isa)
    local params <const> = common.merge(common.weights_params(spec, isa), weights.made(spec))
    local h <const>, w <const> = spec.geometry.h, spec.geometry.w
    params.mr, params.nr = spec.tile.mr, spec.tile.nr
    params.tile_bytes, params.tile_rows = amx.shapes {
        sums = params.mr * params.nr, columns = params.nr, rows = params.lines, step = params.step,
    }
    for _, phase in ipairs(params.phases) do
        phase.at = c.add(nests.factor("row", h.stride, phase.row) .. " * " .. layout.cols(spec.x),
            phase.col)
    end
    params.inputs, params.k_pitch = spec.c, spec.dy.pitch
    params.out_h, params.out_w = spec.dy.h, spec.dy.w
    params.x_image, params.x_pitch = layout.floats(spec.x), spec.x.pitch
    params.pixel = w.stride * spec.x.pitch
    params.dy_image, params.dy_cols = layout.floats(spec.dy), layout.cols(spec.dy)
    params.dy_border = spec.dy.border
    return "ops/conv/direct_weights_amx.c.tpl", params
end

return weights
