-- main.lua - the commands of burin. The host calls main[command](arguments) with a table of
-- strings from the command line: network, norm, isa, real, precision, algorithm, unroll,
-- max_memory, candidate, tuned, output, recipe, pass; for scale step, ranks, latency, bandwidth;
-- for report figure, numbers, and run1, run2, ...; for export and import model, opset, preprocess,
-- weights, external; and version, that of burin.

local completion <const> = require("shell/completion")
local dump <const> = require("plan/dump")
local evaluate <const> = require("language/evaluate")
local graph <const> = require("language/graph")
local layers <const> = require("language/layers")
local nearest <const> = require("language/nearest")
local network <const> = require("language/network")
local tuned <const> = require("plan/tuned")

local main <const> = {}

local function fail(message)
    error({ kind = "failed", messages = { message } }, 0)
end

-- Where a bare name is looked for.
local FOLDERS <const> = { "gen/nets/", "examples/" }

-- Text and file name of the network that `argument` names: a path, or the bare name of a file in
-- one of these folders.
local function find_network(argument)
    local text <const>, problem <const> = host.read_file(argument, evaluate.max_text + 1)
    if text then
        return text, argument
    end
    if argument:find("^[%w_-]+$") then
        for _, folder in ipairs(FOLDERS) do
            local name <const> = folder .. argument .. ".lua"
            local known <const> = host.source(name)
            if known then
                return known, name
            end
        end
        fail(("%s: no such file, and no network of that name in gen/nets or examples%s"):format(
            argument, nearest.hint(argument, completion.networks())))
    end
    fail(problem)
end

local function read(arguments)
    local text <const>, file <const> = find_network(arguments.network)
    host.limit_work(file)
    return network.read(text, file, arguments.norm), text
end

-- The measurements to choose by, or nil. `argument`: "auto" for those of this processor, if there
-- are any, "none", or a file.
local function read_tuned(argument)
    if argument == "none" then
        return nil
    elseif argument ~= "auto" then
        local text <const>, problem <const> = host.read_file(argument)
        return tuned.read(text or fail(problem), argument)
    end
    local cpu <const> = host.cpu_id()
    local file <const> = "gen/tuned/" .. cpu .. ".lua"
    local text <const>, problem <const>, absent <const> = host.source(file)
    if absent then
        return nil
    end
    return tuned.read(text or fail(problem), file, cpu)
end

local function candidate_of(argument)
    local number <const> = argument:find("^%d+$") and math.tointeger(tonumber(argument))
    if not number or number < 1 or number > 1000 then
        error({ kind = "usage", messages = {
            ("--candidate %s: expected a number from 1 to 1000"):format(argument),
        } }, 0)
    end
    return number
end

-- Checks of gradients and readers need no speed: doubles and plain loops are in portable C alone,
-- and in plain loops there is nothing to choose.
-- AArch64 has no training programs.
local function check_portable(options)
    local function expect(wrong, ...)
        if wrong then
            error({ kind = "usage", messages = { string.format(...) } }, 0)
        end
    end
    expect(options.isa == "neon",
        "--isa neon: is for frozen networks alone: expected native, avx2, avx512, amx or c")
    local is_plain <const> = options.unroll == "none"
    expect(options.real == "double" and options.isa ~= "c",
        "--real double: the instruction set is %s: expected --isa c", options.isa)
    expect(is_plain and options.isa ~= "c",
        "--unroll none: the instruction set is %s: expected --isa c", options.isa)
    expect(options.real == "double" and options.recipe_file,
        "--recipe %s: the numbers are double: expected no --recipe, or --real float",
        options.recipe_file)
    expect(options.precision == "bf16" and options.real == "double",
        "--precision bf16: the numbers are double: expected --real float")
    expect(options.precision == "bf16" and is_plain,
        "--precision bf16: plain loops have no such products: expected --unroll tile or full")
    expect(options.precision == "bf16" and options.algorithm == "direct",
        "--precision bf16: --algorithm direct has kernels that round nothing: expected one of both")
    expect(is_plain and options.candidate,
        "--unroll none: has no candidates: expected no --candidate, or --unroll tile")
    return options
end

