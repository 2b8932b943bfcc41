-- tuned.lua - reads which kernels measured fastest on a processor: gen/tuned/<cpu>.lua.
--
-- `make tune` writes the file, burin reads it when it generates. It is a list of calls:
--
--     machine { "amd-25-17" }
--     micro_batch { "s8_gn", isa = "avx512", images = 4, measured = "2026-01-31" }
--     kernel { "conv3x3_c16_k32_32x32_bwd_data", isa = "avx512", algorithm = "winograd4",
--              mr = 8, nr = 2 }
--
-- A kernel is known by its name without the algorithm, so that whatever network has a layer of
-- that shape makes use of the entry. What is not in the file is the model's choice.

local choice <const> = require "ops/conv/choice"
local record <const> = require "language/record"

local tuned <const> = {}
tuned.__index = tuned

-- What a program calls its instruction set: see made_for in emit/isa.lua.
local ISA <const> = { name = "isa", type = "choice", choices = {
    "avx2", "avx512", "c", "avx2+bf16", "avx512+bf16", "amx+bf16", "c+bf16",
} }

local function size(field, max)
    return { name = field, type = "integer", min = 1, max = max }
end

local CALLS <const> = {
    machine = { name = "machine", fields = {
        { name = "id", type = "name", position = 1 },
    } },
    micro_batch = { name = "micro_batch", fields = {
        { name = "program", type = "name", position = 1 }, ISA, size("images", 64),
        { name = "measured", type = "name", optional = true },
    } },
    kernel = { name = "kernel", fields = {
        { name = "key", type = "name", position = 1 }, ISA,
        { name = "algorithm", type = "choice", choices = choice.names },
        size("mr", 64), size("nr", 64),
        { name = "block", type = "integer", min = 1, max = 1024, optional = true },
    } },
}

-- What the calls of a text were given, in order: the text sees nothing but the three functions.
local function run(text, file)
    local calls <const> = {}
    local env <const> = { string = {} }
    for kind in pairs(CALLS) do -- a set: the order does not matter
        env[kind] = host.located(function(line, _, ...)
            calls[#calls + 1] = record.of(record.make(kind, line, ...))
        end)
    end
    local runner, problem <const> = host.load_description(text, "@" .. file, env)
    local ok, message = false, problem
    if runner then
        ok, message = runner()
    end
    if not ok then
        error({ kind = "failed", messages = { message } }, 0)
    end
    return calls
end

--- The entries of a file. `file` names it in messages; `cpu`, if there is one, must be its machine.
--- Raises { kind = "failed" } with all errors, each as file:line: what: what was expected.
function tuned.read(text, file, cpu)
    local errors <const> = {}
    local function report(line, what, expected)
        errors[#errors + 1] = string.format("%s:%d: %s: expected %s", file, line,
            record.words(what), expected)
    end
    local self <const> = setmetatable({ file = file, micro_batches = {}, kernels = {} }, tuned)
    for _, call in ipairs(run(text, file)) do
        local entry <const> = record.check_call(CALLS[call.kind], call, report)
        entry.place = string.format("%s:%d", file, call.line)
        if call.kind == "machine" then
            if self.machine then
                report(call.line, "machine: is given twice", "one processor a file")
            end
            self.machine = entry
            if cpu and entry.id and entry.id ~= cpu then
                report(call.line, "machine: id is " .. record.show(entry.id),
                    record.show(cpu) .. ", which the file is named after")
            end
        else
            local list <const> = call.kind == "micro_batch" and self.micro_batches or self.kernels
            local subject <const> = tostring(entry.program or entry.key)
            local key <const> = subject .. " " .. tostring(entry.isa)
            if list[key] and entry.isa then
                report(call.line, string.format("%s: %s for %s is given twice", call.kind,
                    record.show(subject), entry.isa), "one entry")
            end
            list[key] = entry
        end
    end
    if not self.machine and #errors == 0 then
        report(1, "no machine { ... }", "a file that `make tune` wrote")
    end
    if #errors > 0 then
        error({ kind = "failed", messages = errors }, 0)
    end
    return self
end

--- The entry of a kernel: { place, key, isa, algorithm, mr, nr, block }, or nil.
function tuned:kernel(key, isa)
    return self.kernels[key .. " " .. isa]
end

--- The entry of a program, such as "s8_gn": { place, program, isa, images, measured }, or nil.
function tuned:micro_batch(program, isa)
    return self.micro_batches[program .. " " .. isa]
end

return tuned
