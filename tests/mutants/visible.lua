-- visible.lua - which tests see a file: those that must notice a mistake in it, cheapest first.
--
--     lua tests/mutants/visible.lua 'TEST TEST ...'     from the root: is each row true?
--
-- With names, all targets of the build that are tests, it fails where a file has no row, a row no
-- file, or a test is none. mutate.lua uses the table.

-- A test is a target of the build, or a file test_*.lua, which needs none; * stands for the
-- processor. A file's own test comes first where there is one, called as the file is; what others
-- see it says the first pattern that fits its path. Each row fits a file, and each name is a test
-- that exists: the command above proves it.
local kernels = "test_kernels_ragged_gn_c"
local steps = "test_steps_ragged_gn_c test_steps_ragged_bn_c"
local generated = kernels .. " " .. steps .. " test_gradients_kinds_gn"
local grouped = "test_kernels_grouped_gn_c test_kernels_grouped_bn_c"
local grouped_vectors = " test_kernels_grouped_bn_avx2 test_kernels_grouped_gn_avx512"
local acts = "test_kernels_acts_gn_c test_activations_acts_gn_c test_activations_acts_gn_*"
local plain = "test_kernels_pools_gn_plain test_kernels_ragged_bn_plain "
    .. "test_kernels_grouped_gn_plain test_kernels_acts_gn_plain test_steps_ragged_gn_plain"
