-- pack.lua - weights in the layouts that kernels read, as templates/ops/conv/*pack*.c.tpl make them
-- in a training program: there from canonical floats in memory, here from numbers of Lua.
--
--     list, shape = pack.weights(template, params, canonical)
--
-- template, params: of an operation's pack(spec, "pack", set) (see gen/ops/ops.lua)
-- canonical: an array, [output][input][tap]

local pack <const> = {}

local function whole(is, canonical)
    local list <const> = {}
    for first = 0, is.k_pitch - 1, is.block do
        for tap = 0, is.taps - 1 do
            for i = 0, is.channels - 1 do
                for k = first, first + is.block - 1 do
                    list[#list + 1] = k < is.k
                        and canonical[(k * is.channels + i) * is.taps + tap + 1] or 0.0
                end
            end
        end
    end
    return list, ("[%d][%d][%d]"):format(is.taps, is.channels, is.k_pitch)
end

local function grouped(is, canonical)
    local list <const> = {}
    for first = 0, is.made_pitch - 1, is.block do
        for tap = 0, is.taps - 1 do
            for j = 0, is.read - 1 do
                for k = first, first + is.block - 1 do
                    local i <const> = k // is.made * is.read + j
                    local inside <const> = k < is.k and k // is.group_k == i // is.group_c
                    list[#list + 1] = inside
                        and canonical[(k * is.group_c + i % is.group_c) * is.taps + tap + 1]
                        or 0.0
                end
            end
        end
    end
    return list, ("[%d][%d][%d]"):format(is.taps, is.read, is.made_pitch)
end

local function depthwise(is, canonical)
    local list <const> = {}
    for first = 0, is.pitch - 1, is.vl do
        for tap = 0, is.taps - 1 do
            for k = first, first + is.vl - 1 do
                list[#list + 1] = k < is.channels and canonical[k * is.taps + tap + 1] or 0.0
            end
        end
    end
    return list, ("[%d][%d][%d]"):format(is.pitch // is.vl, is.taps, is.vl)
end

-- u = G w, six of three: G is that of Winograd's F(4 x 4, 3 x 3) in
-- templates/ops/conv/winograd_tile.c.tpl.
local function transform(w0, w1, w2)
    local ends <const>, middle <const> = (w0 + w2) / 6, w1 / 6
    local far_ends <const>, far_middle <const> = w0 / 24 + w2 / 6, w1 / 12
    return w0 / 4, -ends - middle, middle - ends, far_ends + far_middle, far_ends - far_middle, w2
end

-- G w G' of each window, in double: its 36 frequencies stand `frequency` numbers apart.
local function winograd(is, canonical)
    local list <const>, frequency <const> = {}, is.channels * is.k_pitch
    for i = 1, 36 * frequency do
        list[i] = 0.0
    end
    local function spread(at, ...) -- six numbers
        list[at], list[at + frequency], list[at + 2 * frequency], list[at + 3 * frequency],
            list[at + 4 * frequency], list[at + 5 * frequency] = ...
    end
    local function spread_columns(at, a, b, c) -- of G w, each six numbers
        for i = 1, 6 do
            spread(at + 6 * frequency * (i - 1), transform(a[i], b[i], c[i]))
        end
    end
    for k = 0, is.k - 1 do
        for i = 0, is.channels - 1 do
            local w <const> = (k * is.channels + i) * 9
            local first <const> = k // is.block * is.block -- output of its block
            local function column(s)
                return { transform(canonical[w + s], canonical[w + 3 + s], canonical[w + 6 + s]) }
            end
            spread_columns(first * is.channels + i * is.block + k - first + 1, column(1), column(2),
                column(3))
        end
    end
    return list, ("[36][%d][%d], transformed"):format(is.channels, is.k_pitch)
end

local LAYOUTS <const> = {
    ["ops/conv/pack.c.tpl"] = whole, ["ops/conv/pack_grouped.c.tpl"] = grouped,
    ["ops/conv/pack_depthwise.c.tpl"] = depthwise, ["ops/conv/winograd_pack.c.tpl"] = winograd,
}

--- Packed weights, and their shape as text.
function pack.weights(template, params, canonical)
    return assert(LAYOUTS[template], template)(params, canonical)
end

return pack
