-- Other code, from a text or from bytecode.
local code = load or loadstring
code("while true do end")()