local visible = {
    { "^templates/report/", "test_report.lua" },
    { "^templates/ops/plain", plain },
    { "^templates/ops/images", plain },
    { "^templates/ops/shapes", plain .. " " .. kernels },
    { "^templates/ops/entry", plain .. " " .. generated },
    { "^templates/ops/activation", acts .. " " .. plain },
    { "^templates/ops/add", "test_kernels_joins_gn_c test_steps_joins_gn_c" },
    { "^templates/ops/concat", "test_kernels_joins_gn_c test_steps_joins_gn_c" },
    { "^templates/ops/mul", "test_kernels_joins_gn_c test_steps_joins_gn_c" },
    { "^templates/shell/", "test_burin" },
    { "^templates/.*winograd", kernels .. " test_kernels_mixed_fwd_bwd_data "
        .. "test_kernels_mixed_bwd_weights " .. steps },
    { "^templates/.*depthwise", grouped },
    { "^templates/.*spread", grouped .. grouped_vectors },
    { "^templates/.*store_sums", grouped .. grouped_vectors },
    { "^templates/.*grouped", grouped },
    { "^templates/.*bank", "test_kernels_grouped_gn_c test_kernels_ragged_bn_c " .. steps
        .. " test_steps_entry_bn_avx512" },
    { "^templates/.*pool", kernels .. " test_kernels_pools_gn_c " .. steps },
    { "^templates/.*linear", kernels .. " test_kernels_pools_gn_c " .. steps
        .. " test_gradients_kinds_gn" },
    { "^templates/.*norm",
        steps .. " test_steps_ragged_bn19_c test_norms_c test_gradients_kinds_gn" },
    { "^templates/.*moments",
        steps .. " test_steps_ragged_bn19_c test_norms_c test_kernels_ragged_bn_c" },
    { "^templates/emit/step", steps .. " test_steps_ragged_bn19_c " .. kernels },
    { "^templates/emit/phase", steps .. " test_steps_ragged_bn19_c " .. kernels },
    { "^templates/", generated },

    { "^runtime/[^/]+/levels", "test_levels test_loader" },
    { "^runtime/[^/]+/mixup", "test_augment test_loader" },
    { "^runtime/[^/]+/augment", "test_loader test_train" },
    { "^runtime/[^/]+/data%.", "test_cifar test_figures test_file_faults" },
    { "^runtime/[^/]+/cifar_archive", "test_cifar_archive test_format_faults" },
    { "^runtime/[^/]+/cifar", "test_cifar test_file_faults test_cifar_archive test_figures" },
    { "^runtime/[^/]+/bytes", "test_cifar test_file_faults test_arrays test_idx" },
    { "^runtime/[^/]+/arrays", "test_arrays test_idx test_format_faults" },
    { "^runtime/[^/]+/idx", "test_idx test_format_faults" },
    { "^runtime/[^/]+/npy", "test_arrays test_format_faults" },
    { "^runtime/[^/]+/npz", "test_arrays test_npz test_format_faults" },
    { "^runtime/[^/]+/tensors%.", "test_tensors test_format_faults" },
    { "^runtime/[^/]+/folder", "test_folder test_folder_cache test_predict test_file_faults" },
    { "^runtime/[^/]+/format",
        "test_cifar test_arrays test_cifar_archive test_idx test_folder test_messages" },
    { "^runtime/[^/]+/picture_paths", "test_predict test_folder test_file_faults" },
    { "^runtime/[^/]+/command", "test_own_data" },
    { "^runtime/[^/]+/dataset", "test_cifar test_program test_file_faults test_train" },
    { "^runtime/[^/]+/loader", "test_file_faults test_train" },
    { "^runtime/[^/]+/picture", "test_picture test_picture_jpeg" },
    { "^runtime/[^/]+/resize", "test_resize" },
    { "^runtime/[^/]+/normalise", "test_figures test_train" },
    { "^runtime/[^/]+/synthetic", "test_figures" },
    { "^runtime/[^/]+/checkpoint", "test_counters test_diagnose test_train test_resume" },
    { "^runtime/[^/]+/foreign", "test_predict" },
    { "^runtime/[^/]+/model_file", "test_predict test_program test_messages" },
    { "^runtime/[^/]+/infile",
        "test_safetensors test_cifar test_log test_file_faults test_faults" },
    { "^runtime/[^/]+/json", "test_bench test_log test_examine test_faults" },
    { "^runtime/[^/]+/outfile", "test_safetensors test_file_faults test_faults test_program" },
    { "^runtime/[^/]+/rundir", "test_faults test_train test_resume" },
    { "^runtime/[^/]+/safetensors", "test_safetensors test_checkpoint test_resume test_faults" },
    { "^runtime/[^/]+/sha256", "test_cifar test_checkpoint" },
    { "^runtime/[^/]+/utf8", "test_safetensors test_idx test_arrays test_folder" },
    { "^runtime/[^/]+/strict_json", "test_safetensors test_checkpoint" },
    { "^runtime/[^/]+/answer", "test_predict test_examine" },
    { "^runtime/[^/]+/busy", "test_bench" },
    { "^runtime/[^/]+/bench", "test_bench test_bench_step test_program" },
    { "^runtime/[^/]+/diagnose", "test_train" },
    { "^runtime/[^/]+/examine", "test_faults" },
    { "^runtime/[^/]+/finite", "test_train test_diagnose" },
    { "^runtime/[^/]+/info", "test_program" },
    { "^runtime/[^/]+/samples", "test_program test_file_faults" },
    { "^runtime/[^/]+/inside", "test_examine test_probe" },
    { "^runtime/[^/]+/maps", "test_examine test_program" },
    { "^runtime/[^/]+/median", "test_bench" },
    { "^runtime/[^/]+/operands", "test_verify " .. kernels },
    { "^runtime/[^/]+/peak", "test_bench" },
    { "^runtime/[^/]+/probe", "test_program test_file_faults" },
    { "^runtime/[^/]+/profile", "test_train" },
    { "^runtime/[^/]+/verify", kernels },
    { "^runtime/[^/]+/watch", "test_probe test_examine test_diagnose test_watch_ragged_gn_*" },
    { "^runtime/[^/]+/generic", "test_generic test_diagnose " .. steps },
    { "^runtime/ref/ref_activation", "test_ref test_activations_acts_gn_c" },
    { "^runtime/ref/ref_blas", "test_ref test_program" },
    { "^runtime/ref/", "test_ref test_ref_by_hand test_generic test_verify" },
    { "^runtime/[^/]+/clock", "test_profile" },
    { "^runtime/[^/]+/cpu", "test_program" },
    { "^runtime/[^/]+/err", "test_messages" },
    { "^runtime/[^/]+/lines", "test_progress test_info test_program" },
    { "^runtime/[^/]+/interrupt", "test_train test_resume" },
    { "^runtime/[^/]+/nearest", "test_program" },
    { "^runtime/[^/]+/options", "test_settings test_program" },
    { "^runtime/[^/]+/pin", "test_team test_program test_train" },
    { "^runtime/[^/]+/barrier", "test_team test_ranks" },
    { "^runtime/[^/]+/team", "test_generic test_train" },
    { "^runtime/[^/]+/progress", "test_messages" },
    { "^runtime/[^/]+/average", "test_recipes test_train" },
    { "^runtime/[^/]+/eval", "test_figures test_examine test_program test_faults" },
    { "^runtime/[^/]+/log", "test_train test_resume" },
    { "^runtime/[^/]+/predict", "test_program test_file_faults" },
    { "^runtime/[^/]+/muon", "test_recipes" },
    { "^runtime/[^/]+/optim", "test_recipes test_generic " .. steps },
    { "^runtime/[^/]+/origin", "test_settings test_program" },
    { "^runtime/[^/]+/program", "test_train" },
    { "^runtime/[^/]+/report", "test_messages test_program test_train" },
    { "^runtime/[^/]+/resume", "test_resume_paths test_train" },
    { "^runtime/[^/]+/run", steps },
    { "^runtime/[^/]+/schedule", "test_train" },
    { "^runtime/[^/]+/settings", "test_program test_typed test_train test_resume" },
    { "^runtime/[^/]+/trainer", "test_figures test_program test_train test_resume test_faults" },
    { "^runtime/[^/]+/train%.", "test_figures test_diagnose test_resume" },
    { "^runtime/[^/]+/tree", "test_run " .. steps },
    { "^runtime/[^/]+/typed", "test_program" },
    { "^runtime/[^/]+/update", "test_recipes test_typed test_generic" },
    { "^runtime/[^/]+/weights", "test_run test_generic " .. steps .. " test_gradients_kinds_gn" },
    { "^runtime/[^/]+/alike", "test_meet test_train" },
    { "^runtime/ranks/", "test_ranks test_meet" },
    { "^runtime/[^/]+/spread", "test_ranks" },
    { "^runtime/[^/]+/meet", "test_meet test_ranks" },
    { "^runtime/train/standard", "test_generic" },
    { "^runtime/train/page", "test_program test_team" },
    { "^runtime/rng", "test_augment test_loader " .. steps },
    { "^runtime/model%.h$", "test_run test_generic test_verify " .. generated .. " test_program" },
    { "^runtime/[%w]+%.h$", "test_run test_generic test_gradients_kinds_gn test_program" },

    { "^gen/geometry", "test_network.lua test_graph.lua test_kernel.lua " .. generated },
    { "^gen/main", "test_burin test_lua" },
    { "^gen/host/burin", "test_sandbox" },
    { "^gen/host/child", "test_child" },
    { "^gen/host/description", "test_child test_sandbox test_host" },
    { "^gen/host/", "test_services.lua test_host test_report.lua test_burin test_child" },
    { "^gen/freeze/", "test_freeze.lua" },
    { "^gen/onnx/", "test_protobuf.lua test_export.lua test_import.lua "
        .. "test_import_layers.lua" },
    { "^gen/project/", "test_burin" },
    { "^gen/shell/", "test_burin" },
    { "^gen/report/", "test_report.lua test_report_input.lua test_views.lua test_true.lua" },
    { "^gen/.*/twin", "test_twin.lua" },
    { "^gen/.*/manual", "test_burin" },
    { "^gen/.*/layers",
        "test_network.lua test_graph.lua test_fields.lua test_twin.lua test_emit.lua test_burin" },
    { "^gen/.*/record", "test_network.lua test_answer.lua test_sandbox" },
    { "^gen/.*/answer", "test_network.lua test_description.lua test_sandbox" },
    { "^gen/.*/evaluate",
        "test_network.lua test_description.lua test_graph.lua test_sandbox" },
    { "^gen/.*/recipe",
        "test_network.lua test_ranges.lua test_fields.lua test_twin.lua test_emit.lua" },
    { "^gen/.*/network", "test_fields.lua test_sandbox" },
    { "^gen/.*/identifier", "test_network.lua test_sandbox" },
    { "^gen/language/",
        "test_network.lua test_description.lua test_fields.lua test_emit.lua " .. generated },
    { "^gen/emit/watch", "test_emit.lua test_watch_ragged_gn_* test_watch_ragged_bn_*" },
    { "^gen/emit/", "test_emit.lua test_calls.lua " .. generated },
    { "^gen/plan/dump", "test_plan.lua test_description.lua" },
    { "^gen/plan/show", "test_passes.lua test_choice.lua test_plan.lua test_burin" },
    { "^gen/plan/tuned", "test_choice.lua test_burin" },
    { "^gen/plan/limits", "test_plan.lua test_sandbox" },
    { "^gen/plan/", "test_passes.lua test_phases.lua test_emit.lua test_plan.lua test_calls.lua "
        .. generated },
    { "^gen/ops/plain", plain },
    { "^gen/ops/shapes", plain .. " " .. kernels },
    { "^gen/ops/conv/plain", plain },
    { "^gen/ops/entry", plain .. " " .. generated },
    { "^gen/ops/activation", acts .. " " .. plain },
    { "^gen/ops/", "test_tile.lua test_choice.lua test_emit.lua test_kernel.lua test_plan.lua "
        .. generated .. " " .. grouped },
}

