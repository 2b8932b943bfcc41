# The front door: the targets of the Makefile, in a copy of the source tree without data.
#
#     cmake -DBURIN_SOURCE=. -DISA=avx2 -DWORK=build/tests/make -P tests/project/test_make.cmake
#
# ISA is what ISA=native means here.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
set(tree "${WORK}/a copy")
set(RUN_FOLDER "${tree}")

# Runs make; the outer make and its variables stay out.
set(make "${CMAKE_COMMAND}" -E env --unset=MAKEFLAGS --unset=MAKELEVEL --unset=MFLAGS
    --unset=CIFAR10_DIR make)

macro(make)
    run(${make} ${ARGN})
endmacro()

macro(make_well)
    run_well(${make} ${ARGN})
endmacro()

function(expect_failure text)
    if(result EQUAL 0)
        message(FATAL_ERROR "make succeeded, expected \"${text}\":\n${output}")
    endif()
    expect("${text}")
endfunction()

function(expect_file)
    foreach(name IN LISTS ARGN)
        if(NOT EXISTS "${tree}/${name}")
            message(FATAL_ERROR "${name} is not there")
        endif()
    endforeach()
endfunction()

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${tree}/my nets")
foreach(name CMakeLists.txt CMakePresets.json Makefile cmake docs examples gen runtime scripts
        templates tests)
    file(COPY "${BURIN_SOURCE}/${name}" DESTINATION "${tree}")
endforeach()
file(COPY "${BURIN_SOURCE}/tests/nets/tiny.lua" DESTINATION "${tree}/my nets")
set(net "NET=my nets/tiny.lua")

make_well(help)
expect("make train")
string(REPEAT "[^\n]" 80 wide)
if(output MATCHES "${wide}[^\n]+")
    message(FATAL_ERROR "make help: a line is wider than 80 columns:\n${CMAKE_MATCH_0}")
endif()

# One program after the other; what was built before stays.
make_well(gen ${net} NORM=gn)
expect_file(generated/tiny_gn_${ISA}.c build/tiny_gn build/burin)

# From here on without the tests, of which CMake would think anew at each of fifty calls of make.
run_well("${CMAKE_COMMAND}" -D BURIN_TESTS=OFF build)
make_well(gen ${net} NORM=ln ISA=c)
expect_file(generated/tiny_gn_${ISA}.c generated/tiny_ln_c.c build/tiny_gn build/tiny_ln)
make_well(gen ${net} NORM=ln ISA=c PRECISION=bf16)
expect_file(generated/tiny_ln_c_bf16.c)
run_well("${tree}/build/tiny_ln" info)
expect("network tiny, norm ln, c+bf16, ")
make_well(gen ${net} NORM=ln ISA=c PRECISION=fp32) # as the recipe says
expect("generated/tiny_ln_c.c: unchanged")

# A variable that is misspelt is told before anything is done, with the one that was meant.
make(train ${net} EPOCH=2)
expect_failure("EPOCH: no such variable: did you mean EPOCHS?")
make(gen NTE=s8)
expect_failure("NTE: no such variable: did you mean NET?")
make(gen norm=gn)
expect_failure("norm: no such variable: did you mean NORM?")
make(gen NET=-/tiny.lua)
expect_failure("NET=-/tiny.lua: begins with -: expected ./-/tiny.lua")
make(help COLOUR=1)
expect_failure("COLOUR: no such variable: expected one that make help lists")
make(compare ${net} LR=0.5)
expect_failure("LR=, ARGS= and PRECISION= are of make train")
make(sweep ${net} PRECISION=bf16)
expect_failure("LR=, ARGS= and PRECISION= are of make train")
make(gen ${net} PRECISON=bf16)
expect_failure("PRECISON: no such variable: did you mean PRECISION?")
make(gen ${net} PRECISION=bf61)
expect_failure("--precision bf61 (did you mean bf16?): expected fp32 or bf16")
make_well(help CC=cc BURIN_ANY=1)
foreach(bench "peers;PyTorch" "freeze;onnxruntime")
    list(GET bench 0 name)
    list(GET bench 1 needed)
    make(bench-${name} PYTHON=nopython)
    expect_failure("PYTHON=nopython: no such program: expected a Python that has ${needed}")
    expect_not("ninja")
