-- dropout.lua - the numbers of a dropout layer, as runtime/rng.h has them.

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

--- Words of 32 bits that tell which elements of an image are kept.
function dropout.words(h, w, channels)
    return (h * w * dropout.pitch(channels) + 31) // 32
end

return dropout
