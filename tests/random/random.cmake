# Random networks: generated for every instruction set, compiled, and checked by check_program.c.
#
#     cmake -DCONFIG=build/tests/random/config.cmake -DFIRST=1 -DLAST=6 -P tests/random/random.cmake
#     cmake -DCONFIG=... -DSEED=17 "-DCUTS=b0;s" -P tests/random/random.cmake      one of them
#
# With -DTWINS=ON, portable programs take five steps, and so do their twins in PyTorch, with the Python
# that the environment calls PYTHON: see compare_twin.py. "-DNETWORKS=mlp_bn nin_bn ..." names networks of
# examples/, with a norm each, instead of random ones; they get a small batch and SGD, as their own
# optimizers are compared elsewhere (tests/project/check_optimizers.py).
#
# The seed decides the network (make_random.c) and the compiler: one of the instruction sets gets
# -O3, which takes long to compile, the others -O0. Every fifth network is compiled by the other
# compiler, too, and must give the same bits. A network that fails is made smaller as long as it
# still fails; then one line says how to repeat it.
cmake_minimum_required(VERSION 3.22)
include("${CONFIG}")

set(compilers_0 "${GCC}" "${CLANG}")
set(compilers_1 "${CLANG}" "${GCC}")
set(isas avx512 avx2 c)
set(python "$ENV{PYTHON}")
if(NOT python)
    set(python python3)
endif()
if(TWINS)
    set(isas c)
    execute_process(COMMAND "${python}" tests/random/compare_twin.py --check RESULT_VARIABLE code
        OUTPUT_VARIABLE said ERROR_VARIABLE said)
    if(NOT code EQUAL 0)
        string(STRIP "${said}" said)
        message("skipped: no twin is compared: PYTHON=${python}: ${code}: ${said}")
        return()
    endif()
endif()

# Runs a command; where it fails sets `failure` to the last line of what it said. Exit code 77
# sets `failure` to skipped.
macro(attempt what)
    if(NOT failure)
        execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE said
            ERROR_VARIABLE said)
        if(code EQUAL 77)
            set(failure skipped)
        elseif(NOT code EQUAL 0)
            string(STRIP "${said}" said)
            string(REGEX REPLACE ".*\n" "" said "${said}")
            set(failure "${what}: ${code}: ${said}")
        endif()
    endif()
endmacro()

# Compares the program with its twin, on up to three batches: a ReLU that hangs on a hair is a matter
# of the images. Sets `failure` to what is wrong on each of them, or to "".
function(compare_twin stem norm)
    attempt(twin "${BURIN}" twin --norm ${norm} -o "${stem}.py" "${stem}.lua")
    attempt("${GCC} -O0" "${GCC}" -O0 ${FLAGS} ${FLAGS_c} -include "${NAMES}" "-I${RUNTIME}"
        -o "${stem}.bin" "${stem}.c" ${LIBRARIES})
    set(wrong "${failure}")
    foreach(batch 1 2 3)
        set(failure "${wrong}")
        attempt("steps of batch ${batch}" "${stem}.bin" "${stem}.safetensors" ${batch})
        attempt("compare_twin" "${python}" tests/random/compare_twin.py "${stem}.py"
            "${stem}.safetensors")
        if(NOT failure)
            string(STRIP "${said}" said)
            message("${said}")
            break()
        endif()
    endforeach()
    file(REMOVE "${stem}.py" "${stem}.safetensors")
    set(failure "${failure}" PARENT_SCOPE)
endfunction()

