# Builds the suites once more, as another preset says, and runs them.
#
#     cmake -DPRESET=asan -DBUILD=build/asan [-DONLY=test_team|...] [-DWITHOUT=test_faults|...]
#         -P tests/project/test_tree.cmake
#
# ONLY are the tests to run, each an executable of that name; all suites and `native` without it, but
# those of WITHOUT. It runs in the root of the source tree. `native` are the tests of generated
# programs for this processor.
cmake_minimum_required(VERSION 3.22)

function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        list(JOIN ARGN " " command)
        message(FATAL_ERROR "${command}: ended with ${result}")
    endif()
endfunction()

run("${CMAKE_COMMAND}" --preset ${PRESET} -B "${BUILD}")
set(targets suites)
set(chosen --label-regex "^(suite|native)$")
if(ONLY)
    string(REPLACE "|" ";" targets "${ONLY}")
    set(chosen --tests-regex "^(${ONLY})$")
elseif(WITHOUT)
    list(APPEND chosen --exclude-regex "^(${WITHOUT})$")
endif()
run("${CMAKE_COMMAND}" --build "${BUILD}" --target ${targets})
cmake_host_system_information(RESULT processors QUERY NUMBER_OF_LOGICAL_CORES)
run("${CMAKE_CTEST_COMMAND}" --test-dir "${BUILD}" --verbose ${chosen} --no-tests=error
    --no-label-summary --parallel ${processors})
