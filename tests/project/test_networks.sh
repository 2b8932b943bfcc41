#!/bin/sh
# test_networks.sh - the table of scripts/networks.sh, and that a second call trains nothing.
#
#     tests/project/test_networks.sh BURIN WORK
#
# make and the programs are replaced by scripts that write what the real ones would; so is burin,
# but for the summary of a plan, which is that of lenet.
set -eu
burin=$1
work=$2
rm -rf "$work"
mkdir -p "$work/bin" "$work/build"
ln -s "$PWD/scripts" "$work/scripts"

# put FILE: a script, from the input.
put()
{
    { echo '#!/bin/sh'; cat; } > "$work/$1"
    chmod +x "$work/$1"
}

echo 'exit 0' | put bin/make
put build/burin <<BURIN
case "\$*" in
*summary*) exec "$burin" plan --summary --norm none "$PWD/examples/lenet.lua" ;;
*) echo "a description" ;;
esac
BURIN
for program in one_bn lenet_none; do
    put build/$program <<'PROGRAM'
echo "$0 $*" >> trained
while [ "$1" != --out ]; do shift; done
mkdir "$2"
{
    echo '{"event":"epoch","epoch":1,"train_acc":10.5,"test_acc":11.25,"seconds":3.0,"lr":5}'
    echo '{"event":"epoch","epoch":2,"train_acc":20.5,"test_acc":21.25,"seconds":2.0,"lr":5}'
    echo '{"event":"end","reason":"finished"}'
} > "$2/log.jsonl"
PROGRAM
done
cat > "$work/wanted" <<'TABLE'
| network | norm | images | parameters | MFLOP | epochs | s an epoch | test % | train % |
|---|---|---|---|---|---|---|---|---|
| one | bn | real | 62006 | 1.3 | 2 | 2.5 | 21.25 | 20.50 |
| lenet | none | SYNTHETIC | 62006 | 1.3 | 2 | 2.5 | 21.25 | 20.50 |
TABLE
for call in first second; do
    (cd "$work" && PATH=$PWD/bin:$PATH NETS="one:bn lenet:none" EPOCHS=2 DATA=pictures \
        scripts/networks.sh > "$call.txt")
    if ! cmp "$work/wanted" "$work/runs/networks/table.md"; then
        echo "test_networks.sh: $call call: another table" >&2
        exit 1
    fi
done
cat > "$work/wanted" <<'TRAINED'
build/one_bn train --seed 1 --epochs 2 --out runs/networks/one_bn_2epochs --data pictures
build/lenet_none train --seed 1 --epochs 2 --out runs/networks/lenet_none_2epochs --data synthetic
TRAINED
if ! cmp "$work/wanted" "$work/trained"; then
    echo "test_networks.sh: not what was to be trained" >&2
    exit 1
fi
if (cd "$work" && NETS=one scripts/networks.sh 2> said.txt) ||
    ! grep -q 'expected a network and its norm' "$work/said.txt"; then
    echo "test_networks.sh: a network without a norm is not refused" >&2
    exit 1
fi
echo "test_networks.sh: passed"