-- What the planning passes and the emitter are told besides the graph. Candidates and the direct
-- algorithm are asked for to be measured themselves.
local function options_of(arguments, net)
    local candidate <const> = arguments.candidate and candidate_of(arguments.candidate)
    local chooses <const> = not candidate and arguments.algorithm ~= "direct"
        and arguments.unroll ~= "none"
    local named <const> = arguments.tuned ~= "auto" and arguments.tuned ~= "none"
    local options <const> = check_portable {
        candidate = candidate,
        tuned = chooses and read_tuned(arguments.tuned) or nil,
        tuned_argument = chooses and named and arguments.tuned or nil,
        network = net.file,
        norm = arguments.norm,
        isa = arguments.isa == "native" and host.native_isa() or arguments.isa,
        real = arguments.real,
        precision = arguments.precision,
        recipe_file = arguments.recipe and arguments.recipe:match("[^/]*$"),
        algorithm = arguments.algorithm,
        unroll = arguments.unroll,
        max_memory = math.tointeger(arguments.max_memory),
    }
    -- What the recipe says anyway makes no other program.
    if options.precision == net.recipe.precision then
        options.precision = nil
    end
    return options
end

local function print_text(text)
    local printed <const>, problem <const> = host.print(text)
    if not printed then
        fail(problem)
    end
end

-- The same of a text for people, whose lines a narrow terminal may break.
local function show_text(text)
    local shown <const>, problem <const> = host.show(text)
    if not shown then
        fail(problem)
    end
end

-- Writes a file and makes its folder.
local function write(path, text)
    local folder <const> = path:match("^(.+)/")
    if folder then
        local made <const>, problem <const> = host.make_folder(folder)
        if not made then
            fail(problem)
        end
    end
    local result <const>, problem <const> = host.write_if_changed(path, text)
    if not result then
        fail(problem)
    end
    show_text(("%s: %s\n"):format(path, result))
end

local function expect_other(net, path)
    if path == net.file then
        fail(path .. ": is the description: expected another file to write")
    end
end

local function write_beside(net, path, text)
    expect_other(net, path)
    write(path, text)
end

-- Writes a program and the recipe that stands apart from it. A program that differs from the old
-- one in comments alone, as in the line of a layer in the description, is not written: it would
-- be compiled for nothing.
local function write_apart(net, path, text, recipe_path, recipe)
    expect_other(net, recipe_path)
    if recipe_path == path then
        fail(path .. ": is the program: expected another file for --recipe")
    end
    local digest <const> = require("emit/digest")
    local before <const> = host.read_file(path)
    if before and digest.of_c { before } == digest.of_c { text } then
        text = before
    end
    write_beside(net, path, text)
    write(recipe_path, recipe)
end

-- A copy of a description with its old name takes the place of the first one's program: says so.
local function tell_owner(net, path)
    local known <const> = host.read_file(path)
    local owner <const> = known and known:match("\n %*     burin gen [^\n]-([^/ \n]+%.lua)'?\n")
    local file <const> = net.file:match("[^/ ]+$") -- of a path in quotes, too
    if owner and owner ~= file then
        show_text(("%s: was of %s, which has the name %q, too\n"):format(path, owner, net.name))
    end
end

function main.gen(arguments)
    local net <const>, description <const> = read(arguments)
    local options <const> = options_of(arguments, net)
    options.description = description
    local text <const>, recipe <const> = require("emit/program").program(graph.build(net), options)
    local path = arguments.output
    if not path then
        path = "generated/" .. require("emit/model").file_name(net.name, options)
        tell_owner(net, path)
    end
    if recipe then
        write_apart(net, path, text, arguments.recipe, recipe)
    else
        write_beside(net, path, text)
    end
end

function main.plan(arguments)
    local net <const> = read(arguments)
    local built <const> = graph.build(net)
    local options <const> = options_of(arguments, net)
    local pass <const> = arguments.pass
    if arguments.summary then
        show_text(require("plan/show").summary(built, options))
    elseif pass == "network" then
        print_text(dump.text(net))
    elseif pass == "shape" then
        print_text(("%s %dx%dx%d %d\n"):format(net.name, net.input.c, net.input.h, net.input.w,
            net.classes))
    elseif pass == "flags" then
        local set <const> = require("emit/isa").get(options.isa, "float", false,
            options.precision or net.recipe.precision)
        print_text(set.flags .. "\n")
    elseif pass == "graph" then
        print_text(dump.text(built))
    elseif pass == "choices" then
        print_text(require("plan/show").choices(built, options))
    elseif pass then
        print_text(dump.text(require("plan/show").pass(built, options, pass)))
    else
        show_text(require("plan/show").text(built, options))
    end
end

