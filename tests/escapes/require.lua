-- Runs a module of ours.
require("main")
