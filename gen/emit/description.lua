-- description.lua - the text of a description as literals of C, which a program carries into the
-- models that it saves, so that they can be frozen and exported without the file.
--
--     description.lines(text) -> list of literals, which C joins; or false where it is no text

local c <const> = require "emit/c"

local description <const> = {}

local MOST <const> = 96 -- columns of a literal

local function literal(text)
    return (c.string(text):gsub("\\012", "\\n"))
end

-- The literals of one line with its end: more than one where it is long, parted behind a blank.
local function add_line(list, line)
    while line ~= "" do
        local stop = #line
        while #literal(line:sub(1, stop)) > MOST do
            stop = stop - 1
        end
        if stop < #line then
            stop = line:sub(1, stop):match("^.* ()%S*$") or stop + 1
            stop = stop - 1
        end
        list[#list + 1] = literal(line:sub(1, stop))
        line = line:sub(stop + 1)
    end
end

-- Metadata are texts: where a comment has other bytes than those of UTF-8, there is no description.
function description.lines(text)
    if not text or text == "" or not utf8.len(text) or text:find("\0", 1, true) then
        return false
    end
    local list <const> = {}
    for line in text:gmatch("[^\n]*\n?") do
        add_line(list, line)
    end
    return list
end

return description
