-- model.lua - graph and plan -> the rows of the tables and the head of a generated file.
--
-- Everything here is text about the network: the layer table of the head comment, the kernel table
-- and the model descriptor of runtime/model.h. It decides nothing.

local c <const> = require "emit/c"
local description <const> = require "emit/description"
local entry <const> = require "ops/entry"
local index <const> = require "emit/index"
local kernel <const> = require "ops/kernel"
local layout <const> = require "ops/layout"
local layers <const> = require "language/layers"
local ops <const> = require "ops/ops"
local recipe <const> = require "emit/recipe"

local model <const> = {}

-- -- Text tables ---------------------------------------------------------------------------------

-- Aligns rows of strings into columns; `right` holds the numbers of right-aligned columns.
function model.align(rows, right)
    local widths <const> = {}
    for _, row in ipairs(rows) do
        for i, cell in ipairs(row) do
            widths[i] = math.max(widths[i] or 0, #cell)
        end
    end
    local lines <const> = {}
    for r, row in ipairs(rows) do
        local cells <const> = {}
        for i, cell in ipairs(row) do
            local blank <const> = string.rep(" ", widths[i] - #cell)
            cells[i] = right[i] and blank .. cell or cell .. blank
        end
        lines[r] = (table.concat(cells, "  "):gsub("%s+$", ""))
    end
    return lines
end

local function shape_text(value)
    return string.format("%d x %d x %d", value.c, value.h, value.w)
end

local function step_params(step, graph)
    local count = 0
    for _, node in ipairs(step.layers) do
        for _, param in ipairs { node.weight or false, node.bias_param or false } do
            count = count + (param and graph.params[param].count or 0)
        end
    end
    return count
end

-- The forward kernel of each step, by the layers it computes.
function model.forward_kernels(planned)
    local kernels <const> = {}
    for _, call in ipairs(planned.eval.plan.phases[1].calls) do
        if call.kernel then
            kernels[call.note] = call.kernel.name
        end
    end
    return kernels
end

-- "7 from 26": the line of a layer in the description, and that which called it.
local function line_text(node)
    return node.where:match("%d+$") .. (node.outer and " from " .. node.outer or "")
end

-- Rows of the layer table: step, input, output, parameters, MFLOP, kernel, line of the description.
local function table_rows(graph, planned)
    local kernels <const> = model.forward_kernels(planned)
    local rows <const> = {
        { "step", "input", "output", "parameters", "MFLOP", "forward kernel", "line" },
    }
    for _, step in ipairs(planned.fused.steps) do
        if step.y then
            local names <const> = kernel.layer_names(step)
            local flop = 0
            for _, node in ipairs(step.layers) do
                flop = flop + node.flop
            end
            local output <const> = step.y or step.x
            rows[#rows + 1] = {
                names, shape_text(step.x), step.y and shape_text(output) or "loss",
                tostring(step_params(step, graph)),
                flop > 0 and string.format("%.2f", flop / 1e6) or "",
                kernels[names] or ops[step.op].fn, line_text(step.layers[1]),
            }
        end
    end
    return rows
end

--- The lines of the layer table, without those of the description.
function model.layer_table(graph, planned)
    local rows <const> = table_rows(graph, planned)
    for _, row in ipairs(rows) do
        row[7] = nil
    end
    return model.align(rows, { [4] = true, [5] = true })
end

--- The same for the head of a file: with the line of each layer in the description, and its kernel
--- below.
function model.head_table(graph, planned)
    local rows <const>, kernels <const> = table_rows(graph, planned), {}
    for i, row in ipairs(rows) do
        kernels[i] = table.remove(row, 6)
        table.insert(row, 1, table.remove(row))
    end
    kernels[1] = "function in evaluation"
    local lines <const> = {}
    for i, line in ipairs(model.align(rows, { true, [5] = true, [6] = true })) do
        lines[#lines + 1] = line
        lines[#lines + 1] = "      " .. kernels[i]
    end
    return lines
end

-- -- The batch ----------------------------------------------------------------------------------

-- "chunk 1    images 8-11, 12-15": the images of a chunk, micro-batch by micro-batch.
local function chunk_line(plan, chunk, batch)
    local cut <const> = {}
    local first <const> = chunk * plan.chunk_images
    local last <const> = math.min(first + plan.chunk_images, batch) - 1
    for image = first, last, plan.micro_batch do
        cut[#cut + 1] = string.format("%d-%d", image, math.min(image + plan.micro_batch - 1, last))
    end
    local few <const> = #cut > 4 and { cut[1], cut[2], "..", cut[#cut] } or cut
    return string.format("    chunk %-3d images %s", chunk, table.concat(few, ", "))
end

--- The lines that draw how a batch is cut into chunks and micro-batches.
function model.batch_cut(graph, plan)
    local batch <const> = graph.recipe.batch
    local chunks <const> = (batch + plan.chunk_images - 1) // plan.chunk_images
    local even <const> = batch == chunks * plan.chunk_micro_batches * plan.micro_batch
    local drawn <const> = even and "    batch %d = %d chunks x %d micro-batches x %d images"
        or "    batch %d = %d chunks of %d micro-batches of %d images, the last ones of fewer"
    local lines <const> = {
        drawn:format(batch, chunks, plan.chunk_micro_batches, plan.micro_batch),
    }
    for chunk = 0, math.min(chunks, 2) - 1 do
        lines[#lines + 1] = chunk_line(plan, chunk, batch)
    end
    if chunks > 3 then
        lines[#lines + 1] = "    .."
    end
    if chunks > 2 then
        lines[#lines + 1] = chunk_line(plan, chunks - 1, batch)
    end
    return lines
end

-- -- Activations --------------------------------------------------------------------------------

-- All but ReLU, which is an operation of its own, are one operation with the field `activation`.
local function has_other_activation(of)
    return of.activation and of.activation ~= "relu" or false
end

local function activation_fields(of, field)
    if has_other_activation(of) then
        field(".activation = ACT_" .. of.activation:upper())
    end
end

-- What a dropout drops as one, where it is not a value.
local function unit_field(of, field)
    if of.unit and of.unit ~= "values" then
        field(".unit = DROP_" .. of.unit:upper())
    end
end

-- -- Kernel table --------------------------------------------------------------------------------

-- What a kernel reads and writes, and its window.
local function shape_fields(spec, field)
    local y <const> = spec.y or spec.dy or spec.x
    local both <const> = spec.dy and layout.macro(spec.dy) == layout.macro(y)
    field("X(" .. layout.word(spec.x) .. ")")
    field((both and "DY(" or "Y(") .. layout.word(y) .. ")")
    if spec.dy and not both then
        field(".dy = " .. layout.macro(spec.dy))
    end
    if spec.dx then
        field("DX(" .. layout.word(spec.dx) .. ")")
    end
    if spec.x2 then
        field(".x2 = " .. layout.macro(spec.x2))
    end
    if spec.first then
        field(".first = " .. spec.first)
    end
    if spec.geometry then
        field("TAPS(" .. entry.geometry_word(spec.geometry) .. ")")
    end
    if spec.groups and spec.groups > 1 then
        field(".groups = " .. spec.groups)
    end
end

-- What it computes besides, and whether that is exact.
local function option_fields(spec, op, literal, field)
    if spec.over then
        field(string.format(".norm = NORM_%s%s, .eps = %s", spec.norm:upper(),
            spec.over == "image" and ", .over_image = true" or "", literal(spec.eps)))
    end
    for _, flag in ipairs { "bias", "relu", "stats", "adds", "affine", "masks_x", "winners",
        "each_image" } do
        if spec[flag] then
            field("." .. flag .. " = true")
        end
    end
    if spec.activation == "relu" then
        field(".relu = true")
    end
    activation_fields(spec, field)
    if spec.slope then
        field(".slope = " .. literal(spec.slope))
    end
    if spec.p and spec.p > 0 then
        field(".p = " .. literal(spec.p))
        unit_field(spec, field)
    end
    if not op.exact or op.exact(spec) then
        field("EXACT")
    end
    if op.in_bf16 and op.in_bf16(spec) then
        field(".in_bf16 = true")
    end
end

-- The memory that it works in, and how its weights are packed.
local function memory_fields(spec, op, set, field)
    local scratch <const> = op.scratch and op.scratch(spec)
    if scratch then
        field(".scratch_floats = " .. scratch)
    end
    if op.packs and op.packs(spec, "weight") then
        local what <const> = spec.pass == "bwd_data" and "pack_transposed"
            or spec.pass == "fwd" and "pack" or "unpack"
        field(string.format("%s(%d, %s)", what == "unpack" and "LEAVES" or "READS",
            op.packed_floats(spec, set), op.pack_name(spec, what, set)))
    end
end

-- The C type of a kernel: see index.lua.
local function type_of(spec)
    return index.type_word(spec.params)
end

-- KERNEL(type, function, layer, operation, pass), then what differs from kernel to kernel.
local function kernel_row(spec, set)
    local op <const> = ops[spec.op]
    local fields <const> = {
        string.format("KERNEL(%s, %s, %s, %s, %s)", type_of(spec), spec.name,
            c.string(spec.layer), op.c_op:match("^KERNEL_(.*)$"), spec.pass:upper()),
    }
    local function field(text)
        fields[#fields + 1] = text
    end
    shape_fields(spec, field)
    option_fields(spec, op, set.literal, field)
    if spec.flop and spec.flop > 0 then
        field(string.format(".mflop = %.6f", spec.flop / 1e6))
    end
    memory_fields(spec, op, set, field)
    return "{" .. table.concat(fields, ", ") .. "},"
end

-- The functions through which tests and benches call kernels, one a type, and the rows.
local function kernel_tables(planned)
    local rows <const>, runs <const>, seen <const> = {}, {}, {}
    for _, spec in ipairs(planned.train.plan.kernels) do
        assert(spec.images == planned.train.plan.micro_batch, "all take a micro-batch")
        rows[#rows + 1] = kernel_row(spec, planned.set)
        local type <const> = type_of(spec)
        if not seen[type] then
            seen[type] = true
            local args <const> = {}
            for i, param in ipairs(spec.params) do
                args[i] = "a->" .. param
            end
            runs[#runs + 1] = string.format("CALL(%s, %s)", type, table.concat(args, ", "))
        end
    end
    return rows, runs
end

-- -- Model descriptor ----------------------------------------------------------------------------

-- The numbers of a node that its row has under the same name, where it has them.
local NODE_NUMBERS <const> = { "p", "slope" }

-- Indices from 0 on; the image reads nothing.
local function input_list(node)
    local list <const> = { node.kind == "input" and "-1" or nil }
    for i, input in ipairs(node.inputs) do
        list[i] = tostring(input - 1)
    end
    return table.concat(list, ", ")
end

local function layer_row(node, literal)
    local fields <const> = {
        string.format("LAYER(%s, %s, %d, %d, %d)",
            has_other_activation(node) and "ACTIVATION" or node.kind:upper(), c.string(node.name),
            node.c, node.h, node.w),
        "FROM(" .. input_list(node) .. ")",
    }
    local function field(format, ...)
        fields[#fields + 1] = string.format(format, ...)
    end
    if node.geometry then
        field("TAPS(%s)", entry.geometry_word(node.geometry))
    end
    for _, key in ipairs(NODE_NUMBERS) do
        if node[key] then
            field(".%s = %s", key, literal(node[key]))
        end
    end
    unit_field(node, field)
    activation_fields(node, field)
    if node.kind == "conv" and node.groups > 1 then
        field(".groups = %d", node.groups)
    end
    if node.kind == "norm" then
        field("NORM(%s, %d, %s)", node.norm:upper(), node.groups, literal(node.eps))
        if node.norm == "batch" then
            field(".momentum = %s", literal(node.momentum))
        end
        if node.ghost > 0 then
            field(".ghost = %d", node.ghost)
        end
        if node.over == "image" then
            field(".over_image = true")
        end
    end
    if node.first then
        field(".first = %d", node.first)
    end
    if node.frozen then
        field(".frozen = true")
    end
    if node.weight then
        field("PARAMS(%d, %d, %d)", node.weight - 1, (node.bias_param or 0) - 1,
            (node.state or 0) - 1)
    else
        field("NO_PARAMS")
    end
    if node.flop > 0 then
        field(".mflop = %.6f", node.flop / 1e6)
    end
    return "{" .. table.concat(fields, ", ") .. "},"
end

local INITS <const> = { fan_in = "INIT_FAN_IN", one = "INIT_ONE", zero = "INIT_ZERO" }

local function param_row(param)
    return string.format("{%s, %d, {%s}, %s, %d, %s, %d, %s},", c.string(param.name), #param.shape,
        table.concat(param.shape, ", "), param.offset, param.count, INITS[param.init],
        param.fan_in or 0, tostring(param.decays))
end

-- What is added to the variance of weights that are standardized, 0 for others; false: there are
-- none.
local function standardize_rows(params, literal)
    local rows <const>, any = {}, false
    for i, param in ipairs(params) do
        any = any or param.standardize ~= nil
        rows[i] = literal(param.standardize or 0.0) .. ","
    end
    return any and rows
end

local function state_row(state, literal)
    return string.format("{.name = %s, .offset = %s, .count = %d, .init = %s},",
        c.string(state.name), state.offset, state.count, literal(state.init))
end

-- -- The file ------------------------------------------------------------------------------------

-- A network that came from a file outside gen/nets is remade from that file.
local function network_argument(options)
    return options.network:match("^gen/nets/([%w_]+)%.lua$") or options.network
end

-- A word for a shell command inside a comment.
local function shell_word(text)
    if text:find("^[%w_./-]+$") then
        return text
    end
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Says by which measurements the kernels were chosen.
function model.tuned_text(graph, options, set)
    local tuned <const> = options.tuned
    local micro_batch <const> = tuned:micro_batch(graph.name .. "_" .. options.norm, set.made_for)
    return string.format("Kernels chosen by %s, measured on %s%s.", tuned.file, tuned.machine.id,
        micro_batch and micro_batch.measured and ", " .. micro_batch.measured or "")
end

--- The name of the file of a program, unless another is asked for.
function model.file_name(network_name, options)
    return string.format("%s_%s_%s%s%s.c", network_name, options.norm,
        options.unroll == "none" and "plain" or options.isa,
        options.real == "double" and "_double" or "", options.precision == "bf16" and "_bf16" or "")
end

-- The command that builds a program, in lines.
local function build_lines(set, file, recipe_file)
    if set.real == "double" then
        return { c.comment("cc -std=c11 -ffp-contract=off -Wno-psabi -Iruntime -c " .. file) }
    end
    local lines <const> = { "cc -std=c11 -O3 -ffp-contract=off \\" }
    if set.flags ~= "" then
        lines[2] = "    " .. set.flags .. " \\"
    end
    lines[#lines + 1] = "    -Iruntime " .. c.comment(file)
        .. (recipe_file and " " .. c.comment(recipe_file) or "") .. " libburin_runtime.a \\"
    lines[#lines + 1] = "    -lopenblas -lcjson -lcrypto -lpng -ljpeg -lpthread -lm"
    return lines
end

-- What kernels of a training leave for backward and for norms, in the order of the text.
local LEFT <const> = { { "winners", "winners" }, { "stats", "sums for a norm" } }

-- Whether an evaluation has kernels that a training does not call, and what is said of them: what
-- those of a training leave besides.
local function evaluates_apart(planned)
    local trains <const>, forward <const> = {}, {}
    for _, spec in ipairs(planned.train.plan.kernels) do
        trains[spec.name] = true
        forward[spec.layer] = spec.pass == "fwd" and spec or forward[spec.layer]
    end
    local apart, left <const>, words <const> = false, {}, {}
    for _, spec in ipairs(planned.eval.plan.kernels) do
        local other <const> = forward[spec.layer]
        apart = apart or not trains[spec.name]
        for _, one in ipairs(LEFT) do
            left[one[1]] = left[one[1]] or other and other[one[1]] and not spec[one[1]]
        end
    end
    for _, one in ipairs(LEFT) do
        words[#words + 1] = left[one[1]] and one[2] or nil
    end
    if not apart then
        return false, "Training calls the same ones."
    end
    return true, #words == 0 and "Training calls others for some layers."
        or string.format("Training calls others where they leave %s, too.",
            table.concat(words, " or "))
end

-- What the command that makes a program says besides the norm and the instruction set.
local function extra_options(options, in_double)
    return (in_double and " --real double" or "")
        .. (options.precision and " --precision " .. options.precision or "")
        .. (options.algorithm == "direct" and " --algorithm direct" or "")
        .. (options.unroll ~= "tile" and " --unroll " .. options.unroll or "")
        .. (options.candidate and " --candidate " .. options.candidate or "")
        .. (options.recipe_file and " --recipe " .. shell_word(options.recipe_file) or "")
        .. (options.tuned_argument and " --tuned " .. shell_word(options.tuned_argument) or "")
end

-- The parameters of program.c.tpl that describe the network (program.lua adds the functions).
function model.params(graph, planned, options)
    local set <const> = planned.set
    local in_double <const> = set.real == "double"
    local file <const> = model.file_name(graph.name, options)
    local network <const> = network_argument(options)
    local rows <const>, runs <const> = kernel_tables(planned)
    local extra <const> = extra_options(options, in_double)
    local layer_rows <const>, param_rows <const>, state_rows <const> = {}, {}, {}
    local apart <const>, said_apart <const> = evaluates_apart(planned)
    for i, node in ipairs(graph.nodes) do
        layer_rows[i] = layer_row(node, set.literal)
    end
    for i, param in ipairs(graph.params) do
        param_rows[i] = param_row(param)
    end
    for i, state in ipairs(graph.states) do
        state_rows[i] = state_row(state, set.literal)
    end
    local remake <const> = string.format("make gen NET=%s NORM=%s ISA=", shell_word(network),
        options.norm)
    return {
        file = file,
        title = string.format("the network %s with %s, for %s.", graph.name,
            layers.norm_title(options.norm, graph.recipe.batch),
            set.title .. (set.plain and " in plain loops" or "")),
        remake = c.comment(string.format("burin gen --norm %s --isa %s%s %s", options.norm,
            set.name, extra, shell_word(options.network))),
        build_title = in_double
            and "Its numbers are double, for checks of its gradients; no trainer is. To compile it"
            or "To build it alone, beside the runtime's headers and library",
        build = build_lines(set, file, options.recipe_file),
        in_double = in_double,
        layer_table = model.head_table(graph, planned),
        batch_cut = model.batch_cut(graph, planned.train.plan),
        totals = string.format("%d parameters; %.1f MFLOP an image forward, 2 FLOP a product and "
            .. "sum. `line` is that of the description (section 8); 7 from 26: line 7, called by "
            .. "line 26. %s",
            graph.param_floats, graph.flop / 1e6, said_apart),
        evaluates_apart = apart,
        intrinsics = set.name ~= "c",
        param_floats = graph.param_floats, state_floats = graph.state_floats,
        input_floats = graph.input.c * graph.input.h * graph.input.w,
        run_lines = runs, kernel_rows = rows, layer_rows = layer_rows,
        param_rows = param_rows,
        standardize_rows = standardize_rows(graph.params, set.literal),
        state_rows = state_rows, recipe_lines = recipe.lines(graph.recipe, set.literal),
        description = not in_double and description.lines(options.description),
        recipe_file = options.recipe_file and c.comment(options.recipe_file) or false,
        model = {
            name = c.string(graph.name), norm = c.string(options.norm),
            isa = c.string(set.made_for), remake = c.string(remake), c = graph.input.c,
            h = graph.input.h, w = graph.input.w, classes = graph.classes,
        },
    }
end

return model
