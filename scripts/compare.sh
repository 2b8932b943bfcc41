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

# The first number that a JSON file calls so, by itself or as the value of a setting.
number_of() { # KEY FILE
    sed -n "s/.*\"$1\":[[:space:]]*\({\"value\":\)\{0,1\}\([0-9.][0-9.]*\).*/\2/p" "$2" | head -n 1
}

# Seconds that a training of a norm will take: its steps, by the time that a few of them take now.
estimate() { # NORM
    program=build/${net}_$1
    threads=${THREADS:-$(getconf _NPROCESSORS_ONLN)}
    rm -rf "$folder/estimate"
    "$program" train --max-steps 1 ${EPOCHS:+--epochs "$EPOCHS"} ${data:+--data "$data"} --quiet \
        --out "$folder/estimate" > "$folder/estimate.txt"
    "$program" bench --steps 5 --threads "$threads" --json "$folder/estimate.json" > /dev/null
    ms=$(number_of ms "$folder/estimate.json")
    images=$(number_of train_images "$folder/estimate/log.jsonl")
    epochs=$(number_of epochs "$folder/estimate/log.jsonl")
    batch=$(number_of batch "$folder/estimate/log.jsonl")
    echo "$images $epochs $batch $ms" |
        awk '{ print int(int(($1 + $3 - 1) / $3) * $2 * $4 / 1000 * 1.1) + 1 }'
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
# number of trainings, and estimate_<norm>, the seconds of one.
announce() {
    all=0 before=0 total=0
    for norm in $NORMS $ghosts; do
        build_program "$NET" "$norm" "$folder/make.log"
        describe "$NET" "$norm" "$folder/${net}_$norm.description"
        seconds=
        for seed in $SEEDS; do
            all=$((all + 1))
            if is_done "$norm" "$seed"; then
                before=$((before + 1))
            else
                seconds=${seconds:-$(estimate "$norm")}
                total=$((total + seconds))
            fi
        done
        eval "estimate_$norm=${seconds:-0}"
    done
    echo "$net with $(echo $NORMS $ghosts), seed $(echo $SEEDS): $all trainings, $before of them done" \
        "before; $(about $total) for the rest; Ctrl-C saves, and the same command goes on"
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
    eval "trained=\$((trained + estimate_$1))"
}

# Evaluates what a norm and a seed came to.
evaluate() {
    run=$(folder_of "$1" "$2")
    if [ "$(ending "$run")" = finished ] && [ ! -e "$run/eval.json" ]; then
        "build/${net}_$1" eval ${data:+--data "$data"} ${THREADS:+--threads "$THREADS"} \
            --model "$run/last.safetensors" --out "$run" > "$run/eval.txt"
    fi
}

# Trains every norm with every seed. A first page comes as soon as there are two norms to compare.
compare() {
    norms=0
    for norm in $NORMS $ghosts; do
        for seed in $SEEDS; do
            train "$norm" "$seed"
            evaluate "$norm" "$seed"
        done
        norms=$((norms + 1))
        if [ $norms -eq 2 ]; then
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
choose_data
choose_ghosts
announce
number=0 trained=0
began=$(date +%s)
compare
