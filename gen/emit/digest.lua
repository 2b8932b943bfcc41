-- digest.lua - a short name for a long text: equal texts have equal ones, others hardly ever.
--
-- For texts that nobody forges. 64 bits: each word of eight bytes is mixed in by a product and a
-- shift, as Java's and Knuth's multiplicative hashes do.

local digest <const> = {}

local FACTOR <const> = 0x9E3779B97F4A7C15 -- 2^64 divided by the golden ratio, odd

local function mix(sum, word)
    sum = (sum ~ word) * FACTOR
    return sum ~ (sum >> 29)
end

--- 16 hexadecimal digits.
function digest.of(text)
    local padded <const> = text .. string.rep("\0", -#text % 32)
    local sum = FACTOR
    for at = 1, #padded, 32 do
        local a <const>, b <const>, c <const>, d <const> = string.unpack("<i8i8i8i8", padded, at)
        sum = mix(mix(mix(mix(sum, a), b), c), d)
    end
    return string.format("%016x", mix(sum, #text))
end

--- The same of C, whatever its comments and blanks.
function digest.of_c(texts)
    local bare <const> = table.concat(texts, "\n"):gsub("/%*.-%*/", ""):gsub("%s+", " ")
    return digest.of(bare)
end

return digest
