#!/bin/sh
# mutants.sh - do the tests notice mistakes? Makes each mistake of mutants.txt in a copy of the
# sources, builds the tests that should notice it, and runs them until one fails.
#
#     tests/mutants/mutants.sh WORK [WORD]       only the mutants whose title has WORD
#
# WORK holds the copy and its build, which goes on from mutant to mutant. Before the first, every
# test that they name must pass. Prints which test killed which mutant; one that survives, does not
# compile, or has no place in its file any more is a failure.
set -u

here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
work=$1
word=${2-}
log=$work/log
copy=$work/burin

fail()
{
    printf '%s\n' "mutants.sh: $*" >&2
    exit 1
}

build()
{
    cmake --build "$work/build" --target "$@" > "$log" 2>&1
}

# Makes a file or folder of the copy what it is in the sources. What is the same keeps its time, and
# what is not gets a new one: an older one would hide from the build that the last mutant is gone.
update()
{
    (cd "$source" && find "$1" -type f) | while IFS= read -r file; do
        cmp -s "$source/$file" "$copy/$file" && continue
        mkdir -p "$copy/$(dirname "$file")" && cp "$source/$file" "$copy/$file" || exit 1
    done || return 1
    (cd "$copy" && find "$1" -type f) | while IFS= read -r file; do
        [ -e "$source/$file" ] || rm "$copy/$file"
    done
}

# The tests of the mutants whose title has the word, a line for each mutant. The line after a title
# is the file and the tests; two lines with the texts follow.
chosen_tests()
{
    while IFS= read -r title; do
        case $title in
        '' | '#'*) continue ;;
        esac
        read -r _ suites
        read -r _
        read -r _
        case $title in
        *"$word"*) printf '%s\n' "$suites" ;;
        esac
    done < "$here/mutants.txt"
}

# Where ninja or make has put a test.
run()
{
    (cd "$copy" && timeout 600 "$(find "$work/build/tests" -type f -name "$1")") > "$log" 2>&1
}

# Puts $4 where $3 stands in the file $1, into the file $2; fails where it stands nowhere.
substitute()
{
    BEFORE=$3 AFTER=$4 awk '
        BEGIN { before = ENVIRON["BEFORE"]; after = ENVIRON["AFTER"] }
        {
            line = ""
            while (at = index($0, before)) {
                line = line substr($0, 1, at - 1) after
                $0 = substr($0, at + length(before))
                count++
            }
            print line $0
        }
        END { exit count == 0 }' "$1" > "$2"
}

# Sets `verdict` of one mutant to the test that killed it, or to what is wrong.
try()
{
    title=$1 file=$2 before=$3 after=$4
    shift 4
    if ! substitute "$source/$file" "$copy/$file" "$before" "$after"; then
        verdict="FAILED: its text is not in $file"
        return 1
    fi
    verdict="FAILED: survived $*"
    for test in "$@"; do
        if ! build "$test"; then
            verdict="FAILED: does not compile: $(grep -m 1 error "$log")"
            return 1
        fi
        if ! run "$test"; then
            verdict=$test
            return 0
        fi
    done
    return 1
}

mkdir -p "$copy" || exit 1
for part in CMakeLists.txt examples gen runtime templates tests; do
    update "$part" || fail "cannot copy $part"
done
# Debug: what is compiled this often has to compile fast.
cmake -S "$copy" -B "$work/build" -D CMAKE_BUILD_TYPE=Debug -D BURIN_WERROR=OFF > "$log" 2>&1 ||
    fail "cannot configure: see $log"
tests=$(chosen_tests | tr ' ' '\n' | sort -u)
[ -n "$tests" ] || fail "no mutant has \"$word\" in its title"
# shellcheck disable=SC2086 # the tests are words
build $tests || fail "the tests cannot be built: see $log"
for test in $tests; do
    run "$test" || fail "$test fails without a mutant: see $log"
done

mutants=0
failures=0
while IFS= read -r title; do
    case $title in
    '' | '#'*) continue ;;
    esac
    read -r file suites
    IFS= read -r before
    IFS= read -r after || fail "$title: cut short"
    case $title in
    *"$word"*) ;;
    *) continue ;;
    esac
    mutants=$((mutants + 1))
    # shellcheck disable=SC2086 # the suites are words
    try "$title" "$file" "${before#-}" "${after#+}" $suites || failures=$((failures + 1))
    cp "$source/$file" "$copy/$file"
    printf '%-66s %s\n' "$title" "$verdict"
done < "$here/mutants.txt"
printf '%s\n' "$mutants mutants, $failures not killed"
[ "$failures" -eq 0 ] && [ "$mutants" -gt 0 ]
