-- spread.lua - what depthwise kernels read and store where each channel has several outputs, its
-- multiplier: functions of templates/ops/conv/spread.c.tpl and store_sums.c.tpl.
--
-- A vector of outputs belongs to vl / multiplier channels, or to one. Forward and for weights, the
-- numbers of these channels are spread: each stands as often side by side as it has outputs. The
-- data gradient adds the lanes of a channel up when it stores a pixel, of four pixels at once where
-- there are so many, which takes half as many instructions.

local c <const> = require "emit/c"
local grouped <const> = require "ops/conv/grouped"

local spread <const> = {}

-- Numbers of channels in a vector of outputs.
local function parts_of(each, isa)
    return math.max(1, isa.vl // each)
end

-- The arguments of set_epi32, the last lane first: what `of` says of each place.
local function lanes(isa, of)
    local list <const> = {}
    for i = 0, isa.vl - 1 do
        list[isa.vl - i] = of(i)
    end
    return table.concat(list, ", ")
end

-- "k / 2": the channel of the first output of a vector, k.
local function channel_of(each)
    return each > 1 and "k / " .. each or "k"
end

--- Adds to the parameters of a kernel that reads x what it loads there: load, the function, and
--- of_source, the channel. Returns the functions that it shares with others, nil: none.
function spread.add_loads(spec, isa, params)
    local each <const> = grouped.multiplier(spec.groups, spec.c, spec.k)
    params.of_source, params.of_target, params.adds_up = channel_of(each), "k", false
    params.load = each > 1 and "spread_" .. each or isa.mm .. "_loadu_ps"
    return each > 1 and { {
        name = params.load, template = "ops/conv/spread.c.tpl",
        params = {
            each = each, parts = parts_of(each, isa),
            lanes = lanes(isa, function(i) return i // each end),
        },
    } } or nil
end

-- -- The data gradient ---------------------------------------------------------------------------

-- The i-th piece of a vector, of so many floats, as C.
local function piece(isa, v, i, floats)
    if i == 0 then
        return string.format("%s_castps%d_ps%d(%s)", isa.mm, isa.vl * 32, floats * 32, v)
    end
    return string.format("%s_extractf%s_ps(%s, %d)", isa.mm,
        isa.vl == 8 and "128" or "32x" .. floats, v, i)
end

-- Which lane of the sums each place takes: channel by channel those of the first vector, then of
-- the next. Sums of two neighbours of two vectors stand in turns, two of each.
local function place_of(each, parts, count)
    return function(i)
        local vector <const>, channel <const> = i // parts, i % parts
        if vector >= count then
            return 0
        elseif each == 2 and count > 1 then
            return channel // 2 * 4 + channel % 2 + 2 * vector
        end
        return channel * each + vector
    end
end

local function store_name(each, four)
    return string.format("store_%ssums_%d", four and "four_" or "", each)
end

-- The function that stores the sums of one vector, or of four.
local function store(each, isa, four)
    local parts <const>, count <const> = parts_of(each, isa), four and 4 or 1
    local pair <const> = four and each == 2 -- vectors v and u, each with the sums of two
    local floats <const> = math.max(4, parts) -- of a piece
    local pieces <const> = {}
    for i = 0, math.max(1, count * parts // floats) - 1 do
        local half <const> = pair and i // 2 or 0
        pieces[i + 1] = piece(isa, half == 1 and "u" or "v", i - 2 * half, floats)
    end
    return {
        name = store_name(each, four), template = "ops/conv/store_sums.c.tpl",
        params = {
            each = each, parts = parts, count = count, vectors = pair and { "v", "u" } or { "v" },
            lanes = lanes(isa, place_of(each, parts, pair and 2 or count)), pieces = pieces,
            half = floats == 8 and "_mm256" or "_mm",
            half_vec = floats == 8 and "__m256" or "__m128",
        },
    }
end

-- The stores of a tile, of four pixels at once and one by one: { fn, arguments }.
local function stores_of(span, cols, band, params, each)
    local list <const>, places <const>, sums <const> = {}, {}, {}
    for m = 0, span.mr - 1 do
        for n = 0, cols.mr - 1 do
            local pixel <const> = m * params.target_cols * band.step_h + n * band.step_w
            places[#places + 1] = c.add("out", pixel * params.target_pitch)
            sums[#sums + 1] = string.format("acc%d_%d", m, n)
        end
    end
    local first = 1
    while first <= #places do
        local four <const> = params.by_four and first + 3 <= #places
        local last <const> = four and first + 3 or first
        list[#list + 1] = {
            fn = store_name(each, four),
            arguments = table.concat(places, ", ", first, last) .. ", "
                .. table.concat(sums, ", ", first, last),
        }
        first = last + 1
    end
    return list
end

--- Adds to the parameters of a data gradient how it stores: of_target, the channel; adds_up, that
--- there is a multiplier, and stores, in each part of a row of tiles, adding, whether these add to
--- what is there, and pads_from, the first channel that has no weights and is cleared, or false.
--- Returns the functions that it shares with others, nil: none.
function spread.add_stores(spec, isa, params)
    local each <const> = grouped.multiplier(spec.groups, spec.c, spec.k)
    params.of_source, params.of_target, params.adds_up = "k", channel_of(each), each > 1
    params.load, params.pads_from = isa.mm .. "_loadu_ps", false
    if each == 1 then
        return nil
    end
    local called <const>, functions <const> = {}, {}
    local channels <const> = params.pitch // each
    params.by_four = isa.vec ~= "vec4" -- portable C has no shuffles
    params.adding = spec.adds and "1" or each > isa.vl and string.format("k %% %d != 0", each)
        or "0"
    params.pads_from = not spec.adds and channels < spec.dx.pitch and channels
    params.target_h, params.target_w = spec.dx.h, spec.dx.w
    params.target_border = spec.dx.border
    for _, band in ipairs(params.bands) do
        for _, span in ipairs(band.spans) do
            for _, part in ipairs(span.parts) do
                for _, cols in ipairs(part.cols) do
                    cols.stores = stores_of(span, cols, band, params, each)
                    for _, one in ipairs(cols.stores) do
                        called[one.fn] = true
                    end
                end
            end
        end
    end
    for _, four in ipairs({ false, true }) do
        functions[#functions + 1] = called[store_name(each, four)] and store(each, isa, four)
    end
    return functions
end

return spread
