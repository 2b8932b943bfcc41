# Dependencies between rooms run one way: a room uses those named here and itself. No pass asks for an
# operation by name.
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

check(runtime "#include \"([a-z]+)/")
check(gen "require[ (]+\"([a-z]+)/")
if(mistakes)
    message(FATAL_ERROR "${mistakes}")
endif()
