# The front door: each target hands over to CMake and to what it built. `make help` says what there
# is. Values reach the commands through the environment as they were typed, so a path may hold
# blanks, quotes and what make or the shell would read otherwise.
NET = s8
NORM = bn
ISA = native
PRECISION =
EPOCHS =
SEED =
THREADS =
LR =
DATA =
ARGS =
PYTHON = python3
FUZZ_SECONDS = 60
MAX_MEMORY = 4096
# Of `make compare`, `make sweep`, `make networks` and `make ablation`, where empty means the default,
# and of GHOSTS none; compare.sh, sweep.sh, networks.sh and ablation.sh in scripts/ say what each is.
NETS =
NORMS =
SEEDS =
GHOSTS = 2 4 8 16 32 64
JOBS =
HOSTS =
VALIDATE =
PROBE =
RESULTS =
ROWS =
# Of `make install`.
PREFIX = /usr/local
VARIABLES = NET NORM ISA PRECISION EPOCHS SEED THREADS LR DATA ARGS PYTHON FUZZ_SECONDS MAX_MEMORY NETS \
    NORMS SEEDS GHOSTS JOBS HOSTS VALIDATE PROBE RESULTS ROWS PREFIX
export $(VARIABLES)

# Others are misspelt, but for those that the environment of a build has everywhere.
ELSEWHERE = SSH CC CFLAGS CPPFLAGS LDFLAGS SHELL DESTDIR CIFAR10_DIR BURIN_% CMAKE_% CTEST_%
GIVEN = $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name)))
UNKNOWN := $(filter-out $(VARIABLES) $(ELSEWHERE) MAKE%,$(GIVEN))
ifneq ($(UNKNOWN),)
$(error $(shell awk -f scripts/nearest.awk $(firstword $(UNKNOWN)) $(VARIABLES)))
endif

# What stands on the command line is not expanded once more: a path may hold a dollar sign.
$(foreach name,$(filter $(VARIABLES),$(GIVEN)),$(eval override $(name) := $$(value $(name))))

PROGRAM = "build/$$(basename "$$NET" .lua)_$$NORM"
TWIN = $(PROGRAM)_twin.py
CONFIGURE = cmake --preset release > build/configure.log
LOCAL_DATA = data/cifar-10-batches-bin
one_training = $(if $(LR)$(ARGS)$(PRECISION),$(error LR=, ARGS= and PRECISION= are of make train: \
    the others train by the recipe of the description))

.PHONY: help gen train bench bench-scaling bench-ranks bench-peers bench-freeze compare sweep networks ablation tune torch onnxruntime check check-deep \
    fuzz data generated install clean configure

