#!/bin/sh
# Trains the networks that ship, one after the other, each with its own recipe and norm, and writes
# what comes of it as a table, runs/networks/table.md, anew after each: what `make networks` does. A
# run that is finished is not made again, one that was interrupted goes on.
#
#     NETS="nin:bn allcnn:gn" EPOCHS=2 scripts/networks.sh
#
# It runs in the root of the source tree. Variables, with their defaults: NETS (all below), EPOCHS
# (those of each recipe), SEED (1), THREADS, DATA, ISA. Networks for images of another kind than
# CIFAR-10's train on SYNTHETIC ones, and the table says so.
set -eu
. scripts/runs.sh
NETS=${NETS:-s8:bn s8_best:bn s50k:bn s50k_best:bn resnet8:bn lenet:none mlp:bn allcnn:gn nin:bn
    vgg_small:bn mobile:ln resnext:gn resnet20:bn resnet20a:bn convmixer:bn airbench:bn densenet_small:bn
    senet_small:bn convnext_tiny:cn}
OTHER_IMAGES=" lenet pictures "
SEED=${SEED:-1}
check_number SEED "$SEED"
for pair in $NETS; do
    case $pair in
    ?*:?*) ;;
    *)
        echo "NETS: \"$pair\": expected a network and its norm, as nin:bn" >&2
        exit 2
        ;;
    esac
done
folder=runs/networks
mkdir -p "$folder"
choose_data
chosen=$data

# The row of a run: its parameters and MFLOP, and of its log the epochs, the mean of their seconds
# and the last accuracies.
row() { # NET NORM RUN
    build/burin plan --summary --norm "$2" "$1" > "$folder/plan.txt"
    size=$(sed -n 's/^ *\([0-9]*\) parameters, \([0-9.]*\) MFLOP.*/\1 | \2/p' "$folder/plan.txt")
    awk -v name="$1" -v norm="$2" -v size="$size" -v data="$data" '
        function number(key) {
            return match($0, "\"" key "\":[-0-9.e+]*") ? \
                substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) : ""
        }
        /^{"event":"epoch"/ {
            epochs++
            seconds += number("seconds")
            test = number("test_acc")
            train = number("train_acc")
        }
        END {
            images = data == "synthetic" ? "SYNTHETIC" : "real"
            mean = seconds / (epochs + (epochs == 0))
            printf "| %s | %s | %s | %s | %d | %.1f | %.2f | %.2f |\n", name, norm, images, size,
                epochs, mean, test, train
        }' "$3/log.jsonl"
}

table=$folder/table.md
{
    echo '| network | norm | images | parameters | MFLOP | epochs | s an epoch | test % | train % |'
    echo '|---|---|---|---|---|---|---|---|---|'
} > "$table.part"
for pair in $NETS; do
    net=${pair%:*} norm=${pair##*:}
    data=$chosen
    case "$OTHER_IMAGES" in *" $net "*) data=synthetic ;; esac
    run=$folder/${net}_$norm${EPOCHS:+_${EPOCHS}epochs}
    build_program "$net" "$norm" "$folder/make.log"
    describe "$net" "$norm" "$folder/description"
    echo "$run: $(state "$run" "$folder/description")"
    code=0
    train_run "$run" "$folder/description" "build/${net}_$norm" "$SEED" \
        ${THREADS:+--threads "$THREADS"} > "$folder/train.txt" || code=$?
    if [ $code -ne 0 ] && [ $code -ne $DIVERGED ]; then
        cat "$folder/train.txt"
        exit $code
    fi
    row "$net" "$norm" "$run" >> "$table.part"
    cp "$table.part" "$table.new"
    mv "$table.new" "$table"
done
rm "$table.part"
cat "$table"
