#!/bin/sh
# The manual pages: two readers take them without a warning, and they name every option of the helps that
# they are made of, and every layer of the language.
#
#     tests/project/test_pages.sh BURIN FOLDER
set -eu
burin=$1
cd "$2"
for tool in mandoc groff; do
    if ! command -v $tool > /dev/null; then
        echo "skipped: there is no $tool: setup.sh installs it"
        exit 77
    fi
done

bad=0
for page in burin.1 burin-data.1 burin-program.1 burin-language.7; do
    said=$(mandoc -T lint -W warning $page || :; groff -ww -man -T ascii $page 2>&1 > /dev/null)
    if [ -n "$said" ]; then
        echo "$page: expected no warning, got: $said"
        bad=1
    fi
done

# expect PAGE WORD...: the page has each of these words.
expect() {
    page=$1
    shift
    mandoc -T ascii $page | col -b > page.txt
    [ $# -gt 1 ] || { echo "$page: nothing to look for"; bad=1; }
    for word in "$@"; do
        grep -q -e "$word\([^a-z]\|\$\)" page.txt || { echo "$page: expected $word"; bad=1; }
    done
    rm page.txt
}

# shellcheck disable=SC2046 # words
expect burin.1 $("$burin" --help | grep -o '^  --[a-z-]*') 'burin new NAME' native COMMANDS 'EXIT CODES'
expect burin-data.1 $("$burin" data --help | grep -o '^  --[a-z-]*') SYNOPSIS
expect burin-language.7 $("$burin" layers | sed -n 's/^\([a-z_0-9]*\): .*/\1/p') DESCRIPTION
expect burin-program.1 TRAIN EVAL PREDICT BENCH INFO --momentum --top --samples --steps --backend \
    'PROGRAM train \[options\]'
exit $bad
