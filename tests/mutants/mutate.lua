-- mutate.lua - how many mistakes do the tests notice? Makes small mistakes at random places of the
-- sources, one at a time, in a copy with a build of its own, and runs the tests that can see the
-- file, cheapest first, until one fails.
--
--     lua tests/mutants/mutate.lua WORK [--seed N] [--places N] [--from N] [--only PATTERN]
--     lua tests/mutants/mutate.lua --list [--seed N] ...
--
-- Runs from the root of the project, on any Lua from 5.1 on. WORK holds the copy, the build and
-- results.txt with a line for each place tried; the same command goes on where it was stopped, and
-- a new WORK starts from the sources as they are. report.txt lists the survivors. `--from` begins
-- at that place of the order, so that two may share a sample. `--only` takes a Lua pattern of
-- files, `--list` prints the sample and does nothing.
--
-- A place is killed when a test fails or takes too long, or when a mistake of the generator leaves
-- no program. C that does not compile, or gives the object code that there was, counts for nothing:
-- the next of the order takes its turn.
--
-- test_current and test_lint are left out: any change of generated text fails the first.

local visible = dofile("tests/mutants/visible.lua") -- which tests see a file

-- -- The shell -----------------------------------------------------------------------------------

local function quoted(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- The exit code, in every version of Lua.
local function shell(command)
    local a, _, c = os.execute(command)
    if type(a) == "number" then
        return a >= 256 and math.floor(a / 256) or a
    end
    return c or 1
end

local function lines_of(command)
    local pipe = assert(io.popen(command))
    local lines = {}
    for line in pipe:lines() do
        lines[#lines + 1] = line
    end
    pipe:close()
    return lines
end

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("*a")
    file:close()
    return text
end

local function write(path, text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
end

local function split_lines(text)
    local lines = {}
    for line in (text:gsub("\n?$", "\n", 1)):gmatch("(.-)\n") do
        lines[#lines + 1] = line
    end
    return lines
end

-- -- Places --------------------------------------------------------------------------------------

-- The text with blanks for what is no code: comments, strings, and lines of the preprocessor. The
-- lines of a template that begin with @ are Lua.
local function mask(text, language)
    local function blank(part)
        return (part:gsub("[^\n]", " "))
    end
    local function mask_lua(code)
        return (code:gsub('%-%-[^\n]*', blank):gsub('"[^"\n]*"', blank):gsub("'[^'\n]*'", blank))
    end
    local function mask_c(code)
        code = code:gsub("/%*.-%*/", blank):gsub("//[^\n]*", blank)
        code = code:gsub("\\[\"']", "  "):gsub('"[^"\n]*"', blank):gsub("'[^'\n]*'", blank)
        return (("\n" .. code):gsub("\n%s*#[^\n]*", blank):gsub("^%s", "\n", 1):sub(2))
    end
    if language == "lua" then
        return mask_lua((text:gsub("%[%[.-%]%]", blank)))
    end
    local code = mask_c(text)
    if language == "template" then
        local masked, lines = split_lines(code), split_lines(text)
        for i, line in ipairs(lines) do
            masked[i] = line:match("^%s*@") and mask_lua(line) or masked[i]
        end
        code = table.concat(masked, "\n") .. "\n"
    end
    return code
end

local relations = { ["<"] = "<=", ["<="] = "<", [">"] = ">=", [">="] = ">", ["=="] = "!=",
    ["!="] = "==", ["~="] = "==" }
local sums = { ["+"] = "-", ["-"] = "+", ["*"] = "+", ["/"] = "*", ["//"] = "*", ["%"] = "+",
    ["+="] = "-=", ["-="] = "+=" }

local function larger(number)
    local whole, rest = number:match("^(%d+)(.*)$")
    return string.format("%d", tonumber(whole) + 1) .. rest
end

-- Calls add(operator, first, last, replacement) for all that can be done to a line of code.
local function find_in_line(code, is_lua, add)
    local function each(operator, pattern, change)
        local at = 1
        while true do
            local first, last, a, b, c = code:find(pattern, at)
            if not first then
                return
            end
            change(operator, first, last, a, b, c)
            at = last > first and last or last + 1
        end
    end
    each("relational", "%s()([<>=!~]=?)()%s", function(operator, _, _, from, word, to)
        local other = relations[word]
        if other then
            add(operator, from, to - 1, is_lua and word == "==" and "~=" or other)
        end
    end)
    each("arithmetic", "[%w_%)%]}]%s()([-+*/%%]=?/?)()%s", function(operator, _, _, from, word, to)
        if sums[word] then
            add(operator, from, to - 1, sums[word])
        end
    end)
    each("constant", "%f[%w_.]()(%d+%.?%d*f?)()%f[^%w_.]", function(operator, _, _, from, word, to)
        add(operator, from, to - 1, larger(word))
    end)
    for _, pair in ipairs(is_lua and { { " and ", " or " }, { " or ", " and " }, { "not ", "" } }
        or { { "&&", "||" }, { "||", "&&" } }) do
        each("logical", "()" .. pair[1] .. "()", function(operator, _, _, from, to)
            add(operator, from, to - 1, pair[2])
        end)
    end
    if not is_lua then
        each("logical", "%f[!]()!()%f[%w_(]", function(operator, _, _, from, to)
            add(operator, from, to - 1, "")
        end)
    end
    each("swapped argument", "[%w_]%(()([%w_.]+, [%w_.]+)()%f[,)]", function(operator, _, _, from,
        words, to)
        local a, b = words:match("^(.-), (.*)$")
        if a ~= b then
            add(operator, from, to - 1, b .. ", " .. a)
        end
    end)
end

-- Whether a line is a whole statement that can be left out, in code that begins one there.
local function is_statement(code, before, is_lua)
    if is_lua then
        return code:match("^%s+[%w_.:]+%b()%s*$") or
            code:match("^%s+[%w_.%[%]]+ = [^{]*[%w_%])]%s*$") and not code:match("^%s+local ")
    end
    return (before == "" or before:match("[;{})]%s*$") or before:match("else%s*$")) and
        not code:match("^%s+return") and
        (code:match("^%s+[%w_.>%[%]*-]+%b()%s*;%s*$") or code:match("^%s+break;%s*$") or
            code:match("^%s+continue;%s*$") or code:match("^%s+[%w_.>%[%]*-]+[+-][+-];%s*$") or
            code:match("^%s+[%w_.>%[%]*-]+ [-+*/|&]?= [^;]*;%s*$"))
end

local function language_of(path)
    return path:match("%.tpl$") and "template" or path:match("%.lua$") and "lua" or "c"
end

-- Adds the places of a file: { file, line, operator, first, last = columns, text = replacement }.
local function find_places(places, path)
    local language, text = language_of(path), read(path)
    local lines, masked = split_lines(text), split_lines(mask(text, language))
    local depth, before = 0, ""
    for number, code in ipairs(masked) do
        local is_lua = language == "lua" or lines[number]:match("^%s*@") ~= nil
        local function add(operator, first, last, replacement)
            places[#places + 1] = { file = path, line = number, operator = operator, first = first,
                last = last, text = replacement }
        end
        if not code:match("assert%s*%(") and not code:match("luaL_check") then
            find_in_line(code, is_lua, add)
            local braces = is_lua and depth == 0 or not is_lua
            if braces and code:match("%S") and is_statement(code, before, is_lua) then
                local indent = #code:match("^%s*")
                add("dropped statement", indent + 1, #lines[number], is_lua and "do end" or ";")
            end
        end
        if language == "lua" then
            local _, opened = code:gsub("{", "")
            local _, closed = code:gsub("}", "")
            depth = depth + opened - closed
        end
        if code:match("%S") then
            before = code
        end
    end
end

-- All places, in an order that the seed decides (Park and Miller's generator, the same everywhere).
local function shuffled_places(seed, only)
    local places = {}
    for _, path in ipairs(visible.source_files()) do
        if path:match(only) then
            find_places(places, path)
        end
    end
    local state = seed % 2147483646 + 1
    for i = #places, 2, -1 do
        state = state * 16807 % 2147483647
        local k = state % i + 1
        places[i], places[k] = places[k], places[i]
    end
    return places
end

-- -- Trying --------------------------------------------------------------------------------------

local work, copy, log

local function build(target)
    return shell("cmake --build " .. quoted(work .. "/build") .. " -j 2 --target " .. target
        .. " > " .. quoted(log) .. " 2>&1") == 0
end

local function exists(path)
    local file = io.open(path, "rb")
    if file then
        file:close()
    end
    return file ~= nil
end

local function find_file(root, condition)
    return lines_of("find " .. quoted(root) .. " -type f " .. condition)[1]
end

-- The object code of a file of C, or nil: a header has none of its own, a template another in each
-- program.
local function object_code(path)
    local object = path:match("%.c$") and find_file(work .. "/build",
        "-path '*/CMakeFiles/burin*.dir/" .. path .. ".o'")
    return object and read(object)
end

-- The target of a test, and the file of Lua tests that it is to run alone.
local function target_of(test)
    if test:match("%.lua$") then
        return "test_lua", find_file(copy .. "/tests", "-name " .. test):sub(#copy + 2)
    end
    return test
end

local programs = {} -- where a target lies

local function program_of(target)
    programs[target] = programs[target] or find_file(work .. "/build/tests", "-name " .. target)
    return programs[target]
end

-- What a mistake may take: KB of addresses, the larger number where a test needs it (hundreds of
-- threads), and blocks of 512 bytes a file. When memory runs out, the test is the first to go. The
-- time that Check gives a test is for a machine with nothing else to do.
local least_memory, most_memory = 4000000, 40000000
local limits = "ulimit -f 20000000; echo 1000 2> /dev/null > /proc/$$/oom_score_adj; "
    .. "export CK_DEFAULT_TIMEOUT=60 CK_TIMEOUT_MULTIPLIER=3 && "

-- "killed" or "survived"; a test that has not ended after `limit_s` seconds kills.
local function run_test(test, limit_s, memory)
    local target, case = target_of(test)
    local variable = case and "CK_RUN_CASE=" .. case .. " " or ""
    local code = shell("cd " .. quoted(copy) .. " && " .. limits
        .. "ulimit -v " .. memory .. " && TMPDIR="
        .. quoted(work .. "/tmp") .. " " .. variable .. "timeout -k 5 "
        .. limit_s .. " " .. quoted(program_of(target)) .. " > " .. quoted(log) .. " 2>&1")
    if code ~= 0 then
        shell("rm -rf " .. quoted(work .. "/tmp") .. "/*") -- what it left
    end
    return code == 0 and "survived" or "killed"
end

-- Whether what a test sees of gen/ and templates/ is compiled into it.
local function is_generated(test)
    return test:match("^test_kernels_") or test:match("^test_steps_")
        or test:match("^test_gradients_") or test:match("^test_norms_")
        or test:match("^test_offsets_") or test:match("^test_watch_")
end

-- Of tests that pass: seconds, memory, and programs that are generated.
local took, memory_of, bytes_of = {}, {}, {}
local code_of = {} -- the object code of files

local function is_proven(test, path)
    return took[test] and (code_of[path] or not path:match("%.c$"))
end

-- Builds and runs a test of a file as it is.
local function prove(test, path)
    if not took[test] then
        assert(build((target_of(test))), test .. " cannot be built: see " .. log)
        memory_of[test] = least_memory
        local start = os.time()
        if run_test(test, 3600, least_memory) ~= "survived" then
            memory_of[test], start = most_memory, os.time()
            assert(run_test(test, 3600, most_memory) == "survived",
                test .. " fails without a mutant: see " .. log)
        end
        took[test] = os.time() - start
        bytes_of[test] = is_generated(test) and read(program_of(test))
    end
    if not code_of[path] and path:match("%.c$") then
        assert(build((target_of(test))))
        code_of[path] = assert(object_code(path), path .. ": where is its object code?")
    end
end

-- Lua tests read scripts and templates where they stand.
local function needs_build(test, file)
    return not test:match("%.lua$") or file:match("%.[ch]$") ~= nil
end

-- What one test says of the mistake that stands in a file.
local function ask(test, file)
    if needs_build(test, file) and not build((target_of(test))) then
        -- A generator that gives up, or writes C that is none, was noticed.
        return file:match("%.lua$") and "killed" or "does not compile"
    elseif code_of[file] and object_code(file) == code_of[file] then
        return "same code"
    elseif bytes_of[test] and read(program_of(test)) == bytes_of[test] then
        return "survived" -- the program is what it was
    end
    return run_test(test, 30 + 10 * took[test], memory_of[test])
end

-- Tries a place: the verdict and the test that gave it.
local function try(place, tests)
    local path = copy .. "/" .. place.file
    local original = read(place.file)
    local lines = split_lines(original)
    local line = lines[place.line]
    lines[place.line] = line:sub(1, place.first - 1) .. place.text .. line:sub(place.last + 1)
    local mistaken = table.concat(lines, "\n") .. "\n"
    local now = original
    local function put(wanted) -- a file that is written again is compiled again
        if wanted ~= now then
            write(path, wanted)
        end
        now = wanted
    end
    local verdict, by = "survived", tests[#tests]
    for _, test in ipairs(tests) do
        if not is_proven(test, place.file) then
            put(original)
            prove(test, place.file)
        end
        put(mistaken)
        verdict, by = ask(test, place.file), test
        if verdict ~= "survived" then
            break
        end
    end
    put(original)
    return verdict, by
end

-- -- The command ---------------------------------------------------------------------------------

local function parse(arguments)
    local options = { seed = 1, places = 300, from = 1, only = "" }
    local i = 1
    while i <= #arguments do
        local word = arguments[i]
        if word == "--list" then
            options.list = true
        elseif word == "--seed" or word == "--places" or word == "--from" then
            options[word:sub(3)] = assert(tonumber(arguments[i + 1]), word .. ": expected a number")
            i = i + 1
        elseif word == "--only" then
            options.only = assert(arguments[i + 1], "--only: expected a pattern of files")
            i = i + 1
        else
            options.work = word
        end
        i = i + 1
    end
    assert(options.work or options.list, "usage: mutate.lua WORK [--seed N] [--places N] "
        .. "[--from N] [--only PATTERN] [--list]")
    return options
end

local function describe(place)
    local line = split_lines(read(place.file))[place.line]
    return string.format("%s:%d:%d: %s: `%s` -> `%s`", place.file, place.line, place.first,
        place.operator, line:sub(place.first, place.last), place.text)
end

local function prepare()
    if exists(work .. "/build/CMakeCache.txt") then
        -- What a mutant was left in when this was stopped.
        local to = quoted(copy) .. "/$part/$f"
        shell("for part in runtime gen templates; do (cd $part && find . -type f) | "
            .. "while read -r f; do cmp -s $part/$f " .. to .. " || cp $part/$f " .. to
            .. "; done; done")
        return
    end
    assert(shell("mkdir -p " .. quoted(copy) .. " && cp -Rp CMakeLists.txt cmake "
        .. "examples gen runtime scripts templates tests " .. quoted(copy)) == 0)
    assert(shell("cmake -S " .. quoted(copy) .. " -B " .. quoted(work .. "/build") .. " -G Ninja "
        .. "-D CMAKE_BUILD_TYPE=Debug -D BURIN_WERROR=OFF '-D CMAKE_C_FLAGS_DEBUG=-O1 "
        .. "-Werror=int-conversion -Werror=incompatible-pointer-types' > "
        .. quoted(log) .. " 2>&1") == 0, "cannot configure: see " .. log)
end

local options = parse(arg)
local places = shuffled_places(options.seed, options.only)
if options.list then
    for i = options.from, math.min(options.from + options.places - 1, #places) do
        print(describe(places[i]))
    end
    os.exit(0)
end
work, copy, log = options.work, options.work .. "/burin", options.work .. "/log"
shell("mkdir -p " .. quoted(work .. "/tmp"))
prepare()
local targets = {}
for _, line in ipairs(lines_of("cmake --build " .. quoted(work .. "/build") .. " --target help")) do
    targets[line:match("^(test_[%w_]+): phony") or ""] = true
end
local is_test = visible.among(targets)
local results_path = work .. "/results.txt"
local known = {}
if exists(results_path) then
    for line in io.lines(results_path) do
        local key, verdict, test = line:match("^(.-)\t(.-)\t(.*)$")
        known[key] = { verdict, test }
    end
end
local count = { killed = 0, survived = 0, ["does not compile"] = 0, ["same code"] = 0 }
local survivors = {}
for i = options.from, #places do
    local place = places[i]
    if count.killed + count.survived >= options.places then
        break
    end
    local key = describe(place)
    local result = known[key]
    if not result then
        result = { try(place, visible.of(place.file, is_test)) }
        local file = assert(io.open(results_path, "a"))
        file:write(key, "\t", result[1], "\t", result[2], "\n")
        file:close()
        print(string.format("%-9s %s (%s)", result[1], key, result[2]))
        io.stdout:flush()
    end
    count[result[1]] = count[result[1]] + 1
    if result[1] == "survived" then
        survivors[#survivors + 1] = key
    end
end
local tried = count.killed + count.survived
survivors[#survivors + 1] = string.format("%d of %d places killed (%.1f %%), %d did not compile, "
    .. "%d gave the same code", count.killed, tried, tried > 0 and 100 * count.killed / tried or 0,
    count["does not compile"], count["same code"])
write(work .. "/report.txt", table.concat(survivors, "\n") .. "\n")
print(survivors[#survivors])
