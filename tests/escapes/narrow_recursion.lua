-- Calls that never return, with narrow frames.
local function f()
    return 1 + f()
end
f()