help:
	@echo 'make train          generate, build, train; without CIFAR-10 on a SYNTHETIC set'
	@echo 'make gen            write generated/<net>_<norm>_<isa>.c, build <net>_<norm>'
	@echo 'make bench          generated against generic kernels, per layer and per step'
	@echo 'make bench-scaling  the step for more threads, other batches, wider networks'
	@echo 'make bench-ranks    the step on several ranks beside threads; sums in order'
	@echo 'make bench-peers    the same step in PyTorch beside ours; PYTHON= has it'
	@echo 'make bench-freeze   the frozen network beside onnxruntime; PYTHON= has it'
	@echo 'make tune           measure which kernels are fastest, for the next make gen'
	@echo 'make compare        train norms, write runs/compare/report.html; resumes'
	@echo 'make sweep          train networks x norms x seeds, several at once; resumes'
	@echo 'make networks       train what ships, write runs/networks/table.md; resumes'
	@echo 'make ablation       train the rows of a table, on images held out; resumes'
	@echo 'make check          every test'
	@echo 'make check-deep     the tests that take longer'
	@echo 'make fuzz           each fuzz target for FUZZ_SECONDS=60, compiled by clang'
	@echo 'make data           download CIFAR-10 and check it'
	@echo 'make generated      write the committed files of generated/ anew'
	@echo 'make install        burin, its library, its pages, into PREFIX=/usr/local'
	@echo 'make clean          remove build/'
	@echo
	@echo 'NET=s8          a name under gen/nets or examples, or the path of a .lua file'
	@echo 'NORM=bn         bn, gn, ln, in, cn, rms, none; bn16: of 16 images; gn8: 8 groups'
	@echo 'ISA=native      native, avx2, avx512, c or, with PRECISION=bf16, amx'
	@echo 'PRECISION=      fp32 or bf16, in convolutions; empty: as the recipe says'
	@echo 'PYTHON=python3  the Python of bench-peers and bench-freeze'
	@echo 'MAX_MEMORY=4096 MB that training may need; a network that needs more is an error'
	@echo 'DESTDIR=        of make install: put before PREFIX'
	@echo 'NORMS=, SEEDS=, GHOSTS=     of make compare: norms, seeds, images of batch norms'
	@echo 'PROBE=                      of make compare: steps between two looks inside'
	@echo 'NETS=, NORMS=, SEEDS=, JOBS=  of make sweep: lists, and trainings at once'
	@echo 'HOSTS=                      of make sweep: file of machines, through ssh'
	@echo 'NETS="nin:bn allcnn:gn"     of make networks: networks and norms'
	@echo 'ROWS=results/ablation/rows.txt  of make ablation: what to train'
	@echo 'VALIDATE=                   of make sweep: training images to evaluate on'
	@echo '                            instead; of make ablation, where it is 5000'
	@echo 'RESULTS=runs/sweep/results  of make sweep, make ablation: folder of the tables'
	@echo 'EPOCHS=, SEED=, THREADS=, DATA=  as the options of the program;'
	@echo '                            DATA=synthetic needs no file'
	@echo 'LR=, ARGS=                  of make train: its learning rate, any other options;'
	@echo '                            ARGS also of make bench and bench-peers'

configure:
	@mkdir -p build
	@$(CONFIGURE)

# A network and data that do not fit are told before anything is compiled.
asked = $(if $(filter train,$(MAKECMDGOALS)),set -f; data=$${DATA:-$${CIFAR10_DIR:-$(LOCAL_DATA)}}; \
    [ -n "$$DATA$$CIFAR10_DIR" ] || [ -e "$$data" ] || exit 0; \
    exec build/burin data --for "$$(build/burin plan --pass shape --norm "$$NORM" "$$NET")" "$$data" \
        -- $$ARGS,:)

# The generator runs twice: here, to say clearly what is wrong with a network, and in the build.
gen: configure
	@case "$$NET" in -*) echo "NET=$$NET: begins with -: expected ./$$NET" >&2; exit 2 ;; esac; \
	case "$$(basename "$$NET")" in \
	'' | *[!A-Za-z0-9_.-]*) \
	    echo "NET=$$NET: expected a file whose name has letters, digits, _ and - alone" >&2; exit 2 ;; \
	esac; \
	case "$$(pwd)/$$NET$$(printf %s "$$NET" | wc -l)" in *[';|\?$$']* | *[!0]) \
	    printf "NET=%s: a folder has ; | \\\\ ? \$$ or a new line in its name, which CMake and Ninja %s\n" \
	        "$$NET" 'cannot take: expected a path without these' >&2; exit 2 ;; \
	esac
	@cmake --build build --target burin
	@build/burin gen --norm "$$NORM" --isa "$$ISA" $${PRECISION:+--precision "$$PRECISION"} \
	    --max-memory "$$MAX_MEMORY" "$$NET"
	@$(asked)
	@$(CONFIGURE) -D "BURIN_NET=$$NET" -D "BURIN_NORM=$$NORM" -D "BURIN_ISA=$$ISA" \
	    -D "BURIN_PRECISION=$$PRECISION" -D "BURIN_MAX_MEMORY=$$MAX_MEMORY"
	@cmake --build build --target program

