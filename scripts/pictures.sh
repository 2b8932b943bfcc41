#!/bin/sh
# From an empty folder to a trained network and a page about it: 1,000 PNG files of 48 x 40 pixels in
# five classes, made of the images of another set, and examples/pictures.lua trained on them.
#
#     scripts/pictures.sh data/cifar-10-batches-bin pets
#
# The second argument is the folder, which must not be there: pictures/train and pictures/test, run,
# and report.html will be in it. The first may be any set that `burin data` knows, or `synthetic`.
# It runs in the root of the source tree and prints its commands. EPOCHS is 20, SEED 1. Where PROGRAM
# names a program of the network, that and BURIN and MAKE_PICTURES are taken, and nothing is built.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: scripts/pictures.sh DATA FOLDER: expected a set of images and a new folder" >&2
    exit 2
fi
data=$1
folder=$2
EPOCHS=${EPOCHS:-20}
SEED=${SEED:-1}
PROGRAM=${PROGRAM:-}
BURIN=${BURIN:-build/burin}
MAKE_PICTURES=${MAKE_PICTURES:-build/tests/make_pictures}

run() {
    echo "\$ $*"
    "$@"
}

if [ -e "$folder" ]; then
    echo "$folder: is there already: expected a new folder" >&2
    exit 2
fi
if [ -z "$PROGRAM" ]; then
    run make gen NET=pictures NORM=bn
    run cmake --build build --target make_pictures
    PROGRAM=build/pictures_bn
fi
mkdir -p "$folder/pictures"
run "$MAKE_PICTURES" "$data" "$folder/pictures" 1000 40 48
for part in train test; do
    (cd "$folder/pictures/$part" && echo "$part: $(find . -name '*.png' | wc -l) pictures in" *)
done
run "$PROGRAM" train --data "$folder/pictures" --epochs "$EPOCHS" --seed "$SEED" \
    --out "$folder/run"
run "$PROGRAM" eval --model "$folder/run" --data "$folder/pictures"
some=$(find "$folder/pictures/test" -name '*.png' | LC_ALL=C sort | sed -n '1~50p')
# shellcheck disable=SC2086 # names of classes and numbers, which have no blanks, are words
run "$PROGRAM" predict --model "$folder/run" --top 2 $some
run "$BURIN" report "$folder/run" -o "$folder/report.html"
