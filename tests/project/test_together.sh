#!/bin/sh
# Trainings on several ranks end with the bytes of the one that is alone, whatever happens to a rank.
#
#     tests/project/test_together.sh PROGRAMS WORK MPIRUN FAULTS MAKE_PICTURES [deep]
#
# PROGRAMS holds tiny_bn, tiny_gn and tiny_bn8, whose statistics are those of images in different
# chunks, another_chunks, a tiny_bn of 32 chunks, and another_bf16, one with products in bf16. MPIRUN
# starts ranks of MPI, and FAULTS is mpi_faults.so; empty: there is no MPI. With `deep` many numbers of
# ranks and threads, and faults in every call of MPI; many kills: test_lost_ranks.sh.
set -eu
programs=$1 work=$2 mpirun=$3 faults=$4 make_pictures=$5 deep=${6:-}
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

# The options of all: more epochs than any of them makes.
options="--data synthetic --seed 1 --epochs 50 --quiet"

# train CODE TEXT COMMAND ...: what it must end with and say, in `said`
train() {
    expected=$1 text=$2
    shift 2
    code=0
    "$@" >said 2>&1 || code=$?
    [ "$code" -eq "$expected" ] || fail "$*: code $code: expected $expected"
    grep -q -- "$text" said || fail "$*: expected the message: $text"
}

# same FOLDER REFERENCE
same() {
    cmp -s "$1/last.safetensors" "$2/last.safetensors" || fail "$1: other bytes than $2"
}

# alone NET STEPS: the reference, in alone_NET_STEPS
alone() {
    train 0 "" "$programs/tiny_$1" train $options --max-steps "$2" --threads 1 --out "alone_$1_$2"
}

# shared NET RANKS THREADS and by_mpi NET RANKS THREADS: three steps of each
shared() {
    train 0 "" "$programs/tiny_$1" train $options --max-steps 3 --threads "$3" --ranks "$2" \
        --out "shared_$1_$2_$3"
    same "shared_$1_$2_$3" "alone_$1_3"
}
by_mpi() {
    train 0 "" "$mpirun" -n "$2" "$programs/tiny_$1" train $options --max-steps 3 --threads "$3" \
        --out "mpi_$1_$2_$3"
    same "mpi_$1_$2_$3" "alone_$1_3"
}

for net in bn gn bn8; do
    alone $net 3
done

# More chunks than there are mostly, and so more ranks: other bits, and the same on all of them.
more_chunks="$programs/another_chunks train $options --max-steps 3 --threads 1"
in_more_chunks() { # RANKS
    train 0 "" $more_chunks --ranks "$1" --out "chunks_$1"
    same "chunks_$1" chunks_1
}
# Products in bf16: other bits than those of floats, the same on all ranks and threads, in an
# evaluation, too.
in_bf16() { # RANKS THREADS
    train 0 "" "$programs/another_bf16" train $options --max-steps 3 --threads "$2" --ranks "$1" \
        --out "bf16_$1_$2"
    same "bf16_$1_$2" bf16_1_1
    train 0 "accuracy" "$programs/another_bf16" eval --model bf16_1_1 --ranks "$1" --threads "$2" \
        --out "eval_bf16_$1_$2"
    cmp -s eval_bf16_1_1/eval.json "eval_bf16_$1_$2/eval.json" ||
        fail "bf16: eval --ranks $1 --threads $2 writes something else"
}
in_bf16 1 1
! cmp -s bf16_1_1/last.safetensors alone_bn_3/last.safetensors || fail "bf16: the bits of floats"
in_bf16 1 3
in_bf16 2 2
in_bf16 3 1

in_more_chunks 1
! cmp -s chunks_1/last.safetensors alone_bn_3/last.safetensors || fail "32 chunks: the bits of 16"
in_more_chunks 3

