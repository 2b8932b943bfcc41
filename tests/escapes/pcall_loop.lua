-- Catches the error that ends it, again and again.
while true do
    pcall(function()
        while true do
        end
    end)
end
