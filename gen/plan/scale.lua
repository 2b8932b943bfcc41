-- scale.lua - how long a step would take on many ranks: a model of runtime/train/meet.c, for
-- `burin scale`.
--
-- A step of one rank takes T ms, measured. On P ranks, with a latency L of a message and B bits a
-- second into and out of a rank, where G are the bytes of the gradients as the kernels lay them
-- out, W those of the parameters, K the chunks of a batch and C the channels of a batch norm:
--
--     work         T ceil(K / P) / K
--     gradients    (P - 1) L + n G / B          Alltoallv, the pieces one after another; n: the
--                                               nodes of the tree that a rank's chunks make up
--     parameters   ceil(log2 P) L + W / B       Allgatherv
--     a batch norm, forward and backward each
--                  ceil(log2 P) L + 16 K C / B  Allgatherv: two sums in double a channel and chunk,
--                                               or a channel and image where it has ghosts
--
-- where of what is gathered (P - 1) / P comes from others. Nothing overlaps: so it is.

local model <const> = require "emit/model"
local pipeline <const> = require "plan/pipeline"

local scale <const> = {}

scale.most_ranks = 256
local CHUNKS <const> = { 16, 32, 64, 128, 256 }
local GOOD <const> = 0.5 -- of ideal: below it another rank is mostly wasted
local LARGER <const> = 16 -- times the work and the parameters: layers of 4 times the channels

-- How many nodes of the tree, the largest there are, make up the chunks first .. last - 1.
local function nodes_of(first, last)
    local count = 0
    while first < last do
        local size = 1
        while first % (2 * size) == 0 and first + 2 * size <= last do
            size = 2 * size
        end
        first, count = first + size, count + 1
    end
    return count
end

-- Chunks of the rank that has most of them, and nodes of the one that has most of those.
local function largest_share(chunks, ranks)
    local most_chunks, most_nodes = 0, 0
    for rank = 0, ranks - 1 do
        local first <const>, last <const> = chunks * rank // ranks, chunks * (rank + 1) // ranks
        most_chunks = math.max(most_chunks, last - first)
        most_nodes = math.max(most_nodes, nodes_of(first, last))
    end
    return most_chunks, most_nodes
end

