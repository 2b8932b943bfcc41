-- A conversion as wide as it gets, of a text that grows by it.
local bomb = "x"
while true do
    bomb = ("%99s"):format(bomb .. bomb)
end
