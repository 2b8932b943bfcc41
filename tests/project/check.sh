#!/bin/sh
# Runs every test but the deep ones, as many at once as there are processors, and counts them.
#
#     tests/project/check.sh
#
# Suites write thousands of small files, and a disk is sent each of those that replace another as
# soon as it is closed. So TMPDIR, where nobody has chosen one, is a folder in memory, if there is
# room for 2 GB and programs in it may be started. What suites that fail leave goes with it.
set -u

in_memory() {
    [ -w /dev/shm ] && [ "$(df -Pk /dev/shm | awk 'NR == 2 { print $4 }')" -gt 2097152 ] &&
        folder=$(mktemp -d /dev/shm/burin.XXXXXX) || return 1
    trap 'rm -rf "$folder"' EXIT
    trap 'exit 130' HUP INT TERM
    cp "$(command -v env)" "$folder/env" && "$folder/env" > "$folder/env.txt"
}

if [ -z "${TMPDIR:-}" ] && in_memory; then
    export TMPDIR="$folder"
fi
ctest --test-dir build --output-on-failure --parallel "$(getconf _NPROCESSORS_ONLN)" \
    --no-label-summary --label-exclude deep
status=$?
awk -f tests/project/summary.awk build/Testing/Temporary/LastTest.log
exit $status
