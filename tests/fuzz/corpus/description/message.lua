error("[2J\n" .. ("x"):upper())
