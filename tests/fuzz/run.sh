#!/bin/sh
# Runs a fuzzer, whose files lie in a folder in memory that goes with it, however it ends.
#
#     tests/fuzz/run.sh FUZZER [ARGUMENT ...]
set -u
base=/tmp
[ -w /dev/shm ] && base=/dev/shm
folder=$(mktemp -d "$base/burin.fuzz.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' HUP INT TERM
TMPDIR="$folder" "$@"
