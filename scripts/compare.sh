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
# (1), EPOCHS, THREADS, DATA, PROBE (steps between two looks, or auto), ISA.
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

# The first number that a JSON file calls so, by itself or as the value of a setting.
number_of() { # KEY FILE
    sed -n "s/.*\"$1\":[[:space:]]*\({\"value\":\)\{0,1\}\([0-9.][0-9.]*\).*/\2/p" "$2" | head -n 1
}

# Milliseconds of a command; what it prints goes to a file, and to the terminal where it fails.
milliseconds() { # COMMAND...
    start=$(date +%s%N)
    "$@" > "$folder/estimate.txt" 2>&1 || { cat "$folder/estimate.txt" >&2; exit 1; }
    echo $((($(date +%s%N) - start) / 1000000))
}

bench_ms() { # NORM [option...]
    norm=$1
    shift
    "build/${net}_$norm" bench --steps 20 --threads "$threads" "$@" --json "$folder/estimate.json" \
        > /dev/null
    number_of ms "$folder/estimate.json"
}

# What a training is made of, by the first of those that are left: numbers of its log by their names,
# and milliseconds of two looks and of the last evaluation, which are nearly the same for all norms.
measure_training() { # NORM
    run="$folder/estimate"
    threads=${THREADS:-$(getconf _NPROCESSORS_ONLN)}
    rm -rf "$run"
    looks_ms=$(milliseconds "build/${net}_$1" train --max-steps 1 ${EPOCHS:+--epochs "$EPOCHS"} \
        ${data:+--data "$data"} --threads "$threads" --quiet --probe 1000000 --out "$run")
    details_ms=$(milliseconds "build/${net}_$1" eval ${data:+--data "$data"} --threads "$threads" \
        --model "$run/last.safetensors" --out "$run")
    train_images=$(number_of train_images "$run/log.jsonl")
    test_images=$(number_of test_images "$run/log.jsonl")
    epochs=$(number_of epochs "$run/log.jsonl")
    batch=$(number_of batch "$run/log.jsonl")
    rm -rf "$run"
}

# Seconds of a training that has made some of its epochs.
estimate() { # STEP_MS EVALUATION_MS EPOCHS_DONE
    awk -f scripts/estimate.awk -v images="$train_images" -v test="$test_images" \
        -v epochs=$((epochs - $3)) -v batch="$batch" -v every="$PROBE" -v step_ms="$1" \
        -v evaluation_ms="$2" -v looks_ms="$looks_ms" -v details_ms="$details_ms"
}

# "about 40 min", or "about 20 s".
about() { # SECONDS
    if [ "$1" -lt 90 ]; then
        echo "about $1 s"
    else
        echo "about $((($1 + 30) / 60)) min"
    fi
}

# Builds the programs of all norms and says what there is to do, and for how long. Sets `all`, the
# number of trainings, `total`, their seconds, and seconds_<norm>_<seed>, those of one.
announce() {
    all=0 before=0 total=0 looks_ms=
    for norm in $NORMS $ghosts; do
        build_program "$NET" "$norm" "$folder/make.log"
        describe "$NET" "$norm" "$folder/${net}_$norm.description"
        step_ms=
        for seed in $SEEDS; do
            all=$((all + 1)) seconds=0
            if is_done "$norm" "$seed"; then
                before=$((before + 1))
            else
                [ -n "$looks_ms" ] || measure_training "$norm"
                if [ -z "$step_ms" ]; then
                    step_ms=$(bench_ms "$norm")
                    evaluation_ms=$(bench_ms "$norm" --evaluate)
                fi
                seconds=$(estimate "$step_ms" "$evaluation_ms" "$(epochs_done "$norm" "$seed")")
            fi
            total=$((total + seconds))
            eval "seconds_${norm}_$seed=$seconds"
        done
    done
    echo "$net with $(echo $NORMS $ghosts), seed $(echo $SEEDS):"
    echo "$all trainings, $before of them done before; $(about $total) for the rest"
    echo "Ctrl-C saves, and the same command goes on"
}

# The epochs that an interrupted training has made.
epochs_done() { # NORM SEED
    run=$(folder_of "$1" "$2")
    if [ "$(state "$run" "$folder/${net}_$1.description")" = begun ]; then
        grep -c '^{"event":"epoch"' "$run/log.jsonl" || true
    else
        echo 0
    fi
}

is_done() { # NORM SEED
    case $(state "$(folder_of "$1" "$2")" "$folder/${net}_$1.description") in
    finished | diverged) return 0 ;;
    esac
    return 1
}

# What is left of the estimate, in the tempo of what was trained so far.
time_left() {
    spent=$(($(date +%s) - began))
    if [ $trained -gt 0 ]; then
        about $(((total - trained) * spent / trained))
    else
        about $total
    fi
}

# Trains a norm with a seed, or what is left of it. A training that diverges is no failure.
train() {
    run=$(folder_of "$1" "$2")
    number=$((number + 1))
    if is_done "$1" "$2"; then
        echo "$number of $all: $run: $(ending "$run") before"
        return
    fi
    echo "$number of $all: $run: training, $(time_left) left"
    rm -f "$run/eval.json"
    code=0
    train_run "$run" "$folder/${net}_$1.description" "build/${net}_$1" "$2" --probe "$PROBE" \
        ${THREADS:+--threads "$THREADS"} > "$folder/train.txt" || code=$?
    if [ $code -ne 0 ] && [ $code -ne $DIVERGED ]; then
        cat "$folder/train.txt"
        exit $code
    fi
    sed -n 's/^.*\(best .* accuracy .*\)/\1/p; /have changed;/p' "$folder/train.txt"
    eval "trained=\$((trained + seconds_$1_$2))"
}

# Evaluates what a norm and a seed came to.
evaluate() {
    run=$(folder_of "$1" "$2")
    if [ "$(ending "$run")" = finished ] && [ ! -e "$run/eval.json" ]; then
        "build/${net}_$1" eval ${data:+--data "$data"} ${THREADS:+--threads "$THREADS"} \
            --model "$run/last.safetensors" --out "$run" > "$run/eval.txt" 2>&1 ||
            { cat "$run/eval.txt" >&2; exit 1; }
    fi
}

# Trains every norm with every seed. A first page comes as soon as there are two norms to compare and
# more to come.
compare() {
    norms=0
    last=$(echo $NORMS $ghosts | wc -w)
    for norm in $NORMS $ghosts; do
        for seed in $SEEDS; do
            train "$norm" "$seed"
            evaluate "$norm" "$seed"
        done
        norms=$((norms + 1))
        if [ $norms -eq 2 ] && [ $norms -lt $last ]; then
            report
        fi
    done
    report
}

stop() {
    echo "stopped; \`make compare\` with the same variables goes on"
    exit 130
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
trap stop INT TERM
for seed in $SEEDS; do
    [ "$seed" = 0 ] || check_number SEEDS "$seed"
done
[ "$PROBE" = auto ] || check_number PROBE "$PROBE"
choose_data
choose_ghosts
echo "building programs of $(echo $NORMS $ghosts), timing a few steps and a look"
announce
number=0 trained=0
began=$(date +%s)
compare
if [ $trained -gt 0 ]; then
    echo "took $(about $(($(date +%s) - began))); announced was $(about $total)"
fi
