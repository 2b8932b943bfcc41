# runs.sh - the trainings that compare.sh, sweep.sh, networks.sh and ablation.sh make: to be read by
# them with `.`.
#
# Beside a run folder lies `<folder>.network`: the description of its network as the planner read it, and
# whether the images are synthetic. A run is done when its log says so and both are still the same.
# What was interrupted goes on; what was made of something else is put aside as `<folder>.old` and
# trained anew.
DIVERGED=4 # the exit code of a training

# Chooses the data of every training: sets `data` to the value of --data, or to nothing where the
# program finds CIFAR-10 by itself.
choose_data() {
    data=${DATA:-}
    if [ -z "$data" ] && [ -z "${CIFAR10_DIR:-}" ] && [ ! -d data/cifar-10-batches-bin ]; then
        echo 'No CIFAR-10: DATA= and $CIFAR10_DIR are not set, and there is no'
        echo 'data/cifar-10-batches-bin. Training on the built-in SYNTHETIC images instead.'
        data=synthetic
    fi
}

# build_program NET NORM LOG: generates and builds build/<net>_<norm>.
build_program() {
    make --no-print-directory gen NET="$1" NORM="$2" ISA="${ISA:-native}" > "$3" 2>&1 ||
        { cat "$3"; exit 1; }
}

# describe NET NORM FILE: what the planner reads in a network, without the places in its file, and the
# kind of data.
describe() {
    build/burin plan --pass network --norm "$2" "$1" > "$3.part"
    grep -v -E '^ *(file|line|where) = ' "$3.part" > "$3"
    if [ "$data" = synthetic ]; then
        echo '-- synthetic images' >> "$3"
    fi
    rm "$3.part"
}

# check_number NAME VALUE: NAME=VALUE has to be a number from 1 on.
check_number() {
    case $2 in
    '' | *[!0-9]* | 0*)
        echo "$1: \"$2\": expected a number from 1 on" >&2
        exit 2
        ;;
    esac
}

# What ended the run of a folder: "finished", another word, or nothing.
ending() {
    sed -n 's/^{"event":"end","reason":"\([a-z_]*\)".*/\1/p' "$1/log.jsonl" 2>/dev/null | tail -n 1
}

# state FOLDER NETWORK: finished, diverged, changed (made of another network or data), begun or new.
state() {
    if [ ! -e "$1/log.jsonl" ]; then
        echo new
    elif ! cmp -s "$2" "$1.network"; then
        echo changed
    else
        case $(ending "$1") in
        finished) echo finished ;;
        diverged) echo diverged ;;
        *) if [ -e "$1/last.safetensors" ]; then echo begun; else echo new; fi ;;
        esac
    fi
}

# figures FOLDER: what the tables of results say of a finished run, from its last epoch; the seconds
# are the median of all epochs.
FIGURES=epochs,acc,train_acc,loss,train_loss,epoch_seconds,parameters,isa
figures() {
    sed -n 'h; s/.*"event":"start".*"isa":"\([a-z0-9+]*\)".*/isa \1/p
        g; s/.*"event":"start".*"parameters":\([0-9]*\),.*/parameters \1/p' "$1/log.jsonl" > "$1.start"
    cut -d, -f7 "$1/log.csv" | tail -n +2 | sort -n |
        awk '{ s[NR] = $1 } END { print "seconds", s[int((NR + 1) / 2)] }' >> "$1.start"
    awk -F, '
        FNR == NR { split($0, word, " "); of[word[1]] = word[2]; next }
        END {
            printf "%d,%.2f,%.2f,%.4f,%.4f,%.1f,%s,%s\n", $1, $6, $4, $5, $3, of["seconds"],
                of["parameters"], of["isa"]
        }' "$1.start" "$1/log.csv"
    rm "$1.start"
}

# train_run FOLDER NETWORK PROGRAM SEED [option...]: trains what is left of a run; the words of
# run_with, if it is set, stand before the command. The code is the program's, 0 where nothing is left.
train_run() {
    run_out=$1 run_network=$2 run_program=$3 run_seed=$4
    shift 4
    run_state=$(state "$run_out" "$run_network")
    case $run_state in
    finished | diverged)
        return 0
        ;;
    begun)
        set -- "$@" --resume "$run_out"
        ;;
    *)
        if [ "$run_state" = changed ]; then
            echo "$run_out: the network or its data have changed; the old run is now $run_out.old"
            rm -rf "$run_out.old"
            mv "$run_out" "$run_out.old"
        fi
        cp "$run_network" "$run_out.network.part"
        mv "$run_out.network.part" "$run_out.network"
        set -- "$@" --seed "$run_seed" ${EPOCHS:+--epochs "$EPOCHS"} --out "$run_out"
        ;;
    esac
    ${run_with:-} "$run_program" train "$@" ${data:+--data "$data"}
}
