# A trained model goes out as ONNX and comes back: the same network, the same bits of every weight,
# the same evaluation, and a training that begins with it.
#
#     cmake -DBURIN=build/burin -DPROGRAMS=build/tests/programs -DWORK=build/tests/onnx
#         -P tests/project/test_onnx.cmake
#
# PROGRAMS holds tiny_<norm>, in portable C. It runs in the root of the source tree.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
set(net "${CMAKE_SOURCE_DIR}/tests/nets/tiny.lua")
set(RUN_FOLDER "${WORK}")
set(quick --threads 1 --quiet)

# Sets `out` to what `eval` says of a model, but for its first line, which names the file.
function(evaluate out program model)
    execute_process(COMMAND "${PROGRAMS}/${program}" eval --model "${model}" --data synthetic
        --threads 1 WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code OUTPUT_VARIABLE text
        ERROR_VARIABLE errors)
    if(NOT code EQUAL 0)
        message(FATAL_ERROR "eval --model ${model} ended with ${code}\n${text}${errors}")
    endif()
    string(FIND "${text}" "\n" end)
    string(SUBSTRING "${text}" ${end} -1 text)
    set(${out} "${text}" PARENT_SCOPE)
endfunction()

foreach(norm bn in none)
    run_well("${PROGRAMS}/tiny_${norm}" train --data synthetic --max-steps 3 --out run_${norm}
        ${quick})
    run_well("${BURIN}" export run_${norm} -o ${norm}.onnx "${net}")
    expect("${norm}.onnx: written")
    file(MAKE_DIRECTORY "${WORK}/${norm}")
    run_well("${BURIN}" import ${norm}.onnx -o ${norm}/tiny.lua --weights ${norm}/tiny.safetensors)
    evaluate(before tiny_${norm} run_${norm}/last.safetensors)
    evaluate(after tiny_${norm} ${norm}/tiny.safetensors)
    if(NOT before STREQUAL after OR NOT before MATCHES "accuracy")
        message(FATAL_ERROR "${norm}: eval says of what came back\n${after}\nexpected\n${before}")
    endif()
    run_well("${PROGRAMS}/tiny_${norm}" train --data synthetic --max-steps 1 --out tuned_${norm}
        --init ${norm}/tiny.safetensors ${quick})
    # What was imported is planned as what was exported was.
    run_well("${BURIN}" plan --pass graph ${norm}/tiny.lua)
    string(REGEX MATCHALL "\n    (flop|param_floats|state_floats) = [0-9]+" numbers "${output}")
    run_well("${BURIN}" plan --pass graph --norm ${norm} "${net}")
    foreach(number IN LISTS numbers)
        expect("${number}")
    endforeach()
    list(LENGTH numbers count)
    if(NOT count EQUAL 3)
        message(FATAL_ERROR "${norm}: expected three numbers of the plan, got ${numbers}")
    endif()
endforeach()

# The same model gives the same bytes, and again: nothing is written twice.
run_well("${BURIN}" export run_bn -o bn.onnx "${net}")
expect("bn.onnx: unchanged")

# Another program reads the same bytes.
find_program(PROTOC protoc)
if(PROTOC)
    execute_process(COMMAND "${PROTOC}" --decode_raw INPUT_FILE "${WORK}/bn.onnx"
        OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
    expect("4: \"BatchNormalization\"")
    expect("8: \"conv1.weight\"")
endif()

# refused CODE TEXT command ...
function(refused code text)
    run(${ARGN})
    if(NOT result EQUAL code)
        message(FATAL_ERROR "${ARGN}: ended with ${result}: expected ${code}\n${output}")
    endif()
    expect("${text}")
endfunction()

# A model that was trained here carries its description; weights that were imported do not.
refused(2 "carries no description, and there is no network tiny in gen/nets or examples: expected"
    "${BURIN}" export bn/tiny.safetensors -o x.onnx)
run_well("${BURIN}" export run_bn -o carried.onnx)
run_well("${BURIN}" export run_bn -o carried.onnx "${net}")
expect("carried.onnx: unchanged")
refused(2 "export: no --output: expected -o FILE.onnx" "${BURIN}" export run_bn "${net}")
refused(1 "is no model of the network s8 with NORM bn" "${BURIN}" export run_bn -o x.onnx s8)
refused(1 "is no model of the network tiny with NORM none" "${BURIN}" export run_bn --norm none
    -o x.onnx "${net}")
refused(1 "missing.safetensors: cannot be read" "${BURIN}" export missing.safetensors -o x.onnx s8)
refused(1 "missing.onnx: cannot be read" "${BURIN}" import missing.onnx)
refused(5 "is no ONNX model" "${BURIN}" import run_bn/last.safetensors)
refused(1 "is what is imported" "${BURIN}" import bn.onnx -o bn.onnx)
refused(1 "is what is exported" "${BURIN}" export run_bn/last.safetensors
    -o run_bn/last.safetensors "${net}")
file(GLOB left "${WORK}/x.onnx*")
if(left)
    message(FATAL_ERROR "a refused export left ${left}")
endif()
