-- template.lua - C with Lua lines in, C out.
--
-- A line whose first character after blanks is `@` is Lua; anywhere else `${expr}` is the value of
-- an expression. The body of an `@` block stands four columns further in than its `@` line, and the
-- expansion gives four columns a block back, so template and output are both well indented. An
-- empty line comes out empty; no output line ends in blanks; the output ends in exactly one
-- newline. A value of several lines is inserted as it is.
--
-- The invariant: line n of a template is line n of the Lua chunk made from it, and the chunk is
-- called "@templates/NAME". So every message, Lua's own included, starts with a template position.
--
-- A template sees its parameters, then the words that all templates of a program share (those of
-- its instruction set: isa.lua), then the few names of BUILTINS, and nothing else. An unknown name
-- is an error, so a parameter that may be absent is passed as false.
--
-- What others must know of an expansion is noted while it is made, not read out of its text:
--     @ uses "kept"       it calls this helper, which a template of helpers has
--     @ prototype()       the next line is the head of a C function that others call before it
--     @ prototype(head)   the same of a function that a macro makes

local c <const> = require("emit/c")

local template <const> = {}

local INDENT <const> = 4

-- What a word does to the open blocks: { how many it closes, how many it opens }. The `do` of a
-- `for` or `while` opens its block; `then` belongs to the `if` or `elseif` before it.
local BLOCK_WORDS <const> = {
    ["do"] = { 0, 1 }, ["if"] = { 0, 1 }, ["function"] = { 0, 1 }, ["repeat"] = { 0, 1 },
    ["else"] = { 1, 1 }, ["elseif"] = { 1, 1 },
    ["end"] = { 1, 0 }, ["until"] = { 1, 0 },
}

-- Lua's assert, with the position of the template line.
local function assert_here(condition, message)
    if not condition then
        error(message or "assertion failed", 2)
    end
    return condition
end

-- Nothing here depends on the run: no pairs (its order changes), no random numbers, no time.
local BUILTINS <const> = {
    assert = assert_here, error = error, ipairs = ipairs, c = c,
    math = { abs = math.abs, max = math.max, min = math.min, tointeger = math.tointeger },
    string = { format = string.format, rep = string.rep },
    table = { concat = table.concat },
}

-- -- Reading one line ---------------------------------------------------------------------------

-- The position after the string that starts at `at`, in quotes or long brackets; nil if none starts
-- there. A string that does not end on its line is an error.
local function skip_string(line, at, fail)
    local quote <const> = line:match("^[\"']", at)
    local level <const> = line:match("^%[(=*)%[", at)
    local stop
    if quote then
        stop = at
        repeat
            stop = line:find("[\\" .. quote .. "]", stop + 1)
            local escape <const> = stop and line:sub(stop, stop) == "\\"
            stop = escape and stop + 1 or stop
        until not escape
    elseif level then
        stop = select(2, line:find("]" .. level .. "]", at, true))
    else
        return nil
    end
    return (stop or fail("a string is not closed on its line")) + 1
end

