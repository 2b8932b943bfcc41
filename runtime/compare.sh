#!/bin/sh
# Trains a network with several norms and seeds, one after the other, looks inside, evaluates, and
# writes the report: what `make compare` does. A run that is finished is not made again, one that
# was interrupted goes on; so it may be stopped at any time. A run that diverged is left out. After a
# change to the network remove runs/compare.
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
DIVERGED=4 # the exit code of a training

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

folder_of() {
    echo "$folder/${net}_$1_$2${EPOCHS:+_${EPOCHS}epochs}"
}

# Trains a norm with a seed, or what is left of it.
train() {
    program=build/${net}_$1
    seed=$2
    out=$(folder_of "$1" "$2")
    shift 2
    case $(ending "$out") in
    finished | diverged)
        echo "$out: $(ending "$out") before"
        ;;
    *)
        echo "$out: training"
        rm -f "$out/eval.json"
        if [ -e "$out/last.safetensors" ]; then
            set -- "$@" --resume "$out/last.safetensors"
        else
            set -- "$@" --seed "$seed" ${EPOCHS:+--epochs "$EPOCHS"} --out "$out"
        fi
        code=0
        "$program" train "$@" --quiet --probe "$PROBE" || code=$?
        if [ $code -ne 0 ] && [ $code -ne $DIVERGED ]; then
            exit $code
        fi
        ;;
    esac
}

# Evaluates what a norm and a seed came to.
evaluate() {
    program=build/${net}_$1
    out=$(folder_of "$1" "$2")
    shift 2
    if [ "$(ending "$out")" = finished ] && [ ! -e "$out/eval.json" ]; then
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
            evaluate "$norm" "$seed" "$@"
        done
        done_norms="${done_norms:-} $norm"
    done
    report
}

# One page of all that is finished.
report() {
    set --
    for norm in $done_norms; do
        for seed in $SEEDS; do
            out=$(folder_of "$norm" "$seed")
            if [ "$(ending "$out")" = finished ]; then
                set -- "$@" "$out"
            fi
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
