# A frozen network stands alone: strict C99 and C++20 without a warning, libm and nothing else, and the
# logits of the program that trained it, in plain loops and with vectors.
#
#     cmake -DBURIN=build/burin -DPROGRAMS=build/tests/programs -DCC=cc -DCXX=c++
#         -DWORK=build/tests/freeze -P tests/project/test_freeze.cmake
#
# PROGRAMS holds tiny_<norm>, frozen_grouped, frozen_acts and frozen_joins, in portable C, and another_bf16,
# a tiny_bn with products in bf16. It runs in the root of the source tree.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
set(RUN_FOLDER "${WORK}")
set(nets "${CMAKE_SOURCE_DIR}/tests/nets")
set(strict -pedantic -Wall -Wextra -Wconversion -Wshadow -Werror)
set(flags_c)
set(flags_avx2 -mavx2 -mfma)
set(flags_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma)

# refused CODE TEXT command ...
function(refused code text)
    run(${ARGN})
    if(NOT result EQUAL code)
        message(FATAL_ERROR "${ARGN}: ended with ${result}: expected ${code}\n${output}")
    endif()
    expect("${text}")
endfunction()

# Builds the frozen network in `folder` by `compiler` and lets it test itself.
function(check folder compiler source)
    set(RUN_FOLDER "${WORK}/${folder}")
    run_well(${compiler} ${ARGN} ${strict} -o alone ${source}.c main.c -lm)
    run_well("${WORK}/${folder}/alone")
    expect("16 images: logits within")
    expect(": ok")
endfunction()

# Trains `program` a little, freezes what it has learnt for instruction sets, and checks it.
function(freeze name program norm net)
    run_well("${program}" train --data synthetic --max-steps ${STEPS} --threads 1 --quiet
        --out run_${name})
    if(NOT EXISTS "${WORK}/run_${name}/best.safetensors") # which has samples beside it
        run_well("${program}" eval --data synthetic --threads 1 --model run_${name}
            --samples run_${name}/samples.safetensors)
        if(output MATCHES "made F32")
            message(FATAL_ERROR "${name}: a checkpoint of its own is taken for a foreign one\n${output}")
        endif()
    endif()
    get_filename_component(source "${net}" NAME_WE)
    foreach(isa IN LISTS ARGN)
        run_well("${BURIN}" freeze --norm ${norm} --isa ${isa} run_${name} -o ${name}_${isa} "${net}")
        check(${name}_${isa} ${CC} ${source} -std=c99 -O1 ${flags_${isa}})
    endforeach()
endfunction()

# The instruction sets of this processor, and the one of the widest vectors.
set(sets c avx2 avx512)
file(READ /proc/cpuinfo cpu)
foreach(pair avx2:fma avx512:avx512vl)
    string(REPLACE ":" ";" pair "${pair}")
    list(GET pair 0 isa)
    list(GET pair 1 flag)
    if(NOT cpu MATCHES "[ \t]${flag}[ \n]")
        message("without ${isa}: this processor has none")
        list(REMOVE_ITEM sets ${isa})
    endif()
endforeach()
list(GET sets -1 widest)

set(STEPS 125) # an epoch: no other command is needed
freeze(tiny_bn "${PROGRAMS}/tiny_bn" bn "${nets}/tiny.lua" ${sets})
if(NOT EXISTS "${WORK}/run_tiny_bn/best.safetensors")
    message(FATAL_ERROR "an epoch of tiny has other than ${STEPS} steps")
endif()
set(STEPS 4)
freeze(tiny_in "${PROGRAMS}/tiny_in" in "${nets}/tiny.lua" ${widest})
freeze(tiny_none "${PROGRAMS}/tiny_none" none "${nets}/tiny.lua" c)
# What was trained in bf16 is frozen in floats, and is nearly the program's.
freeze(tiny_bf16 "${PROGRAMS}/another_bf16" bn "${nets}/tiny.lua" ${widest})
run_well("${WORK}/tiny_bf16_${widest}/alone")
expect("of the training program's in bf16 (at most 1e-1): ok")
if(output MATCHES "within [0-9.]+e-0?[5-9]")
    message(FATAL_ERROR "products in bf16 leave the logits of floats:\n${output}")
endif()

# Batch norms that become part of weights, groups, windows and strides of every kind; activations; layers that read several.
foreach(pair grouped:bn acts:gn joins:bn)
    string(REPLACE ":" ";" pair "${pair}")
    list(GET pair 0 net)
    list(GET pair 1 norm)
    freeze(${net} "${PROGRAMS}/frozen_${net}" ${norm} "${nets}/${net}.lua" c ${widest})
endforeach()

# Convolutions of stride 2 with fewer products, which no training program has.
freeze(resnet8 "${PROGRAMS}/resnet8_bn" bn
    "${CMAKE_SOURCE_DIR}/gen/nets/resnet8.lua" ${widest})
file(READ "${WORK}/resnet8_${widest}/resnet8.c" text)
if(NOT widest STREQUAL "c" AND NOT text MATCHES "conv3x3s2_relu_bias_c16_k32_32x32_fwd__winograd2s2")
    message(FATAL_ERROR "resnet8 for ${widest}: its convolutions of stride 2 are direct")
endif()