train: gen
	@set --; \
	if [ -n "$$DATA" ]; then \
	    set -- --data "$$DATA"; \
	elif [ -z "$$CIFAR10_DIR" ] && [ ! -d $(LOCAL_DATA) ]; then \
	    set -- --data synthetic; \
	    echo '********************************************************************************'; \
	    echo '** No CIFAR-10: DATA= and $$CIFAR10_DIR are not set, and there is no'; \
	    echo '** $(LOCAL_DATA). `make data` downloads it.'; \
	    echo '** Training on the built-in SYNTHETIC images instead.'; \
	    echo '********************************************************************************'; \
	fi; \
	case " $$ARGS " in *' --probe'*) ;; *) set -- "$$@" --probe auto ;; esac; \
	set -f; \
	exec $(PROGRAM) train "$$@" $${EPOCHS:+--epochs "$$EPOCHS"} $${SEED:+--seed "$$SEED"} \
	    $${THREADS:+--threads "$$THREADS"} $${LR:+--lr "$$LR"} $$ARGS

bench: gen
	@set -f; exec $(PROGRAM) bench $${THREADS:+--threads "$$THREADS"} $$ARGS

bench-scaling:
	@exec cmake -P scripts/bench_scaling.cmake

bench-ranks: gen
	@cmake --build build --target bench_ranks
	@exec scripts/bench_ranks.sh

# Whoever lacks PyTorch or onnxruntime hears of it before anything is built.
has_python = command -v "$$PYTHON" > /dev/null || \
    { echo "PYTHON=$$PYTHON: no such program: expected a Python that has $(1)" >&2; exit 2; }
torch:
	@$(call has_python,PyTorch)
	@"$$PYTHON" scripts/bench_peers.py --check

onnxruntime:
	@$(call has_python,onnxruntime)
	@"$$PYTHON" scripts/bench_freeze.py --check

bench-peers: torch gen
	@build/burin twin --norm "$$NORM" -o $(TWIN) "$$NET"
	@set -f; exec "$$PYTHON" scripts/bench_peers.py $(TWIN) $(PROGRAM) $${THREADS:+--threads "$$THREADS"} $$ARGS

# Any weights will do.
bench-freeze: onnxruntime gen
	@$(PROGRAM) train --data synthetic --max-steps 20 --quiet --out build/bench_freeze > build/bench_freeze.txt
	@exec "$$PYTHON" scripts/bench_freeze.py build/burin build/bench_freeze "$$NET" "$$NORM" \
	    "build/bench_freeze/$$NORM"

compare:
	@$(one_training)
	@exec scripts/compare.sh

sweep:
	@$(one_training)
	@exec scripts/sweep.sh

networks:
	@$(one_training)
	@exec scripts/networks.sh

ablation:
	@$(one_training)
	@exec scripts/ablation.sh

# Measurements are kept in build/tune until they are complete, so that an interrupted run goes on.
tune: configure
	@cmake --build build --target burin
	@exec cmake "-DPRECISION=$$PRECISION" -P scripts/tune.cmake "$$NET" "$$NORM" "$$ISA"

check: configure
	@cmake --build build
	@exec tests/project/check.sh

check-deep: configure
	@cmake --build build
	@ctest --test-dir build --output-on-failure --no-label-summary --label-regex deep

fuzz:
	@mkdir -p build
	@cmake --preset fuzz -D "BURIN_FUZZ_SECONDS=$$FUZZ_SECONDS" > build/fuzz.log
	@cmake --build build/fuzz --target fuzz

data:
	@scripts/fetch_cifar10.sh

generated: configure
	@cmake --build build --target generated

install: configure
	@cmake --build build --target install_files
	@cmake --install build --prefix "$$(realpath -m -- "$$PREFIX")" > build/install.log
	@echo "installed in $$DESTDIR$$(realpath -m -- "$$PREFIX"); build/install.log lists the files"

clean:
	@rm -rf build
