-- One call that asks for a terabyte.
local bomb = ("x"):rep(1 << 40)
