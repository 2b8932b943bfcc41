# Reads the log of ctest and says in one line how many tests passed.
#
# A test is a program; a check is one case of a Check suite in it. Suites run by nested test trees
# (sanitizers, clang) count as checks of theirs.
/^Test Passed\.$/ { passed++ }
/^Test Failed\.$/ { failed++ }
/^Test (Timeout|Exception)/ { failed++ }
/^Test Skipped\.$/ { skipped++ }
match($0, /Checks: [0-9]+/) { checks += substr($0, RSTART + 8, RLENGTH - 8) }
END {
    printf "make check: %d tests passed (%d checks), %d failed, %d skipped\n",
        passed, checks, failed, skipped
}
