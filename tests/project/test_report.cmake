# `burin report` on real runs: trains, reports, and reads the page as XML.
#
#     cmake -DBURIN=build/burin -DPROGRAMS=build/tests/programs -DWORK=build/tests/report
#         -P tests/project/test_report.cmake
#
# PROGRAMS holds tiny_bn, tiny_gn and tiny_bn8. The page is left in WORK for the test with a browser.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
set(RUN_FOLDER "${WORK}")

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
foreach(case bn:1 bn:2 gn:1)
    string(REPLACE ":" ";" case ${case})
    list(GET case 0 norm)
    list(GET case 1 seed)
    run_well("${PROGRAMS}/tiny_${norm}" train --data synthetic --quiet --threads 1 --epochs 3
        --probe 50 --seed ${seed} --out "runs/tiny ${norm} ${seed}")
    run_well("${PROGRAMS}/tiny_${norm}" eval --data synthetic --threads 1
        --model "runs/tiny ${norm} ${seed}/last.safetensors" --out "runs/tiny ${norm} ${seed}")
endforeach()

run_well("${BURIN}" report "runs/tiny bn 1" "runs/tiny bn 2" "runs/tiny gn 1" -o report.html)
expect("report.html: written")
run_well("${BURIN}" report "runs/tiny bn 1" "runs/tiny bn 2" "runs/tiny gn 1" -o report.html)
expect("report.html: unchanged")
run_well(xmllint --noout report.html)
file(READ "${WORK}/report.html" page)
foreach(part "SYNTHETIC: What normalization does to tiny" "±" "id=\"accuracy_plot_4\"" "data:image/png;base64,"
        "Under group norm no other image moves at all."
        "id=\"smoothness_plot_2\"" "Treated as test images are, training images reach"
        "alt=\"group norm, channel " "Highest with a norm: "
        "At evaluation no image moves another under any of them."
        "For group norm no batch size changes anything." "<dt>date</dt><dd>20")
    string(FIND "${page}" "${part}" position)
    if(position LESS 0)
        message(FATAL_ERROR "report.html: expected \"${part}\"")
    endif()
endforeach()

# What is plotted is what was logged: the numbers below the plot of accuracies are those of log.csv.
run_well("${BURIN}" report "runs/tiny gn 1" -o one.html)
run_well(xmllint --noout one.html)
file(READ "${WORK}/one.html" page)
string(REGEX REPLACE " data-name=\"[^\"]*\"" "" page "${page}") # what narrow screens say of a cell
file(STRINGS "${WORK}/runs/tiny gn 1/log.csv" lines)
list(POP_FRONT lines)
list(LENGTH lines epochs)
if(NOT epochs EQUAL 3)
    message(FATAL_ERROR "log.csv: expected 3 epochs, got ${epochs}")
endif()
foreach(line IN LISTS lines)
    string(REPLACE "," ";" line "${line}")
    list(GET line 0 epoch)
    list(GET line 3 train)
    list(GET line 5 test)
    string(FIND "${page}" "<td>${epoch}</td>\n<td>${test}</td>\n<td>${train}</td>" position)
    if(position LESS 0)
        message(FATAL_ERROR "one.html: epoch ${epoch} is not plotted as logged: ${test}, ${train}")
    endif()
endforeach()

# One figure alone.
run_well("${BURIN}" report "runs/tiny bn 1" "runs/tiny gn 1" --figure accuracy -o accuracy.svg)
run_well(xmllint --noout accuracy.svg)
file(READ "${WORK}/accuracy.svg" picture)
foreach(part "SYNTHETIC: Accuracy over the epochs" "id=\"accuracy_plot_4\"" ">group norm, train</text>")
    string(FIND "${picture}" "${part}" position)
    if(position LESS 0)
        message(FATAL_ERROR "accuracy.svg: expected \"${part}\"")
    endif()
endforeach()
run("${BURIN}" report "runs/tiny gn 1" --figure none)
if(NOT result EQUAL 1 OR EXISTS "${WORK}/none.svg")
    message(FATAL_ERROR "an unknown figure: ended with ${result}\n${output}")
endif()
expect("burin: --figure none: no such figure of these runs: expected one of depth, ")

# Batch norm over eight images.
set(ghost "runs/tiny bn8 1")
run_well("${PROGRAMS}/tiny_bn8" train --data synthetic --threads 1 --epochs 1 --probe 50
    --out "${ghost}")
expect("backend           generated")
foreach(backend generic generated) # evaluation needs no statistics of the batch
    run_well("${PROGRAMS}/tiny_bn8" eval --data synthetic --threads 1 --backend ${backend}
        --model "${ghost}/last.safetensors" --out "${ghost}")
    string(REGEX MATCH "accuracy [0-9.]+" accuracy_${backend} "${output}")
