-- A pattern that takes longer than the sun has left.
local text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
local found = text:find("a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-b")
