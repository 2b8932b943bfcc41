-- Runs when its table is collected, outside any budget.
setmetatable({}, {
    __gc = function()
        while true do
        end
    end,
})
