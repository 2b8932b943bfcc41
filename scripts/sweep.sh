#!/bin/sh
# Trains every combination of networks, norms and seeds, several at once, a thread each, and writes
# what came of it to runs/sweep/results/<net>.csv: what `make sweep` does. What is finished is not made again, so
# it may be stopped with Ctrl-C and started again at any time.
#
#     NETS="s8 s8_best" NORMS="bn gn ln" SEEDS="1 2 3 4 5" scripts/sweep.sh
#
# It runs in the root of the source tree. Variables, with their defaults: NETS ($NET), NORMS (bn gn
# ln), SEEDS (1 2 3 4 5), JOBS (trainings at once: the processors), VALIDATE (training images to hold
# out and evaluate in place of the test set), EPOCHS, DATA, ISA, RESULTS (the folder of <net>.csv,
# runs/sweep/results; the project's own are made with RESULTS=results), HOSTS (a file of machines that
# have this folder under the same path, `node1 slots=2` or `node1:2` a line: so many trainings at once
# on each, by on_host.sh).
set -eu
. scripts/runs.sh
NETS=${NETS:-${NET:-s8}}
NORMS=${NORMS:-bn gn ln}
SEEDS=${SEEDS:-1 2 3 4 5}
HOSTS=${HOSTS:-}
root=runs/sweep
RESULTS=${RESULTS:-$root/results}

# job = <net>_<norm>_<seed>, with what else makes it another training
suffix=${EPOCHS:+_${EPOCHS}epochs}${VALIDATE:+_validate$VALIDATE}

# The jobs, a line each: job, name of the network, norm, seed, network as it was given. Seed by seed,
# so that every norm has a first result early.
list_jobs() {
    for seed in $SEEDS; do
        for net in $NETS; do
            for norm in $NORMS; do
                name=$(basename "$net" .lua)
                echo "${name}_${norm}_$seed$suffix $name $norm $seed $net"
            done
        done
    done
}

# Where trainings are made, a word for each that can be at once: "here.1 here.2", "node1.1 node2.1".
list_places() {
    if [ -z "$HOSTS" ]; then
        seq -f here.%g "${JOBS:-$(getconf _NPROCESSORS_ONLN)}"
    else
        sed 's/#.*//; s/[:=]/ /g; s/ slots / /' "$HOSTS" |
            awk 'NF > 0 { for (i = 1; i <= (NF > 1 ? $2 : 1); i++) print $1 "." i }'
    fi
}

check_places() {
    if [ -z "$HOSTS" ]; then
        check_number JOBS "${JOBS:-1}"
    elif [ -n "${JOBS:-}" ]; then
        echo "JOBS and HOSTS: expected one of them: the file says how many trainings a machine makes" >&2
        exit 2
    elif [ ! -f "$HOSTS" ]; then
        echo "HOSTS: $HOSTS: no such file: expected lines like \"node1 slots=2\" or \"node1:2\"" >&2
        exit 2
    elif [ -z "$(list_places)" ]; then
        echo "HOSTS: $HOSTS: no machine in it: expected lines like \"node1 slots=2\" or \"node1:2\"" >&2
        exit 2
    fi
}

network_of() { # NAME NORM
    echo "$root/$1_$2.description"
}

# -- The trainings -------------------------------------------------------------------------------

# A training takes the place of its shell, beside everything else on the machine, and out of reach of
# the terminal: Ctrl-C comes by way of stop(), once, since a second signal would end it without saving.
# Where the kernel shares time out by session first (autogroup), the session has to step back as well.
run_with=in_background
in_background() { # COMMAND [argument...]
    if [ -n "$HOSTS" ]; then
        exec setsid scripts/on_host.sh "${place%.*}" nice -n 10 "$@"
    fi
    exec setsid sh -c '
        if [ -w /proc/self/autogroup ]; then echo 10 > /proc/self/autogroup; fi
        exec nice -n 10 "$@"' sh "$@"
}

