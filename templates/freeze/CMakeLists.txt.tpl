cmake_minimum_required(VERSION 3.13)
project(${prefix} C)
add_library(${prefix} ${prefix}.c)
@ if flags ~= "" then
    set_source_files_properties(${prefix}.c PROPERTIES COMPILE_FLAGS "${flags}")
@ end
add_executable(${prefix}_test main.c)
target_link_libraries(${prefix}_test ${prefix} m)
