-- Never ends inside a function of ours.
local function f()
    for _ in pairs({ 1, 2, 3 }) do
    end
    return f()
end
f()
