# A project of somebody else, in a folder with a blank in its name, builds a program of its own with
# add_training_program().
#
#     cmake -DBURIN_SOURCE=. -DWORK=build/tests/project -P tests/project/test_project.cmake
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
set(project "${WORK}/a project")
set(RUN_FOLDER "${project}")

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${project}")
file(COPY "${BURIN_SOURCE}/tests/nets/tiny.lua" DESTINATION "${project}")
file(RENAME "${project}/tiny.lua" "${project}/my digits.lua")
file(WRITE "${project}/CMakeLists.txt" "
cmake_minimum_required(VERSION 3.22)
project(digits LANGUAGES C)
add_subdirectory(\"${BURIN_SOURCE}\" burin)
add_training_program(digits NETWORK \"my digits.lua\" NORM gn ISA c)
")
run_well("${CMAKE_COMMAND}" -G Ninja -S . -B build)
run_well("${CMAKE_COMMAND}" --build build)
run_well(build/digits info)
expect("network tiny, norm gn, c,")
run_well(build/digits train --data synthetic --max-steps 2 --out out)
expect("stopped at step 2")

# What CMake and Ninja would take apart is told when configuring.
file(MAKE_DIRECTORY "${WORK}/odd" "${project}/a|b")
file(COPY "${BURIN_SOURCE}/tests/nets/tiny.lua" DESTINATION "${project}/a|b")
file(WRITE "${WORK}/odd/CMakeLists.txt" "
cmake_minimum_required(VERSION 3.22)
project(odd LANGUAGES C)
add_subdirectory(\"${BURIN_SOURCE}\" burin)
add_training_program(odd NETWORK \"${project}/a|b/tiny.lua\")
")
run("${CMAKE_COMMAND}" -G Ninja -S "${WORK}/odd" -B "${WORK}/odd/build")
if(result EQUAL 0)
    message(FATAL_ERROR "a network in a folder a|b was taken:\n${output}")
endif()
expect("a|b/tiny.lua: CMake and Ninja cannot take ; | \\ ? $ or a new line in a path")
file(REMOVE_RECURSE "${project}/a|b")

# A changed recipe makes a new program of the old kernels, even where it moves all lines; a changed
# network makes new ones, an unchanged one nothing.
run_well("${CMAKE_COMMAND}" --build build)
expect("no work to do")
file(READ "${project}/my digits.lua" text)
string(REPLACE "sgd { lr = 0.05" "sgd {\n lr = 0.0625" text "${text}")
file(WRITE "${project}/my digits.lua" "${text}")
run_well("${CMAKE_COMMAND}" --build build)
expect("_gn_c_recipe.c.o")
expect_not("_gn_c.c.o")
run_well(build/digits train --data synthetic --max-steps 1 --out out)
expect("lr 0.0625 recipe")
string(REPLACE "conv { 16" "conv { 24" text "${text}")
file(WRITE "${project}/my digits.lua" "${text}")
run_well("${CMAKE_COMMAND}" --build build)
run_well(build/digits info)
expect("24x8x8")

file(GLOB entries RELATIVE "${project}" "${project}/*")
if(NOT "${entries}" STREQUAL "CMakeLists.txt;build;my digits.lua;out")
    message(FATAL_ERROR "the project holds ${entries}: something was written outside build/")
endif()
