#!/bin/sh
# test_runs.sh - a training of scripts/runs.sh that is killed while it is being prepared: the
# description beside its folder is whole or not there, and the same call goes on.
#
#     tests/project/test_runs.sh WORK
#
# cp and mv are replaced: the first writes half of its file and kills the shell, the second kills it
# before or after it has moved the file. And the figures of a run are what its logs say, and what
# scripts/estimate.awk says of a training's time.
set -eu
work=$1
rm -rf "$work"
mkdir -p "$work/bin"

fail()
{
    echo "test_runs.sh: $*" >&2
    exit 1
}

cat > "$work/program" <<'PROGRAM'
#!/bin/sh
while [ "$1" != --out ]; do shift; done
mkdir "$2"
echo '{"event":"end","reason":"finished"}' > "$2/log.jsonl"
PROGRAM
chmod +x "$work/program"
printf 'first\nsecond\n' > "$work/network"
printf 'another\n' > "$work/older"

# put TOOL TEXT: the script that stands for a tool.
put()
{
    printf '#!/bin/sh\n%s\n' "$2" > "$work/bin/$1"
    chmod +x "$work/bin/$1"
}

train()
{
    PATH=$1:$PATH sh -eu -c '
        . scripts/runs.sh
        data=
        train_run "$1/run" "$1/network" "$1/program" 1' sh "$work"
}

# killed TOOL TEXT: whatever was beside the folder before, it is there or the new one is.
killed()
{
    for before in none older; do
        rm -rf "$work/run" "$work/run.network" "$work/run.network.part" "$work"/bin/*
        if [ $before = older ]; then
            cp "$work/older" "$work/run.network"
        fi
        put "$1" "$2"
        code=0
        (train "$work/bin") > "$work/log" 2>&1 || code=$?
        [ $code -eq 137 ] || fail "$1: $2: code $code: expected 137, killed"
        [ ! -e "$work/run" ] || fail "$1: $2: the training has begun"
        if [ -e "$work/run.network" ]; then
            cmp -s "$work/run.network" "$work/network" || cmp -s "$work/run.network" "$work/older" ||
                fail "$1: $2: run.network is cut"
        fi
        train "$work" > "$work/log" 2>&1 || fail "$1: $2: does not go on: $(cat "$work/log")"
        cmp -s "$work/run.network" "$work/network" || fail "$1: $2: run.network is not the new one"
        [ ! -e "$work/run.network.part" ] || fail "$1: $2: run.network.part is left"
        [ "$(train "$work")" = "" ] || fail "$1: $2: is not finished"
    done
}

# shellcheck disable=SC2016 # for the script that it becomes
{
    killed cp 'head -c 8 "$1" > "$2"; kill -9 $PPID; sleep 1'
    killed mv 'kill -9 $PPID; sleep 1'
    killed mv 'cat "$1" > "$2" && rm "$1"; kill -9 $PPID; sleep 1'
}
mkdir "$work/logged"
echo '{"event":"start","isa":"avx512+bf16","threads":2,"parameters":46000,"step":0}' \
    > "$work/logged/log.jsonl"
printf '%s\n' epoch,lr,train_loss,train_acc,test_loss,test_acc,seconds 1,0.05,2.1,20.5,1.9,30.1,4.25 \
    2,0.05,1.7559,33.175,0.97661,62.1,2.5 > "$work/logged/log.csv"
said=$(sh -eu -c '. scripts/runs.sh; figures "$1"' - "$work/logged")
expected=2,62.10,33.17,0.9766,1.7559,2.5,46000,avx512+bf16
[ "$said" = "$expected" ] || fail "figures: $said: expected $expected"

# estimated SECONDS WORD...: 391 steps of 60 ms an epoch, and what the words set anew.
estimated()
{
    expected=$1
    shift
    set -- images=50000 test=10000 epochs=1 batch=128 every=391 step_ms=60 evaluation_ms=15 \
        looks_ms=2000 details_ms=7500 "$@"
    for word in "$@"; do
        set -- "$@" -v "$word"
        shift
    done
    seconds=$(awk -f scripts/estimate.awk "$@")
    [ "$seconds" = "$expected" ] || fail "estimate.awk $*: $seconds: expected $expected"
}

estimated 36
estimated 10 epochs=0                # what is left of a training that was stopped at its very end
estimated 29 details_ms=0            # what each part adds
estimated 34 looks_ms=0
estimated 35 evaluation_ms=0
estimated 12 step_ms=0
estimated 55 every=20                # 21 looks
estimated 530 every=auto epochs=20   # 5 looks
estimated 12 images=3000 test=1000   # 24 steps, 4,000 images evaluated
echo "test_runs.sh: passed"
