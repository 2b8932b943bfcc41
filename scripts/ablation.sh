#!/bin/sh
# Trains the rows of a table, one after the other, each with the options that it adds to a network's
# own recipe, and evaluates them on training images held out: what `make ablation` does. What is
# finished is not made again, and what was interrupted goes on. Where the folder of a run is gone,
# or was made elsewhere, its line in ablation.csv is taken if that has the same command: who changes
# a network itself deletes its lines, too.
#
#     ROWS=results/ablation/rows.txt scripts/ablation.sh
#
# A row of the table is a line of words:
#
#     name  network  norm  epochs  seeds  [as row] [option of train ...]
#     muon  s8_best  bn    10      1,2    --optimizer muon --lr 0.02
#     fast  s8_best  bn    10      1      as muon --lr 0.03
#
# `as` takes the options of a row above, but for those that are given anew. Lines that begin with #
# and empty ones are comments. The first row of a network, a norm and a number of epochs is the base
# with which the others of these are compared, seed by seed.
#
# It runs in the root of the source tree. Variables, with their defaults: ROWS (above), VALIDATE
# (training images to hold out, 5000), THREADS, DATA, ISA, RESULTS (the folder of ablation.csv,
# runs/ablation/results; the project's own is made with RESULTS=results).
set -eu
. scripts/runs.sh
ROWS=${ROWS:-results/ablation/rows.txt}
VALIDATE=${VALIDATE:-5000}
EPOCHS= # of make; here each row has its own
root=runs/ablation
RESULTS=${RESULTS:-$root/results}
file=$RESULTS/ablation.csv

# The rows as jobs, a line each: name, network, norm, epochs, seed, options. All mistakes of the
# table are told together.
list_jobs() {
    awk '
        function wrong(what) {
            print FILENAME ":" FNR ": " what > "/dev/stderr"
            failed = 1
        }
        function rest(i,   words) {
            for (; i <= NF; i++)
                words = words " " $i
            return words
        }
        # " --lr 1 --ema 0.9" and others, which go before those of one name.
        function join(under, over,   option, n, i, words) {
            n = split(under, option, " --")
            for (i = 2; i <= n; i++) {
                if (index(over " ", " --" substr(option[i] " ", 1, index(option[i] " ", " "))) == 0)
                    words = words " --" option[i]
            }
            return words over
        }
        /^[ \t]*(#|$)/ { next }
        NF < 5 {
            wrong("expected name, network, norm, epochs, seeds and options")
            next
        }
        $1 !~ /^[A-Za-z0-9_.-]+$/ { wrong($1 ": expected a name of letters, digits, _, . and -") }
        $1 in line { wrong($1 ": the name of line " line[$1] ", too: expected another one") }
        $4 !~ /^[1-9][0-9]*$/ { wrong($4 ": expected a number of epochs") }
        $5 !~ /^[0-9]+(,[0-9]+)*$/ { wrong($5 ": expected seeds, as 1 or 1,2,3") }
        $6 == "as" && !($7 in line) { wrong("as " $7 ": expected the name of a row above") }
        {
            first = $6 == "as" ? 8 : 6
            if (first <= NF && $first !~ /^--/)
                wrong($first ": expected an option of train, as --lr")
            line[$1] = FNR
            options[$1] = join($6 == "as" ? options[$7] : "", rest(first))
            seeds = split($5, seed, ",")
            for (i = 1; i <= seeds; i++)
                print $1, $2, $3, $4, seed[i] options[$1]
        }
        END {
            if (!failed && length(line) == 0)
                wrong("no row: expected name, network, norm, epochs, seeds and options")
            exit failed
        }' "$ROWS"
}

# job NAME NET NORM EPOCHS SEED [option...]: sets what the functions below read of a job.
job() {
    name=$1 net=$2 norm=$3 epochs=$4 seed=$5
    shift 5
    options=$*
    short=$(basename "$net" .lua)
    run=$root/${name}_$seed
    network=$root/${short}_$norm.description
}

# Trains what is left of the job. Other options are another training, as another network is: so they
# stand in the description beside the folder.
train() {
    case $described in
    *" $net:$norm "*) ;;
    *)
        build_program "$net" "$norm" "$root/make.log"
        describe "$net" "$norm" "$network"
        described="$described$net:$norm "
        ;;
    esac
    { cat "$network"; echo "-- $epochs epochs, $VALIDATE held out: $options"; } > "$root/job"
    code=0
    # shellcheck disable=SC2086 # the options are words
    train_run "$run" "$root/job" "build/${short}_$norm" "$seed" ${THREADS:+--threads "$THREADS"} \
        --epochs "$epochs" --validate "$VALIDATE" --quiet $options > "$root/train.txt" 2>&1 || code=$?
    if [ $code -ne 0 ] && [ $code -ne "$DIVERGED" ]; then
        cat "$root/train.txt" >&2
        exit $code
    fi
    echo "${name}_$seed: $(ending "$run")"
}

