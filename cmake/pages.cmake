# Writes the manual pages, each from what a program says of itself, and what shells complete.
#
#     cmake -DBURIN=burin -DDATA=burin-data -DPAGE=burin-page -DVERSION=0.2.0 -DDATE=2026-11-27 -DOUT=folder
#           -P cmake/pages.cmake
#
# It runs in the root of the source tree.
cmake_minimum_required(VERSION 3.22)

# Sets `text` to what a command prints.
function(ask text)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${ARGN}: ended with ${result}")
    endif()
    set(${text} "${output}" PARENT_SCOPE)
endfunction()

function(write_page page section about text)
    file(WRITE "${OUT}/${page}.txt" "${text}")
    ask(roff awk -v page=${page} -v section=${section} "-vabout=${about}" -v date=${DATE}
        "-vsource=burin ${VERSION}" -f scripts/man.awk "${OUT}/${page}.txt")
    file(WRITE "${OUT}/${page}.${section}" "${roff}")
    file(REMOVE "${OUT}/${page}.txt")
endfunction()

ask(help "${BURIN}" --help)
write_page(burin 1 "engraves a neural network into C" "${help}")
ask(help "${DATA}" --help)
write_page(burin-data 1 "says what data lies at a path" "${help}")
ask(manual "${BURIN}" layers)
write_page(burin-language 7 "the description of a network" "${manual}")

ask(help "${PAGE}" --help)
foreach(command train eval predict bench info)
    ask(more "${PAGE}" ${command} --help)
    string(APPEND help "\n== ${command}\n\n${more}")
endforeach()
write_page(burin-program 1 "what a program that burin generated can do" "${help}")

ask(completion "${BURIN}" completion bash)
file(WRITE "${OUT}/burin" "${completion}")
ask(completion "${BURIN}" completion zsh)
file(WRITE "${OUT}/_burin" "${completion}")
