-- geometry.lua - how the window of a convolution or pool moves over an image.
--
-- geometry = { h = axis, w = axis, taps = of both together }
-- axis     = { taps, stride, padding,
--              reach = pixels from the first tap to the last one, both counted }
--
-- Along an axis, output p reads the inputs p * stride - padding + tap, tap = 0 .. taps - 1.

local geometry <const> = {}

--- One axis: 3 taps, stride 1 and padding 1, say.
function geometry.axis(taps, stride, padding)
    return { taps = taps, stride = stride, padding = padding, reach = taps }
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

--- "3x1s2": the taps, and the stride where there is one.
function geometry.words(it)
    return string.format("%dx%d%s", it.h.taps, it.w.taps,
        geometry.alike(it, "stride", 1) and "" or "s" .. geometry.word(it, "stride"))
end

--- "stride 2, padding 1 x 0"
function geometry.moves_text(it)
    return string.format("stride %s, padding %s", sides_text(it, "stride"),
        sides_text(it, "padding"))
end

--- "3 x 1 window, stride 2, padding 1 x 0"
function geometry.text(it)
    return string.format("%d x %d window, %s", it.h.taps, it.w.taps, geometry.moves_text(it))
end

return geometry
