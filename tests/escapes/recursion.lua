-- Calls that never return, with wide frames.
local function f(a, b, c, d, e, g, h, i, j)
    return 1 + f(a, b, c, d, e, g, h, i, j)
end
f()
