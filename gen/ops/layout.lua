-- layout.lua - how an image lies in memory: pixel by pixel, the channels of a pixel side by side
-- and padded to whole vectors, with a border of zeros. plan/place.lua decides which.
--
-- layout = { c, h, w, pitch = floats a pixel, border = pixels of zeros on all four sides }

local layout <const> = {}

--- n rounded up to a multiple.
function layout.round_up(n, multiple)
    return (n + multiple - 1) // multiple * multiple
end

--- Rows and columns of a layout with its border.
function layout.rows(l)
    return l.h + 2 * l.border
end

function layout.cols(l)
    return l.w + 2 * l.border
end

--- Floats of one image.
function layout.floats(l)
    return layout.rows(l) * layout.cols(l) * l.pitch
end

--- "34 x 34 x 16, border 1"
function layout.shape(l)
    local text <const> = string.format("%d x %d x %d", layout.rows(l), layout.cols(l), l.pitch)
    return l.border > 0 and text .. string.format(", border %d", l.border) or text
end

--- "32x32x16_B1": its size, the pitch where there are more floats than channels, the border.
function layout.word(l)
    return string.format("%dx%dx%d%s%s", l.h, l.w, l.c, l.pitch ~= l.c and "_P" .. l.pitch or "",
        l.border > 0 and "_B" .. l.border or "")
end

--- The macro that stands for a layout in C, "IMAGE_32x32x16_B1", and what it stands for, which
--- initializes struct image and struct layout (runtime/model.h).
function layout.macro(l)
    return "IMAGE_" .. layout.word(l),
        string.format("{.h = %d, .w = %d, .c = %d, .pitch = %d, .border = %d}", l.h, l.w, l.c,
            l.pitch, l.border)
end

return layout
