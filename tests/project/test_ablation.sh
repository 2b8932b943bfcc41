#!/bin/sh
# test_ablation.sh - the table of scripts/ablation.sh: what each row trains, what comes of it, that a
# second call trains only what has changed, and what a wrong table gets.
#
#     tests/project/test_ablation.sh WORK
#
# make, burin and the program are replaced by scripts that write what the real ones would.
set -eu
work=$1
rm -rf "$work"
mkdir -p "$work/bin" "$work/build"
ln -s "$PWD/scripts" "$work/scripts"
cd "$work"
PATH=$PWD/bin:$PATH

# put FILE: a script, from the input.
put()
{
    { echo '#!/bin/sh'; cat; } > "$1"
    chmod +x "$1"
}

fail()
{
    echo "test_ablation.sh: $*" >&2
    exit 1
}

# same WANTED FOUND: two files.
same()
{
    diff "$1" "$2" >&2 || fail "$2: expected the lines of $1"
}

echo 'exit 0' | put bin/make
echo 'echo "a description"' | put build/burin
# Its accuracy is made of its seed and rate; without a rate it is 50 + seed.
put build/one_bn <<'PROGRAM'
echo "$*" >> trained
accuracy=50
while [ $# -gt 0 ]; do
    case $1 in
    --out) run=$2 ;;
    --seed) seed=$2 ;;
    --lr) accuracy=$2 ;;
    esac
    shift
done
mkdir -p "$run"
echo '{"event":"start","isa":"c","threads":1,"parameters":123,"layers":[]}' > "$run/log.jsonl"
if [ "$accuracy" = 0 ]; then
    echo '{"event":"end","reason":"diverged"}' >> "$run/log.jsonl"
    exit 4
fi
{
    echo epoch,lr,train_loss,train_acc,val_loss,val_acc,seconds,images_per_s,data
    echo "1,1,2.5,10,2.25,11,4,9,cifar10"
    echo "2,1,1.5,20,1.25,$((accuracy + seed * seed)),3,9,cifar10"
} > "$run/log.csv"
echo '{"event":"end","reason":"finished"}' >> "$run/log.jsonl"
PROGRAM

# ablation: with the table of the input.
ablation()
{
    cat > rows
    ROWS=rows VALIDATE=99 DATA=pictures RESULTS=there scripts/ablation.sh > said 2>&1
}

# Two seeds against three of the base: +10 and +10 with a rate of 60; it is another row that diverges.
ablation <<'ROWS'
# name network norm epochs seeds options
base  nets/one.lua bn 2 1,2,3
quick nets/one.lua bn 2 1,2 --lr 60 --crop 2

wild  nets/one.lua bn 2 1 --lr 0
ROWS
cat > wanted <<'TRAINED'
train --epochs 2 --validate 99 --quiet --seed 1 --out runs/ablation/base_1 --data pictures
train --epochs 2 --validate 99 --quiet --seed 2 --out runs/ablation/base_2 --data pictures
train --epochs 2 --validate 99 --quiet --seed 3 --out runs/ablation/base_3 --data pictures
train --epochs 2 --validate 99 --quiet --lr 60 --crop 2 --seed 1 --out runs/ablation/quick_1 --data pictures
train --epochs 2 --validate 99 --quiet --lr 60 --crop 2 --seed 2 --out runs/ablation/quick_2 --data pictures
train --epochs 2 --validate 99 --quiet --lr 0 --seed 1 --out runs/ablation/wild_1 --data pictures
TRAINED
same wanted trained
cat > wanted <<'TABLE'
name,net,norm,seed,evaluated,epochs,acc,train_acc,loss,train_loss,epoch_seconds,parameters,isa,command
base,one,bn,1,held out 99,2,51.00,20.00,1.2500,1.5000,3.0,123,c,build/one_bn train --seed 1 --epochs 2 --validate 99
base,one,bn,2,held out 99,2,54.00,20.00,1.2500,1.5000,3.0,123,c,build/one_bn train --seed 2 --epochs 2 --validate 99
base,one,bn,3,held out 99,2,59.00,20.00,1.2500,1.5000,3.0,123,c,build/one_bn train --seed 3 --epochs 2 --validate 99
quick,one,bn,1,held out 99,2,61.00,20.00,1.2500,1.5000,3.0,123,c,build/one_bn train --seed 1 --epochs 2 --validate 99 --lr 60 --crop 2
quick,one,bn,2,held out 99,2,64.00,20.00,1.2500,1.5000,3.0,123,c,build/one_bn train --seed 2 --epochs 2 --validate 99 --lr 60 --crop 2
TABLE
same wanted there/ablation.csv
grep -q '^wild_1: diverged$' said || fail "a row that diverged is not told: $(cat said)"
grep -q '^base .* 3 *54.67 *20.00  the base$' said || fail "no mean of the base: $(cat said)"
grep -q '^quick .* 2 *62.50 *20.00  +10.00 +- 0.00$' said || fail "no gain: $(cat said)"