-- An option of scale: what `parse` makes of it, or an error of usage.
local function quantity(name, text, parse, expected)
    local value <const> = parse(text)
    if not value then
        error({ kind = "usage", messages = {
            ("--%s %s: expected %s"):format(name, text, expected),
        } }, 0)
    end
    return value
end

function main.scale(arguments)
    local scale <const> = require("plan/scale")
    local function milliseconds(text)
        local value <const> = tonumber(text:match("^[%d.]+$") or "")
        return value and value > 0 and value
    end
    local function count(text)
        local value <const> = text:find("^%d+$") and math.tointeger(tonumber(text))
        return value and value >= 1 and value <= scale.most_ranks and value
    end
    local expected <const> = "the milliseconds of a step, which build/<net>_<norm> bench "
        .. "--steps 40 prints"
    if not arguments.step then
        error({ kind = "usage", messages = { "scale: no --step: expected " .. expected } }, 0)
    end
    local step <const> = quantity("step", arguments.step, milliseconds, expected)
    local link <const> = {
        latency = quantity("latency", arguments.latency, scale.seconds,
            "a time such as 20us or 0.5ms"),
        bandwidth = quantity("bandwidth", arguments.bandwidth, scale.bits,
            "bits a second, such as 10Gb or 100Mb"),
    }
    local ranks <const> = quantity("ranks", arguments.ranks, count,
        "a number from 1 to " .. scale.most_ranks)
    local net <const> = read(arguments)
    local options <const> = options_of(arguments, net)
    options.step, options.link, options.ranks = step, link, ranks
    show_text(scale.text(graph.build(net), options))
end

function main.twin(arguments)
    local net <const> = read(arguments)
    local text <const> = require("language/twin").text(graph.build(net), {
        network = net.file,
        norm = arguments.norm,
    })
    if arguments.output then
        write_beside(net, arguments.output, text)
    else
        print_text(text)
    end
end

