-- A message that would speak to the terminal.
error("\27]0;title\7\27[2J" .. "\n/etc/passwd:1: forged")