# A checkpoint of them goes on on other ranks, cut as before, and by no program that cuts otherwise.
resumed="train --threads 1 --quiet --max-steps 6"
train 0 "" "$programs/another_chunks" train $options --max-steps 6 --threads 1 --out chunks_to_6
train 0 "" "$programs/another_chunks" $resumed --resume chunks_3 --ranks 5 --out chunks_onward
same chunks_onward chunks_to_6
train 2 "here .*32 chunks" "$programs/another_chunks" $resumed --resume alone_bn_3 --ranks 2 --out wrong
train 2 ", 32 chunks: here c " "$programs/tiny_bn" $resumed --resume chunks_1 --ranks 2 --out wrong
[ ! -e wrong ] || fail "other chunks: refused, but something was written"
train 0 "going on with another training" "$programs/another_chunks" $resumed --resume alone_bn_3 \
    --resume-anyway --ranks 2 --out chunks_anyway
! cmp -s chunks_anyway/last.safetensors chunks_to_6/last.safetensors || fail "began with other steps"

if [ -n "$deep" ]; then
    for ranks in 2 5 20 32; do
        in_more_chunks $ranks
        [ -n "$mpirun" ] || continue
        train 0 "" "$mpirun" -n $ranks $more_chunks --out "chunks_mpi_$ranks"
        same "chunks_mpi_$ranks" chunks_1
    done
    for ranks in 5 8 16; do
        in_bf16 $ranks 2
    done
    for net in bn gn bn8; do
        for ranks in 1 2 3 4 5 8 16; do
            for threads in 1 2 4; do
                shared $net $ranks $threads
                [ -z "$mpirun" ] || by_mpi $net $ranks $threads
            done
        done
    done
else
    shared bn 2 2
    shared gn 3 1
    shared bn8 3 1
    if [ -n "$mpirun" ]; then
        by_mpi bn 1 1
        by_mpi bn 3 2
        by_mpi gn 2 1
    fi
fi

