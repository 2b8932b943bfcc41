# The networks of docs/tutorial.md are planned, and their plans begin with the lines that it shows.
#
#     cmake -DBURIN=build/burin -DWORK=build/tests/tutorial -P tests/project/test_tutorial.cmake
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
set(RUN_FOLDER "${WORK}")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
file(READ docs/tutorial.md tutorial)

# Takes the next block of Lua out of the tutorial.
macro(take_block out)
    string(FIND "${tutorial}" "```lua\n" position)
    if(position EQUAL -1)
        message(FATAL_ERROR "docs/tutorial.md: expected another block of Lua")
    endif()
    math(EXPR position "${position} + 7")
    string(SUBSTRING "${tutorial}" ${position} -1 tutorial)
    string(FIND "${tutorial}" "\n```" position)
    string(SUBSTRING "${tutorial}" 0 ${position} ${out})
    string(SUBSTRING "${tutorial}" ${position} -1 tutorial)
endmacro()

# Plans `text` as mine.lua. Its plan begins as in the tutorial, where `first` says it.
function(plan text first)
    file(WRITE "${WORK}/mine.lua" "${text}")
    run_well("${BURIN}" plan --norm gn --isa avx512 mine.lua)
    expect("${first}")
endfunction()

# The network as it is written first. What the page shows of the plan is in the plan, line by line.
set(page "${tutorial}")
take_block(network)
string(REGEX MATCH "mine, norm gn, AVX-512[^\n]*\n" head "${page}")
string(STRIP "${head}" head)
plan("${network}" "${head}")
string(REGEX MATCHALL "    (conv|norm|maxpool)[0-9][^\n]*_fwd[^\n]*" rows "${page}")
list(LENGTH rows count)
if(count LESS 4)
    message(FATAL_ERROR "docs/tutorial.md: ${count} rows of a plan, expected four or more")
endif()
run_well("${BURIN}" plan --norm gn --isa avx512 mine.lua)
foreach(row IN LISTS rows)
    string(STRIP "${row}" row)
    expect("${row}\n")
endforeach()

# The changed one: a function before the network, a line in it.
take_block(function)
take_block(line)
string(REPLACE "return network" "${function}\n\nreturn network" changed "${network}")
string(REPLACE "        block(32),\n        global" "${line}\n        global" changed "${changed}")
if(changed STREQUAL network)
    message(FATAL_ERROR "docs/tutorial.md: the change of the network does not fit it")
endif()
plan("${changed}" "mine, norm gn, AVX-512 (F, BW, DQ, VL): 24026 parameters")
if(NOT tutorial MATCHES "network mine, norm gn, 24026 parameters")
    message(FATAL_ERROR "docs/tutorial.md: expected 24026 parameters of the changed network")
endif()
