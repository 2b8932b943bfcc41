# Training programs in CMake: add_training_program(), for burin itself, for projects that take burin in
# with add_subdirectory() and for those that find it installed with find_package(burin).
#
# Who includes it sets, in the cache, where functions find it whoever calls them:
#
#     BURIN_NETWORKS    the folder of gen/nets and examples, whose networks need no path
#     BURIN_GENERATED   the folder that C files are written to
#     BURIN_PLUGINS     the folder of burin_mpi.so, where there is one
#
# and has the targets burin::burin, the generator, and burin::runtime, what programs link.

set(BURIN_GEN_OPTIONS "" CACHE STRING "Further options of `burin gen`, as a list")
set(BURIN_MAX_MEMORY 4096 CACHE STRING "MB of memory that training a network may need")

# What the processor of this machine can run: the same question as native_isa() in gen/host/host.c,
# asked when configuring, because the answer is part of file names and compiler flags.
function(find_native_isa)
    set(source "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/native_isa.c")
    file(WRITE "${source}" [=[
#include <stdio.h>
int main(void)
{
    const char *isa = "c";
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        isa = "avx512";
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        isa = "avx2";
#endif
    fputs(isa, stdout);
    return 0;
}
]=])
    set(isa c)
    if(NOT CMAKE_CROSSCOMPILING)
        try_run(result compiled "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/native_isa" "${source}"
            RUN_OUTPUT_VARIABLE output)
        if(compiled AND result EQUAL 0)
            set(isa "${output}")
        endif()
        unset(result CACHE)
        unset(compiled CACHE)
    endif()
    message(STATUS "ISA=native is ${isa}")
    set(BURIN_NATIVE_ISA ${isa} CACHE STRING "What ISA=native means on this machine")
endfunction()

if(NOT DEFINED BURIN_NATIVE_ISA)
    find_native_isa()
endif()

set(BURIN_FLAGS_avx2 -mavx2 -mfma CACHE INTERNAL "")
# Of AVX512_BF16 are intrinsics alone, which only programs with products in bf16 use.
set(BURIN_FLAGS_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512
    -mavx512bf16 CACHE INTERNAL "")
set(BURIN_FLAGS_amx ${BURIN_FLAGS_avx512} -mamx-tile -mamx-bf16 CACHE INTERNAL "")
set(BURIN_FLAGS_c "" CACHE INTERNAL "")

# Has gcc compile the C files of a program in intrinsics by -O2 and what its loops need of -O3: in
# two thirds of the time, to kernels as fast. Without -fpredictive-commoning, gcc keeps numbers that
# the next pixel reads, too, one by one instead of spread over a vector, which costs the weight
# gradient of a first layer 13 %; without -fsplit-paths, a norm's sums ask twice whether there is
# dropout, which costs them 8 % by AVX2. Portable C needs the vectors of -O3.
function(burin_optimise isa files)
    if(BURIN_FLAGS_${isa} AND CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT BURIN_SANITIZE)
        set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS
            "$<$<NOT:$<CONFIG:Debug>>:-O2;-fpeel-loops;-fpredictive-commoning;-fsplit-paths>")
    endif()
endfunction()

# Sets `out` to the file that `network` means: a path, taken from the folder of the calling
# CMakeLists.txt, or else the name of a file in gen/nets or examples. Empty when there is none.
function(burin_find_network out network)
    get_filename_component(path "${network}" ABSOLUTE)
    foreach(folder gen/nets examples)
        if(EXISTS "${path}" AND NOT IS_DIRECTORY "${path}")
            break()
        endif()
        set(path "${BURIN_NETWORKS}/${folder}/${network}.lua")
    endforeach()
    if(NOT EXISTS "${path}")
        set(path "")
    endif()
    set(${out} "${path}" PARENT_SCOPE)
endfunction()

