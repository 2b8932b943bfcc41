#!/bin/sh
# Words that docs/words.md retires stand nowhere in the project.
#
#     tests/project/test_words.sh [FOLDER]           the root of the project: .
#
# The last column of the tables there is the list: phrases in any case, in the plural and as parts of
# names, and `code` to the letter. A phrase may go on in the next line of a comment. Not searched are
# that document, the history, and bytes that other programs wrote.
set -eu
cd "${1:-.}"
list=docs/words.md

find README.md CONTRIBUTING.md Makefile CMakeLists.txt setup.sh cmake docs examples gen generated \
    python runtime scripts templates tests -type f ! -path "$list" ! -path 'tests/fixtures/*.safetensors' \
    ! -path 'tests/fuzz/corpus/*' ! -path 'gen/tuned/*' ! -name '*.png' ! -name '*.npy' |
    LC_ALL=C sort | LC_ALL=C awk -v list="$list" '
# The pattern of a phrase in a text of small letters whose blanks are single.
function pattern(phrase) {
    gsub(/ /, "[ _-]+", phrase)
    return "[^a-z]" tolower(phrase) "(s|es)?[^a-z]"
}

# The words around a place, for the message.
function around(text, at) {
    return substr(text, at > 30 ? at - 30 : 1, 80)
}

function check(file, text,    words, i) {
    for (i = 1; i <= codes; i++)
        if ((at = index(text, code[i])) > 0) {
            printf "%s: `%s` is retired: ..%s..\n", file, code[i], around(text, at)
            bad++
        }
    words = " " tolower(text) " "
    if (words !~ any)
        return
    for (i = 1; i <= phrases; i++)
        if (match(words, pattern(phrase[i]))) {
            printf "%s: \"%s\" is retired: ..%s..\n", file, phrase[i], around(words, RSTART)
            bad++
        }
}

BEGIN {
    while ((getline row < list) > 0)
        if (split(row, cell, /[ ]*\|[ ]*/) == 5 && cell[2] != "word" && cell[4] !~ /^-*$/) {
            n = split(cell[4], entries, /, */)
            for (i = 1; i <= n; i++)
                if (entries[i] ~ /^`.*`$/)
                    code[++codes] = substr(entries[i], 2, length(entries[i]) - 2)
                else {
                    phrase[++phrases] = entries[i]
                    any = any (any == "" ? "" : "|") pattern(entries[i])
                }
        }
    if (phrases < 20 || codes < 3) {
        printf "%s: %d phrases and %d names: expected more in the last column\n", list, phrases, codes
        failed = 1
        exit 1
    }
}

{
    text = ""
    while ((getline line < $0) > 0) {
        sub(/^[ \t]*(@ --+|--+|\*|\/\*|#+|>)?[ \t]*/, "", line)
        text = text " " line
    }
    close($0)
    gsub(/[ \t]+/, " ", text)
    check($0, text)
    files++
}

END {
    if (failed)
        exit 1
    if (bad > 0) {
        printf "%d places: expected the first column of %s\n", bad, list
        exit 1
    }
    if (files < 300) {
        printf "%d files were read: expected the whole project\n", files
        exit 1
    }
    printf "%d files, %d phrases, %d names\n", files, phrases, codes
}'
