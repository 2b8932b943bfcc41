#!/bin/sh
# A training whose ranks are killed again and again loses no epoch that it has saved, and ends with the
# bytes of one that nobody disturbs.
#
#     tests/project/test_lost_ranks.sh PROGRAMS WORK MPIRUN [KILLS [SEED]]
#
# Each time a random rank, of a random number of them, is killed with signal 9 at a random moment, of
# `--ranks` and of MPIRUN in turns; what is left goes on with another number of ranks. PROGRAMS holds
# tiny_bn. MPIRUN is empty where there is no MPI. Then Ctrl-C at the launcher.
set -eu
programs=$1 work=$2 mpirun=$3 kills=${4:-50} seed=${5:-1}
program="$programs/tiny_bn"
rm -rf "$work"
mkdir -p "$work"
cd "$work"

# Open MPI: more ranks than processors, in a container, too, and time to save after Ctrl-C. MPICH asks
# for nothing.
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_odls_base_sigkill_timeout=60
unset OMPI_COMM_WORLD_SIZE PMI_SIZE PMIX_RANK 2>/dev/null || true

fail() {
    echo "$*"
    [ ! -f said ] || cat said
    exit 1
}

# well COMMAND ...
well() {
    "$@" >said 2>&1 || fail "$*: failed"
}

# alone STEPS FROM: the reference, in alone_STEPS, made from that after FROM steps; from none if 0
alone() {
    [ ! -d "alone_$1" ] || return 0
    if [ "$2" -eq 0 ]; then
        well "$program" train --data synthetic --seed 1 --epochs 100000 --quiet --threads 1 \
            --max-steps "$1" --out "alone_$1"
    else
        well "$program" train --resume "alone_$2" --quiet --threads 1 --max-steps "$1" \
            --out "alone_$1"
    fi
}

# Epochs of 125 steps; a checkpoint after each of them.
epoch=125 more=5
alone 3 0

# reached FOLDER: sets `steps` to those after which its checkpoint was made
reached() {
    before=3 steps=3
    while ! cmp -s "$1/last.safetensors" "alone_$steps/last.safetensors"; do
        before=$steps steps=$((steps == 3 ? epoch : steps + epoch))
        [ "$steps" -lt 50000 ] || fail "$1: not the bytes of any epoch of the reference"
        alone "$steps" "$before"
    done
}

# goes_on FOLDER RANKS: some steps more, of another number of ranks
goes_on() {
    alone $((steps + more)) "$steps"
    well "$program" train --resume "$1" --max-steps $((steps + more)) --threads 1 --quiet --ranks "$2"
    cmp -s "$1/last.safetensors" "alone_$((steps + more))/last.safetensors" ||
        fail "$1: other bytes than alone after $((steps + more)) steps"
}

# The processes that work for this one, whatever stands between.
ranks_of() {
    for child in $(pgrep -P "$1"); do
        ! grep -qx tiny_bn "/proc/$child/comm" 2>/dev/null || echo "$child"
        ranks_of "$child"
    done
}

# lose RANK EPOCHS SECONDS COMMAND ...: so long after it has saved so many, in `lost`
lose() {
    rank=$1 epochs=$2 seconds=$3
    shift 3
    "$@" >said 2>&1 &
    launched=$!
    lost=
    while [ -z "$lost" ]; do
        kill -0 $launched || fail "$*: no rank $rank to kill"
        lost=$(ranks_of $launched | sed -n "$((rank + 1))p")
    done
    until [ "$(grep -c '"event":"epoch"' lost/log.jsonl)" -ge "$epochs" ]; do
        kill -0 $launched || fail "$*: ended before epoch $epochs"
        sleep 0.05
    done
    sleep "$seconds"
    kill -9 "$lost" || fail "$*: rank $rank has ended by itself"
    code=0
    wait $launched || code=$?
    [ "$code" -ne 0 ] || fail "$*: a lost rank went unnoticed"
}

awk -v kills="$kills" -v seed="$seed" 'BEGIN {
    srand(seed)
    for (i = 0; i < kills; i++) {
        ranks = 2 + int(4 * rand())
        print i, ranks, int(ranks * rand()), int(3 * rand() * rand() + 0.2), rand() / 2, 1 + (ranks + int(4 * rand())) % 5
    }
}' >plan
while read -r turn ranks rank epochs seconds next; do
    rm -rf lost
    cp -r alone_3 lost
    set -- train --resume lost --max-steps 1000000 --threads 1 --quiet --out lost
    if [ $((turn % 2)) -eq 1 ] && [ -n "$mpirun" ]; then
        lose "$rank" "$epochs" "$seconds" "$mpirun" -n "$ranks" "$program" "$@"
    else
        lose "$rank" "$epochs" "$seconds" "$program" "$@" --ranks "$ranks"
    fi
    reached lost
    goes_on lost "$next"
    echo "rank $rank of $ranks, $epochs epochs and $seconds s: $steps steps kept, gone on with $next"
done <plan

# -- Ctrl-C ----------------------------------------------------------------------------------------

# interrupt RANKS COMMAND ...: signal 2 to the group of the launcher, later and later until a step is
# made; --ranks RANKS, of which there are 1 where the command is a launcher
interrupt() {
    ranks=$1
    shift
    for seconds in 2 4 8 16 32 64; do
        rm -rf stopped
        timeout -s INT "$seconds" "$@" train --data synthetic --seed 1 --epochs 100000 --quiet \
            --threads 1 --ranks "$ranks" --out stopped >said 2>&1 || true
        steps=$(sed -n 's/.*interrupted at step \([0-9]*\).*/\1/p' said)
        [ -z "$steps" ] || break
    done
    [ -n "$steps" ] || fail "$*: interrupted, but at no step"
    alone "$steps" 0
    cmp -s stopped/last.safetensors "alone_$steps/last.safetensors" ||
        fail "$*: interrupted: other bytes than alone after $steps steps"
    goes_on stopped 3
    echo "interrupted at step $steps: $*"
}
interrupt 3 "$program"
[ -z "$mpirun" ] || interrupt 1 "$mpirun" -n 2 "$program"
