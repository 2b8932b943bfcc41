-- forward.lua - the calls of a frozen network as C: n images, at most a micro-batch, from pixels to
-- logits.
--
--     forward.lines(plan, placed, numbers) -> pointers, lines, the buffer of the logits
--
-- plan, placed: the one phase of an evaluation and its memory
-- numbers = { of = the name of the array of the file that stands for a buffer, by the buffer,
--             weight, bias = the names of those of a norm, by its name,
--             fill = the name of the pixel of a border that is not zeros, by the value's name }

local c <const> = require "emit/c"

local forward <const> = {}

-- What stands for an argument of a call: an array of the file, a buffer, or C. A call that is made
-- for each image has its part of what there are copies of.
local function argument_text(call, arg, numbers)
    if type(arg) == "string" then
        return arg
    elseif call.each and arg.copies > 1 then
        return ("%s + i * %d"):format(arg.name, arg.floats)
    end
    return numbers.of[arg] or arg.name
end

-- The arguments of a call as a training program's, but for its images and parameters.
local function arguments_of(call, numbers)
    local args = {}
    for k, arg in ipairs(call.args) do
        args[k] = argument_text(call, arg, numbers)
    end
    if call.kind == "load" then
        args = { args[1], "level", "pixels", "n" }
    elseif call.kind == "coef" then -- coefficients, sums, weight, bias, count
        args[3], args[4] = numbers.weight[call.note], numbers.bias[call.note]
    else
        assert(call.kernel, "no call of an evaluation: " .. call.kind)
    end
    return table.concat(args, ", ")
end

function forward.lines(plan, placed, numbers)
    local pointers <const>, lines <const>, declared <const> = {}, {}, {}
    local logits, title
    local function declare(buffer)
        if type(buffer) == "table" and not numbers.of[buffer] and not declared[buffer] then
            declared[buffer] = true
            pointers[#pointers + 1] = ("float *const %s = %s; /* %s%s */"):format(buffer.name,
                c.add("memory", placed.offset[buffer]),
                buffer.copies > 1 and buffer.copies .. " of " or "", buffer.shape)
        end
    end
    local function append(form, ...)
        lines[#lines + 1] = form:format(...)
    end
    local function write(call)
        for _, arg in ipairs(call.args) do
            declare(arg)
        end
        local text <const> = ("%s(%s);"):format(call.fn, arguments_of(call, numbers))
        if call.each and plan.micro_batch > 1 then
            append("for (int i = 0; i < n; i++) {")
            append("    %s", text)
            append("}")
        else
            append("%s", text)
        end
    end
    for i, call in ipairs(plan.phases[1].calls) do
        if call.kind == "loss" then
            logits = call.args[2]
        elseif call.kind ~= "logits" then
            if call.title ~= title then
                title = call.title
                lines[#lines + 1] = #lines > 0 and "" or nil
                append("/* %s */", c.comment(title))
            end
            for _, buffer in ipairs(placed.clears[i] or {}) do
                declare(buffer)
                local l <const>, pixel <const> = buffer.layout, numbers.fill[buffer.layer]
                append("%s_border(%s, %sn, %d, %d, %d, %d);", pixel and "fill" or "clear",
                    buffer.name, pixel and pixel .. ", " or "", l.h, l.w, l.pitch, l.border)
            end
            write(call)
        end
    end
    return pointers, lines, logits
end

return forward