# A place where nothing is running: sets `place`.
choose_place() {
    for place in $places; do
        case "$running " in
        *":$place "*) ;;
        *) return ;;
        esac
    done
}

# start JOB NAME NORM SEED: in the background. JOB.txt gets what it prints.
start() {
    out=$root/$1
    (
        train_run "$out" "$(network_of "$2" "$3")" "build/$2_$3" "$4" --threads 1 --quiet \
            ${VALIDATE:+--validate "$VALIDATE"}
    ) > "$out.txt" 2>&1 &
    running="$running $!:$1:$place"
}

job_of() { # ENTRY of running
    job_place=${1#*:}
    echo "${job_place%%:*}"
}

# Whether a process that nobody has waited for has not ended yet.
is_running() {
    case $(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null) in
    '' | Z) return 1 ;;
    esac
}

# Looks which of the running have ended.
collect() {
    still=
    for entry in $running; do
        if is_running "${entry%%:*}"; then
            still="$still $entry"
        else
            wait "${entry%%:*}" || true # the log says how it ended
            trained=$((trained + 1))
            tell "$(job_of "$entry")"
        fi
    done
    running=$still
}

# Whole epochs of the log of a job.
epochs_of() {
    awk 'END { print NR > 0 ? NR - 1 : 0 }' "$root/$1/log.csv" 2>/dev/null || echo 0
}

# "about 35 min left", from what was trained here so far.
time_left() {
    if [ $trained -gt 0 ] && [ $ended -lt $all ]; then
        echo ", about $((($(date +%s) - began) * (all - ended) / trained / 60 + 1)) min left"
    fi
}

# tell JOB: how it ended.
tell() {
    ended=$((ended + 1))
    clear_progress
    end=$(ending "$root/$1")
    case $end in
    finished) grep "^$1 " "$root/jobs" | rows | merge ;;
    diverged) ;;
    *)
        failures=$((failures + 1))
        end=failed
        ;;
    esac
    echo "$1: $end: $(tail -n 1 "$root/$1.txt") ($ended of $all$(time_left))"
}

# What is running, on a terminal alone.
show_progress() {
    if [ -t 1 ]; then
        text=
        for entry in $running; do
            text="$text, $(job_of "$entry") in epoch $(($(epochs_of "$(job_of "$entry")") + 1))"
        done
        printf '\r\033[K%s of %s done%s' $ended $all "$text"
    fi
}

clear_progress() {
    if [ -t 1 ]; then
        printf '\r\033[K'
    fi
}

# Waits until fewer than so many are running.
wait_for() {
    collect
    while [ "$(echo $running | wc -w)" -ge "$1" ]; do
        show_progress
        sleep 1
        collect
    done
}

# A signal: what is running saves its state and ends.
stop() {
    trap '' INT TERM
    clear_progress
    for entry in $running; do
        kill -TERM "${entry%%:*}" 2>/dev/null || true
    done
    wait
    echo "stopped; \`make sweep\` with the same variables goes on"
    exit 130
}

# -- The results ---------------------------------------------------------------------------------

# One row of a finished run.
row() { # JOB NAME NORM SEED NET
    made_of=
    if grep -q '"data":"SYNTHETIC"' "$root/$1/log.jsonl"; then
        made_of=synthetic
    fi
    command="make train NET=$5 NORM=$3 SEED=$4${EPOCHS:+ EPOCHS=$EPOCHS}${made_of:+ DATA=synthetic}"
    if [ "${ISA:-native}" != native ]; then
        command="$command ISA=$ISA"
    fi
    evaluated=${made_of:-test}
    if [ -n "${VALIDATE:-}" ]; then
        command="build/$2_$3 train --seed $4${EPOCHS:+ --epochs $EPOCHS}${made_of:+ --data synthetic} --validate $VALIDATE"
        evaluated="${made_of:+synthetic }held out $VALIDATE"
    fi
    echo "$2,$3,$4,$evaluated,$(figures "$root/$1"),$command"
}

