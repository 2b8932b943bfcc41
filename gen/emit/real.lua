-- real.lua - the same program in double.
--
-- Templates and passes write C whose numbers are float, the type that trains. A check of gradients
-- needs more digits: there every number becomes a double, the runtime's among them, which
-- runtime/double.h sees to.

local real <const> = {}

local function in_double(code)
    return (code:gsub("%f[%w_]float(s?)%f[^%w_]", "double%1")
        :gsub("%f[%w_.](%d+%.%d+)f%f[^%w_]", "%1")
        :gsub("%f[%w_.](%d[%d.]*e[+-]?%d+)f%f[^%w_]", "%1"))
end

--- The program with every float a double and no literal rounded to float. String literals and what
--- stands before the first #include may name files and stay as they are.
function real.double(program)
    local at = program:find("#include", 1, true) or 1
    local parts <const> = { program:sub(1, at - 1) }
    while at <= #program do
        local first = program:find('"', at, true) or #program + 1
        parts[#parts + 1] = in_double(program:sub(at, first - 1))
        at = first
        if first <= #program then
            repeat
                first = program:find('["\\\n]', first + 1)
                local escapes <const> = program:sub(first, first) == "\\"
                first = escapes and first + 1 or first
            until not escapes
            parts[#parts + 1] = program:sub(at, first)
            at = first + 1
        end
    end
    return table.concat(parts)
end

return real