endforeach()

# Folders of any name, or a message. A script, as CMake reads some of these characters otherwise.
file(WRITE "${tree}/odd.sh" [=[
for odd in "a  b'\"#()&%*,=\`[]{}<>@!é" 'a;b' 'a|b' 'a\b' 'a?b' 'a$<b' 'a$$b' "$(printf 'a\nb')"; do
    mkdir "$odd"
    cp 'my nets/tiny.lua' "$odd/odd.lua"
    case $odd in
    *[';|\?$']* | *'
'*)
        if make gen "NET=$odd/odd.lua" NORM=gn ISA=c > odd.log 2>&1 ||
            ! grep 'cannot take: expected a path without these' odd.log > /dev/null; then
            echo "$odd: not refused:"
            cat odd.log
            exit 1
        fi
        ;;
    *)
        make gen "NET=$odd/odd.lua" NORM=gn ISA=c > odd.log 2>&1 && [ -x build/odd_gn ] || {
            echo "$odd: not built:"
            cat odd.log
            exit 1
        }
        ;;
    esac
done
]=])
run_well("${CMAKE_COMMAND}" -E env --unset=MAKEFLAGS --unset=MAKELEVEL --unset=MFLAGS sh odd.sh)

# What is wrong is said by the generator, and the build goes on to work.
make(gen ${net} NORM=xx)
expect_failure("--norm xx: expected bn, gn, ln, in, cn, rms, none, bn1 to bn9999 or gn1 to gn9999")
make(gen ${net} ISA=sse)
expect_failure("--isa sse: expected native, avx2, avx512, amx, c or neon")
make(gen "NET=no such net.lua")
expect_failure("no such net.lua")
file(WRITE "${tree}/my nets/wrong.lua" "return network { name = \"wrong\" }\n")
make(gen "NET=my nets/wrong.lua")
expect_failure("my nets/wrong.lua:1: ")

# The cap on memory reaches the generator here and in the build.
file(READ "${tree}/my nets/tiny.lua" text)
string(REPLACE "batch = 32" "batch = 65536" text "${text}")
string(REPLACE "conv { 8," "conv { 64," text "${text}")
string(REPLACE "name = \"tiny\"" "name = \"huge\"" text "${text}")
file(WRITE "${tree}/my nets/huge.lua" "${text}")
make(gen "NET=my nets/huge.lua" NORM=bn)
expect_failure("MB of memory: expected at most 4096 MB, or a larger --max-memory")
make_well(gen "NET=my nets/huge.lua" NORM=bn MAX_MEMORY=20000)

# No data: synthetic, and loudly. Data that was asked for and is not there: an error.
make_well(train ${net} NORM=gn EPOCHS=2 SEED=3 THREADS=1)
expect("No CIFAR-10")
expect("SYNTHETIC seed")
expect("SYNTHETIC   build/burin report runs/tiny_gn")
expect_file(runs/tiny_gn/log.csv runs/tiny_gn/last.safetensors)
file(STRINGS "${tree}/runs/tiny_gn/log.csv" lines)
list(LENGTH lines count)
if(NOT count EQUAL 3)
    message(FATAL_ERROR "log.csv has ${count} lines, expected a head and two epochs:\n${lines}")
endif()
make_well(train ${net} NORM=gn DATA=synthetic EPOCHS=1 THREADS=1 LR=0.125 "ARGS=--no-augment --quiet")
file(STRINGS "${tree}/runs/tiny_gn/log.jsonl" line LIMIT_COUNT 1)
foreach(part "\"lr\":{\"value\":0.125,\"source\":\"option\"}"
        "\"augment\":{\"value\":false,\"source\":\"option\"}"
        "\"probe\":{\"value\":\"auto\",\"source\":\"option\"}")
    string(FIND "${line}" "${part}" position)
    if(position LESS 0)
        message(FATAL_ERROR "LR and ARGS: expected ${part} in ${line}")
    endif()
endforeach()
make(train ${net} NORM=gn DATA=nowhere)
expect_failure("nowhere")