# The first rank alone has the images: PNG files of five classes, each also under another name.
mkdir pictures
"$make_pictures" synthetic pictures 75 32 32
cp -r pictures ten
for class in ten/*/*; do
    cp -r "$class" "${class}_again"
done
picture_options="train --seed 1 --epochs 50 --quiet --max-steps 3 --threads 1"
train 0 "" "$programs/tiny_bn" $picture_options --data ten --out alone_pictures
train 0 "" "$programs/tiny_bn" $picture_options --data ten --data-from-root --ranks 2 --out spread
same spread alone_pictures
train 3 "rank 0 on .*: no data" "$programs/tiny_bn" $picture_options --data nowhere --data-from-root \
    --ranks 3
if [ -n "$mpirun" ]; then
    train 0 "" "$mpirun" -n 1 "$programs/tiny_bn" $picture_options --data ten --data-from-root \
        --out spread_mpi : -n 1 "$programs/tiny_bn" $picture_options --data nowhere --data-from-root \
        --out spread_mpi
    same spread_mpi alone_pictures
    train 2 "rank 1 on .*: --data-from-root: \"not given\"" "$mpirun" -n 1 "$programs/tiny_bn" \
        $picture_options --data ten --data-from-root : -n 1 "$programs/tiny_bn" \
        $picture_options --data ten
fi

# An evaluation says and writes the same.
train 0 "accuracy" "$programs/tiny_bn" eval --model alone_bn_3 --out eval_alone --threads 1
mv said eval_said
train 0 "accuracy" "$programs/tiny_bn" eval --model alone_bn_3 --out eval_shared --ranks 3
cmp -s said eval_said || fail "eval --ranks 3 says something else"
cmp -s eval_alone/eval.json eval_shared/eval.json || fail "eval --ranks 3 writes something else"
if [ -n "$mpirun" ]; then
    train 0 "accuracy" "$mpirun" -n 2 "$programs/tiny_bn" eval --model alone_bn_3 --threads 2
    cmp -s said eval_said || fail "eval on 2 ranks of MPI says something else"
fi

train 0 "accuracy" "$programs/tiny_bn" eval --model alone_pictures --data ten --threads 1
mv said eval_ten
train 0 "accuracy" "$programs/tiny_bn" eval --model alone_pictures --data ten --data-from-root --ranks 3
cmp -s said eval_ten || fail "eval --data-from-root says something else"
train 3 "tiny_bn: rank 0 on [^ ]*: no data" "$programs/tiny_bn" eval --model alone_pictures \
    --data nowhere --data-from-root --ranks 2
if [ -n "$mpirun" ]; then
    train 0 "accuracy" "$mpirun" -n 1 "$programs/tiny_bn" eval --model alone_pictures --data ten \
        --data-from-root : -n 1 "$programs/tiny_bn" eval --model alone_pictures --data nowhere \
        --data-from-root
    cmp -s said eval_ten || fail "eval --data-from-root of MPI says something else"
fi

# So do answers, those with a problem among them, whichever rank has read the image: 75 in batches of 32.
find pictures -name '*.png' | sort | sed -n '1p;30p;70p' | while read -r picture; do
    echo "no picture" >"$picture"
done
images=pictures
answer() { # CODE FOLDER COMMAND ...: of $images; standard output and error apart
    expected=$1 into=$2
    shift 2
    code=0
    mkdir "$into"
    "$@" --model alone_bn_3 --json "$images" >"$into/output" 2>"$into/errors" || code=$?
    cp "$into/errors" said
    [ "$code" -eq "$expected" ] || fail "$*: code $code: expected $expected"
}
answer 3 answers "$programs/tiny_bn" predict --threads 1
[ "$(grep -c '"problem"' answers/output)" -eq 3 ] || fail "predict: expected three problems"
[ "$(wc -l <answers/output)" -eq 75 ] || fail "predict: expected 75 answers"
grep -q "tiny_bn: 3 of 75 images could not be read" answers/errors || fail "predict: no count"
for ranks in 2 3; do
    answer 3 answers_$ranks "$programs/tiny_bn" predict --threads 2 --ranks $ranks
    diff -r answers answers_$ranks >/dev/null || fail "predict --ranks $ranks says something else"
done
answer 3 answers_root "$programs/tiny_bn" predict --threads 1 --data-from-root --ranks 3
diff -r answers answers_root >/dev/null || fail "predict --data-from-root says something else"
first=$(find pictures -name '*.png' | sort | sed -n 2p)
for ranks in 1 2; do
    train 0 "" "$programs/tiny_bn" predict --model alone_bn_3 --data-from-root --ranks $ranks - <"$first"
    mv said "answer_input_$ranks"
done
cmp -s answer_input_1 answer_input_2 || fail "predict - says something else on two ranks"
if [ -n "$mpirun" ]; then
    predict="predict --threads 1 --data-from-root"
    images=nowhere
    answer 3 answers_apart "$mpirun" -n 1 "$programs/tiny_bn" $predict --model alone_bn_3 --json \
        pictures : -n 2 "$programs/tiny_bn" $predict
    images=pictures
    cmp -s answers/output answers_apart/output ||
        fail "predict --data-from-root of MPI says something else"
    train 2 "rank 1 on .*: --data-from-root: \"not given\"" "$mpirun" -n 1 "$programs/tiny_bn" \
        $predict --model alone_bn_3 pictures : -n 1 "$programs/tiny_bn" predict --model alone_bn_3 \
        pictures
    answer 3 answers_mpi "$mpirun" -n 3 "$programs/tiny_bn" predict --threads 1
    cmp -s answers/output answers_mpi/output || fail "predict on 3 ranks of MPI says something else"
    grep -q "tiny_bn: 3 of 75 images could not be read" answers_mpi/errors || fail "predict: no count"
fi

# -- A rank is lost --------------------------------------------------------------------------------

# lose RANK SECONDS COMMAND ...: kills a rank of this training with signal 9; `ranks` are those it had
lose() {
    rank=$1 seconds=$2
    shift 2
    "$@" >said 2>&1 &
    launched=$!
    sleep "$seconds"
    lost=
    while [ -z "$lost" ]; do
        kill -0 $launched || fail "$*: no rank $rank to kill"
        ranks=$(pgrep -P $launched | sort -n)
        lost=$(echo "$ranks" | sed -n "$((rank + 1))p")
    done
    kill -9 "$lost"
    code=0
    wait $launched || code=$?
    [ "$code" -ne 0 ] || fail "$*: a lost rank went unnoticed"
}

# one_of FOLDER NET STEPS ...: its checkpoint is the one after so many steps, of which it may have
# reached any: an epoch of 125 steps may take a tenth of a second
one_of() {
    folder=$1 net=$2
    shift 2
    for steps in "$@"; do
        ! cmp -s "$folder/last.safetensors" "alone_${net}_$steps/last.safetensors" || return 0
    done
    fail "$folder: other bytes than alone_$net after any of $* steps"
}

# --max-steps is far away.
reached="3 125 250 375"
for steps in $reached 20 400; do
    [ -d alone_bn_$steps ] || alone bn $steps
done
cp -r shared_bn_2_2 lost
lose 1 0.1 "$programs/tiny_bn" train --resume lost --max-steps 100000 --threads 1 --quiet --ranks 3 \
    --out lost
grep -q "ended by signal 9" said || fail "nobody says what has happened"
one_of lost bn $reached
for rank in $ranks; do
    ! kill -0 "$rank" 2>/dev/null || fail "rank $rank stayed"
done
train 0 "" "$programs/tiny_bn" train --resume lost --max-steps 400 --threads 1 --quiet --ranks 2
same lost alone_bn_400
train 0 "" "$programs/tiny_bn" train --resume alone_bn_3 --max-steps 20 --threads 2 --quiet --ranks 3 \
    --out onward
same onward alone_bn_20

# -- Somebody asks to stop -------------------------------------------------------------------------

"$programs/tiny_bn" train $options --threads 1 --ranks 2 --out stopped >said 2>&1 &
launched=$!
until grep -q '"event":"start"' stopped/log.jsonl 2>/dev/null || ! kill -0 $launched 2>/dev/null; do
    sleep 0.05
done
kill -TERM $launched # a shell lets nobody in the background hear of INT
code=0
wait $launched || code=$?
[ "$code" -eq 130 ] || fail "interrupted: code $code: expected 130"
steps=$(sed -n 's/.*interrupted at step \([0-9]*\).*/\1/p' said)
[ -n "$steps" ] || fail "interrupted: no step"
alone bn "$steps"
same stopped "alone_bn_$steps"

