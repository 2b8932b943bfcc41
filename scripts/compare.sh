#!/bin/sh
# Trains a network with several norms and seeds, one after the other, looks inside, evaluates, and
# writes the report: what `make compare` does. A run that is finished is not made again, one that
# was interrupted goes on; so it may be stopped at any time. A run that diverged is left out; what a
# changed network has left behind is trained anew.
#
#     NET=s8 NORMS="bn gn ln none" SEEDS="1 2 3" scripts/compare.sh
#
# It runs in the root of the source tree. Variables, with their defaults: NET (s8), NORMS (bn gn ln
# none), GHOSTS (images of batch norms over a part of the batch, those that divide it; none), SEEDS
# (1), EPOCHS, THREADS, DATA, PROBE (steps between two looks), ISA.
set -eu
. scripts/runs.sh
NET=${NET:-s8}
NORMS=$(echo ${NORMS:-bn gn ln none})
GHOSTS=${GHOSTS:-}
SEEDS=${SEEDS:-1}
PROBE=${PROBE:-391}
net=$(basename "$NET" .lua)
folder=runs/compare

folder_of() {
    echo "$folder/${net}_$1_$2${EPOCHS:+_${EPOCHS}epochs}"
}

# The norms of GHOSTS, but for those that NORMS has, too. Every norm is looked at before the first is
# trained.
choose_ghosts() {
    build_program "$NET" "${NORMS%% *}" "$folder/make.log"
    for norm in $NORMS; do
        build/burin plan --pass network --norm "$norm" "$NET" > "$folder/make.log"
    done
    batch=$(build/burin plan --pass network --norm bn "$NET" |
        sed -n 's/^ *batch = \([0-9]*\),$/\1/p')
    ghosts=
    for images in $GHOSTS; do
        check_number GHOSTS "$images"
        case " $NORMS " in
        *" bn$images "*) ;;
        *)
            if [ "$images" -lt "$batch" ] && [ $((batch % images)) -eq 0 ]; then
                ghosts="$ghosts bn$images"
            fi
            ;;
        esac
    done
}

# Trains a norm with a seed, or what is left of it. A training that diverges is no failure.
train() {
    run=$(folder_of "$1" "$2")
    case $(state "$run" "$folder/${net}_$1.description") in
    finished | diverged)
        echo "$run: $(ending "$run") before"
        ;;
    *)
        echo "$run: training"
        rm -f "$run/eval.json"
        code=0
        train_run "$run" "$folder/${net}_$1.description" "build/${net}_$1" "$2" --probe "$PROBE" \
            ${THREADS:+--threads "$THREADS"} || code=$?
        if [ $code -ne 0 ] && [ $code -ne $DIVERGED ]; then
            exit $code
        fi
        ;;
    esac
}

# Evaluates what a norm and a seed came to.
evaluate() {
    run=$(folder_of "$1" "$2")
    if [ "$(ending "$run")" = finished ] && [ ! -e "$run/eval.json" ]; then
        "build/${net}_$1" eval ${data:+--data "$data"} ${THREADS:+--threads "$THREADS"} \
            --model "$run/last.safetensors" --out "$run" > "$run/eval.txt"
    fi
}

# Trains every seed of these norms, and writes the report.
compare() {
    for norm in "$@"; do
        build_program "$NET" "$norm" "$folder/make.log"
        describe "$NET" "$norm" "$folder/${net}_$norm.description"
        for seed in $SEEDS; do
            train "$norm" "$seed"
            evaluate "$norm" "$seed"
        done
    done
    report
}

# One page of all that is finished, if anything is.
report() {
    set --
    for norm in $NORMS $ghosts; do
        for seed in $SEEDS; do
            run=$(folder_of "$norm" "$seed")
            if [ "$(ending "$run")" = finished ]; then
                set -- "$@" "$run"
            fi
        done
    done
    if [ $# -gt 0 ]; then
        build/burin report "$@" -o "$folder/report.html"
    else
        echo "no run is finished: no report"
    fi
}

mkdir -p "$folder"
choose_data
choose_ghosts
compare $NORMS
if [ -n "$ghosts" ]; then
    compare $ghosts
fi