# A row that is new takes the options of another but for its own, and that is trained alone; a row that
# is gone from the table is gone from the results. One with other options is trained anew.
rm trained
ablation <<'ROWS'
base  nets/one.lua bn 2 1,2
quick nets/one.lua bn 2 1,2 --lr 60 --crop 2
slow  nets/one.lua bn 2 2,3 as quick --lr 40 --lr-of x
ROWS
cat > wanted <<'TRAINED'
train --epochs 2 --validate 99 --quiet --crop 2 --lr 40 --lr-of x --seed 2 --out runs/ablation/slow_2 --data pictures
train --epochs 2 --validate 99 --quiet --crop 2 --lr 40 --lr-of x --seed 3 --out runs/ablation/slow_3 --data pictures
TRAINED
same wanted trained
grep -q '^slow .* 2 *46.50 *20.00  -10.00$' said || fail "seeds are not paired: $(cat said)"
rm trained
sed 's/--lr 60/--lr 70/; /^slow/d' rows > others
ablation < others
cat > wanted <<'TRAINED'
train --epochs 2 --validate 99 --quiet --lr 70 --crop 2 --seed 1 --out runs/ablation/quick_1 --data pictures
train --epochs 2 --validate 99 --quiet --lr 70 --crop 2 --seed 2 --out runs/ablation/quick_2 --data pictures
TRAINED
same wanted trained
[ -e runs/ablation/quick_1.old ] || fail "the old run of changed options is gone"
cut -d, -f1,4,7 there/ablation.csv > found
printf '%s\n' name,seed,acc base,1,51.00 base,2,54.00 quick,1,71.00 quick,2,74.00 > wanted
same wanted found

# Where runs are gone, the lines of the table are taken: but not one of another command.
rm trained
rm -r runs
sed 's/70/80/; s/ 1,2$/ 1,2,3/' others > again
ablation < again
cat > wanted <<'TRAINED'
train --epochs 2 --validate 99 --quiet --seed 3 --out runs/ablation/base_3 --data pictures
train --epochs 2 --validate 99 --quiet --lr 80 --crop 2 --seed 1 --out runs/ablation/quick_1 --data pictures
train --epochs 2 --validate 99 --quiet --lr 80 --crop 2 --seed 2 --out runs/ablation/quick_2 --data pictures
TRAINED
same wanted trained
cut -d, -f1,4,7 there/ablation.csv > found
printf '%s\n' name,seed,acc base,1,51.00 base,2,54.00 base,3,59.00 quick,1,81.00 quick,2,84.00 > wanted
same wanted found
grep -q '^base_1: finished, as there/ablation.csv has it$' said || fail "a line is taken silently"

# All mistakes of a table together, and no training.
rm trained
if ablation <<'ROWS'
base nets/one.lua bn 2
b,c  nets/one.lua bn two 1;2 -lr
d    nets/one.lua bn 2 1
d    nets/one.lua bn 2 1 as e --lr 1
f    nets/one.lua bn 2 1 as d 1
ROWS
then
    fail "a wrong table is not refused"
fi
cat > wanted <<'SAID'
rows:1: expected name, network, norm, epochs, seeds and options
rows:2: b,c: expected a name of letters, digits, _, . and -
rows:2: two: expected a number of epochs
rows:2: 1;2: expected seeds, as 1 or 1,2,3
rows:2: -lr: expected an option of train, as --lr
rows:4: d: the name of line 3, too: expected another one
rows:4: as e: expected the name of a row above
rows:5: 1: expected an option of train, as --lr
SAID
same wanted said
if echo '# nothing' | ablation; then
    fail "an empty table is not refused"
fi
grep -q '^rows:1: no row: expected' said || fail "an empty table: $(cat said)"
[ ! -e trained ] || fail "a wrong table is trained: $(cat trained)"
echo "test_ablation.sh: passed"