-- The words of one line of Lua that open or close blocks, in order.
local function block_words(line, fail)
    local words <const> = {}
    local at = 1
    while at <= #line do
        local word <const> = line:match("^[%a_][%w_]*", at)
        if line:find("^%-%-%[=*%[", at) then
            at = skip_string(line, at + 2, fail)
        elseif line:find("^%-%-", at) then
            break
        elseif word then
            if BLOCK_WORDS[word] then
                words[#words + 1] = word
            end
            at = at + #word
        else
            at = skip_string(line, at, fail) or at + 1
        end
    end
    return words
end

-- The position of the brace that closes the expression starting at `at`.
local function expression_end(line, at, fail)
    local depth = 0
    while at <= #line do
        local char <const> = line:sub(at, at)
        if char == "}" and depth == 0 then
            return at
        elseif char == "{" then
            depth = depth + 1
        elseif char == "}" then
            depth = depth - 1
        end
        at = skip_string(line, at, fail) or at + 1
    end
    return fail("'${' is not closed on its line")
end

-- The Lua call that writes one line of C.
local function line_call(line, fail)
    local parts <const> = {}
    local at = 1
    for _ = 1, #line do
        local open <const> = line:find("${", at, true)
        if not open then
            break
        end
        local close <const> = expression_end(line, open + 2, fail)
        local expression <const> = line:sub(open + 2, close - 1)
        parts[#parts + 1] = ("%q"):format(line:sub(at, open - 1))
        parts[#parts + 1] = ("__value(%q, (%s))"):format(expression, expression)
        at = close + 1
    end
    parts[#parts + 1] = ("%q"):format(line:sub(at))
    return "__line(" .. table.concat(parts, ", ") .. ")"
end

-- -- The open blocks ----------------------------------------------------------------------------

-- Lets the words of line `number` close and open blocks. An open block is { line, column }, the
-- place of its `@` line; of several on one line each stands four columns further in than the last.
-- Returns the outermost block of an earlier line that was closed, or nil.
local function update_blocks(blocks, words, number, column, fail)
    local closed
    for _, word in ipairs(words) do
        local closes <const>, opens <const> = table.unpack(BLOCK_WORDS[word])
        if closes > 0 then
            local block <const> = table.remove(blocks) or fail("'%s' belongs to no block", word)
            closed = block.line < number and block or closed
        end
        if opens > 0 then
            local outer <const> = blocks[#blocks]
            local nested <const> = outer and outer.line == number
            local at <const> = nested and outer.column + INDENT or column
            blocks[#blocks + 1] = { line = number, column = at }
        end
    end
    return closed
end

-- A line stands inside its block; one that closes a block stands exactly where the block began.
local function check_indent(column, block, closed, fail)
    if closed and column ~= closed.column then
        fail("indented by %d, expected %d as in line %d", column, closed.column, closed.line)
    elseif block and not closed and column < block.column + INDENT then
        fail("indented by %d, expected at least %d", column, block.column + INDENT)
    end
end

-- -- The whole template -------------------------------------------------------------------------

-- The compiled chunk of a template: a function of (environment, line writer, value to text).
local function compile(text, name)
    local code <const> = {}
    local blocks <const> = {}
    local function fail_at(number, message, ...)
        error(("templates/%s:%d: " .. message):format(name, number, ...), 0)
    end
    for line in (text .. "\n"):gmatch("(.-)\n") do
        local number <const> = #code + 1
        local function fail(...)
            fail_at(number, ...)
        end
        local indent <const>, body <const> = line:match("^( *)(.-)%s*$")
        local column <const>, block <const> = #indent, blocks[#blocks]
        local lua <const> = body:match("^@(.*)")
        if body:find("^\t") then
            fail("indented with a tab, expected spaces")
        elseif lua then
            local words <const> = block_words(lua, fail)
            local closed <const> = update_blocks(blocks, words, number, column, fail)
            check_indent(column, block, closed, fail)
            code[number] = lua
        elseif body == "" then
            code[number] = line_call("", fail)
        else
            check_indent(column, block, nil, fail)
            code[number] = line_call((" "):rep(column - INDENT * #blocks) .. body, fail)
        end
    end
    if #blocks > 0 then
        fail_at(blocks[#blocks].line, "this block is never closed: expected '@ end'")
    end
    code[1] = "local _ENV <const>, __line <const>, __value <const> = ...; " .. code[1]
    local lua <const> = table.concat(code, "\n")
    local chunk <const>, message <const> = load(lua, "@templates/" .. name, "t")
    return chunk or error(message, 0)
end

-- The names a template sees: its parameters, the words, those of `more` and BUILTINS. Errors are
-- reported at the template line, two levels up.
local function environment(params, words, more)
    local function index(_, key)
        local x = params[key]
        if x == nil then
            x = words[key]
        end
        if x == nil then
            x = more[key] or BUILTINS[key]
        end
        if x == nil then
            error(("unknown name '%s'"):format(key), 2)
        end
        return x
    end
    local function newindex(_, key)
        error(("assignment to '%s': expected 'local %s'"):format(key, key), 2)
    end
    return setmetatable({}, { __index = index, __newindex = newindex })
end

-- The text of the value x of ${expression}.
local function value_text(expression, x)
    if type(x) == "string" then
        return x
    elseif math.type(x) == "integer" then
        return ("%d"):format(x)
    elseif math.type(x) == "float" then
        error(("${%s} is the float %s: expected a literal, or // in a size"):format(expression, x),
            2)
    end
    local what <const> = x == nil and "nil" or "a " .. type(x)
    error(("${%s} is %s: expected an integer or a string"):format(expression, what), 2)
end

-- The text, and what is noted of it: { uses, prototypes }, arrays in the order of the text.
local function run(chunk, params, words)
    local lines <const>, notes <const> = {}, { uses = {}, prototypes = {} }
    local is_head = false
    local function add_line(...)
        lines[#lines + 1] = table.concat({ ... })
        if is_head then
            table.insert(notes.prototypes, (lines[#lines]:gsub("%s+$", "")) .. ";")
            is_head = false
        end
    end
    local noting <const> = {
        uses = function(helper) table.insert(notes.uses, helper) end,
        prototype = function(head)
            if head then
                table.insert(notes.prototypes, head .. ";")
            else
                is_head = true
            end
        end,
    }
    chunk(environment(params, words or {}, noting), add_line, value_text)
    local text <const> = table.concat(lines, "\n") .. "\n"
    return (text:gsub("[ \t]+\n", "\n"):gsub("\n+$", "\n")), notes
end

--- The expansion of a template text with a table of parameters, and { uses = helpers, prototypes },
--- arrays of what it notes. Messages call it templates/NAME.
function template.expand(text, name, params)
    return run(compile(text, name), params)
end

--- A render function (name, params, words) -> text, notes that gets the text of a template with
--- read(name) and compiles each template once. words: those that it sees besides, or nil
function template.new(read)
    local chunks <const> = {}
    return function(name, params, words)
        chunks[name] = chunks[name] or compile(read(name), name)
        return run(chunks[name], params, words)
    end
end

--- The expansion of the template file NAME, as the host finds it, with a table of parameters and
--- the words of an instruction set.
template.render = template.new(function(name)
    return host.template(name)
end)

return template