# What repeats the job: the last field of its line in ablation.csv.
command_of_job() {
    echo "build/${short}_$norm train --seed $seed${images:+ --data $images} --epochs $epochs\
 --validate $VALIDATE${options:+ $options}"
}

# The line of the job in ablation.csv, if its training came to an end.
line() {
    if [ "$(ending "$run")" = finished ]; then
        echo "$name,$short,$norm,$seed,${images:+$images }held out $VALIDATE,$(figures "$run"),\
$(command_of_job)"
    fi
}

# Whether ablation.csv has the line of a job whose run is not here.
in_table() {
    [ ! -e "$run" ] && [ -f "$file" ] && command_of_job | awk -F, -v name="$name" -v seed="$seed" '
        NR == FNR { wanted = $0; next }
        $1 == name && $4 == seed && $NF == wanted { found = 1 }
        END { exit !found }' - "$file"
}

# Puts the line of the job into ablation.csv: the jobs of the table in its order, others not.
merge() {
    line > "$root/line"
    touch "$file"
    {
        echo "name,net,norm,seed,evaluated,$FIGURES,command"
        awk '
            FILENAME != ARGV[3] { split($0, part, ","); of[part[1], part[4]] = $0; next }
            ($1, $5) in of { print of[$1, $5] }' "$file" "$root/line" "$root/jobs"
    } > "$file.part"
    mv "$file.part" "$file"
}

# Means over the seeds, and over those of them that the base has, too, the mean of what was gained
# and, of two or more, its standard error.
summarize() {
    awk -F, '
        FNR == 1 { next }
        {
            group = $2 FS $3 FS $5 FS $6
            if (!(group in base)) base[group] = $1
            if (!($1 in n)) { order[++rows] = $1; of[$1] = group }
            acc[$1, $4] = $7
            n[$1]++; sum[$1] += $7; train[$1] += $8
            seeds[$1] = seeds[$1] FS $4
        }
        END {
            printf "\n%-24s  %-8s  %-5s  %6s  %5s  %11s  %10s  %s\n", "row", "network", "norm",
                "epochs", "seeds", "accuracy, %", "training, %", "against the base"
            for (i = 1; i <= rows; i++) {
                row = order[i]
                split(of[row], part, FS)
                pairs = total = square = 0
                many = split(substr(seeds[row], 2), seed, FS)
                for (j = 1; j <= many; j++) {
                    if ((base[of[row]], seed[j]) in acc) {
                        gain = acc[row, seed[j]] - acc[base[of[row]], seed[j]]
                        pairs++; total += gain; square += gain * gain
                    }
                }
                against = ""
                if (row == base[of[row]])
                    against = "the base"
                else if (pairs > 0)
                    against = sprintf("%+.2f", total / pairs)
                if (row != base[of[row]] && pairs > 1) {
                    variance = (square - total * total / pairs) / (pairs - 1)
                    against = against sprintf(" +- %.2f", sqrt(variance > 0 ? variance / pairs : 0))
                }
                printf "%-24s  %-8s  %-5s  %6d  %5d  %11.2f  %10.2f  %s\n", row, part[1], part[2],
                    part[4], n[row], sum[row] / n[row], train[row] / n[row], against
            }
        }' "$file"
}

# -- The ablation --------------------------------------------------------------------------------

mkdir -p "$root" "$RESULTS"
check_number VALIDATE "$VALIDATE"
[ -f "$ROWS" ] || { echo "ROWS: $ROWS: no such file" >&2; exit 2; }
list_jobs > "$root/jobs" || exit 2
choose_data
images=
if [ "$data" = synthetic ]; then
    images=synthetic
fi
described=" "
while read -r words; do
    # shellcheck disable=SC2086
    job $words
    if in_table; then
        echo "${name}_$seed: finished, as $file has it"
    else
        train < /dev/null
    fi
    merge
done < "$root/jobs"
summarize
echo "the rows are in $file"
