# Trainings that diverge, under every norm and from a rate a little too large to one far too large:
# each says the layer and the tensor, and that of the program's own kernels.
#
#     cmake -DPROGRAMS=build/tests/programs -DWORK=build/tests/divergence
#         -P tests/project/test_divergence.cmake
#
# PROGRAMS holds tiny_bn, tiny_gn, tiny_in and tiny_none.
cmake_minimum_required(VERSION 3.22)
set(DIVERGED 4) # the exit code
set(tensor "not finite: layer [a-z0-9_]+: [a-z ]+ is (infinite|nan) first, for image")

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
foreach(norm bn gn in none)
    set(rates 10 100 1e4 1e6)
    if(norm STREQUAL "none")
        set(rates 1e4 1e6) # without a norm, the ReLUs die at those below
    endif()
    foreach(lr IN LISTS rates)
        execute_process(COMMAND "${PROGRAMS}/tiny_${norm}" train --data synthetic --lr ${lr} --quiet
            --threads 1 --out "${norm}_${lr}" WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code
            OUTPUT_VARIABLE text ERROR_VARIABLE text)
        if(NOT code EQUAL DIVERGED OR NOT text MATCHES "${tensor}")
            message(SEND_ERROR "tiny_${norm} --lr ${lr}: code ${code}, expected ${DIVERGED} and a "
                "layer and its tensor:\n${text}")
        endif()
    endforeach()
endforeach()