# As C++; by clang, where it is there; and by its own Makefile.
find_program(CLANG clang)
check(grouped_c ${CXX} grouped -x c++ -std=c++20 -O1)
check(grouped_${widest} ${CXX} grouped -x c++ -std=c++20 -O1 ${flags_${widest}})
if(CLANG)
    check(grouped_${widest} ${CLANG} grouped -std=c99 -O1 ${flags_${widest}})
endif()
set(RUN_FOLDER "${WORK}/grouped_c")
find_program(MAKE make)
if(MAKE)
    run_well("${CMAKE_COMMAND}" -E env --unset=MAKEFLAGS --unset=MAKELEVEL "${MAKE}" -s check
        "CC=${CC}")
    expect(": ok")
endif()

# With its weights apart, which another network's, a part of them and others than expected do not replace.
set(RUN_FOLDER "${WORK}")
run_well("${BURIN}" freeze --norm bn --isa ${widest} --weights weights/grouped.weights run_grouped -o apart
    "${nets}/grouped.lua")
run_well("${BURIN}" freeze --norm gn --isa ${widest} --weights weights/acts.weights run_acts -o apart_acts
    "${nets}/acts.lua")
foreach(compiler "${CC};-std=c99" "${CXX};-x;c++;-std=c++20")
    set(RUN_FOLDER "${WORK}/apart")
    run_well(${compiler} -O1 ${flags_${widest}} ${strict} -o alone grouped.c main.c -lm)
    run_well("${WORK}/apart/alone" ../weights/grouped.weights)
    expect("16 images: logits within")
    expect(": ok")
endforeach()
if(MAKE)
    run_well("${CMAKE_COMMAND}" -E env --unset=MAKEFLAGS --unset=MAKELEVEL "${MAKE}" -s check
        "CC=${CC}")
    expect(": ok")
endif()
refused(1 "acts.weights: its weights are of another network, norm, instruction set or data: expected the file"
    "${WORK}/apart/alone" ../weights/acts.weights)
refused(1 "grouped.c: it does not hold frozen weights" "${WORK}/apart/alone" grouped.c)
refused(1 "nowhere: No such file" "${WORK}/apart/alone" nowhere)
refused(1 "WEIGHTS [PICTURE]" "${WORK}/apart/alone")
run_well(sh -c "head -c 4096 ../weights/grouped.weights > ../weights/part")
refused(1 "part: it is cut off, or too long" "${WORK}/apart/alone" ../weights/part)

# What it calls is of libm and of memset and memcpy alone, and nothing in it can be written.
find_program(NM nm)
if(NM)
    set(RUN_FOLDER "${WORK}/grouped_${widest}")
    run_well(${CC} -std=c99 -O2 ${flags_${widest}} -c -o grouped.o grouped.c)
    run_well("${NM}" -u grouped.o)
    string(REGEX MATCHALL "U [A-Za-z_0-9]+" called "${output}")
    foreach(symbol IN LISTS called)
        if(NOT symbol MATCHES "^U (exp|sqrt|memcpy|memset|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail)$")
            message(FATAL_ERROR "the frozen network calls ${symbol}")
        endif()
    endforeach()
    run_well("${NM}" grouped.o)
    if(output MATCHES " [bBdDC] [A-Za-z_]+\n" AND NOT CMAKE_MATCH_0 MATCHES "class_names")
        message(FATAL_ERROR "the frozen network has something to write: ${CMAKE_MATCH_0}")
    endif()
endif()

# A network that answers otherwise is found out: these samples are of another model.
set(RUN_FOLDER "${WORK}")
run_well("${BURIN}" freeze --norm none run_tiny_none -o other "${nets}/tiny.lua"
    --samples run_tiny_in/samples.safetensors)
set(RUN_FOLDER "${WORK}/other")
run_well(${CC} -std=c99 -o alone tiny.c main.c -lm)
refused(1 "WRONG" "${WORK}/other/alone")

# The same model, the same bytes; other inputs, messages.
set(RUN_FOLDER "${WORK}")
run_well("${BURIN}" freeze --norm bn run_tiny_bn -o tiny_bn_c "${nets}/tiny.lua")
expect("tiny_bn_c/tiny.c: unchanged")
if(NOT widest STREQUAL "c")
    refused(1 "expected the compiler options -mavx2 -mfma" ${CC} -std=c99 -c tiny_bn_avx2/tiny.c -o x.o)
endif()
refused(2 "freeze: no --output: expected -o DIR" "${BURIN}" freeze run_tiny_bn "${nets}/tiny.lua")
run_well("${BURIN}" freeze run_tiny_bn -o tiny_bn_c) # which carries its description
expect("tiny_bn_c/tiny.c: unchanged")
refused(2 "carries no description: expected its NETWORK.lua after it" "${BURIN}" freeze
    run_tiny_bn/samples.safetensors -o x)
refused(1 "is no model of the network grouped" "${BURIN}" freeze run_tiny_bn -o x
    "${nets}/grouped.lua")
refused(1 "there is no tensor images: expected what eval --samples writes" "${BURIN}" freeze
    run_tiny_bn -o x "${nets}/tiny.lua" --samples run_tiny_bn/last.safetensors)
refused(1 "images is U8 [16, 3, 15, 14]: expected" "${BURIN}" freeze run_tiny_bn -o x "${nets}/tiny.lua" --samples
    run_acts/samples.safetensors)