function main.report(arguments)
    local folders <const> = {}
    while arguments["run" .. #folders + 1] do
        folders[#folders + 1] = arguments["run" .. #folders + 1]
    end
    local page <const>, figure <const> = require("report/page"), arguments.figure
    if figure then
        local text <const> = page.figure(folders, figure)
        write(arguments.output or figure .. ".svg", text)
    else
        write(arguments.output or "report.html", page.text(folders, arguments.numbers))
    end
end

-- -- Models --------------------------------------------------------------------------------------

-- MiB that Lua may hold of models and what becomes of them, as gen/host/burin.c has it.
local MODEL_MIB <const> = 2048

-- The file of a model: `path`, or in the folder of a run the best model, or else the last.
local function read_model(path)
    local safetensors <const> = require("onnx/safetensors")
    for _, name in ipairs({ "best.safetensors", "last.safetensors" }) do
        local inside <const> = path:gsub("/*$", "/") .. name
        if host.read_file(inside, 0) then
            return safetensors.read(inside)
        end
    end
    return safetensors.read(path)
end

-- Text and file name of the description of a model: the one that was named, the one that the model
-- carries, or that of a network of ours which has its name.
local function find_description(argument, file)
    local name <const> = file.metadata.network or ""
    if argument then
        return find_network(argument)
    elseif file.metadata.description then
        return file.metadata.description, file.path .. ": description"
    end
    for _, folder in ipairs(name:find("^[%w_-]+$") and FOLDERS or {}) do
        local text <const> = host.source(folder .. name .. ".lua")
        if text then
            return text, folder .. name .. ".lua"
        end
    end
    error({ kind = "usage", messages = { ("%s: carries no description%s: expected its NETWORK.lua "
        .. "after it"):format(file.path, name ~= "" and ", and there is no network "
        .. name:gsub("[^%w_-]", "?") .. " in gen/nets or examples" or "") } }, 0)
end

-- The norm that was named, or that the model says, as the command line would have it.
local function norm_of(arguments, file)
    local norm <const> = arguments.norm or file.metadata.norm or "bn"
    local kind <const> = layers.split_norm(norm)
    for _, known in ipairs(layers.norms) do
        if kind == known then
            return norm
        end
    end
    fail(("%s: metadata norm is %s: expected one of burin, or --norm"):format(file.path,
        norm:gsub("[^%w]", "?"):sub(1, 20)))
end

local function expect_output(arguments, command, what)
    if not arguments.output then
        error({ kind = "usage", messages = {
            ("%s: no --output: expected -o %s"):format(command, what),
        } }, 0)
    end
end

function main.export(arguments)
    expect_output(arguments, "export", "FILE.onnx")
    host.limit_work(arguments.model, MODEL_MIB)
    local file <const> = read_model(arguments.model)
    local text <const>, name <const> = find_description(arguments.network, file)
    local built <const> = graph.build(network.read(text, name, norm_of(arguments, file)))
    local bytes <const> = require("onnx/export").model(built, file, {
        opset = math.tointeger(arguments.opset),
        preprocess = arguments.preprocess,
        version = arguments.version,
        description = text,
    })
    if arguments.output == file.path or arguments.output == name then
        fail(arguments.output .. ": is what is exported: expected another file to write")
    end
    write(arguments.output, bytes)
end

-- The file of samples that was named, or that lies beside the model of a run, or nil.
local function read_samples(arguments)
    local safetensors <const> = require("onnx/safetensors")
    if arguments.samples then
        return safetensors.read(arguments.samples)
    end
    local beside <const> = arguments.model:gsub("/*$", "/") .. "samples.safetensors"
    return host.read_file(beside, 0) and safetensors.read(beside) or nil
end

function main.freeze(arguments)
    expect_output(arguments, "freeze", "DIR")
    host.limit_work(arguments.model, MODEL_MIB)
    local file <const> = read_model(arguments.model)
    local text <const>, name <const> = find_description(arguments.network, file)
    local norm <const> = norm_of(arguments, file)
    local built <const> = graph.build(network.read(text, name, norm))
    require("onnx/export").check_tensors(built, file)
    local samples <const> = read_samples(arguments)
    local apart <const> = arguments.weights
    local files <const>, parts <const> = require("freeze/freeze").files(built, file, {
        isa = arguments.isa == "native" and host.native_isa() or arguments.isa,
        samples = samples,
        weights = apart and require("freeze/apart").path_from(arguments.output, apart),
        remake = ("burin freeze --norm %s --isa %s %s%s"):format(norm, arguments.isa,
            apart and ("--weights %s "):format(apart) or "", arguments.model),
    })
    for _, one in ipairs(files) do
        write(arguments.output:gsub("/*$", "/") .. one.name, one.text)
    end
    if parts then
        write(apart, table.concat(parts))
    end
    if not samples then
        show_text(("%s: without samples, so that its self test compares nothing: the program's "
            .. "eval --samples makes them\n"):format(arguments.output))
    end
end

function main.import(arguments)
    local import <const> = require("onnx/import")
    local path <const>, output <const> = arguments.model, arguments.output
    host.limit_work(path, MODEL_MIB)
    local bytes <const>, problem <const> = host.read_file(path, import.max_file + 1)
    local made <const> = import.convert(bytes or fail(problem), {
        file = path,
        name = (output or path):match("([^/]*)$"):gsub("%.[^.]*$", ""),
        external = arguments.external ~= nil,
    })
    import.check(made, output or path)
    if path == output or path == arguments.weights then
        fail(path .. ": is what is imported: expected another file to write")
    end
    if arguments.weights then
        write(arguments.weights, require("onnx/safetensors").write(made.tensors, made.metadata))
    end
    if output then
        write(output, made.text)
    else
        print_text(made.text)
    end
end

-- -- Beginnings ----------------------------------------------------------------------------------

function main.new(arguments)
    local project <const> = require("project/project")
    local folder <const> = arguments.name:gsub("/+$", "")
    local name <const> = folder:match("[^/]*$")
    local problem <const> = project.problem(name)
    if problem then
        error({ kind = "usage", messages = { ("new %s: %s"):format(arguments.name, problem) } }, 0)
    end
    local files <const> = project.files(name)
    local made <const>, reason <const>, is_there <const> = host.make_folder(folder, true)
    if not made then
        fail(is_there and folder .. ": is there already: expected the name of a new folder"
            or reason)
    end
    for _, file in ipairs(files) do
        write(folder .. "/" .. file.name, file.text)
    end
    print_text(("Next: cd %s && make train\n"):format(
        folder:find("^[%w_./-]+$") and folder or "'" .. folder:gsub("'", [['\'']]) .. "'"))
end

function main.completion(arguments)
    print_text(completion.text(arguments.shell) or error({ kind = "usage", messages = {
        ("completion %s: expected bash or zsh"):format(arguments.shell),
    } }, 0))
end

function main.layers(arguments)
    local manual <const> = require("language/manual")
    local text <const>, problem <const> = manual.text(arguments.kind)
    show_text(text or error({ kind = "usage", messages = { problem } }, 0))
end

return main
