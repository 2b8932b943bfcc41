-- wrap.lua - lines of C that are too long become several, with the same tokens.
--
-- Templates write statements and sentences in one line each; how long that is depends on the names
-- and numbers that are filled in. A line of code is broken where the fewest brackets are open, as
-- far to the right as it goes, and goes on eight columns further in. A comment behind code moves
-- above it. A sentence of a comment goes on in the next line, which it shares with what follows
-- when that is the same sentence. A line of a comment with two blanks side by side is of a table, a
-- picture or a command and stays as it is.

local wrap <const> = {}

--- Columns of a line at most.
wrap.WIDTH = 100

local CONTINUATION <const> = 8
local SHORTEST <const> = 30 -- columns of a broken line at least, where there is a choice

-- What a place to break depends on: blanks, brackets and strings.
local MARKS <const> = '[ "(){}%[%]]'
local OPENS <const> = { ["("] = true, ["{"] = true, ["["] = true }

-- -- Code ----------------------------------------------------------------------------------------

-- How bad a break is besides the brackets that are open there: best behind what separates, then
-- before an operator, last before what is assigned. before: the byte left of a blank; after: the
-- word right of it.
local function badness(before, after)
    if before == "," or before == ";" then
        return 0
    elseif after == "=" then
        return 3
    end
    return after:find("^[-+*?:&|<>=]+$") and 1 or nil
end

-- Where to break a line of which the part from byte `start` on stands behind `indent` columns: the
-- last byte that stays; behind the last bracket that opens where there is no better place, or nil.
local function break_of(line, start, indent, width)
    local best, least, opened
    local depth = 0
    local before_first <const> = indent - start + 1 -- columns of a byte: at + before_first
    local full <const> = width - before_first -- the last byte that has room
    local at = line:find(MARKS, start)
    while at and at <= full + 1 do
        local char <const> = line:sub(at, at)
        if char == '"' then
            repeat
                at = line:find('["\\]', at + 1) or #line
                local escapes <const> = line:sub(at, at) == "\\"
                at = escapes and at + 1 or at
            until not escapes
        elseif char == " " then
            local bad <const> = at >= start + SHORTEST
                and badness(line:sub(at - 1, at - 1), line:match("^%S*", at + 1))
            if bad and (not best or 2 * depth + bad <= least) then
                best, least = at - 1, 2 * depth + bad
            end
        elseif OPENS[char] then
            depth = depth + 1
            opened = at <= full and char == "(" and at or opened
        else
            depth = depth - 1
        end
        at = line:find(MARKS, at + 1)
    end
    return best or opened
end

-- The rest of a line is never copied: one may have thousands of columns.
-- width: columns of a line at most, or nil: wrap.WIDTH
local function wrap_code(lines, line, width)
    width = width or wrap.WIDTH
    local indent <const> = #line:match("^ *")
    local inner, start = indent, indent + 1
    while inner + #line - start + 1 > width do
        local last <const> = break_of(line, start, inner, width)
        if not last then
            break
        end
        lines[#lines + 1] = (" "):rep(inner) .. line:sub(start, last)
        inner = indent + CONTINUATION
        start = line:sub(last + 1, last + 1) == " " and last + 2 or last + 1
    end
    lines[#lines + 1] = (" "):rep(inner) .. line:sub(start)
end

-- A line of a macro: those that others follow end in a backslash.
local function wrap_macro(lines, line)
    local first <const> = #lines + 1
    local code <const>, goes_on <const> = line:match("^(.-)( *\\?)$")
    wrap_code(lines, code, wrap.WIDTH - 2)
    for i = first, goes_on == "" and #lines - 1 or #lines do
        lines[i] = lines[i] .. " \\"
    end
end

-- -- Comments ------------------------------------------------------------------------------------

-- Appends the words of a comment, behind `first` on its first line and `next_one` on others. The
-- end of the comment stays with its last word. Returns what does not fill a line, with its
-- beginning.
local function fill(lines, text, first, next_one)
    local line = first
    for one in text:gsub(" %*/$", "\0*/"):gmatch("%S+") do
        local word <const> = one:gsub("\0", " ")
        local longer <const> = line:find("%S$") and line .. " " .. word or line .. word
        if #longer > wrap.WIDTH and line ~= first and line ~= next_one then
            lines[#lines + 1] = line
            line = next_one .. word
        else
            line = longer
        end
    end
    return line
end

-- The parts of a line inside a comment: what is in front of its text, and the text.
local function comment_parts(line)
    local front <const>, text <const> = line:match("^( */?%*+ ?)(.*)$")
    return front, text
end

-- -- Texts ---------------------------------------------------------------------------------------

-- Wraps the lines of a comment, which are complete.
local function wrap_comment(lines, comment)
    local indent <const> = comment[1]:match("^ *")
    local rest
    for i, line in ipairs(comment) do
        local front, text = comment_parts(line)
        local preformatted <const> = text == "" or text:find("  ", 1, true) or text:find("^%*?/$")
        if rest and (preformatted or rest:find("%.$")) then
            lines[#lines + 1], rest = rest, nil
        elseif rest then
            front, text, rest = indent .. " * ", rest:match("^ *%* (.*)$") .. " " .. text, nil
        end
        if preformatted or #front + #text <= wrap.WIDTH then
            lines[#lines + 1] = front .. text
        else
            local before <const> = #lines
            local last <const> = fill(lines, text, front, indent .. " * ")
            if i == #comment or #lines == before then
                lines[#lines + 1] = last
            else
                rest = last
            end
        end
    end
    assert(not rest, "a comment without an end")
end

--- The text with no line longer than WIDTH, but for words and pictures that are.
function wrap.text(text)
    local lines <const> = {}
    local comment
    for line in text:gmatch("([^\n]*)\n") do
        if comment then
            comment[#comment + 1] = line
        elseif line:find("^ */%*") then
            comment = { line }
        elseif #line <= wrap.WIDTH then
            lines[#lines + 1] = line
        elseif line:find("\\$") or line:find("^#define ") then
            wrap_macro(lines, line)
        else
            local code <const>, behind <const> = line:match("^(.*) (/%*.-%*/)$")
            if code then
                local indent <const> = line:match("^ *")
                wrap_comment(lines, { indent .. behind })
                wrap_code(lines, code)
            else
                wrap_code(lines, line)
            end
        end
        if comment and line:find("%*/$") then
            wrap_comment(lines, comment)
            comment = nil
        elseif comment and line:find("*/", 1, true) then -- code behind a comment, as in a table
            comment[#comment] = nil
            wrap_code(lines, line)
            comment = nil
        end
    end
    return table.concat(lines, "\n") .. "\n"
end

return wrap
