-- More tables and values than an answer holds.
local t = {}
for i = 1, 20001 do
    t[i] = {}
end
return network(t)
