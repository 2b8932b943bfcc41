-- limits.lua - what a description may ask of the compiler and of the machine that trains.
--
-- A description of thirty lines can ask for more memory than any machine has, or for a C file that
-- no compiler takes. Each function raises { kind = "rejected" } at the line of the description,
-- with what was asked for and what is allowed.

local limits <const> = {}

limits.max_memory = 4096 -- MB, unless options.max_memory says otherwise
local MAX_SOURCE <const> = 16 << 20 -- bytes; gcc -O3 takes about 15 s of processor time for one MiB
local MAX_FUNCTION <const> = 1 << 20
local MAX_UNROLL <const> = 10000 -- terms of a sum that are written out
local MAX_INT <const> = (1 << 31) - 1 -- offsets are enumerators
local LOADED_BATCHES <const> = 2

local function reject(node, what, expected)
    error({
        kind = "rejected",
        messages = { ("%s: %s: expected %s"):format(node.where, what, expected) },
    }, 0)
end

-- The floats that the micro-batches of a batch keep from one phase to the next.
function limits.micro_batch_floats(planned)
    local plan <const> = planned.train.plan
    return plan.chunks * plan.chunk_micro_batches * planned.train.memory.floats.micro_batch
end

-- The floats that a training step keeps with this many threads, parameters and momentum included.
function limits.step_floats(graph, planned, threads)
    local floats <const> = planned.train.memory.floats
    return floats.weights + planned.train.plan.chunks * floats.chunk
        + limits.micro_batch_floats(planned) + threads * (floats.thread + planned.scratch)
        + 3 * graph.param_floats
end

-- The memory of training with two threads, batches of images included, against options.max_memory.
function limits.check_memory(graph, planned, options)
    local input <const> = graph.input
    local floats <const> = limits.step_floats(graph, planned, 2)
        + LOADED_BATCHES * graph.recipe.batch * input.c * input.h * input.w
    local needed <const> = floats * planned.set.bytes // 1000000
    local allowed <const> = options.max_memory or limits.max_memory
    if needed > allowed then
        reject(graph.nodes[1], ("network: training needs %d MB of memory"):format(needed),
            ("at most %d MB, or a larger --max-memory"):format(allowed))
    end
    local largest = planned.scratch
    for _, floats_of_scope in pairs(planned.train.memory.floats) do -- their order does not matter
        largest = math.max(largest, floats_of_scope)
    end
    if largest > MAX_INT then
        reject(graph.nodes[1], ("network: a block of memory has %d values"):format(largest),
            ("at most %d"):format(MAX_INT))
    end
end

-- Written out in full, a convolution has a line for each input of each output.
function limits.check_unroll(graph, options)
    if options.unroll ~= "full" then
        return
    end
    for _, node in ipairs(graph.nodes) do
        if node.kind == "conv" then
            local channels <const> = math.max(node.c, graph.nodes[node.inputs[1]].c)
                // node.groups
            local terms <const> = node.geometry.taps * channels
            if terms > MAX_UNROLL then
                reject(node, ("conv: written out in full its sums have %d terms"):format(terms),
                    ("at most %d, or --unroll tile"):format(MAX_UNROLL))
            end
        end
    end
end

-- Counts the functions of a program: add(name, bytes) raises when one of them, or all together,
-- are more than a compiler takes in minutes.
function limits.source(graph)
    local source <const> = {}
    local total = 0

    local function check(bytes, allowed, what)
        if bytes > allowed then
            reject(graph.nodes[1], ("network: %s has %d or more bytes of C"):format(what, bytes),
                ("at most %d: fewer different layers, or --unroll tile"):format(allowed))
        end
    end

    function source.add(name, bytes)
        total = total + bytes
        check(bytes, MAX_FUNCTION, "the function " .. name)
        check(total, MAX_SOURCE, "the program")
    end

    return source
end

return limits
