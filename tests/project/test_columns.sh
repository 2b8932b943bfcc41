#!/bin/sh
# What each command prints on a terminal of 80 and of 60 columns fits it, and is the text that a
# pipe gets but for where its lines end.
#
#     tests/project/test_columns.sh BURIN PROGRAM PICTURES FOLDER
#
# PROGRAM is one of a small network, PICTURES a program that writes a folder of images, FOLDER is
# made anew. A terminal is one of script, which is part of every Debian.
set -eu
burin=$1 program=$2 pictures=$3 work=$4
bad=0
rm -rf "$work"
mkdir -p "$work/pictures"
repository=$PWD
cd "$work"
"$pictures" synthetic pictures 12 32 32
ln -s "$burin" burin
ln -s "$(dirname "$burin")/burin-data" burin-data
ln -s "$program" net

# shows COLUMNS COMMAND...: what stands on the terminal, whether the command succeeds or not.
shows() {
    columns=$1
    shift
    script -qefc "stty cols $columns rows 24 -onlcr; $*" /dev/null < /dev/null | tr -d '\r' || :
}

# Whether all lines of a file fit; a command that is to be copied, which begins with two blanks and
# a program, is left whole, and bars wipe themselves.
fits() {
    if [ ! -s "$2" ]; then
        echo "$3: prints nothing"
        bad=1
    fi
    sed -e '/^\(SYNTHETIC \)\{0,1\}  [^ ]*\(net\|burin\) /d' -e 's/.*\x1b\[K//' "$2" > lines
    if ! awk -v most="$1" -v name="$3" '
        length($0) > most && $0 !~ /^ *[^ ]*$/ {
            print name ", " most " columns: " length($0) ": " $0; bad = 1
        }
        END { exit bad }' lines; then
        bad=1
    fi
}

# The words of a text, without what is measured, the marks of lines, and whether a file is new.
words() {
    tr -s ' \n' '\n\n' < "$1" |
        grep -v -e '[0-9]' -e '^SYNTHETIC$' -e '^written$' -e '^unchanged$' || :
}

# A command's output at both widths; with `same` first also the same words as in a pipe.
check() {
    same=no
    if [ "$1" = same ]; then
        same=yes
        shift
        sh -c "$*" > piped 2>&1 || :
        words piped > piped_words
    fi
    for columns in 80 60; do
        shows $columns "$@" > shown
        fits $columns shown "$*"
        words shown > shown_words
        if [ $same = yes ] && ! cmp -s piped_words shown_words; then
            echo "$*, $columns columns: other words than in a pipe:"
            diff piped_words shown_words | head -20
            bad=1
        fi
    done
}

check same ./burin --help
for command in $(./burin --help | sed -n '/^Commands/,/^Options/s/^  \([a-z]*\) .*/\1/p'); do
    check same ./burin "$command" --help
done
# What a file gets fits 80 columns, too: the manual is a block of docs/language.md.
./burin layers > manual
fits 80 manual "burin layers in a pipe"
check same ./burin layers
kinds=$(./burin layers unknown 2>&1 | sed -n 's/.*expected //p' | tr -d , | sed 's/ or / /')
check same "for kind in" $kinds "; do ./burin layers \$kind || exit 1; done"
[ "$(wc -l < shown)" -gt 200 ] || { echo "burin layers KIND: too short"; cat shown; bad=1; }
for net in s8 resnet8 "$repository/tests/nets/tiny.lua"; do
    check same ./burin plan --norm gn "$net"
    check same ./burin plan --summary "$net"
done
check same ./burin scale --step 41 s8
check same ./burin data pictures
check same ./burin gen --norm gn -o net.c s8

# Mistakes.
check same ./burin plna s8
check same ./burin gen --norm nb s8
check same ./burin layers unknown
check same ./burin report nowhere
check same ./burin plan "$repository/tests/nets/absent.lua"
check same ./burin data nowhere
check same ./net eval --model nowhere
check same ./net trian
check same ./net train --epoch 0

# The program, from a training to the page.
check same ./net --help
for command in train eval predict bench info; do
    check same ./net $command --help
done
check same ./net info
check ./net train --data synthetic --epochs 1 --max-steps 5 --out run --profile
check ./net train --data synthetic --epochs 1 --max-steps 5 --out other --lr 0.5 --no-augment
check same ./net eval --model run --data synthetic --samples run/samples.safetensors
check same ./net eval --model run --data synthetic --mean 0.5,0.4,0.3 --std 0.1,0.1,0.1
check ./net predict --model run pictures
check ./net bench --threads 1
check ./net bench --steps 3 --profile
check ./burin report run other -o page.html
check same ./burin export run -o net.onnx
check same ./burin import net.onnx -o imported.lua --weights imported.safetensors
check same ./burin freeze run -o frozen
check same ./burin freeze other -o frozen
rm -rf digits
check ./burin new digits

# A line is broken between words, its mark in front of each part.
shows 60 ./net eval --model run --data synthetic --mean 0.5,0.4,0.3 --std 0.1,0.1,0.1 |
    sed -n '/normalised/,$p' | head -2 > shown
cat > expected << 'END'
SYNTHETIC normalised by mean 0.5000 0.4000 0.3000,
SYNTHETIC     deviation 0.1000 0.1000 0.1000, as the
END
if ! diff expected shown; then
    echo "eval at 60 columns: expected the first of these"
    bad=1
fi
exit $bad
