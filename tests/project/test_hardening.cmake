# What is in the executables: the generator and a program. They are position independent, their
# tables of addresses are read-only from the start, their stack cannot be run, and nothing in them
# can start another program, but that the generator asks gnuplot for the plots of a report
# (gen/host/gnuplot.c) and burin-data beside it what lies at a path (gen/host/burin.c), without a
# shell.
#
#     cmake -DREADELF=readelf -DBURIN=build/burin -DPROGRAM=build/s8_bn -P tests/project/test_hardening.cmake
cmake_minimum_required(VERSION 3.22)

function(read_elf path)
    execute_process(COMMAND "${READELF}" --wide ${ARGN} "${path}"
        RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${path}: ${output}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect path pattern)
    if(NOT output MATCHES "${pattern}")
        message(FATAL_ERROR "${path}: expected ${pattern} in:\n${output}")
    endif()
endfunction()

foreach(path IN ITEMS "${BURIN}" "${PROGRAM}")
    read_elf("${path}" --file-header --program-headers --dynamic)
    expect("${path}" "Type: +DYN")
    expect("${path}" "GNU_RELRO")
    expect("${path}" "BIND_NOW|Flags: [A-Z ]*NOW")
    expect("${path}" "GNU_STACK[ 0-9a-fx]+ RW +0x")

    read_elf("${path}" --dyn-syms)
    expect("${path}" " UND __stack_chk_fail@")
    expect("${path}" " UND __[a-z]+_chk@")
    set(starters "system|popen|exec[a-z]+|wordexp|posix_spawn")
    if(NOT path STREQUAL BURIN)
        string(APPEND starters "|posix_spawnp")
    endif()
    if(output MATCHES " UND (${starters})@")
        message(FATAL_ERROR "${path}: calls ${CMAKE_MATCH_1}: expected nothing that starts programs")
    endif()
endforeach()
