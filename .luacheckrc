std = "lua54"
max_line_length = 100

-- The C host's functions: gen/host.c says what they are.
files["gen"] = { read_globals = { "host" } }
files["tests/lua"] = { read_globals = { "host" } }

-- Network descriptions run in an environment of their own; gen/evaluate.lua says what it offers.
files["gen/nets"] = { ignore = { "113" } }
files["examples"] = { ignore = { "113" } }