endforeach()
if(NOT accuracy_generic OR NOT accuracy_generic STREQUAL accuracy_generated)
    message(FATAL_ERROR "ghosts: ${accuracy_generic} and ${accuracy_generated}")
endif()
run_well("${BURIN}" report "runs/tiny bn 1" "runs/tiny gn 1" "${ghost}" -o ghost.html)
run_well(xmllint --noout ghost.html)
file(READ "${WORK}/ghost.html" page)
foreach(part "With statistics over so many images batch norm ends at" "id=\"ghost_plot_1\"")
    string(FIND "${page}" "${part}" position)
    if(position LESS 0)
        message(FATAL_ERROR "ghost.html: expected \"${part}\"")
    endif()
endforeach()
# One run alone: the only one is shown wherever norms are.
run_well("${BURIN}" report "${ghost}" -o alone.html)
file(READ "${WORK}/alone.html" page)
string(FIND "${page}" "Under batch norm over 8 images one replaced image moves the outputs of 7 of the 31 others"
    position)
if(position LESS 0)
    message(FATAL_ERROR "alone.html: expected that images of one ghost alone move")
endif()

# Runs that are no lesson about norms.
run_well("${PROGRAMS}/tiny_bn" train --data synthetic --quiet --threads 1 --epochs 2 --lr 0.01
    --out "runs/tiny slow")
run_well("${BURIN}" report "runs/tiny bn 1" "runs/tiny slow" --numbers -o sober.html)
run_well(xmllint --noout sober.html)
file(READ "${WORK}/sober.html" page)
foreach(part "A comparison of 2 runs" "<details open=\"open\">" "In what they differ" ">0.01</td>")
    string(FIND "${page}" "${part}" position)
    if(position LESS 0)
        message(FATAL_ERROR "sober.html: expected \"${part}\"")
    endif()
endforeach()

# The committed runs of s8: all views but the images that went wrong, and not one image of a data set.
file(GLOB example "${CMAKE_CURRENT_LIST_DIR}/../../results/s8/*")
run_well("${BURIN}" report ${example} -o example.html)
run_well(xmllint --noout example.html)
file(READ "${WORK}/example.html" page)
foreach(part "What normalization does to s8" "alt=\"layer norm, channel " "id=\"ghost_plot_1\""
        "id=\"smoothness_plot_3\"" "it learns nothing in these epochs")
    string(FIND "${page}" "${part}" position)
    if(position LESS 0)
        message(FATAL_ERROR "example.html: expected \"${part}\"")
    endif()
endforeach()
foreach(figure accuracy depth evaluation_batch smoothness) # as docs/ and README.md show them
    set(committed "${CMAKE_CURRENT_LIST_DIR}/../../results/${figure}.svg")
    run_well("${BURIN}" report ${example} --figure ${figure} -o ${figure}.svg)
    file(SHA256 "${committed}" shown)
    file(SHA256 "${WORK}/${figure}.svg" made)
    if(NOT shown STREQUAL made)
        message(FATAL_ERROR "results/${figure}.svg: is not what `burin report results/s8/* --figure "
            "${figure}` makes: expected it to be made anew")
    endif()
endforeach()
foreach(folder IN LISTS example)
    file(GLOB files RELATIVE "${folder}" "${folder}/*")
    list(REMOVE_ITEM files log.jsonl eval.json)
    if(files)
        message(FATAL_ERROR "${folder}: expected log.jsonl and eval.json alone, got ${files}")
    endif()
    if(EXISTS "${folder}/eval.json")
        file(STRINGS "${folder}/eval.json" images REGEX "\"(pixels|labels)\"")
        if(images)
            message(FATAL_ERROR "${folder}/eval.json: has pixels or labels, which are not ours")
        endif()
    endif()
endforeach()

# What is no run.
run("${BURIN}" report runs -o none.html)
if(NOT result EQUAL 1 OR EXISTS "${WORK}/none.html")
    message(FATAL_ERROR "a folder without a run: ended with ${result}\n${output}")
endif()
expect("burin: runs/log.jsonl: cannot be read: No such file or directory: expected a run folder")

# Without gnuplot the command says so.
file(MAKE_DIRECTORY "${WORK}/empty")
run("${CMAKE_COMMAND}" -E env "PATH=${WORK}/empty" "${BURIN}" report "runs/tiny gn 1" -o none.html)
if(NOT result EQUAL 1 OR EXISTS "${WORK}/none.html")
    message(FATAL_ERROR "without gnuplot: ended with ${result}\n${output}")
endif()
expect("gnuplot: cannot be run")
