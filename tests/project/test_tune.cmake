# `make tune` on a tiny network, in bf16: interrupted, resumed, and added to a file with other entries,
# among them one of the same program in floats.
#
#     cmake -DBURIN=build/burin -DWORK=build/tests/tune -P tests/project/test_tune.cmake
#
# It runs in the root of the source tree. A signal ends the whole process group, as Ctrl-C does.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
set(tree "${WORK}/a tree")
set(tuned "${WORK}/tuned/cpu.lua")
set(command "${CMAKE_COMMAND}" "-DBURIN=${BURIN}" "-DTREE=${tree}" "-DTUNED=${tuned}" -DROUNDS=1
    -DSTEPS=1 -DPRECISION=bf16 -P scripts/tune.cmake tests/nets/tune.lua gn c)
set(other "micro_batch { \"another_gn\", isa = \"c\", images = 4, measured = \"2026-01-31\" }")
set(floats "micro_batch { \"tune_gn\", isa = \"c\", images = 4, measured = \"2026-01-31\" }")

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}/tuned")
run("${BURIN}" plan --norm gn --isa c --pass choices tests/nets/tune.lua)
string(REGEX MATCH "^machine [^\n]*" machine "${output}")

# A file that is there and cannot be read is an error; one that is not there is none.
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" cpu "${machine}")
file(COPY gen templates DESTINATION "${WORK}/scripts")
file(REMOVE_RECURSE "${WORK}/scripts/gen/tuned")
run_well("${BURIN}" plan --norm gn --isa c --gen-dir "${WORK}/scripts/gen" s8)
file(MAKE_DIRECTORY "${WORK}/scripts/gen/tuned/${cpu}.lua")
run("${BURIN}" plan --norm gn --isa c --gen-dir "${WORK}/scripts/gen" s8)
expect("burin: gen/tuned/${cpu}.lua: cannot be read: Is a directory")
if(NOT result EQUAL 1)
    message(FATAL_ERROR "ended with ${result}: expected 1:\n${output}")
endif()

# A file that is no such file stops it before anything is built.
file(WRITE "${tuned}" "return network { }\n")
run(${command})
expect("cpu.lua:1:")
if(result EQUAL 0 OR EXISTS "${tree}/tree")
    message(FATAL_ERROR "a foreign file did not stop it:\n${output}")
endif()
file(WRITE "${tuned}" "${machine}\n${other}\n${floats}\n")

# Interrupted after the second candidate.
file(WRITE "${WORK}/interrupt.sh" [=[
done=$1
shift
setsid "$@" &
until [ -e "$done" ] || ! kill -0 $! 2>/dev/null; do
    sleep 0.05
done
kill -TERM -$!
wait $!
]=])
run(sh "${WORK}/interrupt.sh" "${tree}/tune_gn_c+bf16/candidate_2.json" ${command})
expect("candidate 1 of ")
if(result EQUAL 0)
    message(FATAL_ERROR "it was not interrupted:\n${output}")
endif()
file(STRINGS "${tuned}" lines)
if(NOT lines STREQUAL "${machine};${other};${floats}")
    message(FATAL_ERROR "an interrupted run changed the file:\n${lines}")
endif()

# Resumed: what was timed is not timed again.
run(${command})
if(NOT result EQUAL 0)
    message(FATAL_ERROR "ended with ${result}:\n${output}")
endif()
foreach(n 1 2)
    string(REGEX MATCH "candidate ${n} of [0-9]+: timed before" found "${output}")
    if(NOT found)
        message(FATAL_ERROR "candidate ${n} was timed again:\n${output}")
    endif()
endforeach()
expect("a step takes ")

# The file holds the new entries beside those of the other network, and burin reads it.
file(READ "${tuned}" output)
expect("measured by `make tune`")
expect("${machine}")
expect("${other}")
expect("${floats}")
expect("micro_batch { \"tune_gn\", isa = \"c+bf16\", images = ")
run("${BURIN}" plan --norm gn --isa c --precision bf16 --tuned "${tuned}" tests/nets/tune.lua)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "burin plan --tuned ended with ${result}:\n${output}")
endif()
if(EXISTS "${tree}/tune_gn_c+bf16")
    message(FATAL_ERROR "a finished run left measurements behind")
endif()
