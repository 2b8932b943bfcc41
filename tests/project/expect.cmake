# What the tests that are scripts share: running a command, and looking at what it printed.
#
#     include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
#     set(RUN_FOLDER "${WORK}")       # where commands run; this folder without it
#     run(burin plan s8)              # sets result and output, standard error with it
#     run_well(burin plan s8)         # and its exit code is 0
#     expect("46000 parameters")      # in output; a blank also stands for the end of a line
#     expect_not("error")             # nowhere in it

macro(run)
    set(run_folder)
    if(RUN_FOLDER)
        set(run_folder WORKING_DIRECTORY "${RUN_FOLDER}")
    endif()
    execute_process(COMMAND ${ARGN} ${run_folder} RESULT_VARIABLE result OUTPUT_VARIABLE output
        ERROR_VARIABLE output)
endmacro()

macro(run_well)
    run(${ARGN})
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${ARGN}: ended with ${result}\n${output}")
    endif()
endmacro()

function(expect text)
    string(REGEX REPLACE "[ \n]+" " " flat "${output}")
    string(FIND "${output}\n${flat}" "${text}" position)
    if(position LESS 0)
        message(FATAL_ERROR "expected \"${text}\" in:\n${output}")
    endif()
endfunction()

function(expect_not text)
    string(FIND "${output}" "${text}" position)
    if(position GREATER_EQUAL 0)
        message(FATAL_ERROR "expected no \"${text}\" in:\n${output}")
    endif()
endfunction()
