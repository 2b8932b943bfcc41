-- Looks for the way out.
local way = _ENV._G
