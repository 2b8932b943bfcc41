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

-- Quantiles 0.975 of Student's t for 1, 2, ... degrees of freedom; 1.96 is that of very many.
local T95 <const> = { 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23 }

--- How many standard errors two means must be apart so that chance would do it in one of twenty
--- comparisons, by Student's t for so many degrees of freedom (of more than ten, those of ten).
function stat.t95(freedom)
    return T95[math.min(freedom, #T95)]
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

-- A minus as wide as a plus.
local function with_minus(text)
    return (text:gsub("^%-", "−"):gsub("e%-", "e−"))
end

--- "82.10": so many digits behind the point.
function stat.fixed(x, digits)
    local text <const> = ("%." .. digits .. "f"):format(x)
    return with_minus(tonumber(text) == 0 and text:gsub("^%-", "") or text)
end

--- "82.10", or "82.10 ± 0.21" where there are two values or more.
function stat.text(values, digits)
    local sd <const> = stat.sd(values)
    local mean <const> = stat.fixed(stat.mean(values), digits)
    return sd and mean .. " ± " .. stat.fixed(sd, digits) or mean
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
        return with_minus(("%.2g"):format(x))
    end
    local decimals <const> = math.max(0, 2 - math.floor(math.log(size, 10) + 1e-9))
    return stat.fixed(x, decimals)
end

--- The same without zeros at its end: "0.5", "2".
function stat.brief(x)
    local text <const> = stat.short(x)
    return text:find("^[^e]*%.") and not text:find("e") and (text:gsub("%.?0+$", "")) or text
end

--- An integer with its thousands apart: "131,072".
function stat.integer(n)
    local digits <const> = ("%d"):format(n):reverse():gsub("(%d%d%d)", "%1,"):reverse()
    return (digits:gsub("^,", ""))
end

--- "1 run", "3 runs".
function stat.count(n, what)
    return ("%s %s%s"):format(stat.integer(n), what, n == 1 and "" or "s")
end

--- { "a", "b", "c" } as "a, b and c".
function stat.list(words)
    if #words < 2 then
        return words[1] or ""
    end
    return table.concat(words, ", ", 1, #words - 1) .. " and " .. words[#words]
end

return stat
