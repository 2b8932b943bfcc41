-- A name of sixteen megabytes.
local name = "x"
for _ = 1, 24 do
    name = name .. name
end
return network { name = name }