--- What a step of a planned program sends: { gradients, parameters: bytes; norms: { channels,
--- ghosts = whether it has them } of each batch norm at which images meet, forward and backward;
--- batch, chunks = of a batch, at most }.
function scale.traffic(planned)
    local traffic <const> = {
        gradients = 0, parameters = 4 * planned.graph.param_floats, norms = {},
        batch = planned.graph.recipe.batch, chunks = planned.train.plan.chunks,
    }
    for _, buffer in ipairs(planned.train.plan.buffers) do
        if buffer.role == "dw" or buffer.role == "db" then
            traffic.gradients = traffic.gradients + 4 * buffer.floats
        end
    end
    for _, phase in ipairs(planned.phases.train) do
        if phase.meeting then
            local norm <const> = phase.meeting.norm
            traffic.norms[#traffic.norms + 1] = { channels = norm.c, ghosts = norm.ghost > 0 }
        end
    end
    return traffic
end

--- Milliseconds of a step { work, gradients, parameters, norms, all, ideal: work alone over all }.
--- link: { latency: seconds, bandwidth: bits a second }; step: ms on one rank.
function scale.step(traffic, step, chunks, ranks, link)
    local share <const>, nodes <const> = largest_share(chunks, ranks)
    local work <const> = step * share / chunks
    local function gathered(bytes)
        local hops <const> = math.ceil(math.log(ranks, 2) - 1e-9)
        return 1e3 * (hops * link.latency + 8 * bytes * (ranks - 1) / ranks / link.bandwidth)
    end
    local gradients = 0
    if ranks > 1 then
        gradients = 1e3 * ((ranks - 1) * link.latency
            + 8 * nodes * traffic.gradients * (ranks - 1) / ranks / link.bandwidth)
    end
    local norms = 0
    for _, norm in ipairs(traffic.norms) do
        norms = norms + gathered(16 * (norm.ghosts and traffic.batch or chunks) * norm.channels)
    end
    local parameters <const> = gathered(traffic.parameters)
    local all <const> = work + gradients + parameters + norms
    return {
        work = work, gradients = gradients, parameters = parameters, norms = norms, all = all,
        ideal = step / ranks / all,
    }
end

-- The traffic of a network of as many layers that has LARGER times the parameters.
local function larger(traffic)
    local norms <const> = {}
    for i, norm in ipairs(traffic.norms) do
        norms[i] = { channels = math.sqrt(LARGER) * norm.channels, ghosts = norm.ghosts }
    end
    return {
        gradients = LARGER * traffic.gradients, parameters = LARGER * traffic.parameters,
        norms = norms, batch = traffic.batch, chunks = traffic.chunks,
    }
end

-- The most ranks, up to all that have a chunk, that keep more than GOOD of ideal.
local function end_of_scaling(traffic, step, chunks, link)
    local last = 1
    for ranks = 2, math.min(chunks, scale.most_ranks) do
        last = scale.step(traffic, step, chunks, ranks, link).ideal > GOOD and ranks or last
    end
    return last
end

local function numbers_of_ranks(most)
    local numbers <const> = {}
    local ranks = 1
    while ranks < most do
        numbers[#numbers + 1], ranks = ranks, 2 * ranks
    end
    numbers[#numbers + 1] = most
    return numbers
end

local function one_number(value)
    return string.format(value < 10 and "%.2f" or "%.1f", value)
end

local function detail_rows(traffic, step, most, link)
    local rows <const> = { { "ranks", "work", "gradients", "parameters", "norms", "ms a step",
        "of ideal" } }
    for _, ranks in ipairs(numbers_of_ranks(math.min(most, traffic.chunks))) do
        local t <const> = scale.step(traffic, step, traffic.chunks, ranks, link)
        rows[#rows + 1] = {
            tostring(ranks), one_number(t.work), one_number(t.gradients), one_number(t.parameters),
            one_number(t.norms), one_number(t.all), string.format("%.0f %%", 100 * t.ideal),
        }
    end
    return rows
end

local function chunk_rows(traffic, step, most, link)
    local rows <const> = { { "ranks" } }
    for _, chunks in ipairs(CHUNKS) do
        rows[1][#rows[1] + 1] = chunks .. " chunks"
    end
    local largest <const> = math.min(most, traffic.batch, CHUNKS[#CHUNKS])
    for _, ranks in ipairs(numbers_of_ranks(largest)) do
        local row <const> = { tostring(ranks) }
        for _, chunks in ipairs(CHUNKS) do
            local possible <const> = chunks <= traffic.batch and ranks <= chunks
            row[#row + 1] = possible
                and one_number(scale.step(traffic, step, chunks, ranks, link).all) or "-"
        end
        rows[#rows + 1] = row
    end
    return rows
end

local function aligned(lines, rows)
    local right <const> = {}
    for column = 1, #rows[1] do
        right[column] = true
    end
    table.move(model.align(rows, right), 1, #rows, #lines + 1, lines)
end

--- The tables of a graph: options as those of pipeline.plan, with step = ms on one rank, ranks =
--- the most to tell of, and link as scale.step takes it.
function scale.text(graph, options)
    local planned <const> = pipeline.plan(graph, options)
    local traffic <const> = scale.traffic(planned)
    local step <const>, link <const>, most <const> = options.step, options.link, options.ranks
    local lines <const> = {
        string.format("%s, norm %s, %s, batch %d: a step of %g ms on one rank; %g us a message, "
            .. "%g Gb a second", graph.name, options.norm, planned.set.title, traffic.batch, step,
            1e6 * link.latency, link.bandwidth / 1e9),
        string.format("gradients %.0f KB, parameters %.0f KB, %d meetings of batch norms",
            traffic.gradients / 1e3, traffic.parameters / 1e3, #traffic.norms),
        "",
        string.format("A step in ms, computed and not measured; a batch has %d chunks, so %d ranks "
            .. "find work:", traffic.chunks, traffic.chunks),
        "",
    }
    aligned(lines, detail_rows(traffic, step, most, link))
    lines[#lines + 1] = ""
    lines[#lines + 1] = "What a step would take if a batch were cut into more:"
    lines[#lines + 1] = ""
    aligned(lines, chunk_rows(traffic, step, most, link))
    local chunks <const> = math.min(scale.most_ranks, traffic.batch)
    lines[#lines + 1] = ""
    lines[#lines + 1] = string.format("More than half of ideal: up to %d ranks; with %d times the "
        .. "work and the parameters,", end_of_scaling(traffic, step, traffic.chunks, link), LARGER)
    lines[#lines + 1] = string.format(
        "up to %d. If a batch were cut into %d chunks: up to %d, and %d.",
        end_of_scaling(larger(traffic), LARGER * step, traffic.chunks, link), chunks,
        end_of_scaling(traffic, step, chunks, link),
        end_of_scaling(larger(traffic), LARGER * step, chunks, link))
    return table.concat(lines, "\n") .. "\n"
end

--- Seconds of "20us", "0.5ms" or "1s"; bits a second of "10Gb" or "100Mb"; nil of anything else.
function scale.seconds(text)
    local number <const>, unit <const> = text:match("^([%d.]+)([mu]?s)$")
    local value <const> = tonumber(number or "")
    return value and value * ({ s = 1, ms = 1e-3, us = 1e-6 })[unit]
end
function scale.bits(text)
    local number <const>, unit <const> = text:match("^([%d.]+)([GM])b$")
    local value <const> = tonumber(number or "")
    return value and value > 0 and value * ({ G = 1e9, M = 1e6 })[unit] or nil
end

return scale
