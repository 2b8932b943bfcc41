# What is installed: it may be moved, knows nothing of the folder it was built in, and takes no name of
# a user's own code. A project finds it with find_package(), a command line with pkg-config.
#
#     cmake -DBUILD=build -DTREE=. -DNM=nm -DCC=cc -DWORK=build/tests/install -P tests/project/test_install.cmake
#
# It leaves the installation in WORK/usr, for the tests of what is done with it.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
file(REMOVE_RECURSE "${WORK}")
set(prefix "${WORK}/usr")
set(project "${WORK}/a project")
file(MAKE_DIRECTORY "${project}")
set(RUN_FOLDER "${project}")
set(ENV{DESTDIR}) # a caller's would come before the prefix

run_well("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/elsewhere")
file(RENAME "${WORK}/elsewhere" "${prefix}")
file(GLOB_RECURSE installed RELATIVE "${prefix}" "${prefix}/*")

# -- Where it came from ----------------------------------------------------------------------------

foreach(file IN LISTS installed)
    file(STRINGS "${prefix}/${file}" lines REGEX "${TREE}/|${WORK}/elsewhere")
    if(lines)
        message(FATAL_ERROR "${file}: names the folder that it was made in: ${lines}")
    endif()
endforeach()

# -- Names -----------------------------------------------------------------------------------------

# Sets `out` to the names that a library defines for all.
function(names_of out library)
    run_well("${NM}" --extern-only --defined-only --format=posix "${library}")
    string(REGEX MATCHALL "[^\n ]+ [A-Za-z] [^\n]*" lines "${output}")
    list(TRANSFORM lines REPLACE " .*" "")
    set(${out} "${lines}" PARENT_SCOPE)
endfunction()

names_of(names "${prefix}/lib/libburin_runtime.a")
set(others ${names})
list(FILTER others EXCLUDE REGEX "^burin_")
if(others OR NOT names)
    message(FATAL_ERROR "libburin_runtime.a: has the names ${names}: expected burin_.. alone")
endif()

file(GLOB_RECURSE headers "${prefix}/include/*.h")
foreach(header IN LISTS headers)
    file(STRINGS "${header}" macros REGEX "^[ \t]*#[ \t]*define")
    list(FILTER macros EXCLUDE REGEX "define +BURIN_")
    if(macros)
        message(FATAL_ERROR "${header}: ${macros}: expected macros BURIN_.. alone")
    endif()
endforeach()

# A user's code that has every name which the runtime has for itself.
names_of(names "${BUILD}/libburin_runtime.a")
list(FILTER names EXCLUDE REGEX "^burin_")
list(LENGTH names count)
if(count LESS 100 OR NOT "err_set" IN_LIST names)
    message(FATAL_ERROR "libburin_runtime.a of the build: ${count} names, expected those of its modules")
endif()
set(code "#undef main\nint train_digits(int argc, char **argv);\n")
foreach(name program_main team_barrier training_recipe training_description ${names})
    string(APPEND code "int ${name} = 1;\n")
endforeach()
file(WRITE "${project}/mine.c" "${code}
int main(int argc, char **argv)
{
    return train_digits(argc, argv) + 1 - (err_set & team_run & program_main);
}
")

# -- A project of CMake ----------------------------------------------------------------------------

file(COPY "${CMAKE_CURRENT_LIST_DIR}/../nets/tiny.lua" DESTINATION "${project}")
file(WRITE "${project}/CMakeLists.txt" "
cmake_minimum_required(VERSION 3.22)
project(digits LANGUAGES C)
find_package(burin 0.2 REQUIRED)
add_training_program(digits NETWORK tiny.lua NORM gn ISA c)
target_sources(digits PRIVATE mine.c)
target_compile_definitions(digits PRIVATE main=train_digits)
")
run_well("${CMAKE_COMMAND}" -G Ninja -S . -B build "-DCMAKE_PREFIX_PATH=${prefix}"
    "-DCMAKE_C_COMPILER=${CC}")
run_well("${CMAKE_COMMAND}" --build build)
run_well(build/digits train --data synthetic --max-steps 2 --out out)
expect("stopped at step 2")
run_well("${CMAKE_COMMAND}" --build build)
expect("no work to do")
file(TOUCH "${project}/tiny.lua" "${prefix}/bin/burin")
run_well("${CMAKE_COMMAND}" --build build)
expect("Generating tiny_gn_c.c")

# A network of burin's own is known by its name.
file(APPEND "${project}/CMakeLists.txt" "add_training_program(own NETWORK lenet NORM none ISA c)\n")
run_well("${CMAKE_COMMAND}" build)
run_well("${CMAKE_COMMAND}" --build build --target generate_lenet_none_c)
if(NOT EXISTS "${project}/build/burin/lenet_none_c.c")
    message(FATAL_ERROR "lenet_none_c.c was not made in build/burin")
endif()

# -- A command line --------------------------------------------------------------------------------

set(ENV{PKG_CONFIG_PATH} "${prefix}/lib/pkgconfig")
run_well(sh -c "'${CC}' -O1 build/burin/*/tiny_gn_c*.c $(pkg-config --cflags --libs burin) -o tiny")
run_well(./tiny info)
expect("network tiny, norm gn, c,")
run_well(pkg-config --modversion burin)
expect("0.2.0")
run_well("${prefix}/bin/burin" --version)
expect("burin 0.2.0")
