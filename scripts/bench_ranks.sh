#!/bin/sh
# What several ranks cost on this machine: what `make bench-ranks` does.
#
#     NET=s8 NORM=bn ROUNDS=5 STEPS=40 scripts/bench_ranks.sh
#
# It runs in the root of the source tree, with build/<net>_<norm> and, where there is an MPI,
# build/bench_exchange built. A way of training is timed by the difference of two runs, of 2 steps
# and of STEPS more, on SYNTHETIC images; all ways in turns, ROUNDS times. Each row has the medians
# of a way, and the median of its speed as a share of that of one rank with as many threads in the
# same round. Other work on the machine changes the time by the clock; that of processors changes
# less. Then come the exchange of gradients beside MPI_Allreduce, and the lines of what ranks need.
set -eu
. scripts/runs.sh
ROUNDS=${ROUNDS:-5}
STEPS=${STEPS:-40}
check_number ROUNDS "$ROUNDS"
check_number STEPS "$STEPS"
net=$(basename "$NET" .lua) folder=build/bench_ranks
program="build/${net}_$NORM"
rm -rf "$folder"
mkdir -p "$folder"

# Open MPI: more ranks than processors, in a container, too.
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpirun=$(sed -n 's/^MPIEXEC_EXECUTABLE:FILEPATH=//p' build/CMakeCache.txt)
[ -x build/bench_exchange ] || mpirun=

# -- Trainings ------------------------------------------------------------------------------------

# train STEPS THREADS RANKS [LAUNCHER ...]: seconds by the clock, and of processors
train() {
    steps=$1 threads=$2 ranks=$3
    shift 3
    began=$(date +%s.%N)
    times > "$folder/times"
    "$@" "$program" train --data synthetic --seed 1 --epochs 1000 --quiet --max-steps "$steps" \
        --threads "$threads" --ranks "$ranks" --out "$folder/run" > "$folder/said" 2>&1 ||
        { cat "$folder/said" >&2; exit 1; }
    times >> "$folder/times"
    ended=$(date +%s.%N)
    awk -v began="$began" -v ended="$ended" '
        { split($1, user, "m"); split($2, system_, "m") } # of this shell, then of what has ended
        NR % 2 == 0 { sum = 60 * user[1] + user[2] + 60 * system_[1] + system_[2] - sum }
        END { print ended - began, sum }' "$folder/times"
}

# measure WAY LIKE THREADS RANKS [LAUNCHER ...]: a line of its round. LIKE: what it stands beside.
measure() {
    way=$1 like=$2
    shift 2
    short=$(train 2 "$@")
    long=$(train $((STEPS + 2)) "$@")
    memory=$(sed -n 's/.*"peak_memory_mb":\([0-9.]*\).*/\1/p' "$folder/run/log.jsonl")
    echo "$short $long $memory" | awk -v way="$way" -v like="$like" -v steps="$STEPS" '{
        clock = 1e3 * ($3 - $1) / steps
        printf "%s|%s|%.6f|%.6f|%s\n", way, like, clock, 1e3 * ($4 - $2) / steps, $5
    }'
}

round=0
while [ $round -lt "$ROUNDS" ]; do
    round=$((round + 1))
    echo "round $round of $ROUNDS" >&2
    for count in 2 4; do
        alone="1 rank, $count threads"
        [ $count -gt 2 ] || measure '1 rank, 1 thread' '' 1 1
        measure "$alone" '' $count 1
        measure "\`--ranks $count\`, 1 thread each" "$alone" 1 $count
        [ -z "$mpirun" ] ||
            measure "\`mpirun -n $count\`, 1 thread each" "$alone" 1 1 "$mpirun" -n $count
    done
done > "$folder/rounds"

echo "$net, norm $NORM, $(getconf _NPROCESSORS_ONLN) processors; $ROUNDS rounds of $STEPS steps"
echo
awk -F '|' '
    function median(list, many, at, i, k, held) { # sorts list[at, 1 .. many]
        for (i = 2; i <= many; i++) {
            held = list[at, i]
            for (k = i - 1; k > 0 && list[at, k] > held; k--)
                list[at, k + 1] = list[at, k]
            list[at, k + 1] = held
        }
        k = int((many + 1) / 2)
        return (list[at, k] + list[at, many + 1 - k]) / 2
    }
    !($1 in rounds) { order[++ways] = $1; like[$1] = $2 }
    {
        n = ++rounds[$1]
        clock[$1, n] = $3; processors[$1, n] = $4; memory[$1, n] = $5
        if ($2 != "") {
            clock_share[$1, n] = clock[$2, n] / $3
            processor_share[$1, n] = processors[$2, n] / $4
        }
    }
    END {
        print "| | ms a step | of processors | speed by the clock | by processors | MB of rank 0 |"
        print "|---|---|---|---|---|---|"
        for (i = 1; i <= ways; i++) {
            way = order[i]; n = rounds[way]
            if (like[way] != "")
                share = sprintf("%.3f | %.3f", median(clock_share, n, way),
                    median(processor_share, n, way))
            else
                share = "|"
            printf "| %s | %.1f | %.1f | %s | %.0f |\n", way, median(clock, n, way), \
                median(processors, n, way), share, median(memory, n, way)
        }
    }' "$folder/rounds" > "$folder/ways"
cat "$folder/ways"

# -- The order of sums ----------------------------------------------------------------------------

# exchange RANKS STEP: a row; STEP: milliseconds of a step on so many ranks
exchange() {
    "$mpirun" -n "$1" build/bench_exchange "$floats" "$chunks" 400 > "$folder/exchange"
    awk -v ranks="$1" -v step="$2" '{
        printf "| %d | %.0f (%.0f) | %.0f (%.0f) | %.2f %% (%.2f %%) |\n", ranks, $1, $2, $3, $4, \
            ($1 - $3) / 10 / step, ($2 - $4) / 10 / step
    }' "$folder/exchange"
}

build/burin scale --step 1 --norm "$NORM" --isa "${ISA:-native}" "$NET" > "$folder/scale"
floats=$(sed -n 's/^gradients \([0-9]*\) KB.*/\1/p' "$folder/scale")
floats=$((floats * 250))
chunks=$(sed -n 's/.*a batch has \([0-9]*\) chunks.*/\1/p' "$folder/scale")
echo
if [ -n "$mpirun" ]; then
    echo "$floats floats of each of $chunks chunks summed; microseconds, median (least) of 400:"
    echo
    echo '| ranks | in the fixed order | `MPI_Allreduce` | more, of a step |'
    echo '|---|---|---|---|'
    for count in 2 4; do
        step=$(sed -n "s/^| .mpirun -n $count.* each | \([0-9.]*\) .*/\1/p" "$folder/ways")
        exchange $count "$step"
    done
    echo
    cut -d ' ' -f 5- "$folder/exchange"
else
    echo 'No MPI: nothing to compare the sums in a fixed order with.'
fi

echo
cat runtime/ranks/*.[ch] runtime/train/alike.[ch] runtime/train/meet.[ch] runtime/train/spread.[ch] |
    awk 'END { print NR, "lines: runtime/ranks, and alike, meet and spread of runtime/train" }'
