# A program in plain loops and one in register tiles train to the same bits: they add the same numbers
# in the same order.
#
#     cmake -DPLAIN=s8_gn_plain -DTILED=s8_gn_direct -DWORK=build/tests/plain
#         -P tests/project/test_plain.cmake
#
# Both make the same steps with dropout; the second loss follows from all gradients of the first.
cmake_minimum_required(VERSION 3.22)
file(REMOVE_RECURSE "${WORK}")

function(losses_of out program)
    execute_process(
        COMMAND "${program}" train --data synthetic --seed 1 --no-augment --max-steps 2 --log-steps
            --threads 2 --out "${WORK}/${out}"
        RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE errors)
    file(STRINGS "${WORK}/${out}/log.jsonl" steps REGEX "\"event\":\"step\"")
    list(LENGTH steps count)
    if(NOT count EQUAL 2)
        message(FATAL_ERROR "${program} ended with ${result} after ${count} steps, expected 2: "
            "${errors}")
    endif()
    set(${out} "${steps}" PARENT_SCOPE)
endfunction()

losses_of(plain "${PLAIN}")
losses_of(tiled "${TILED}")
if(NOT plain STREQUAL tiled)
    string(REPLACE ";" "\n" differ "in plain loops\n${plain}\nin register tiles\n${tiled}")
    message(FATAL_ERROR "the losses of two steps differ\n${differ}")
endif()
