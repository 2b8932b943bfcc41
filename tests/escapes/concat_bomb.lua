-- A text that doubles.
local bomb = "x"
while true do
    bomb = bomb .. bomb
end
