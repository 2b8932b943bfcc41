#!/bin/sh
# coverage.sh - how much of the runtime and of the host the suites run through, counted by gcov.
#
#     tests/project/coverage.sh [FILE.c ...]     with files: also each line of theirs that never runs
#
# Builds the suites of the modules in build/coverage (preset `coverage`), runs them and prints, file
# by file, the share of lines, and of branches that were taken both ways. Generated programs and the
# Lua tests are left out, as they count for no C of these folders.
set -eu
cd "$(dirname "$0")/../.."
build=build/coverage
cmake --preset coverage > "$build.log" 2>&1 || { cat "$build.log"; exit 1; }
suites=$(ctest --test-dir "$build" -N -L suite | sed -n 's/^ *Test *#[0-9]*: \(test_.*\)/\1/p' |
    grep -v -x test_lua)
# shellcheck disable=SC2086 # the suites are words
cmake --build "$build" --target $suites > "$build.log" 2>&1 || { tail -40 "$build.log"; exit 1; }
find "$build" -name '*.gcda' -exec rm {} +
expression=$(printf '%s\n' $suites | paste -s -d '|')
ctest --test-dir "$build" -R "^($expression)\$" > "$build.log" 2>&1 || tail -20 "$build.log"

# From here on in the build: names of sources may be relative to it.
cd "$build"
objects=$(find CMakeFiles/burin_runtime.dir CMakeFiles/burin_host.dir \
    -name '*.gcda' ! -name 'embedded*' | LC_ALL=C sort)
# shellcheck disable=SC2086 # the objects are words
gcov -n -b $objects 2> /dev/null | awk '
    /^File/ { file = $0; sub(/^File .*(runtime|gen)\//, "", file); sub(/.$/, "", file)
              ours = $0 ~ /\/(runtime|gen)\// && file ~ /\.c$/ }
    /^$/ { ours = 0 } # the sum of all files comes last
    /^Lines executed/ && ours { split($2, part, /[:%]/); lines[file] = part[2]; count[file] = $NF }
    /^Taken at least once/ && ours { split($4, part, /[:%]/); taken[file] = part[2]
                                     branches[file] = $NF; ours = 0 }
    END {
        for (file in lines) {
            printf "%-22s %6.2f %% of %4d lines  %6.2f %% of %4d branches\n", file, lines[file],
                count[file], taken[file], branches[file] | "LC_ALL=C sort"
            run += lines[file] * count[file] / 100; all += count[file]
            went += taken[file] * branches[file] / 100; ways += branches[file]
        }
        close("LC_ALL=C sort")
        printf "%-22s %6.2f %% of %4d lines  %6.2f %% of %4d branches\n", "all", 100 * run / all, all,
            100 * went / ways, ways
    }'
for file in "$@"; do
    printf '%s:\n' "$file"
    # shellcheck disable=SC2086
    gcov -t -b $(printf '%s\n' $objects | grep "/$file.gcda\$") 2> /dev/null |
        awk '/^ *-: *0:Source:/ { ours = index($0, "/'"$file"'") > 0 } ours && /^ *#####:/'
done
