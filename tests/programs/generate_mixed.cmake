# Generates a program in which some passes of its convolutions are transformed and the others direct.
#
#     cmake -DBURIN=build/burin -DISA=c -DPASSES="fwd bwd_data" -DOUT=file.c
#         -P tests/programs/generate_mixed.cmake
#
# It runs in the root of the source tree. PASSES are the transformed ones. Beside file.c lies the list
# of choices, file.c.lua.
cmake_minimum_required(VERSION 3.22)
set(network tests/nets/mixed.lua)

macro(burin command)
    execute_process(COMMAND "${BURIN}" ${command} --norm none --isa ${ISA} ${ARGN} "${network}"
        OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
endmacro()

burin(plan --pass choices --tuned none)
string(REGEX MATCHALL "[^\n]+" transformed "${output}")
burin(plan --pass choices --tuned none --algorithm direct)
string(REGEX MATCHALL "[^\n]+" direct "${output}")

set(text)
foreach(line other IN ZIP_LISTS transformed direct)
    string(REGEX MATCH "_(fwd|bwd_data|bwd_weights)[_\"]" match "${line}")
    if(" ${PASSES} " MATCHES " ${CMAKE_MATCH_1} ")
        string(APPEND text "${line}\n")
    else()
        string(APPEND text "${other}\n")
    endif()
endforeach()
file(WRITE "${OUT}.lua" "${text}")
burin(gen --tuned "${OUT}.lua" -o "${OUT}")

# That it is what was asked for.
file(READ "${OUT}" program)
foreach(pass fwd bwd_data bwd_weights)
    string(REGEX MATCH "[^a-z0-9_]conv3x3[a-z0-9_]*_${pass}[a-z0-9_]*__winograd4" kernel "${program}")
    if((" ${PASSES} " MATCHES " ${pass} " AND NOT kernel) OR
       (NOT " ${PASSES} " MATCHES " ${pass} " AND kernel))
        message(FATAL_ERROR "${OUT}: ${pass}: expected transformed passes ${PASSES}")
    endif()
endforeach()
