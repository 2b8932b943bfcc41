# A small AVX2 program under valgrind: training with looks inside, resuming, evaluating. No use of
# memory that is not its own or was never written, and nothing lost.
#
#     cmake -DVALGRIND=path -DPROGRAM=tiny_bn -DWORK=build/tests/valgrind -P tests/project/test_valgrind.cmake
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
set(RUN_FOLDER "${WORK}")

if(NOT VALGRIND)
    message("skipped: there is no valgrind: setup.sh installs it")
    return()
endif()

macro(watch)
    run_well("${VALGRIND}" --quiet --error-exitcode=99 --leak-check=full
        --errors-for-leak-kinds=definite,indirect,possible "${PROGRAM}" ${ARGN})
endmacro()

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
watch(train --data synthetic --threads 2 --probe 2 --max-steps 3 --log-steps --out run)
expect("stopped at step 3")
watch(train --resume run --threads 2 --max-steps 5)
expect("resumed from run/last.safetensors, saved at step 3")
watch(train --data synthetic --threads 1 --backend generic --max-steps 2 --out generic)
watch(eval --model run/last.safetensors --data synthetic --threads 2 --out run)
expect("accuracy")
