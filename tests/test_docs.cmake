# The documents: every link leads to a file, and to a heading where it names one; every file of the
# project that a document names is there.
#
#     cmake -P tests/test_docs.cmake
#
# It runs in the root of the source tree, or of another one to look at.
# Documents are README.md and the others of the root, and all *.md below docs, examples and the folders
# of the source. Links to other sites are not followed.
cmake_minimum_required(VERSION 3.22)
set(root "${CMAKE_SOURCE_DIR}") # of a script: where it runs
set(folders docs examples gen generated results runtime scripts templates tests)

set(documents)
file(GLOB documents "${root}/*.md")
foreach(folder IN LISTS folders)
    file(GLOB_RECURSE found "${root}/${folder}/*.md")
    list(APPEND documents ${found})
endforeach()

# Sets `out` to the lines of a document without its code blocks. `[`, `]` and `;` mean something in
# lists of CMake: "](", which begins the target of a link, becomes "\1", and the others "\2".
function(read_prose out file)
    file(READ "${file}" text)
    string(ASCII 1 link)
    string(ASCII 2 other)
    string(REPLACE "](" "${link}" text "${text}")
    string(REGEX REPLACE "[][;]" "${other}" text "${text}")
    string(REPLACE "\n" ";" lines "${text}")
    set(prose)
    set(in_block FALSE)
    foreach(line IN LISTS lines)
        if(line MATCHES "^ *```")
            if(in_block)
                set(in_block FALSE)
            else()
                set(in_block TRUE)
            endif()
        elseif(NOT in_block AND NOT line MATCHES "^    ")
            list(APPEND prose "${line}")
        endif()
    endforeach()
    if(in_block)
        message(SEND_ERROR "${file}: a code block is not closed")
    endif()
    set(${out} "${prose}" PARENT_SCOPE)
endfunction()

# Sets `out` to the anchors of a document, as GitHub makes them of its headings.
function(read_anchors out file)
    read_prose(lines "${file}")
    set(anchors)
    foreach(line IN LISTS lines)
        if(line MATCHES "^#+ +(.*)$")
            string(TOLOWER "${CMAKE_MATCH_1}" anchor)
            string(REGEX REPLACE "[^a-z0-9 _-]" "" anchor "${anchor}")
            string(REPLACE " " "-" anchor "${anchor}")
            list(APPEND anchors "${anchor}")
        endif()
    endforeach()
    set(${out} "${anchors}" PARENT_SCOPE)
endfunction()

string(ASCII 1 link)
set(named ${folders})
list(REMOVE_ITEM named generated) # `make gen` writes what a reader asks for
list(JOIN named "|" alternatives)
set(links 0)
set(names 0)
foreach(document IN LISTS documents)
    file(RELATIVE_PATH name "${root}" "${document}")
    get_filename_component(folder "${document}" DIRECTORY)
    read_prose(lines "${document}")
    string(REPLACE ";" "\n" text "${lines}")

    string(REGEX MATCHALL "${link}[^)]*[)]" targets "${text}")
    foreach(target IN LISTS targets)
        string(REGEX REPLACE "^${link}(.*)[)]$" "\\1" target "${target}")
        if(target MATCHES "^https?://")
            continue()
        endif()
        math(EXPR links "${links} + 1")
        string(REGEX MATCH "^([^#]*)(#(.*))?$" whole "${target}")
        set(anchor "${CMAKE_MATCH_3}")
        set(file "${document}")
        if(CMAKE_MATCH_1)
            set(file "${folder}/${CMAKE_MATCH_1}")
        endif()
        if(NOT EXISTS "${file}")
            message(SEND_ERROR "${name}: the link to ${target} leads to no file")
        elseif(anchor)
            read_anchors(anchors "${file}")
            if(NOT anchor IN_LIST anchors)
                message(SEND_ERROR "${name}: the link to ${target} leads to no heading: expected one "
                    "of ${anchors}")
            endif()
        endif()
    endforeach()

    # `gen/main.lua`: code that is nothing but the path of a file with an ending.
    string(REGEX MATCHALL "`(${alternatives})/[A-Za-z0-9_./-]+[.][a-z]+`" paths "${text}")
    foreach(path IN LISTS paths)
        string(REPLACE "`" "" path "${path}")
        math(EXPR names "${names} + 1")
        if(NOT EXISTS "${root}/${path}")
            message(SEND_ERROR "${name}: names ${path}, which is not there")
        endif()
    endforeach()
endforeach()

list(LENGTH documents count)
message(STATUS "${count} documents, ${links} links, ${names} names of files")
if(links EQUAL 0 OR names EQUAL 0)
    message(FATAL_ERROR "expected links and names of files in the documents")
endif()
