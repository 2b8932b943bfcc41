# Going on with the checkpoint of another training, whose tensors have the same names and shapes: it
# is refused, the message says what differs, and --resume-anyway goes on all the same.
#
#     cmake -DPROGRAMS=build/tests/programs -DISA=avx2 -DWORK=build/tests/another_training
#         -P tests/project/test_another_training.cmake
#
# PROGRAMS holds tiny_bn, in portable C, and what tests/project/project.cmake makes of its network:
# another_stride, _eps, _dropout, _chunks, _bf16 and _relu and, unless ISA is c, another_isa.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
set(RUN_FOLDER "${WORK}")

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
set(quick --threads 1 --quiet)
run_well("${PROGRAMS}/tiny_bn" train --data synthetic --epochs 2 --max-steps 3 --out run ${quick})

# refused PROGRAM DIFFERENCE [option ...]
function(refused program difference)
    execute_process(COMMAND "${PROGRAMS}/${program}" train --resume run --out new ${quick} ${ARGN}
        WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
    string(FIND "${text}" "of another training" position)
    string(FIND "${text}" "${difference}" where)
    if(NOT code EQUAL 2 OR position LESS 0 OR where LESS 0)
        message(FATAL_ERROR "${program} ${ARGN}: code ${code}: expected 2, and that this is another "
            "training: ${difference}\n${text}")
    endif()
    if(EXISTS "${WORK}/new/last.safetensors")
        message(FATAL_ERROR "${program} ${ARGN}: refused, but has trained")
    endif()
endfunction()

refused(another_stride "stride 2, padding 1\": here \"conv1: conv of input, 8x32x32, window 3, stride 1")
refused(another_eps "eps 1e-05, momentum 0.1, bias\": here \"norm1: batch norm of relu1, 8x16x16, eps 0.00")
refused(another_dropout "here \"dropout1: dropout of global_avgpool1, 16x1x1, p 0.1\"")
refused(another_relu "here \"relu3: relu of global_avgpool1, 16x1x1\"")
refused(another_chunks ", 32 chunks")
refused(another_bf16 "here c+bf16 ")
refused(tiny_bn "--validate 0: here 1000" --validate 1000)
if(NOT ISA STREQUAL "c")
    refused(another_isa "  kernels c ")
    run_well("${PROGRAMS}/another_isa" train --resume run --resume-anyway --max-steps 4 --out new
        ${quick})
    expect("going on with another training")
endif()
run_well("${PROGRAMS}/tiny_bn" train --resume run --max-steps 4 --out same ${quick})