# Without PyTorch, bench-peers says how to get it, and nothing is built.
find_program(PYTHON3 python3)
if(PYTHON3)
    file(MAKE_DIRECTORY "${tree}/no torch")
    file(WRITE "${tree}/no torch/torch.py" "raise ImportError('hidden')\n")
    file(WRITE "${tree}/no torch/python"
        "#!/bin/sh\nPYTHONPATH='${tree}/no torch' exec '${PYTHON3}' \"$@\"\n")
    file(CHMOD "${tree}/no torch/python" PERMISSIONS OWNER_READ OWNER_EXECUTE)
    make(bench-peers ${net} NORM=in "PYTHON=no torch/python")
    expect_failure("no PyTorch: hidden")
    expect_failure("pip install torch")
    if(EXISTS "${tree}/build/tiny_in")
        message(FATAL_ERROR "make bench-peers built a program before it looked for PyTorch")
    endif()
    execute_process(COMMAND "${tree}/no torch/python" scripts/bench_peers.py twin program
        RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET WORKING_DIRECTORY "${tree}")
    if(NOT result EQUAL 1)
        message(FATAL_ERROR "bench_peers.py without PyTorch: ended with ${result}, expected 1")
    endif()
endif()

# Names that no program can have.
make(gen "NET=my net.lua" NORM=gn)
expect_failure("NET=my net.lua: expected a file whose name has letters, digits, _ and - alone")
make(gen NET= NORM=gn)
expect_failure("NET=: expected a file")

# A copy that keeps its name.
file(COPY_FILE "${tree}/my nets/tiny.lua" "${tree}/copy.lua")
make_well(gen NET=copy.lua NORM=gn)
expect("was of tiny.lua, which has the name \"tiny\", too")
expect_file(build/copy_gn)

# Runs side by side: the second time everything is done already. A ghost of the whole batch is none.
make_well(compare ${net} "NORMS=gn ln" "GHOSTS=8 32" EPOCHS=1 THREADS=1)
expect("No CIFAR-10")
expect("tiny with gn ln bn8, seed 1: 3 trainings, 0 of them done before; about ")
expect("3 of 3: runs/compare/tiny_bn8_1_1epochs: training, about ")
expect(" % in epoch 1: runs/compare/tiny_bn8_1_1epochs/best.safetensors")
expect("runs/compare/report.html: written")
expect("took about ")
expect("announced was about ")
expect_file(runs/compare/tiny_gn_1_1epochs/eval.json runs/compare/tiny_ln_1_1epochs/eval.json
    runs/compare/tiny_bn8_1_1epochs/eval.json)
if(EXISTS "${tree}/runs/compare/tiny_bn32_1_1epochs")
    message(FATAL_ERROR "make compare trained a ghost of the whole batch")
endif()
file(READ "${tree}/runs/compare/report.html" output)
expect("SYNTHETIC: What normalization does to tiny")
expect("Values that go into the middle norm, norm")
make_well(compare ${net} "NORMS=gn ln" "GHOSTS=8 32" EPOCHS=1 THREADS=1)
expect("3 trainings, 3 of them done before; about 0 s for the rest")
expect("1 of 3: runs/compare/tiny_gn_1_1epochs: finished before")
expect("runs/compare/report.html: unchanged")
# What was made of real images is no result of synthetic ones.
file(STRINGS "${tree}/runs/compare/tiny_ln_1_1epochs.network" lines REGEX "^[^-]")
string(REPLACE ";" "\n" lines "${lines}")
file(WRITE "${tree}/runs/compare/tiny_ln_1_1epochs.network" "${lines}\n")
make_well(compare ${net} "NORMS=gn ln" "GHOSTS=8 32" EPOCHS=1 THREADS=1)
expect("tiny_gn_1_1epochs: finished before")
expect("tiny_ln_1_1epochs: the network or its data have changed")
make(compare ${net} "NORMS=gn xx")
expect_failure("--norm xx")
make(compare ${net} NORMS=gn GHOSTS=few)
expect_failure("GHOSTS: \"few\": expected a number from 1 on")

