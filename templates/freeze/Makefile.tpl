# make check: the self test of the frozen network ${net}.
CFLAGS = -std=c99 -O3 ${flags ~= "" and flags .. " " or ""}-Wall -Wextra

${prefix}_test: main.o ${prefix}.o ; $(CC) -o $@ main.o ${prefix}.o -lm
main.o ${prefix}.o: ${prefix}.h
check: ${prefix}_test ; ./${prefix}_test${apart and " " .. apart.path or ""}
clean: ; rm -f ${prefix}_test main.o ${prefix}.o
.PHONY: check clean
