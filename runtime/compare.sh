#!/bin/sh
# Trains a network with several norms and seeds, one after the other, looks inside, evaluates, and
# writes the report: what `make compare` does. A run that is finished is not made again, one that
# was interrupted goes on; so it may be stopped at any time.
#
#     NET=s8 NORMS="bn gn ln none" SEEDS="1 2 3" runtime/compare.sh
#
# It runs in the root of the source tree. Variables, with their defaults: NET (s8), NORMS (bn gn ln
# none), GHOSTS (images of batch norms over less than the batch; these train on the slower generic
# kernels), SEEDS (1), EPOCHS, THREADS, DATA, PROBE (steps between two looks), ISA.
set -eu
NET=${NET:-s8}
NORMS=${NORMS:-bn gn ln none}
GHOSTS=${GHOSTS-2 8 32}
SEEDS=${SEEDS:-1}
PROBE=${PROBE:-391}
net=$(basename "$NET" .lua)
folder=runs/compare

set -- # the options of every training
if [ -n "${DATA:-}" ]; then
    set -- "$@" --data "$DATA"
elif [ -z "${CIFAR10_DIR:-}" ] && [ ! -d data/cifar-10-batches-bin ]; then
    echo 'No CIFAR-10: DATA= and $CIFAR10_DIR are not set, and there is no'
    echo 'data/cifar-10-batches-bin. Comparing on the built-in SYNTHETIC images instead.'
    set -- "$@" --data synthetic
fi
if [ -n "${THREADS:-}" ]; then
    set -- "$@" --threads "$THREADS"
fi

# What ended the run of a folder: "finished", another word, or nothing.
ending() {
    sed -n 's/^{"event":"end","reason":"\([a-z_]*\)".*/\1/p' "$1/log.jsonl" 2>/dev/null | tail -n 1
}

# Trains a norm with a seed, or what is left of it, and evaluates the result.
train() {
    program=build/${net}_$1
    seed=$2
    out=$folder/${net}_$1_$2${EPOCHS:+_${EPOCHS}epochs}
    shift 2
    if [ "$(ending "$out")" = finished ]; then
        echo "$out: finished before"
    else
        echo "$out: training"
        if [ -e "$out/last.safetensors" ]; then
            "$program" train "$@" --quiet --probe "$PROBE" --resume "$out/last.safetensors"
        else
            "$program" train "$@" --quiet --probe "$PROBE" --seed "$seed" \
                ${EPOCHS:+--epochs "$EPOCHS"} --out "$out"
        fi
        rm -f "$out/eval.json"
    fi
    if [ ! -e "$out/eval.json" ]; then
        "$program" eval "$@" --model "$out/last.safetensors" --out "$out" > "$out/eval.txt"
    fi
}

# Trains every seed of these norms, which become part of the report.
compare() {
    norms=$1
    shift
    for norm in $norms; do
        make --no-print-directory gen NET="$NET" NORM="$norm" ISA="${ISA:-native}" \
            > "$folder/make.log" || { cat "$folder/make.log"; exit 1; }
        for seed in $SEEDS; do
            train "$norm" "$seed" "$@"
        done
        done_norms="${done_norms:-} $norm"
    done
    report
}

# One page of all that is done.
report() {
    set --
    for norm in $done_norms; do
        for seed in $SEEDS; do
            set -- "$@" "$folder/${net}_${norm}_$seed${EPOCHS:+_${EPOCHS}epochs}"
        done
    done
    build/burin report "$@" -o "$folder/report.html"
}

mkdir -p "$folder"
compare "$NORMS" "$@"
if [ -n "$GHOSTS" ]; then
    ghosts=
    for images in $GHOSTS; do
        ghosts="$ghosts bn$images"
    done
    compare "$ghosts" "$@"
fi
