std = "lua54"
max_line_length = 100

-- The C host's functions: gen/host/host.c says what they are.
files["gen"] = { read_globals = { "host" } }
files["tests"] = { read_globals = { "host" } }

-- Network descriptions run in an environment of their own: see gen/language/evaluate.lua.
files["gen/nets"] = { ignore = { "113" } }
files["examples"] = { ignore = { "113" } }