# Many trainings: what is done stays, what was interrupted goes on, what the network has left behind is
# trained anew, and the rows of other trainings stay in the file.
file(COPY "${BURIN_SOURCE}/tests/nets/tiny.lua" DESTINATION "${tree}")
set(sweep sweep NETS=tiny.lua "NORMS=bn gn" DATA=synthetic JOBS=2)
make_well(${sweep} "SEEDS=1 2")
expect("tiny_gn_2: finished: SYNTHETIC best test accuracy ")
expect("(4 of 4")
expect("the rows are in runs/sweep/results/tiny.csv")
if(EXISTS "${tree}/results")
    message(FATAL_ERROR "make sweep wrote among the results of the project")
endif()
if(NOT output MATCHES "tiny          bn      synthetic            1      2  [0-9.]+ \\+- [0-9.]+ +[0-9.]+\n")
    message(FATAL_ERROR "no mean of two seeds in:\n${output}")
endif()
file(STRINGS "${tree}/runs/sweep/results/tiny.csv" rows)
list(LENGTH rows count)
list(GET rows 4 row)
if(NOT count EQUAL 5 OR NOT row MATCHES
        "^tiny,gn,2,synthetic,1,[0-9.]+,[0-9.]+,[0-9.]+,[0-9.]+,[0-9.]+,1586,[a-z0-9]+,make train NET=tiny.lua NORM=gn SEED=2 DATA=synthetic$")
    message(FATAL_ERROR "tiny.csv: ${count} lines, the last: ${row}")
endif()
file(READ "${tree}/runs/sweep/tiny_gn_2/log.csv" log)
string(REGEX MATCH "^[^\n]+\n1,[^,]+,[^,]+,[^,]+,[^,]+,([^,]+)" log "${log}")
if(NOT row MATCHES "^tiny,gn,2,synthetic,1,${CMAKE_MATCH_1}0*,")
    message(FATAL_ERROR "tiny.csv: expected accuracy ${CMAKE_MATCH_1} in ${row}")
endif()
make_well(${sweep} "SEEDS=1 2" RESULTS=elsewhere)
expect("tiny_bn_1: finished before")
expect("the rows are in elsewhere/tiny.csv")
make_well(${sweep} "SEEDS=1 2")
file(STRINGS "${tree}/runs/sweep/results/tiny.csv" again)
if(NOT rows STREQUAL again)
    message(FATAL_ERROR "tiny.csv: was\n${rows}\nand is\n${again}")
