-- A coroutine has no hook of its own.
local f = coroutine.wrap(function()
    while true do
    end
end)
f()
