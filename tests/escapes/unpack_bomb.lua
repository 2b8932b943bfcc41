-- More values than the stack takes.
local t = { table.unpack({}, 1, 100000000) }
