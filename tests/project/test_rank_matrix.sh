#!/bin/sh
# Every network on every number of ranks and threads, by every way from rank to rank, ends with the
# bytes of one that is alone.
#
#     tests/project/test_rank_matrix.sh PROGRAMS WORK MAKE_PICTURES [PROGRAM ...]
#
# PROGRAMS holds the programs, which are those of the real networks where none is named. The ways
# are `--ranks`, Open MPI and MPICH, as far as they are installed under the names that Debian gives
# them; each gets a plug-in of its own. Three steps: of batches of 128 the third is of the second
# epoch.
set -eu
programs=$1 work=$2 make_pictures=$3 root=$(pwd)
shift 3
[ $# -gt 0 ] || set -- s8_bn s8_gn s8_ln s8_bn16 s50k_bn resnet8_bn
rm -rf "$work"
mkdir -p "$work"
cd "$work"

# Open MPI: more ranks than processors, in a container, too. MPICH asks for nothing.
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
unset OMPI_COMM_WORLD_SIZE PMI_SIZE PMIX_RANK 2>/dev/null || true

fail() {
    echo "$*"
    [ ! -f said ] || cat said
    exit 1
}

# Few images, so that a rank does not read for longer than it trains: five classes, each also under
# another name.
mkdir images
"$make_pictures" synthetic images 150 32 32
for class in images/*/*; do
    cp -r "$class" "${class}_again"
done

# train FOLDER THREADS COMMAND ...
train() {
    folder=$1 threads=$2
    shift 2
    rm -rf "$folder"
    "$@" --data images --seed 1 --epochs 50 --quiet --max-steps 3 --threads "$threads" \
        --out "$folder" >said 2>&1 || fail "$*: failed"
}

# expect WORDS RANKS THREADS: the training that is in `many` says so, and has the bytes of `alone`
expect() {
    cmp -s many/last.safetensors alone/last.safetensors ||
        fail "$name, $1, $2 ranks of $3 threads: other bytes than alone"
    said="\"threads\":$3,.*\"ranks\":$2,.*\"between_ranks\":\"$1"
    [ "$2" -eq 1 ] || grep -q "$said" many/log.jsonl ||
        fail "$name, $1, $2 ranks of $3 threads: the log says something else"
    count=$((count + 1))
}

# walk WORDS RUN: RUN RANKS THREADS of each number of them
walk() {
    count=0
    for ranks in 1 2 3 4 5 8 16; do
        for threads in 1 2 3 4; do
            "$2" $ranks $threads
            expect "$1" $ranks $threads
        done
    done
    echo "$name, $1: $count combinations"
}

shared() { train many "$2" "$programs/$name" train --ranks "$1"; }
by_openmpi() { train many "$2" mpiexec.openmpi -n "$1" "openmpi/$name" train; }
by_mpich() { train many "$2" mpiexec.mpich -n "$1" "mpich/$name" train; }

for mpi in openmpi mpich; do
    if command -v mpicc.$mpi >/dev/null && command -v mpiexec.$mpi >/dev/null; then
        mkdir $mpi
        mpicc.$mpi -O2 -shared -fPIC -I "$root/runtime" "$root/runtime/ranks/mpi.c" \
            "$root/runtime/sys/err.c" -o $mpi/burin_mpi.so
    else
        echo "$mpi: not installed, not tried"
    fi
done

for name in "$@"; do
    train alone 1 "$programs/$name" train
    walk "shared memory" shared
    for mpi in openmpi mpich; do
        [ -d $mpi ] || continue
        cp "$programs/$name" $mpi
        case $mpi in
        openmpi) walk "Open MPI" by_openmpi ;;
        mpich) walk "MPICH" by_mpich ;;
        esac
    done
done
