-- dropout.lua - the numbers of a dropout layer, as runtime/rng.h has them.
--
-- What is dropped or kept as one, its unit, is a value, a channel of an image or an image. Dropouts
-- of channels and images have the bits of one pixel, which stand for all.

local layout <const> = require "ops/layout"

local dropout <const> = {}

local POSITIONS <const> = 16 -- rng_drop_pitch: positions of a pixel are whole groups of so many

--- rng_drop_threshold of the float nearest to p: an element is dropped when its 16 random bits are
--- below.
function dropout.threshold(p)
    local rounded <const> = string.unpack("f", string.pack("f", p))
    return math.min(math.floor(rounded * 2.0 ^ 16 + 0.5), 0xffff)
end

--- rng_keep_scale: what kept elements are multiplied by.
function dropout.scale(p)
    return 1.0 / (1.0 - dropout.threshold(p) * 2.0 ^ -16)
end

--- Positions of a pixel with so many channels.
function dropout.pitch(channels)
    return layout.round_up(channels, POSITIONS)
end

--- Height and width of the image of bits.
function dropout.sides(unit, h, w)
    if unit == "values" then
        return h, w
    end
    return 1, 1
end

--- Words of 32 bits that tell what of an image is kept.
function dropout.words(unit, h, w, channels)
    local rows <const>, cols <const> = dropout.sides(unit, h, w)
    return (rows * cols * dropout.pitch(channels) + 31) // 32
end

--- Those words and their shape, as text.
function dropout.shape(unit, h, w, channels)
    local rows <const>, cols <const> = dropout.sides(unit, h, w)
    return string.format("%d x %d x %d bits", rows, cols, dropout.pitch(channels))
end

return dropout
