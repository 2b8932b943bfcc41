-- The generated file: the same bytes twice, nothing of the machine, and no text that breaks C.

local test <const> = ...
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()

local emit <const> = require("emit/program")

local tests <const> = {}

local function program(graph, isa_name, changes)
    local options <const> = {
        network = "gen/nets/" .. graph.name .. ".lua", norm = graph.norm, isa = isa_name,
        algorithm = "auto", unroll = "tile",
    }
    for key, value in pairs(changes or {}) do -- each sets its own field
        options[key] = value
    end
    return emit.program(graph, options)
end

-- The C tokens of a file: comments and white space gone, literals as "".
local function tokens_of(text)
    assert(not text:find("??", 1, true), "a trigraph")
    local parts <const> = {}
    local at = 1
    while at <= #text do
        local special <const> = text:find('["\'/]', at)
        parts[#parts + 1] = text:sub(at, (special or #text + 1) - 1)
        if not special then
            break
        elseif text:sub(special, special + 1) == "/*" then
            local _, last <const> = text:find("*/", special + 2, true)
            assert(last, "a comment without an end")
            assert(not text:sub(special + 2, last - 2):find("/*", 1, true), "a comment in another")
            at = last + 1
        elseif text:sub(special, special) == "/" then
            assert(text:sub(special, special + 1) ~= "//", "a comment of one line")
            parts[#parts + 1] = "/"
            at = special + 1
        else
            local quote <const> = text:sub(special, special)
            at = special + 1
            while text:sub(at, at) ~= quote do
                assert(at <= #text and text:sub(at, at) ~= "\n", "a literal without an end")
                at = at + (text:sub(at, at) == "\\" and 2 or 1)
            end
            parts[#parts + 1] = quote .. quote
            at = at + 1
        end
    end
    return (table.concat(parts):gsub("%s+", " "))
end

-- Calls check(text, title) for files of s8 in every instruction set and of every varied network.
local function each_file(check)
    for i, isa_name in ipairs(nets.isas) do
        local norm <const> = nets.norms[i]
        check(program(nets.graph("s8", norm), isa_name), "s8 " .. norm .. " " .. isa_name)
    end
    for i, lines in ipairs(nets.varied) do
        check(program(nets.small(lines, "bn"), "avx2"), "varied " .. i)
    end
end

-- A window of two pixels around an image of one meets zeros alone: its data gradient has no product
-- and says so, of which compilers would warn.
function tests.what_reads_no_weights_says_so()
    local conv <const> = "conv { 4, window = { 2, 1 }, padding = { 1, 0 }, stride = { 2, 1 }, "
        .. "dilation = { 2, 1 } }"
    for _, how in ipairs { "avx2 fp32", "avx512 bf16", "amx bf16" } do
        local isa_name <const>, precision <const> = how:match("(%w+) (%w+)")
        local function count(lines)
            local graph <const> = nets.small(lines, "none", "3, 1, 9")
            local text <const> = program(graph, isa_name, { precision = precision })
            return select(2, text:gsub("%(void%)w;", ""))
        end
        test.equal(count("conv { 8, window = 1 }, " .. conv), 1, how)
        test.equal(count("conv { 8, window = 1 }, conv { 4, window = 1 }"), 0, how)
    end
end

function tests.the_same_bytes_twice()
    for i, lines in ipairs(nets.varied) do
        local first <const> = program(nets.small(lines, "bn"), "avx512")
        test.equal(program(nets.small(lines, "bn"), "avx512"), first, "varied " .. i)
    end
    local first <const> = program(nets.graph("s8", "bn"), "avx2")
    test.equal(program(nets.graph("s8", "bn"), "avx2"), first, "s8")
end

-- Norms and dropouts of one shape that differ in a number are different functions.
function tests.numbers_tell_functions_apart()
    local lines <const> = {}
    for _, norm in ipairs({ "", "eps = 1e-12", "eps = 0.5", "momentum = 0.25" }) do
        lines[#lines + 1] = ("conv { 4, window = 1 }, norm { %s }"):format(norm)
    end
    lines[#lines + 1] = "dropout(0.1), dropout(0.1000000001)"
    for _, norm in ipairs({ "bn", "gn" }) do
        program(nets.small(table.concat(lines, ", "), norm), "c")
    end
end

-- Behind the gradient of the first norm there may be nothing left to do.
function tests.no_phase_is_empty()
    local text <const> = program(nets.small("relu(), norm(), conv { 4, window = 1 }", "bn"), "c")
    assert(text:find("the gradient of norm1", 1, true))
    local functions, calls = 0, 0
    for body in text:gmatch("static void train_phase%d+%b()%s*(%b{})") do
        functions = functions + 1
        assert(body:find(" TIMED(", 1, true), body)
    end
    for _ in text:gmatch("each_micro_batch%(&net, chunks, %l+, place_training, train_phase%d+%)") do
        calls = calls + 1
    end
    test.equal(functions, 2)
    test.equal(calls, functions)
end

-- The head says what the plan keeps for backward and what it makes again.
function tests.the_head_says_what_is_kept()
    local function head_of(norm)
        local layers <const> = "conv { 4, window = 3, padding = 1 }, norm(), dropout(0.1), "
            .. "maxpool(2)"
        local text <const> = program(nets.small(layers:rep(2, ", "), norm), "avx2")
        return (text:match("backward reads.-Layouts:"):gsub("%s+%*?%s*", " "))
    end
    local whole <const> = head_of("gn")
    assert(whole:find("(keep_)", 1, true) and whole:find("No layer is computed twice.", 1, true)
        and whole:find("y_ of [%l, _]*conv") and whole:find("(winner_)", 1, true), whole)
    local cut <const> = head_of("bn")
    assert(cut:find("makes again, in y_<layer>_phase<number of the phase>: y_ of", 1, true), cut)
    assert(not cut:find("computed twice", 1, true), cut)
    assert(not head_of("none"):find("coef_", 1, true))
end

-- In plain loops an evaluation is the forward pass of a training, written once, where it is the
-- same but for what it leaves out: not where batch norms have statistics of their own for it.
function tests.a_plain_evaluation_is_the_forward_pass()
    local function functions_of(norm)
        local text <const> = program(nets.small("conv { 4, window = 3, padding = 1 }, relu(), "
            .. "norm(), dropout(0.1), dropout(0.1), maxpool(2)", norm), "c", { unroll = "none" })
        return text:match("static void eval_micro_batch%b()%s*(%b{})"),
            text:match("static struct buffers place_eval%b()%s*(%b{})")
    end
    local calls <const>, places <const> = functions_of("gn")
    assert(calls:find("forward(net, at, n);", 1, true) and calls:find("store_logits(", 1, true))
    assert(not calls:find("conv3x3", 1, true), calls)
    assert(places:find("place_training(", 1, true), places)
    test.equal(places:match("at%.keep.*NULL;"):gsub("%s+", " "),
        "at.keep_dropout1 = at.keep_dropout2 = at.winner_maxpool1 = NULL;")
    local own <const>, own_places <const> = functions_of("bn")
    assert(own:find("conv3x3", 1, true) and not own:find("forward(net", 1, true), own)
    assert(own_places:find("place_shared(", 1, true), own_places)
end

-- Neither dates nor folders of this machine, nothing left of a template, only printable ASCII.
function tests.files_are_clean()
    each_file(function(text, title)
        for _, sign in ipairs({ "@", "${", "__DATE__", "__TIME__", "nil", "\t", "\r" }) do
            assert(not text:find(sign, 1, true), title .. ": has " .. sign)
        end
        assert(not text:find("[^\n -~]"), title .. ": a byte that is not printable")
        assert(not text:find("%d%d:%d%d"), title .. ": a time")
        assert(not text:find("%f[%d][12][09]%d%d%-%d%d%-%d%d"), title .. ": a date")
        for _, folder in ipairs({ "/home", "/tmp", "/usr", "/root", test.dir .. "/" }) do
            assert(not text:find(folder, 1, true), title .. ": a path of this machine")
        end
        assert(not text:find("[%s\"'=]/[%a]"), title .. ": an absolute path")
        assert(not text:find("[ \t]\n"), title .. ": blanks at the end of a line")
        assert(not text:find("/%* Call %d+%. +%*/"), title .. ": a call of no layer")
        assert(#tokens_of(text) > 1000, title)
    end)
end

function tests.files_are_small()
    for _, norm in ipairs({ "bn", "gn" }) do -- the other norms have the kernels of gn
        for _, isa_name in ipairs(nets.isas) do
            local size <const> = #program(nets.graph("s8", norm), isa_name)
            assert(size < 400 * 1024, ("s8 %s %s: %d bytes"):format(norm, isa_name, size))
        end
    end
end

-- Functions are defined once, used, and have identifiers for names; so have buffers.
function tests.functions_are_defined_once_and_used()
    each_file(function(text, title)
        local tokens <const> = tokens_of(text)
        local defined <const>, uses <const> = {}, {}
        for word in tokens:gmatch("[%w_]+") do
            uses[word] = (uses[word] or 0) + 1
        end
        for name in tokens:gmatch("[%w_*]+ %*?([%w_]+)%([^()]*%) {") do
            if name ~= "main" and name ~= "for" and name ~= "if" then
                assert(not defined[name], title .. ": two of " .. name)
                defined[name] = true
                assert(uses[name] > 1, title .. ": nobody uses " .. name)
            end
        end
        assert(defined.train and defined.eval and defined.measure, title)
        for name in tokens:gmatch("float %*const ([^ ]+) =") do
            assert(name:find("^[%a_][%w_]*$"), title .. ": " .. name)
        end
    end)
end

-- Each constant is given once.
function tests.constants_are_defined_once()
    each_file(function(text, title)
        local seen <const> = {}
        for name in tokens_of(text):gmatch("([A-Z][A-Z0-9_]*) = %d+[, ]") do
            assert(not seen[name], title .. ": two of " .. name)
            seen[name] = true
        end
        assert(seen.CHUNK_FLOATS and seen.SCRATCH_FLOATS, title)
    end)
end

-- What is written fits a page, whatever the names and numbers.
function tests.no_line_is_too_long()
    local function check(text, title)
        for line in text:gmatch("[^\n]+") do
            assert(#line <= 100, title .. ": " .. line)
        end
    end
    each_file(check)
    for _, norm in ipairs { "bn", "gn" } do
        check(program(nets.graph("s8", norm), "c", { unroll = "none" }), "plain " .. norm)
    end
end

function tests.unroll_full_writes_out_more()
    for _, isa_name in ipairs(nets.isas) do
        local graph <const> = nets.small("conv { 8, window = 3, padding = 1 }, relu(), norm(), "
            .. "conv { 32, window = 3, padding = 1 }, conv { 32, window = 3, padding = 1 }")
        local tiled <const> = program(graph, isa_name)
        local full <const> = program(graph, isa_name, { unroll = "full" })
        local _, few <const> = tiled:gsub("_fmadd_ps", "")
        local _, many <const> = full:gsub("_fmadd_ps", "")
        assert(many > 2 * few, isa_name)
        assert(full:find("burin gen --norm bn --isa " .. isa_name .. " --unroll full gen/nets/",
            1, true), "the head names another command")
        assert(not tiled:find("--unroll", 1, true))
        tokens_of(full)
    end
end

-- Each kind of kernel has its loops once, and no line is of vectors.
function tests.unroll_none_writes_plain_loops()
    local graph <const> = nets.small("conv { 8, window = 3, padding = 1 }, relu(), norm(), "
        .. "conv { 32, window = 3, padding = 1 }, conv { 32, window = 3, padding = 1 }", "gn")
    local text <const> = program(graph, "c", { unroll = "none" })
    assert(not text:find("vec4", 1, true), "vectors")
    assert(text:find(" --isa c --unroll none gen/nets/", 1, true), "its command")
    for _, loops in ipairs { "conv_relu_norm_fwd", "conv_fwd", "conv_bwd_data",
        "conv_bwd_weights", "norm_bwd_reduce" } do
        local _, defined <const> = text:gsub("static INLINE void " .. loops .. "%(", "")
        test.equal(defined, 1, loops)
    end
    local _, calls <const> = text:gsub("    conv_bwd_weights%(", "")
    test.equal(calls, 1)
    local _, kernels <const> = text:gsub("\nCONV_BWD_WEIGHTS%(", "")
    test.equal(kernels, 3)
    tokens_of(text)
end

-- -- Hostile texts -------------------------------------------------------------------------------

-- The path of the description reaches the file in a comment and in a string, and changes no token.
function tests.paths_stay_where_they_belong()
    local graph <const> = nets.small("conv { 4, window = 1 }, norm()", "gn")
    local plain <const> = tokens_of(program(graph, "c"))
    local hostile <const> = {
        "a b.lua", 'a"b.lua', "a'b.lua", "*/ int x; /*.lua", "/* /* .lua", "??/.lua", "??'a.lua",
        "a\nint x;\n#include <x>.lua", "a\\", "a\\\n.lua", '"; system("x"); ".lua', "%s%n.lua",
        "\0\1\127\255.lua", "${1}@ end.lua", "//.lua", "gen/nets/x*/.lua", "*\n/ x.lua", "?\1?/",
        ("x"):rep(5000),
    }
    for _, path in ipairs(hostile) do
        local text <const> = program(graph, "c", { network = path })
        test.equal(tokens_of(text) == plain, true, ("the file of %q"):format(path))
        assert(not text:find("[^\n -~]"), "a byte that is not printable")
    end
end

-- Names of layers and networks become identifiers, so no other text may be one.
function tests.hostile_names_are_rejected()
    local names <const> = {
        "a b", 'a"', "a;", "*/", "/*", "", "1a", "a.b", "a-b", "??/", "a\\nb", "int", "return",
        "\\195\\164", "a\\0b", ("x"):rep(65),
    }
    for _, name in ipairs(names) do
        local ok <const>, raised <const> = pcall(nets.small,
            ('conv { 4, window = 1, name = "%s" }'):format((name:gsub('"', '\\"'))))
        assert(not ok and type(raised) == "table" and raised.kind == "rejected", name)
    end
end

-- Names that are legal and look like ours: prefixes of buffers, of constants, of helpers.
function tests.unlucky_names_compile_to_distinct_things()
    local graph <const> = nets.small([[conv { 4, window = 1, name = "y" }, norm { name = "dy" },
        conv { 4, window = 1, name = "w" }, norm { name = "zero" }, relu { name = "dw_y" },
        conv { 4, window = 1, name = "net" }, norm { name = "image" }, add("zero")]])
    local text <const> = program(graph, "c")
    local seen <const>, fields = {}, 0
    for name in text:match("\nstruct buffers (%b{})"):gmatch("[%w_]+%f[,;]") do
        assert(not seen[name], name)
        seen[name] = true
        fields = fields + 1
    end
    assert(fields > 20)
    for _, what in ipairs { "shared", "training", "eval" } do
        local body <const> = text:match("\nstatic struct buffers place_" .. what .. "%b()%s*(%b{})")
        local placed <const> = {}
        for name in body:gmatch(what == "shared" and "%.([%w_]+) = " or "%f[%w]at%.([%w_]+) = ") do
            assert(seen[name] and not placed[name], name)
            placed[name] = true
        end
        assert(next(placed), what)
    end
end

-- A reader meets the step before the kernels, and the prototype of each before the step.
function tests.the_step_stands_before_the_kernels()
    for _, norm in ipairs { "bn", "gn" } do
        local text <const> = program(nets.graph("s8", norm), "avx2")
        local step <const> = assert(text:find("\nstatic void train(", 1, true))
        local declared, defined = {}, 0
        for at, head, what in text:gmatch("\n()static NOINLINE ([^;{]*)([;{])") do
            assert((what == ";") == (at < step), norm)
            local name <const> = head:match("([%w_]+)%(") or head:match("([%w_]+)$")
            assert((declared[name] ~= nil) == (what == "{"), name)
            declared[name] = true
            defined = defined + (what == "{" and 1 or 0)
        end
        for at, name in text:gmatch("%*/\n()[%u%d_]+%(([%w_]+),%s") do -- kernels that macros make
            assert(at > step and declared[name], name)
            defined = defined + 1
        end
        for _ in pairs(declared) do -- a number: the order does not matter
            defined = defined - 1
        end
        test.equal(defined, 0, norm)
        assert(next(declared), norm)
    end
end

-- Above a kernel stand its layers with their lines, and the line that called the function in which
-- they stand: of functions that call each other the outermost.
function tests.kernels_name_the_lines_of_the_description()
    local text <const> = program(nets.graph("s8", "gn"), "avx2")
    for _, where in ipairs { "conv9, conv10 (s8.lua:7 from 28): ", "conv11 (s8.lua:30): ",
        "norm8, norm7, norm6 (s8.lua:7 from 28): " } do
        assert(text:find("/* " .. where, 1, true), where)
    end
    assert(text:find("\n *  7 from 26  conv1 relu1 ", 1, true), "in the layer table")
    local graph <const> = nets.small("(function()\n return { conv { 4, window = 1 },\n "
        .. "(function() return conv { 4, window = 1 } end)() } end)(),\nrelu()")
    test.equal({ graph.nodes[2].where, graph.nodes[2].outer }, { "small.lua:5", 4 })
    test.equal({ graph.nodes[3].where, graph.nodes[3].outer }, { "small.lua:6", 4 })
    test.equal(graph.nodes[4].outer, nil)
end

-- A batch is drawn as it is cut: every image in one micro-batch, also where it does not divide.
function tests.the_cut_of_a_batch_is_drawn()
    local model <const> = require("emit/model")
    local function drawn(batch, images, micro_batches, micro_batch)
        return table.concat(model.batch_cut({ recipe = { batch = batch } },
            { chunk_images = images, chunk_micro_batches = micro_batches,
                micro_batch = micro_batch }), "\n")
    end
    test.equal(drawn(128, 8, 2, 4), [[
    batch 128 = 16 chunks x 2 micro-batches x 4 images
    chunk 0   images 0-3, 4-7
    chunk 1   images 8-11, 12-15
    ..
    chunk 15  images 120-123, 124-127]])
    test.equal(drawn(5, 3, 2, 2), [[
    batch 5 = 2 chunks of 2 micro-batches of 2 images, the last ones of fewer
    chunk 0   images 0-1, 2-2
    chunk 1   images 3-4]])
    -- Of more than four micro-batches or three chunks the middle is left out.
    test.equal(drawn(8, 8, 4, 2), [[
    batch 8 = 1 chunks x 4 micro-batches x 2 images
    chunk 0   images 0-1, 2-3, 4-5, 6-7]])
    test.equal(drawn(23, 10, 5, 2), [[
    batch 23 = 3 chunks of 5 micro-batches of 2 images, the last ones of fewer
    chunk 0   images 0-1, 2-3, .., 8-9
    chunk 1   images 10-11, 12-13, .., 18-19
    chunk 2   images 20-21, 22-22]])
    test.equal(drawn(4, 1, 1, 1), [[
    batch 4 = 4 chunks x 1 micro-batches x 1 images
    chunk 0   images 0-0
    chunk 1   images 1-1
    ..
    chunk 3   images 3-3]])
end

-- A description may cut a batch into more chunks; that of one which says nothing is in model.h.
function tests.chunks_are_those_of_the_description()
    local graph <const> = nets.graph("s8", "bn")
    local usual <const> = program(graph, "c")
    assert(not usual:find("[^_]CHUNKS") and not usual:find(".chunks = 1", 1, true))
    graph.recipe.chunks = 32
    local text <const> = program(graph, "c")
    for _, part in ipairs { "batch 128 = 32 chunks x 1 micro-batches x 4 images",
        "at most CHUNKS = 32 chunks, also", "    CHUNKS = 32, /*", "    .chunks = 32,",
        "WEIGHT_FLOATS + (size_t)CHUNKS\n", "chunks + (size_t)CHUNKS * CHUNK_FLOATS",
        "CHUNK_MICRO_BATCHES = 1," } do
        assert(text:find(part, 1, true), part)
    end
    assert(not text:find("MODEL_CHUNKS", 1, true))
end

-- A kernel that many layers share is written once, and one name for two kernels is a bug.
function tests.shared_kernels_are_made_once()
    local conv <const> = require("ops/ops").conv
    local params <const> = conv.params
    local count = 0
    function conv.params(...)
        count = count + 1
        return params(...)
    end
    local function made(layers)
        count = 0
        program(nets.small(("conv { 3, window = 3, padding = 1 }, relu(), "):rep(layers)
            .. "dropout(0.1)", "none"), "avx2")
        return count
    end
    test.equal(made(9), made(3))
    local name <const> = require("emit/name")
    local named <const> = name.kernel
    function name.kernel()
        return "the_kernel"
    end
    local ok <const>, message <const> = pcall(made, 3)
    conv.params, name.kernel = params, named
    assert(not ok and message:find("one name for two functions"), message)
end

-- A gradient that adds makes only the pixels that a stride met, and loops of images of any size
-- make all of them.
function tests.a_part_of_the_pixels_has_loops_of_its_own()
    local text <const> = program(nets.small([[relu { name = "r" },
        conv { 4, window = 1, name = "stem" }, relu { name = "read_twice" },
        conv { 3, window = 1, stride = 2, name = "a" },
        conv { 3, window = 1, stride = 2, from = "read_twice" }, add("a")]], "none"), "c")
    assert(text:find("%*/ conv1x1s2_c4_k3_[%w]+_bwd_data__direct_add%("), "nothing adds")
    assert(not text:find("\n[A-Z0-9_]+%(conv1x1s2_c4_k3_[%w]+_bwd_data__direct_add,"),
        "a part of the pixels has the loops of all")
end

-- What a checkpoint is compared by: the code of a program, not its comments or its network's name.
function tests.the_digest_is_that_of_the_code()
    local digest <const> = require("emit/digest")
    local long <const> = ("x"):rep(1000)
    local seen <const> = {}
    for _, text in ipairs { "", "a", "b", "a\0", "\0a", long, long .. "x", "y" .. long:sub(2),
        long:sub(2) .. "y" } do
        local sum <const> = digest.of(text)
        assert(sum == digest.of(text) and sum:find("^%x+$") and #sum == 16 and not seen[sum], text)
        seen[sum] = true
    end
    assert(digest.of_c { "a /* one */  b", "c" } == digest.of_c { "a b /* two\n */ c" })
    assert(digest.of_c { "a b" } ~= digest.of_c { "b a" })
    assert(digest.of_c { '"/* 1 */" / 2' } ~= digest.of_c { '"/* 2 */" / 2' }, "in a string")
    assert(digest.of_c { [["\\"/* 1 */]] } == digest.of_c { [["\\"/* 2 */]] }, "behind a string")
    assert(digest.of_c { [["\"/* 1 */"]] } ~= digest.of_c { [["\"/* 2 */"]] }, "in a string, too")

    local function arithmetic(norm, isa_name, changes)
        return program(nets.graph("s8", norm), isa_name, changes)
            :match('%.arithmetic = "(%x+)",')
    end
    local own <const> = arithmetic("gn", "avx2")
    assert(own == arithmetic("gn", "avx2", { network = "/elsewhere/s8.lua" }))
    for i, other in ipairs {
        arithmetic("gn", "avx512"), arithmetic("bn", "avx2"),
        arithmetic("gn", "avx2", { algorithm = "direct" }),
    } do
        assert(other ~= own, i)
    end
end

return tests