endif()
file(READ "${tree}/tiny.lua" text)
string(REPLACE "lr = 0.05" "lr = 0.04" text "${text}")
file(WRITE "${tree}/tiny.lua" "${text}")
# Other machines make them: two at once on the first, one on the second, reached by what takes a name
# and a line for a shell, as ssh does, and begins in another folder.
file(WRITE "${tree}/connect" "#!/bin/sh\necho \"$1\" >> '${tree}/reached'\ncd /\nexec sh -c \"$2\"\n")
file(CHMOD "${tree}/connect" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
set(ENV{SSH} ./connect)
file(WRITE "${tree}/hosts" "# ours\nnode1 slots=1\n\nnode2:2\n")
list(REMOVE_ITEM sweep JOBS=2)
make_well(${sweep} SEEDS=1 HOSTS=hosts)
file(STRINGS "${tree}/reached" reached)
list(SORT reached)
if(NOT reached STREQUAL "node1;node2")
    message(FATAL_ERROR "make sweep HOSTS=hosts reached: ${reached}")
endif()
expect_file(runs/sweep/tiny_bn_1.old/last.safetensors runs/sweep/tiny_gn_1/last.safetensors)
file(STRINGS "${tree}/runs/sweep/results/tiny.csv" changed)
list(GET rows 2 before)
list(GET changed 2 after) # the second seed was not trained again
list(LENGTH changed count)
if(NOT before STREQUAL after OR rows STREQUAL changed OR NOT count EQUAL 5)
    message(FATAL_ERROR "tiny.csv: was\n${rows}\nand is\n${changed}")
endif()

# A signal to the group, as from a terminal, when a word stands in the log of the second training. The
# first has ended by then, and has its row.
string(REPLACE "name = \"tiny\"" "name = \"lengthy\"" text "${text}")
string(REPLACE "epochs = 1," "epochs = 5000," text "${text}")
file(WRITE "${tree}/lengthy.lua" "${text}")
set(long runs/sweep/lengthy_bn_1_validate99/log.jsonl)
file(WRITE "${tree}/interrupt.sh" "
HOSTS=$2 setsid scripts/sweep.sh &
until grep -q \"$1\" ${long} 2>/dev/null || ! kill -0 $! 2>/dev/null; do
    sleep 0.05
done
kill -TERM -$!
wait $!
")
make_well(gen NET=tiny.lua NORM=bn)
make_well(gen NET=lengthy.lua NORM=bn)
file(WRITE "${tree}/one host" "node3\n")
foreach(word "epoch.:1," resumed)
    set(where JOBS=1 sh interrupt.sh "${word}" "")
    if(word STREQUAL resumed)
        set(where sh interrupt.sh "${word}" "one host")
    endif()
    execute_process(COMMAND "${CMAKE_COMMAND}" -E env "NETS=tiny.lua lengthy.lua" NORMS=bn SEEDS=1
        DATA=synthetic VALIDATE=99 ${where} RESULT_VARIABLE result
        OUTPUT_VARIABLE output ERROR_VARIABLE output WORKING_DIRECTORY "${tree}" TIMEOUT 1800)
    expect_failure("`make sweep` with the same variables goes on")
    file(READ "${tree}/${long}" log)
    string(REGEX MATCHALL "\"reason\":\"interrupted\"" ends "${log}")
    list(LENGTH ends count)
    list(APPEND counts ${count})
endforeach()
if(NOT counts STREQUAL "1;2")
    message(FATAL_ERROR "${long}: expected one interruption and then another, got ${counts}")
endif()
file(STRINGS "${tree}/runs/sweep/results/tiny.csv" held_out REGEX "^tiny,bn,1,synthetic held out 99,1,")
list(LENGTH held_out count)
if(NOT count EQUAL 1)
    message(FATAL_ERROR "tiny.csv: expected a row of the training that ended, got: ${held_out}")
endif()
make(sweep NETS=tiny.lua NORMS=xx)
expect_failure("--norm xx")
make(sweep NETS=tiny.lua JOBS=2 HOSTS=hosts)
expect_failure("JOBS and HOSTS: expected one of them")
make(sweep NETS=tiny.lua HOSTS=nowhere)
expect_failure("HOSTS: nowhere: no such file")
make(sweep NETS=tiny.lua JOBS=two)
expect_failure("JOBS: \"two\": expected a number from 1 on")
make(sweep "NETS=tiny.lua tests/nets/tiny.lua")
expect_failure("NETS: tiny: two networks of one name")

# Options beside a network's own recipe, on images held out.
file(WRITE "${tree}/rows" "base tiny.lua bn 1 1\nslow tiny.lua bn 1 1 --lr 0.01 --nesterov on\n")
make_well(ablation ROWS=rows DATA=synthetic VALIDATE=99)
expect("slow_1: finished")
expect("the rows are in runs/ablation/results/ablation.csv")
file(STRINGS "${tree}/runs/ablation/results/ablation.csv" rows)
list(GET rows 2 row)
if(NOT row MATCHES "^slow,tiny,bn,1,synthetic held out 99,1,[0-9.]+,[0-9.,]+,1586,[a-z0-9]+,build/tiny_bn train --seed 1 --data synthetic --epochs 1 --validate 99 --lr 0.01 --nesterov on$")
    message(FATAL_ERROR "ablation.csv: ${row}")
endif()
file(STRINGS "${tree}/runs/ablation/slow_1/log.jsonl" line LIMIT_COUNT 1)
if(NOT line MATCHES "\"lr\":{\"value\":0.01,\"source\":\"option\"}")
    message(FATAL_ERROR "make ablation: expected the rate of the row in ${line}")
endif()
make(ablation ROWS=nowhere)
expect_failure("ROWS: nowhere: no such file")

# A deleted network does not lock the build folder.
file(REMOVE "${tree}/my nets/tiny.lua")
file(TOUCH "${tree}/CMakeLists.txt")
make_well(generated)
expect_file(generated/s8_bn_avx2.c generated/s8_ln_avx512.c)

make_well(clean)
if(EXISTS "${tree}/build")
    message(FATAL_ERROR "make clean left build/")
endif()
