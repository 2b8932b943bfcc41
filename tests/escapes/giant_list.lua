-- More layers than any network has.
local t = {}
for i = 1, 9000 do
    t[i] = relu()
end
return network {
    name = "giant", input = { 3, 32, 32 }, classes = 10,
    recipe = { optimizer = sgd { lr = 0.1 } },
    layers = t,
}
