# Dependencies between rooms run one way: a room uses those named here and itself. No pass asks for an
# operation by name. No template of a program knows the type of its numbers. No function is too long.
#
#     cmake -P tests/project/test_rooms.cmake
#
# It reads the includes of runtime/ and the requires of gen/. Headers at the root of runtime/ may be
# included from anywhere.
cmake_minimum_required(VERSION 3.22)

set(runtime_sys "")
set(runtime_file sys)
set(runtime_data file sys)
set(runtime_ref sys)
set(runtime_inspect data ref file sys)
set(runtime_ranks sys)
set(runtime_train inspect data ranks ref file sys)

set(gen_language "")
set(gen_ops emit)
set(gen_plan ops emit language)
set(gen_emit plan ops language)
set(gen_report emit language)
set(gen_onnx language)
set(gen_freeze onnx ops plan emit)
set(gen_project emit language)
set(gen_shell emit language)

set(mistakes "")

# house: runtime or gen; pattern: of a use of a room, which is its first group
function(check house pattern)
    file(GLOB_RECURSE files RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" ${house}/*/*.[ch] ${house}/*/*.lua)
    foreach(file IN LISTS files)
        string(REGEX MATCH "^${house}/([a-z]+)/" _ "${file}")
        set(room ${CMAKE_MATCH_1})
        if(room MATCHES "^(host|nets|tuned)$")
            continue()
        endif()
        if(NOT DEFINED ${house}_${room})
            string(APPEND mistakes "${file}: tests/project/test_rooms.cmake does not know ${room}\n")
            continue()
        endif()
        file(STRINGS "${file}" lines REGEX "${pattern}")
        foreach(line IN LISTS lines)
            string(REGEX MATCH "${pattern}" _ "${line}")
            if(NOT CMAKE_MATCH_1 IN_LIST ${house}_${room} AND NOT CMAKE_MATCH_1 STREQUAL room)
                string(JOIN " " allowed ${${house}_${room}})
                string(APPEND mistakes
                    "${file}: uses ${CMAKE_MATCH_1}: expected only itself and: ${allowed}\n")
            endif()
        endforeach()
    endforeach()
    set(mistakes "${mistakes}" PARENT_SCOPE)
endfunction()

# Passes and emitters ask the modules of operations and algorithms, not their names.
file(GLOB_RECURSE files RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" gen/plan/*.lua gen/emit/*.lua)
foreach(file IN LISTS files)
    file(STRINGS "${file}" lines REGEX "[.](op|algorithm) [=~]= \"")
    list(FILTER lines EXCLUDE REGEX "options[.]algorithm") # what a command was told
    foreach(line IN LISTS lines)
        string(STRIP "${line}" line)
        string(APPEND mistakes "${file}: asks for a name: expected a field of its module: ${line}\n")
    endforeach()
endforeach()

# A template says ${real} and 0.5${f}: see gen/emit/isa.lua. A frozen network has floats alone.
set(end "([^A-Za-z0-9_]|$)")
set(of_float "(^|[^A-Za-z0-9_])float${end}|[0-9][.][0-9]*f${end}|[0-9]e[-+]?[0-9]+f${end}"
    "|(sqrt|exp|log|pow|tanh|erfc?|fabs|fmax|fmin|floor|fma)f[(]")
string(CONCAT of_float ${of_float})
file(GLOB_RECURSE files RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" templates/ops/*.tpl templates/emit/*.tpl)
foreach(file IN LISTS files)
    file(STRINGS "${file}" lines REGEX "${of_float}")
    foreach(line IN LISTS lines)
        string(STRIP "${line}" line)
        string(APPEND mistakes
            "${file}: has the type of its numbers: expected \${real} or \${f}: ${line}\n")
    endforeach()
endforeach()

file(GLOB_RECURSE files RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" runtime/*.[ch] gen/*.[ch] gen/*.lua
    tests/*.[ch] tests/*.lua)
execute_process(COMMAND awk -f tests/project/functions.awk ${files} RESULT_VARIABLE result
    OUTPUT_VARIABLE long ERROR_VARIABLE problem)
if(NOT result EQUAL 0)
    string(APPEND mistakes "${long}${problem}")
endif()

check(runtime "#include \"([a-z]+)/")
check(gen "require[ (]+\"([a-z]+)/")
if(mistakes)
    message(FATAL_ERROR "${mistakes}")
endif()
