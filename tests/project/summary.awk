# Reads the log of ctest and says in one line how many tests passed.
#
# A test is a program; a check is one case of a Check suite in it. Suites run by nested test trees
# (sanitizers, clang) count as checks of theirs. Of a test that skips itself the log says that it
# passed.
/^[0-9]+\/[0-9]+ Testing: / { skips = 0 }
/^skipped: / { skips = 1 }
/^Test Passed\.$/ { if (skips) skipped++; else passed++ }
/^Test Failed\.$/ { failed++ }
/^Test (Timeout|Exception)/ { failed++ }
match($0, /Checks: [0-9]+/) { checks += substr($0, RSTART + 8, RLENGTH - 8) }
END {
    printf "make check: %d tests passed (%d checks), %d failed, %d skipped\n",
        passed, checks, failed, skipped
}
