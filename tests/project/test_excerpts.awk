# The generated C that the README shows is in the generated file, line by line.
#
#     awk -f tests/project/test_excerpts.awk generated/s8_gn_avx2.c README.md
#
# Excerpts are blocks that begin with ```c; a line of three dots leaves something out.
FNR == NR { there[$0] = 1; next }
/^```c$/ { inside = 1; next }
/^```$/ { inside = 0 }
inside && !/^ *(\.\.\.)?$/ {
    lines++
    if (!($0 in there)) {
        printf "README.md:%d: expected a line of the generated file, got: %s\n", FNR, $0
        bad = 1
    }
}
END {
    if (lines < 20) {
        printf "README.md: %d lines of generated C, expected more than 20\n", lines
        bad = 1
    }
    exit bad
}
