-- stat.lua - means, deviations and their texts, for the report.

local stat <const> = {}

--- The mean of an array of numbers, which is not empty.
function stat.mean(values)
    local sum = 0.0
    for _, value in ipairs(values) do
        sum = sum + value
    end
    return sum / #values
end

--- The standard deviation of a sample (n - 1); nil for fewer than two values.
function stat.sd(values)
    if #values < 2 then
        return nil
    end
    local mean <const> = stat.mean(values)
    local sum = 0.0
    for _, value in ipairs(values) do
        sum = sum + (value - mean) ^ 2
    end
    return (sum / (#values - 1)) ^ 0.5
end

--- The smallest and the largest of an array, which is not empty.
function stat.range(values)
    local low, high = values[1], values[1]
    for _, value in ipairs(values) do -- there may be more than fit into a call
        low, high = math.min(low, value), math.max(high, value)
    end
    return low, high
end

--- Whether a value is a number, and neither infinite nor none.
function stat.is_finite(value)
    return type(value) == "number" and value - value == 0
end

--- Whether f(value) is true of any.
function stat.any(values, f)
    for _, value in ipairs(values) do
        if f(value) then
            return true
        end
    end
    return false
end

--- The array of f(value); nils are left out.
function stat.map(values, f)
    local out <const> = {}
    for _, value in ipairs(values) do
        out[#out + 1] = f(value)
    end
    return out
end

--- The index of the value for which f is largest; the first of several.
function stat.argmax(values, f)
    local best = 1
    for i = 2, #values do
        if f(values[i]) > f(values[best]) then
            best = i
        end
    end
    return best
end

-- -- Texts ---------------------------------------------------------------------------------------

--- "82.10", or "82.10 ± 0.21" where there are two values or more.
function stat.text(values, digits)
    local number <const> = "%." .. digits .. "f"
    local sd <const> = stat.sd(values)
    if sd then
        return (number .. " ± " .. number):format(stat.mean(values), sd)
    end
    return number:format(values[1])
end

--- Three significant digits without an exponent where that is short: "0.0123", "1340", "2.1e-07".
function stat.short(x)
    if x == 0 then
        return "0"
    elseif not stat.is_finite(x) then
        return "∞" -- a quotient of what is next to nothing
    end
    local size <const> = math.abs(x)
    if size >= 1e7 or size < 1e-4 then
        return ("%.2g"):format(x)
    end
    local decimals <const> = math.max(0, 2 - math.floor(math.log(size, 10) + 1e-9))
    return ("%." .. decimals .. "f"):format(x)
end

--- An integer with its thousands apart: "131,072".
function stat.integer(n)
    local digits <const> = ("%d"):format(n):reverse():gsub("(%d%d%d)", "%1,"):reverse()
    return (digits:gsub("^,", ""))
end

--- { "a", "b", "c" } as "a, b and c".
function stat.list(words)
    if #words < 2 then
        return words[1] or ""
    end
    return table.concat(words, ", ", 1, #words - 1) .. " and " .. words[#words]
end

return stat