# Sets `files` to the C files of a network, in BURIN_GENERATED, the program and its recipe, and
# `target` to what makes them. The recipe stands apart, so that a change of it compiles no kernel. The
# committed files of generated/ are written by `make gen` and `make generated` alone: a build that
# refreshed them would hide from the tests that they are stale. isa: one of burin gen; or, in tests,
# `plain` or `direct`: portable C in plain loops, or in tiles by direct convolution alone. What may
# follow is a precision, if the recipe's is not meant.
function(burin_generate files target network norm isa)
    get_filename_component(net "${network}" NAME_WE)
    get_filename_component(folder "${network}" DIRECTORY)
    set(stem ${net}_${norm}_${isa})
    if(ARGN)
        string(APPEND stem _${ARGN})
    endif()
    # The file names its network as the command does: one of ours by its path in the project. Others
    # may bear the name of one of ours, or of each other, and get a folder of their own.
    file(RELATIVE_PATH room "${BURIN_NETWORKS}" "${folder}")
    if(room STREQUAL "gen/nets" OR room STREQUAL "examples")
        set(argument ${room}/${net}.lua)
        set(path "${BURIN_GENERATED}/${stem}")
        string(MAKE_C_IDENTIFIER generate_${stem} name)
    else()
        set(argument "${network}")
        string(MD5 hash "${folder}")
        string(SUBSTRING ${hash} 0 8 hash)
        set(path "${BURIN_GENERATED}/${hash}/${stem}")
        string(MAKE_C_IDENTIFIER generate_${stem}_${hash} name)
    endif()
    set(how --isa ${isa})
    if(isa STREQUAL "plain")
        set(how --isa c --unroll none)
    elseif(isa STREQUAL "direct")
        set(how --isa c --algorithm direct)
    endif()
    if(ARGN)
        list(APPEND how --precision ${ARGN})
    endif()
    set(paths "${path}.c" "${path}_recipe.c")
    if(NOT TARGET ${name})
        get_filename_component(folder "${path}" DIRECTORY)
        file(MAKE_DIRECTORY "${folder}")
        add_custom_command(
            OUTPUT ${paths}
            COMMAND burin::burin gen --norm ${norm} ${how} --max-memory ${BURIN_MAX_MEMORY}
                ${BURIN_GEN_OPTIONS} -o "${path}.c" --recipe "${path}_recipe.c" "${argument}"
            DEPENDS burin::burin "${network}"
            WORKING_DIRECTORY "${BURIN_NETWORKS}"
            COMMENT "Generating ${stem}.c"
            VERBATIM)
        add_custom_target(${name} DEPENDS ${paths})
    endif()
    set(${files} ${paths} PARENT_SCOPE)
    set(${target} ${name} PARENT_SCOPE)
endfunction()

# add_training_program(NAME NETWORK net [NORM norm] [ISA isa] [PRECISION precision])
#
# Adds the executable NAME, which trains the network `net`: a .lua file, or the name of one in
# gen/nets or examples. NORM is bn (the default), gn, ln, in, none, bn16 or gn8. ISA is native (the
# default), avx2, avx512, c or, with products in bf16, amx. PRECISION is fp32 or bf16, by default what
# the recipe says. The C files are generated again whenever the network or the generator changes.
#
#     find_package(burin REQUIRED)          # or add_subdirectory(burin)
#     add_training_program(digits NETWORK digits.lua NORM gn ISA avx2)
function(add_training_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "NETWORK;NORM;ISA;PRECISION" "")
    if(NOT arg_NETWORK OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR
            "usage: add_training_program(NAME NETWORK net [NORM norm] [ISA isa] [PRECISION precision])")
    endif()
    if(NOT arg_NORM)
        set(arg_NORM bn)
    endif()
    if(NOT arg_ISA OR arg_ISA STREQUAL "native")
        set(arg_ISA ${BURIN_NATIVE_ISA})
    endif()
    burin_find_network(network "${arg_NETWORK}")
    if(NOT network)
        message(FATAL_ERROR
            "${arg_NETWORK}: no such file, and no network of that name in gen/nets or examples")
    elseif(network MATCHES "[;|\\?$\n]") # in lists, expressions and build files of CMake and Ninja
        message(FATAL_ERROR "${network}: CMake and Ninja cannot take ; | \\ ? $ or a new line in a "
            "path: expected one without these")
    endif()
    burin_generate(files target "${network}" ${arg_NORM} ${arg_ISA} ${arg_PRECISION})
    burin_optimise(${arg_ISA} "${files}")
    add_executable(${name} ${files})
    add_dependencies(${name} ${target})
    target_compile_options(${name} PRIVATE ${BURIN_FLAGS_${arg_ISA}})
    set_target_properties(${name} PROPERTIES BUILD_RPATH "${BURIN_PLUGINS}")
    target_link_libraries(${name} PRIVATE burin::runtime $<TARGET_NAME_IF_EXISTS:burin_warnings>)
endfunction()
