-- Reads what is not its own.
local file = io.open("/etc/passwd")