header=net,norm,seed,evaluated,$FIGURES,command

# The rows of the finished among the jobs of standard input.
rows() {
    while read -r job name norm seed net; do
        if [ "$(ending "$root/$job")" = finished ]; then
            row "$job" "$name" "$norm" "$seed" "$net"
        fi
    done
}

# Puts the rows of standard input into the files of their networks, in place of those of the same
# training.
merge() {
    cat > "$root/rows"
    cut -d, -f1 "$root/rows" | sort -u > "$root/changed"
    while read -r changed; do
        file=$RESULTS/$changed.csv
        mkdir -p "$RESULTS"
        {
            echo "$header"
            { grep "^$changed," "$root/rows"; if [ -e "$file" ]; then tail -n +2 "$file"; fi; } |
                awk -F, '!seen[$1, $2, $3, $4, $5]++' | sort -t, -k4,4 -k5,5n -k2,2 -k3,3n
        } > "$root/merged"
        if ! cmp -s "$root/merged" "$file"; then
            cp "$root/merged" "$file.part"
            mv "$file.part" "$file"
        fi
    done < "$root/changed"
}

# Means and deviations of rows: net, norm, evaluated and epochs apart.
summarize() {
    awk -F, '
        {
            key = $1 FS $2 FS $4 FS $5
            if (!(key in n)) order[++keys] = key
            n[key]++; sum[key] += $6; square[key] += $6 * $6; train[key] += $7
        }
        END {
            printf "\n%-12s  %-6s  %-14s  %6s  %5s  %-14s  %s\n", "network", "norm", "evaluated",
                "epochs", "seeds", "accuracy, %", "training, %"
            for (i = 1; i <= keys; i++) {
                key = order[i]; split(key, part, FS); mean = sum[key] / n[key]
                variance = n[key] > 1 ? (square[key] - n[key] * mean * mean) / (n[key] - 1) : 0
                spread = n[key] > 1 ? sprintf(" +- %.2f", sqrt(variance > 0 ? variance : 0)) : ""
                printf "%-12s  %-6s  %-14s  %6d  %5d  %-14s  %.2f\n", part[1], part[2], part[3],
                    part[4], n[key], sprintf("%.2f", mean) spread, train[key] / n[key]
            }
        }'
}

# -- The sweep -----------------------------------------------------------------------------------

mkdir -p "$root"
choose_data
check_places
places=$(list_places)
twice=$(for net in $NETS; do basename "$net" .lua; done | sort | uniq -d)
if [ -n "$twice" ]; then
    echo "NETS: $twice: two networks of one name: expected files of different names" >&2
    exit 2
fi
for net in $NETS; do
    for norm in $NORMS; do
        build_program "$net" "$norm" "$root/make.log"
        describe "$net" "$norm" "$(network_of "$(basename "$net" .lua)" "$norm")"
    done
done

list_jobs > "$root/jobs"
all=$(wc -l < "$root/jobs")
all=$((all)) ended=0 trained=0 failures=0 running=
began=$(date +%s)
trap stop INT TERM
while read -r job name norm seed net; do
    if [ "$(state "$root/$job" "$(network_of "$name" "$norm")")" = finished ]; then
        ended=$((ended + 1))
        echo "$job: finished before"
        continue
    fi
    wait_for "$(echo $places | wc -w)"
    choose_place
    start "$job" "$name" "$norm" "$seed"
done < "$root/jobs"
wait_for 1
clear_progress
trap - INT TERM

rows < "$root/jobs" > "$root/finished"
merge < "$root/finished"
summarize < "$root/finished"
cut -d, -f1 "$root/finished" | sort -u | sed "s|.*|the rows are in $RESULTS/&.csv|"
[ $failures -eq 0 ]