local visible_tests = {}

local function lines_of(command)
    local pipe = assert(io.popen(command))
    local lines = {}
    for line in pipe:lines() do
        lines[#lines + 1] = line
    end
    pipe:close()
    return lines
end

-- What can be wrong: networks and tuned tiles are data; the page is a script for browsers.
function visible_tests.source_files()
    local files = {}
    for _, path in ipairs(lines_of("find runtime gen templates -name '*.[ch]' -o -name '*.lua' -o "
        .. "-name '*.tpl' | LC_ALL=C sort")) do
        if not path:match("/nets/") and not path:match("/tuned/") and not path:match("html") then
            files[#files + 1] = path
        end
    end
    return files
end

-- The names in the rows for a file, each once; `is_test` says what is one.
function visible_tests.of(path, is_test)
    local row
    for _, candidate in ipairs(visible) do
        row = row or path:match(candidate[1]) and candidate
    end
    assert(row, path .. ": no row says which tests see it")
    local tests, seen = {}, {}
    local function add(name)
        if not seen[name] then
            tests[#tests + 1] = name
        end
        seen[name] = true
    end
    local name, extension = path:match("([%w_]+)%.(%l+)$")
    local own = "test_" .. name .. (extension == "lua" and ".lua" or "")
    if is_test(own) then
        add(own)
    end
    for test in row[2]:gmatch("%S+") do
        local found = is_test(test)
        assert(found, path .. ": " .. test .. ", which must notice its mistakes, is no test")
        add(found)
    end
    return tests
end

-- Returns the function that says the full name of a test: of those in `targets`, a set, or of the
-- files of Lua tests.
function visible_tests.among(targets)
    local names = {}
    for _, path in ipairs(lines_of("find tests -name 'test_*.lua'")) do
        names[path:match("[^/]+$")] = true
    end
    for name in pairs(targets) do
        names[name] = true
    end
    return function(test)
        if names[test] then
            return test
        end
        for _, processor in ipairs(test:match("%*$") and { "avx512", "avx2", "c" } or {}) do
            local full = test:gsub("%*$", processor)
            if names[full] then
                return full
            end
        end
        return nil
    end
end

-- Fails where a file has no tests, a row no file, or a test is none.
local function check(targets)
    local is_test, fits = visible_tests.among(targets), {}
    local files = visible_tests.source_files()
    for _, path in ipairs(files) do
        visible_tests.of(path, is_test)
        for _, row in ipairs(visible) do
            if path:match(row[1]) then
                fits[row] = true
                break
            end
        end
    end
    for _, row in ipairs(visible) do
        assert(fits[row], row[1] .. ": no file has this row as its first")
    end
    print(string.format("%d files, each with tests that notice its mistakes", #files))
end

if arg and arg[0]:match("visible%.lua$") then
    local targets = {}
    for name in (arg[1] or ""):gmatch("%S+") do
        targets[name] = true
    end
    check(targets)
end
return visible_tests
