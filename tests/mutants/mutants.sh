#!/bin/sh
# mutants.sh - do the tests notice mistakes? Makes each mistake of mutants.txt in a copy of the
# sources, builds the tests that should notice it, and runs them until one fails.
#
#     tests/mutants/mutants.sh WORK [WORD]              only the mutants whose title has WORD
#     tests/mutants/mutants.sh --check 'TEST TEST ...'
#
# WORK holds the copy and its build, which goes on from mutant to mutant, and in `killed` what was
# killed so far: the same command goes on where it was stopped, and a new WORK begins again. Before
# the first mutant, every test that the mutants name must pass. Prints which test killed which mutant;
# one that survives, does not compile, or has no place in its file any more is a failure.
#
# A test is a target of the build, or a file of Lua tests.
#
# --check builds nothing: each mutant changes its file, and its tests are among those named.
set -u
killed_before=/dev/null

here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)

fail()
{
    printf '%s\n' "mutants.sh: $*" >&2
    exit 1
}

# Calls $1 TITLE FILE TESTS BEFORE AFTER for each mutant whose title has the word. Counts the mutants
# and the calls that fail.
each_mutant()
{
    mutants=0
    failures=0
    while IFS= read -r title <&3; do
        case $title in
        '' | '#'*) continue ;;
        esac
        read -r file suites <&3
        IFS= read -r before <&3
        IFS= read -r after <&3 || fail "mutants.txt: $title: cut short"
        if [ "$before" = "${before#-}" ] || [ "$after" = "${after#+}" ]; then
            fail "mutants.txt: $title: expected a line with - and one with +"
        fi
        case $title in
        *"$word"*)
            mutants=$((mutants + 1))
            grep -q -s -x -F "$title" "$killed_before" && continue
            "$1" "$title" "$file" "$suites" "${before#-}" "${after#+}" ||
                failures=$((failures + 1))
            ;;
        esac
    done 3< "$here/mutants.txt"
    [ "$mutants" -gt 0 ] || fail "no mutant has \"$word\" in its title"
}

# Puts $4 where $3 stands in the file $1, into the file $2; fails where that changes nothing.
substitute()
{
    [ "$3" != "$4" ] && BEFORE=$3 AFTER=$4 awk '
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

# -- Checking --------------------------------------------------------------------------------------

# Whether a mutant is still one.
check()
{
    if ! substitute "$source/$2" /dev/null "$4" "$5"; then
        printf '%s\n' "mutants.txt: $1: its text is not in $2, or it changes nothing"
        return 1
    fi
    for test in $3; do
        case " $tests " in
        *" $test "*) ;;
        *)
            printf '%s\n' "mutants.txt: $1: $test is no test"
            return 1
            ;;
        esac
    done
    [ -n "$3" ]
}

if [ "$1" = --check ]; then
    word=
    tests="$2 $(find "$source/tests" -name 'test_*.lua' -exec basename {} \; | tr '\n' ' ')"
    each_mutant check
    printf '%s\n' "$mutants mutants, $failures that are none"
    [ "$failures" -eq 0 ]
    exit
fi

# -- Trying ----------------------------------------------------------------------------------------

work=$1
word=${2-}
log=$work/log
killed_before=$work/killed
copy=$work/burin

build()
{
    cmake --build "$work/build" -j 2 --target "$@" > "$log" 2>&1
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

# The target of a test.
target_of()
{
    case $1 in
    *.lua) echo test_lua ;;
    *) echo "$1" ;;
    esac
}

# Runs a test where ninja or make has put it.
run()
{
    (
        cd "$copy" || exit
        target=$(target_of "$1")
        if [ "$target" != "$1" ]; then
            CK_RUN_CASE=$(find tests -name "$1")
            export CK_RUN_CASE
        fi
        timeout 600 "$(find "$work/build/tests" -type f -name "$target")"
    ) > "$log" 2>&1 < /dev/null
}

list_tests()
{
    printf '%s\n' "$3"
}

# Sets `verdict` of one mutant to the test that killed it, or to what is wrong.
kill_it()
{
    if ! substitute "$source/$2" "$copy/$2" "$4" "$5"; then
        verdict="FAILED: its text is not in $2"
        return 1
    fi
    verdict="FAILED: survived $3"
    for test in $3; do
        if ! build "$(target_of "$test")"; then
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

try()
{
    kill_it "$@"
    killed=$?
    cp "$source/$2" "$copy/$2"
    printf '%-66s %s\n' "$1" "$verdict"
    [ $killed -eq 0 ] && printf '%s\n' "$1" >> "$killed_before"
    return $killed
}

mkdir -p "$copy" || exit 1
for part in CMakeLists.txt cmake examples gen runtime scripts templates tests; do
    update "$part" || fail "cannot copy $part"
done
# What is compiled this often has to compile fast, and what runs this often has to run.
make=
command -v ninja > "$log" && make='-G Ninja'
# shellcheck disable=SC2086 # two words or none
cmake -S "$copy" -B "$work/build" $make -D CMAKE_BUILD_TYPE=Debug -D CMAKE_C_FLAGS_DEBUG=-O1 \
    -D BURIN_WERROR=OFF > "$log" 2>&1 || fail "cannot configure: see $log"
tests=$(each_mutant list_tests) || exit 1
tests=$(printf '%s\n' "$tests" | tr ' ' '\n' | sort -u)
targets=$(for test in $tests; do target_of "$test"; done | sort -u)
# shellcheck disable=SC2086 # the targets are words
[ -z "$targets" ] || build $targets || fail "the tests cannot be built: see $log"
for test in $tests; do
    run "$test" || fail "$test fails without a mutant: see $log"
done
each_mutant try
printf '%s\n' "$mutants mutants, $failures not killed"
[ "$failures" -eq 0 ]