# -- What is wrong is said, once -------------------------------------------------------------------

once() {
    [ "$(grep -c "tiny_[a-z0-9]*: " said)" -eq 1 ] || fail "expected one message"
}
train 2 "bench: PMI_SIZE=2: " env PMI_SIZE=2 "$programs/tiny_bn" bench
train 2 "predict: -: standard input" "$programs/tiny_bn" predict --model alone_bn_3 --ranks 2 -
once
train 2 "at most 16, the chunks of a batch" "$programs/tiny_bn" train $options --ranks 17
train 3 "rank 0 on .*: no data" "$programs/tiny_bn" train --data nowhere --ranks 2
once
if [ -n "$mpirun" ]; then
    more="train $options --max-steps 3 --threads 1 --out wrong"
    train 3 "rank 1 on .*: no data" "$mpirun" -n 1 "$programs/tiny_bn" $more : -n 1 \
        "$programs/tiny_bn" train --data nowhere
    once
    train 2 "rank 1 on .*: norm: \"gn\": expected that of rank 0 on .*, \"bn\"" "$mpirun" \
        -n 1 "$programs/tiny_bn" $more : -n 1 "$programs/tiny_gn" $more
    once
    train 2 "rank 1 on .*: .*32 chunks" "$mpirun" -n 1 "$programs/tiny_bn" $more : \
        -n 1 "$programs/another_chunks" $more
    train 2 "rank 1 on .*: --seed: \"2\"" "$mpirun" -n 1 "$programs/tiny_bn" $more : \
        -n 1 "$programs/tiny_bn" $more --seed 2
    train 2 "expected one of the two" "$mpirun" -n 2 "$programs/tiny_bn" $more --ranks 2
    [ ! -e wrong ] || fail "refused, but something was written"