# Sets `result` to what is wrong with the network of this seed for an instruction set, or to "".
function(check result seed isa cuts)
    set(stem "${WORK}/${seed}")
    set(failure)
    attempt(make_random "${MAKE_RANDOM}" ${seed} ${cuts})
    if(TWINS)
        string(REGEX REPLACE ", ghost = [0-9]+" "" said "${said}") # which PyTorch does not have
    endif()
    file(WRITE "${stem}.lua" "${said}")
    string(REGEX MATCH "NORM=([a-z]+)" norm "${said}")
    set(norm ${CMAKE_MATCH_1})
    attempt(burin "${BURIN}" gen --norm ${norm} --isa ${isa} -o "${stem}.c" "${stem}.lua")
    list(FIND isas ${isa} place)
    math(EXPR optimised "(${seed} / 2 + ${place}) % 3")
    set(level -O0)
    if(optimised EQUAL 0)
        set(level -O3)
    endif()
    math(EXPR turn "${seed} % 2")
    set(compilers ${compilers_${turn}})
    math(EXPR fifth "${seed} % 5")
    if(NOT fifth EQUAL 0)
        list(POP_BACK compilers)
    endif()
    set(bits)
    if(TWINS)
        set(compilers)
        compare_twin("${stem}" ${norm})
    endif()
    foreach(compiler IN LISTS compilers)
        attempt("${compiler} ${level}" "${compiler}" ${level} ${FLAGS} ${FLAGS_${isa}}
            -include "${NAMES}" "-I${RUNTIME}" -o "${stem}.bin" "${stem}.c" ${LIBRARIES})
        attempt("check_program of ${compiler} ${level}" "${stem}.bin")
        list(APPEND bits "${said}")
    endforeach()
    list(REMOVE_DUPLICATES bits)
    list(LENGTH bits different)
    if(NOT failure AND different GREATER 1)
        set(failure "${compilers}: they differ: ${bits}")
        string(REGEX REPLACE "\n" " " failure "${failure}")
    endif()
    if(failure STREQUAL "skipped")
        set(failure)
    endif()
    if(NOT failure)
        file(REMOVE "${stem}.lua")
    endif()
    file(REMOVE "${stem}.c" "${stem}.bin")
    set(${result} "${failure}" PARENT_SCOPE)
endfunction()

# Adds cuts while the network fails with them.
function(shrink result failure seed isa cuts)
    set(said "${failure}")
    foreach(cut b4 b3 b2 b1 b0 s c n s c n)
        check(failure ${seed} ${isa} "${cuts};${cut}")
        if(failure)
            list(APPEND cuts ${cut})
            set(said "${failure}")
        endif()
    endforeach()
    check(failure ${seed} ${isa} "${cuts}") # leaves the description
    set(${result} "${cuts}" PARENT_SCOPE)
    set(failure "${said}" PARENT_SCOPE)
endfunction()

# Sets `failure` to what is wrong with a network of examples/.
function(check_example example)
    string(REGEX MATCH "^(.+)_(.+)$" example "${example}")
    set(norm ${CMAKE_MATCH_2})
    set(stem "${WORK}/example_${CMAKE_MATCH_1}")
    set(failure)
    file(READ "examples/${CMAKE_MATCH_1}.lua" text)
    string(REGEX REPLACE "optimizer = [a-z]+ {[^}]*}" "optimizer = sgd { lr = 0.1, momentum = 0.9 }"
        text "${text}")
    string(REGEX REPLACE "\n *(decay|rate|clip) = [^\n]*," "" text "${text}")
    string(REGEX REPLACE "batch = [0-9]+" "batch = 8" text "${text}")
    file(WRITE "${stem}.lua" "${text}")
    attempt(burin "${BURIN}" gen --norm ${norm} --isa c -o "${stem}.c" "${stem}.lua")
    compare_twin("${stem}" ${norm})
    file(REMOVE "${stem}.c" "${stem}.bin")
    set(failure "${failure}" PARENT_SCOPE)
endfunction()

if(NETWORKS)
    file(MAKE_DIRECTORY "${WORK}")
    separate_arguments(NETWORKS)
    foreach(example IN LISTS NETWORKS)
        message("${example}")
        check_example(${example})
        if(failure)
            message(FATAL_ERROR "${example}: ${failure}")
        endif()
    endforeach()
    return()
endif()

if(DEFINED SEED)
    set(FIRST ${SEED})
    set(LAST ${SEED})
endif()
file(MAKE_DIRECTORY "${WORK}")
set(failures 0)
foreach(seed RANGE ${FIRST} ${LAST})
    foreach(isa IN LISTS isas)
        check(failure ${seed} ${isa} "${CUTS}")
        if(failure)
            set(cuts "${CUTS}")
            if(NOT DEFINED SEED)
                shrink(cuts "${failure}" ${seed} ${isa} "${CUTS}")
            endif()
            math(EXPR failures "${failures} + 1")
            message("${isa}: ${failure}; repeat: cmake -DCONFIG=${CONFIG} -DSEED=${seed} "
                "\"-DCUTS=${cuts}\" -P tests/random/random.cmake (${WORK}/${seed}.lua)")
        endif()
    endforeach()
endforeach()
if(failures GREATER 0)
    message(FATAL_ERROR "${failures} failures")
endif()
