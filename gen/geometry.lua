-- geometry.lua - how the window of a convolution or pool moves over an image.
--
-- geometry = { h = axis, w = axis, taps = of both together }
-- axis     = { taps, stride, padding, dilation = pixels from a tap to the next,
--              reach = those from the first tap to the last one, both counted }
--
-- Along an axis, output p reads the inputs p * stride - padding + tap * dilation, for taps from
-- 0 to taps - 1.

local geometry <const> = {}

--- One axis: 3 taps, stride 1 and padding 1, say. dilation: 1 where there is none
function geometry.axis(taps, stride, padding, dilation)
    dilation = dilation or 1
    return {
        taps = taps, stride = stride, padding = padding, dilation = dilation,
        reach = (taps - 1) * dilation + 1,
    }
end

--- Both axes.
function geometry.of(h, w)
    return { h = h, w = w, taps = h.taps * w.taps }
end

--- A window that sees h x w pixels once.
function geometry.whole(h, w)
    return geometry.of(geometry.axis(h, 1, 0), geometry.axis(w, 1, 0))
end

--- The outputs that an axis makes of `size` inputs; none or fewer where it is longer than they are.
function geometry.outputs(axis, size)
    return (size + 2 * axis.padding - axis.reach) // axis.stride + 1
end

--- Whether a field is the same on both axes, and this value if one is given.
function geometry.alike(it, field, value)
    return it.h[field] == it.w[field] and it.h[field] == (value or it.h[field])
end

--- "3" where a field is the same on both axes, else "3x1".
function geometry.word(it, field)
    local h <const>, w <const> = it.h[field], it.w[field]
    return h == w and tostring(h) or string.format("%dx%d", h, w)
end

local function sides_text(it, field)
    return (geometry.word(it, field):gsub("x", " x "))
end

--- "3x1s2d4": the taps, and stride and dilation where they are not 1.
function geometry.words(it)
    local function word(letter, field)
        return geometry.alike(it, field, 1) and "" or letter .. geometry.word(it, field)
    end
    return string.format("%dx%d%s%s", it.h.taps, it.w.taps, word("s", "stride"),
        word("d", "dilation"))
end

--- "stride 2, padding 1 x 0, dilation 2"
function geometry.moves_text(it)
    return string.format("stride %s, padding %s%s", sides_text(it, "stride"),
        sides_text(it, "padding"), geometry.alike(it, "dilation", 1) and ""
        or ", dilation " .. sides_text(it, "dilation"))
end

--- "3 x 1 window, stride 2, padding 1 x 0"
function geometry.text(it)
    return string.format("%d x %d window, %s", it.h.taps, it.w.taps, geometry.moves_text(it))
end

return geometry
