-- digest.lua - a short name for a long text: equal texts have equal ones, others hardly ever.
--
-- For texts that nobody forges. 64 bits: each word of eight bytes is mixed in by a product and a
-- shift, as Java's and Knuth's multiplicative hashes do.

local digest <const> = {}

local QUOTE <const> = ("\""):byte()
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

-- The last byte of the string or comment that begins at byte `from`, or `from` where none does.
local function token_end(text, from)
    if text:find("^/%*", from) then
        return select(2, text:find("*/", from + 2, true)) or #text
    elseif text:byte(from) ~= QUOTE then
        return from
    end
    local at = text:find('["\\]', from + 1)
    while at and text:byte(at) ~= QUOTE do
        at = text:find('["\\]', at + 2)
    end
    return at or #text
end

-- C without its comments; what looks like one in a string is none.
local function without_comments(text)
    local parts <const>, at = {}, 1
    while at <= #text do
        local from <const> = text:find('["/]', at) or #text
        local last <const> = token_end(text, from)
        local is_comment <const> = text:find("^/%*", from)
        parts[#parts + 1] = text:sub(at, is_comment and from - 1 or last)
        at = last + 1
    end
    return table.concat(parts)
end

--- The same of C, whatever its comments and blanks.
function digest.of_c(texts)
    return digest.of((without_comments(table.concat(texts, "\n")):gsub("%s+", " ")))
end

return digest
