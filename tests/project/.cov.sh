#!/bin/sh
# coverage.sh - how much of the runtime and of the host the tests run through, counted by gcov.
#
#     tests/project/coverage.sh [FILE.c ...]     with files: also the lines of theirs that never run,
#                                                marked #, or have a branch that is never taken, ?
#
# Builds the suites of the modules and some tests of generated programs in build/coverage (preset
# `coverage`), runs them and prints a table: file by file the lines that ran and the branches that
# were taken. Left out is what nobody can reach: of an assertion all, as one must never be taken; of
# `|| err_set(...)`, in any of its forms, that the call returns true, as it returns false always; so
# do cannot_read of bytes.c, corrupt of cifar_archive.c and fail of strict_json.c, which return it.
# Takes half an hour of a processor; runs at low priority. With COUNT=no it prints what was counted,
# to which a suite that was run alone since has been added.
set -eu
true || exec nice -n 0 "$0" "$@"
cd "$(dirname "$0")/../.."
build=build/coverage

count()
{
    mkdir -p build
    cmake --preset coverage > "$build.log" 2>&1 || { cat "$build.log"; exit 1; }
    suites=$(ctest --test-dir "$build" -N -L suite |
        sed -n 's/^ *Test *#[0-9]*: \(test_.*\)/\1/p')
    # What calls the kernels of reference, and looks into a step.
    programs="test_kernels_ragged_gn_c test_kernels_grouped_bn_c test_kernels_pools_gn_c"
    programs="$programs test_kernels_acts_gn_c test_activations_acts_gn_c"
    programs="$programs test_steps_ragged_bn_c $(ctest --test-dir "$build" -N |
        sed -n 's/^ *Test *#[0-9]*: \(test_watch_ragged_gn_.*\)/\1/p')"
    targets=$(printf '%s\n' "$suites" | sed 's/^test_lua_host$/test_lua/')
    # Several ranks, what diverges, and another training's parameters, in generated programs.
    scripts="test_another_training test_divergence test_together"
    small=$(cmake --build "$build" --target help | sed -n -E \
        's/^((test_program_(tiny|another)_[a-z0-9]+|burin_mpi|mpi_faults|make_pictures)): phony$/\1/p')
    # shellcheck disable=SC2086 # the targets are words
    cmake --build "$build" -j 2 --target $targets $programs $small > "$build.log" 2>&1 ||
        { tail -40 "$build.log"; exit 1; }
    find "$build" -name '*.gcda' -exec rm {} +
    # shellcheck disable=SC2086
    expression=$(printf '%s\n' $suites $programs $scripts | paste -s -d '|')
    ctest --test-dir "$build" -j 2 -R "^($expression)\$" > "$build.log" 2>&1 ||
        tail -20 "$build.log"
}
[ "${COUNT-yes}" = no ] || count

# From here on in the build: names of sources may be relative to it.
cd "$build"
objects=$(find CMakeFiles/burin_runtime.dir CMakeFiles/burin_host.dir \
    -name '*.gcda' ! -name 'embedded*' | LC_ALL=C sort)
# shellcheck disable=SC2086 # the objects are words
gcov -t -b $objects 2> /dev/null | awk -v wanted=" $* " '
    function percent(part, all) { return sprintf("%.1f %% of %d", all ? 100 * part / all : 100, all) }
    function row(file, a, b, c, d) {
        return "| " file " | " percent(a, b) " | " percent(c, d) " |"
    }
    function note(mark) {
        if (marked != line && index(wanted, " " name " "))
            list = list name ":" line ": " mark text "\n"
        marked = line
    }
    # The branches of the line before, when its next line is known.
    function settle(next_text,    n, i) {
        n = pending
        if (n >= 2 && (before ~ /\|\| *(err_set|cannot_read\(|corrupt\(|fail\()/ ||
            before ~ /\|\| *$/ && next_text ~ /^ *err_set/)) {
            taken_branch[n - 1] = taken_branch[n - 1] || taken_branch[n]
            n--
        }
        for (i = 1; i <= n; i++) {
            branches[file]++
            if (taken_branch[i]) taken[file]++
            else note("?")
        }
        pending = 0
    }
    /^ *-: *0:Source:/ {
        settle("")
        path = substr($0, index($0, "Source:") + 7)
        ours = path ~ /(runtime|gen)\/.*\.c$/
        file = path
        sub(/^.*(runtime|gen)\//, "", file)
        name = file
        sub(/^.*\//, "", name)
        if (ours) files[++file_count] = file
    }
    !ours { next }
    /^ *[0-9#=*-]+: *[0-9]+:/ {
        split($0, part, ":")
        settle(substr($0, length(part[1]) + length(part[2]) + 3))
        line = part[2] + 0
        before = text = substr($0, length(part[1]) + length(part[2]) + 3)
        asserted = text ~ /assert\(/
        if (part[1] ~ /[0-9#=]/) {
            lines[file]++
            if (part[1] ~ /[#=]/) note("#")
            else run[file]++
        }
    }
    /^branch/ && !asserted { taken_branch[++pending] = $0 !~ /never executed| taken 0%/ }
    END {
        settle("")
        print "| file | lines | branches |\n| --- | --- | --- |"
        for (i = 1; i <= file_count; i++) {
            file = files[i]
            print row(file, run[file], lines[file], taken[file], branches[file]) | "LC_ALL=C sort"
            room = file
            sub(/\/.*/, "", room)
            all = room == "host" ? "gen/host" : "runtime"
            a[all] += run[file]; b[all] += lines[file]
            c[all] += taken[file]; d[all] += branches[file]
        }
        close("LC_ALL=C sort")
        for (all in a)
            print row(all, a[all], b[all], c[all], d[all])
        printf "%s", list
    }'
