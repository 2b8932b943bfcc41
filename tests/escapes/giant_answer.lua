-- More tables than an answer holds.
local t = {}
for i = 1, 100001 do
    t[i] = {}
end
return network(t)
