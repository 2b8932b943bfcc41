# The committed files of generated/ are what the generator writes today, byte for byte.
#
#     cmake -DBURIN=build/burin -DWORK=build/tests/current -P tests/project/test_current.cmake
#
# It runs in the root of the source tree, because a file names the network as the command did.
cmake_minimum_required(VERSION 3.22)
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
set(stale "")

# Further arguments: those of `burin gen`. name: of the file, as `burin gen` chooses it
function(check name norm isa)
    execute_process(
        COMMAND "${BURIN}" gen --norm ${norm} --isa ${isa} ${ARGN} -o "${WORK}/${name}"
            gen/nets/s8.lua
        RESULT_VARIABLE result OUTPUT_QUIET)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "burin gen --norm ${norm} --isa ${isa} ended with ${result}")
    endif()
    execute_process(
        COMMAND "${CMAKE_COMMAND}" -E compare_files "${WORK}/${name}" generated/${name}
        RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
    if(NOT result EQUAL 0)
        set(stale ${stale} generated/${name} PARENT_SCOPE)
    endif()
endfunction()

foreach(norm bn gn ln)
    foreach(isa avx2 avx512)
        check(s8_${norm}_${isa}.c ${norm} ${isa} --tuned none)
    endforeach()
endforeach()
check(s8_gn_plain.c gn c --unroll none)
if(stale)
    list(JOIN stale " " stale)
    message(FATAL_ERROR "not what the generator writes today: ${stale}\n"
        "`make generated` remakes them; commit them with the change that made them differ.")
endif()