fi

# -- Calls of MPI that fail ------------------------------------------------------------------------

# fault FUNCTION:CALL:RANK: its message comes, and nobody waits for ever.
fault() {
    train 1 "tiny_bn: .*${1%%:*}: " "$mpirun" -n 2 env MPI_FAULT="$1" LD_PRELOAD="$faults" \
        "$programs/tiny_bn" train $options --max-steps 3 --threads 1 --out "fault_$1"
    [ ! -e "fault_$1/last.safetensors" ] || fail "$1: saved all the same"
}

# harmless CODE FUNCTION:CALL:RANK: everything is saved all the same. CODE: a pattern of the launcher's.
harmless() {
    code=0
    "$mpirun" -n 2 env MPI_FAULT="$2" LD_PRELOAD="$faults" "$programs/tiny_bn" train $options \
        --max-steps 3 --threads 1 --out "harmless_$2" >said 2>&1 || code=$?
    expr "$code" : "$1\$" >/dev/null || fail "$2: code $code: expected $1"
    same "harmless_$2" alone_bn_3
}

# every_gather COMMAND ...: of the program; each gather fails once, on either rank, up to the first
# that there is not
every_gather() {
    call=0 code=1
    while [ "$code" -ne 0 ]; do
        call=$((call + 1)) code=0
        "$mpirun" -n 2 env MPI_FAULT="MPI_Allgatherv:$call:$((call % 2))" LD_PRELOAD="$faults" \
            "$programs/tiny_bn" "$@" >said 2>&1 || code=$?
        [ "$code" -eq 0 ] || { [ "$code" -eq 1 ] && grep -q "tiny_bn: .*MPI_Allgatherv: " said; } ||
            fail "$1: gather $call failed: code $code: expected 1 and its message"
    done
    [ "$call" -gt 5 ] || fail "$1: $call gathers: expected more"
}
if [ -n "$mpirun" ]; then
    fault MPI_Alltoallv:2:0
    if [ -n "$deep" ]; then
        for function in Init_thread Comm_set_errhandler Comm_rank Comm_size Type_contiguous \
            Type_commit; do
            fault MPI_$function:1:0
            fault MPI_$function:1:1
        done
        for call in 1 2 3 10 30 70; do
            fault MPI_Allgatherv:$call:$((call % 2))
        done
        few=$(find ten -type d -name '*_again' | head -1)
        every_gather eval --model alone_pictures --data ten --threads 1
        every_gather eval --model alone_pictures --data ten --threads 1 --data-from-root
        every_gather predict --model alone_pictures --threads 1 "$few"
        every_gather predict --model alone_pictures --threads 1 --data-from-root "$few"
        every_gather $picture_options --data ten --data-from-root --out fault_spread
        fault MPI_Alltoallv:1:1
        fault MPI_Alltoallv:3:1
        # What has no message, and a rank that cannot end the others: its launcher does.
        fault MPI_Alltoallv:2:1,MPI_Error_string:1:1
        fault MPI_Alltoallv:2:0,MPI_Abort:1:0
        for rank in 0 1; do
            harmless 0 MPI_Get_library_version:1:$rank
            harmless 0 MPI_Type_free:1:$rank
            harmless "[0-9]*" MPI_Finalize:1:$rank # of Open MPI 1, which MPICH does not notice
        done
        grep -q '"between_ranks":"MPI"' harmless_MPI_Get_library_version:1:0/log.jsonl ||
            fail "a library without a name has one"
    fi
fi
