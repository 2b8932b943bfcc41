# A program in tiles of AMX, emulated, trains to the same bits by one thread and by two, and compiled
# for a processor that has them it multiplies by their instruction.
#
#     cmake -DPROGRAM=bf16_gn_amx -DTILES=test_bf16 -DOBJDUMP=objdump -DWORK=build/tests/amx
#         -P tests/project/test_amx.cmake
#
# TILES: a program whose kernels are compiled for such a processor; empty where the compiler cannot.
cmake_minimum_required(VERSION 3.22)
file(REMOVE_RECURSE "${WORK}")

foreach(threads 1 2)
    execute_process(
        COMMAND "${PROGRAM}" train --data synthetic --seed 1 --no-augment --max-steps 3 --log-steps
            --threads ${threads} --out "${WORK}/${threads}"
        RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE errors)
    if(result EQUAL 1 AND errors MATCHES "made for avx512")
        message(STATUS "this processor has no avx512+bf16, in which tiles are emulated")
        return()
    elseif(NOT result EQUAL 0)
        message(FATAL_ERROR "${PROGRAM} ended with ${result}: ${errors}")
    endif()
    file(SHA256 "${WORK}/${threads}/last.safetensors" sum_${threads})
endforeach()
if(NOT sum_1 STREQUAL sum_2)
    message(FATAL_ERROR "the parameters after three steps differ between 1 and 2 threads")
endif()

if(TILES)
    execute_process(COMMAND "${OBJDUMP}" -d "${TILES}" OUTPUT_VARIABLE text RESULT_VARIABLE result)
    foreach(instruction ldtilecfg tilezero tileloadd tdpbf16ps tilestored tilerelease)
        if(NOT text MATCHES "${instruction}")
            message(FATAL_ERROR "${TILES}: expected the instruction ${instruction}")
        endif()
    endforeach()
endif()
