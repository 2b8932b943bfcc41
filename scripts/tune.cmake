# Measures which kernels are fastest on this machine and writes gen/tuned/<cpu>.lua.
#
#     cmake [-DTUNED=file] [-DTREE=build/tune] [-DBURIN=build/burin] [-DROUNDS=5] [-DSTEPS=15]
#         [-DPRECISION=bf16] -P scripts/tune.cmake NET NORM ISA
#
# It runs in the root of the source tree, after build/burin was built. Every candidate of `burin gen
# --candidate N` is built and its kernels are verified and timed. The fastest are timed in turns
# with the model's choice, and those that win go into programs with micro-batches of 1, 2, 4 and 8 images,
# whose whole steps are timed in turns, too. What has been built and timed lies in build/tune and is
# not done again when the run is interrupted and started anew; the file is written at the end.
cmake_minimum_required(VERSION 3.22)

math(EXPR first_argument "${CMAKE_ARGC} - 3")
foreach(name net norm isa)
    set(${name} "${CMAKE_ARGV${first_argument}}")
    math(EXPR first_argument "${first_argument} + 1")
endforeach()
set(asked --norm "${norm}" --isa "${isa}") # what is tuned, as options of burin
if(PRECISION)
    list(APPEND asked --precision "${PRECISION}")
endif()
if(NOT TREE)
    set(TREE build/tune)
endif()
get_filename_component(TREE "${TREE}" ABSOLUTE)
if(NOT BURIN)
    set(BURIN build/burin)
endif()
if(NOT ROUNDS)
    set(ROUNDS 5) # of what is timed in turns; medians count, and a noisy one is outvoted
endif()
if(NOT STEPS)
    set(STEPS 15) # a measurement of whole steps
endif()
set(MARGIN 2)       # percent by which a kernel must win to displace the model's choice
set(MICRO_BATCH_MARGIN 1) # and a size of micro-batches
set(MICRO_BATCHES 1 2 4 8)

# Prints texts, in which no semicolon may stand.
function(say)
    string(CONCAT text ${ARGN})
    execute_process(COMMAND "${CMAKE_COMMAND}" -E echo "${text}")
endfunction()

# -- What is run -----------------------------------------------------------------------------------

# Runs a command that must succeed; `output` is what it printed.
macro(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
        ERROR_VARIABLE errors)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "make tune: ${errors}${output}")
    endif()
endmacro()

# The choices of a program, an array of lines, and which program it is.
macro(read_choices lines)
    run("${BURIN}" plan ${asked} --pass choices ${ARGN} "${net}")
    string(REGEX REPLACE "\n$" "" ${lines} "${output}")
    string(REPLACE "\n" ";" ${lines} "${${lines}}")
endmacro()

# Builds <work>/<label> with these options of `burin gen`, unless it is there already, made of the
# same text.
function(build label)
    run("${BURIN}" gen ${asked} ${ARGN} -o "${work}/program.c" "${net}")
    file(MD5 "${work}/program.c" sum)
    if(EXISTS "${work}/${label}.md5" AND EXISTS "${work}/${label}")
        file(READ "${work}/${label}.md5" known)
        if(known STREQUAL sum)
            return()
        endif()
    endif()
    file(REMOVE "${work}/${label}.md5" "${work}/${label}.json")
    # Another tree of the same project: nothing of what the user built is touched.
    # The options are a list, which a command line would take apart.
    file(WRITE "${TREE}/options.cmake"
        "set(BURIN_GEN_OPTIONS \"${ARGN}\" CACHE STRING \"\" FORCE)\n")
    run("${CMAKE_COMMAND}" -C "${TREE}/options.cmake" -S . -B "${TREE}/tree" -G Ninja
        -D CMAKE_BUILD_TYPE=Release -D BURIN_TESTS=OFF
        "-DBURIN_NET=${net}" "-DBURIN_NORM=${norm}" "-DBURIN_ISA=${isa}"
        "-DBURIN_PRECISION=${PRECISION}")
    run("${CMAKE_COMMAND}" --build "${TREE}/tree" --target program)
    file(RENAME "${TREE}/tree/${program}" "${work}/${label}")
    file(WRITE "${work}/${label}.md5" "${sum}")
endfunction()

# Sets `out` to a number of milliseconds in nanoseconds: CMake calculates with integers.
function(nanoseconds out ms)
    set(ns 1)
    if(ms MATCHES "^([0-9]+)(\\.([0-9]*))?$")
        string(SUBSTRING "${CMAKE_MATCH_3}000000" 0 6 fraction)
        math(EXPR ns "${CMAKE_MATCH_1} * 1000000 + 1${fraction} - 1000000")
    endif()
    set(${out} ${ns} PARENT_SCOPE)
endfunction()

# Sets ns_<key> for every convolution in a file of figures to its time in all its layers together.
macro(read_times file)
    file(READ "${file}" json)
    string(JSON count LENGTH "${json}" kernels)
    math(EXPR last "${count} - 1")
    foreach(key IN LISTS keys)
        set("ns_${key}" 0)
    endforeach()
    foreach(i RANGE ${last})
        string(JSON name GET "${json}" kernels ${i} name)
        string(JSON ms GET "${json}" kernels ${i} ms)
        string(REGEX REPLACE "__(${algorithms})(_|$)" "__" key "${name}")
        string(REGEX REPLACE "__$" "" key "${key}")
        if(key IN_LIST keys)
            nanoseconds(ns "${ms}")
            math(EXPR "ns_${key}" "${ns_${key}} + ${ns}")
        endif()
    endforeach()
endmacro()

# Sets `out` to the median of numbers.
function(median out)
    list(SORT ARGN COMPARE NATURAL)
    list(LENGTH ARGN count)
    math(EXPR middle "${count} / 2")
    list(GET ARGN ${middle} value)
    set(${out} ${value} PARENT_SCOPE)
endfunction()

# Sets `out` to whether `time` is less than `other` by at least `margin` percent.
function(wins out time other margin)
    math(EXPR left "${time} * (100 + ${margin})")
    math(EXPR right "${other} * 100")
    if(left LESS right)
        set(${out} TRUE PARENT_SCOPE)
    else()
        set(${out} FALSE PARENT_SCOPE)
    endif()
endfunction()

# Writes a file that burin reads: the machine, the micro-batch and what is chosen so far.
function(write_choices file images)
    set(text "${machine}\nmicro_batch { \"${program}\", isa = \"${set}\", images = ${images} }\n")
    foreach(key IN LISTS keys)
        if(chosen_${key})
            string(APPEND text "${chosen_${key}}\n")
        endif()
    endforeach()
    file(WRITE "${file}" "${text}")
endfunction()

# -- Candidates ------------------------------------------------------------------------------------

read_choices(model --candidate 1)
list(POP_FRONT model machine micro_batch)
string(REGEX MATCH "^machine { \"([a-z0-9-]+)\"" matched "${machine}")
set(cpu "${CMAKE_MATCH_1}")
string(REGEX MATCH "^micro_batch { \"([^\"]+)\", isa = \"([a-z0-9+]+)\", images = ([0-9]+)" matched
    "${micro_batch}")
set(program "${CMAKE_MATCH_1}")
set(set "${CMAKE_MATCH_2}")
set(model_images "${CMAKE_MATCH_3}")
if(NOT TUNED)
    set(TUNED "gen/tuned/${cpu}.lua")
endif()
set(work "${TREE}/${program}_${set}")
file(MAKE_DIRECTORY "${work}")

# What is there already must be fit to be added to, before anything is timed.
set(kept "")
if(EXISTS "${TUNED}")
    run("${BURIN}" plan ${asked} --tuned "${TUNED}" "${net}")
    file(STRINGS "${TUNED}" kept)
    foreach(line IN LISTS kept)
        if(NOT line MATCHES "^--" AND NOT line MATCHES "^(machine|micro_batch|kernel) {.*}$")
            message(FATAL_ERROR "make tune: ${TUNED}: ${line}: expected one call a line")
        endif()
    endforeach()
endif()

set(keys "")
foreach(line IN LISTS model)
    string(REGEX MATCH "^kernel { \"([^\"]+)\"" matched "${line}")
    list(APPEND keys "${CMAKE_MATCH_1}")
    set("model_${CMAKE_MATCH_1}" "${line}")
endforeach()

# Past the longest list of candidates all is the model's again.
set(candidates 1)
set(choices_1 ${model})
set(all_choices ${model})
while(TRUE)
    math(EXPR next "${candidates} + 1")
    read_choices(choices --candidate ${next})
    list(POP_FRONT choices ignored ignored)
    if(choices STREQUAL model)
        break()
    endif()
    set(candidates ${next})
    set(choices_${next} ${choices})
    list(APPEND all_choices ${choices})
endwhile()

# The algorithms that any candidate is of: a kernel's name without its algorithm is its key. Of two that
# begin alike the longer one is looked for first.
string(REGEX MATCHALL "algorithm = \"[a-z0-9_]+" algorithms "${all_choices}")
list(TRANSFORM algorithms REPLACE "algorithm = \"" "")
list(REMOVE_DUPLICATES algorithms)
list(SORT algorithms ORDER DESCENDING)
list(JOIN algorithms "|" algorithms)

foreach(n RANGE 1 ${candidates})
    build(candidate_${n} --candidate ${n})
    if(EXISTS "${work}/candidate_${n}.json")
        say("candidate ${n} of ${candidates}: timed before")
    else()
        say("candidate ${n} of ${candidates}: verifying and timing its kernels")
        run("${work}/candidate_${n}" bench --kernels --json "${work}/candidate_${n}.json")
    endif()
    read_times("${work}/candidate_${n}.json")
    foreach(line key IN ZIP_LISTS choices_${n} keys)
        if(n EQUAL 1)
            set("best_${key}" ${ns_${key}})
        elseif(NOT line STREQUAL model_${key} AND ns_${key} LESS best_${key})
            set("best_${key}" ${ns_${key}})
            set("chosen_${key}" "${line}")
        endif()
    endforeach()
endforeach()

# -- In turns with the model -----------------------------------------------------------------------

write_choices("${work}/fastest.lua" ${model_images})
build(fastest --tuned "${work}/fastest.lua")
foreach(round RANGE 1 ${ROUNDS})
    say("round ${round} of ${ROUNDS}: the fastest kernels in turns with the model's")
    foreach(label candidate_1 fastest)
        run("${work}/${label}" bench --kernels --json "${work}/round.json")
        read_times("${work}/round.json")
        foreach(key IN LISTS keys)
            list(APPEND "${label}_${key}" ${ns_${key}})
        endforeach()
    endforeach()
endforeach()
foreach(key IN LISTS keys)
    if(chosen_${key})
        median(old ${candidate_1_${key}})
        median(new ${fastest_${key}})
        wins(better ${new} ${old} ${MARGIN})
        if(better)
            math(EXPR percent "100 - 100 * ${new} / ${old}")
            string(REGEX MATCH "algorithm.*[0-9]" what "${chosen_${key}}")
            say("${key}: ${what}: ${percent} % less time")
        else()
            unset("chosen_${key}")
        endif()
    endif()
endforeach()

# -- Whole steps -----------------------------------------------------------------------------------

set(labels candidate_1)
list(JOIN MICRO_BATCHES ", " sizes)
foreach(images IN LISTS MICRO_BATCHES)
    write_choices("${work}/micro_batch_${images}.lua" ${images})
    build(micro_batch_${images} --tuned "${work}/micro_batch_${images}.lua")
    list(APPEND labels micro_batch_${images})
endforeach()
foreach(round RANGE 1 ${ROUNDS})
    say("round ${round} of ${ROUNDS}: whole steps with micro-batches of ${sizes} images in turns")
    foreach(label IN LISTS labels)
        run("${work}/${label}" bench --steps ${STEPS} --json "${work}/round.json")
        file(READ "${work}/round.json" json)
        string(JSON ms GET "${json}" step ms)
        string(JSON cpu_name GET "${json}" cpu)
        nanoseconds(ns "${ms}")
        list(APPEND "step_${label}" ${ns})
    endforeach()
endforeach()
foreach(label IN LISTS labels)
    median(step_${label} ${step_${label}})
endforeach()
# A chunk of few images makes several sizes mean the same; then the model's stays.
set(images ${model_images})
if(NOT images IN_LIST MICRO_BATCHES)
    list(GET MICRO_BATCHES 0 images)
endif()
foreach(other IN LISTS MICRO_BATCHES)
    wins(better ${step_micro_batch_${other}} ${step_micro_batch_${images}} ${MICRO_BATCH_MARGIN})
    if(better)
        set(images ${other})
    endif()
endforeach()
math(EXPR old "${step_candidate_1} / 1000")
math(EXPR new "${step_micro_batch_${images}} / 1000")
math(EXPR permille "1000 * ${new} / ${old}")
say("a step takes ${new} us with micro-batches of ${images} images, ${old} us by the model's choice: "
    "${permille} / 1000")
if(new GREATER_EQUAL old)
    say("the model's choice stands")
    set(images ${model_images})
    foreach(key IN LISTS keys)
        unset("chosen_${key}")
    endforeach()
endif()

# -- The file --------------------------------------------------------------------------------------

string(TIMESTAMP today "%Y-%m-%d" UTC)
set(lines "micro_batch { \"${program}\", isa = \"${set}\", images = ${images}, measured = \"${today}\" }")
foreach(key IN LISTS keys)
    if(chosen_${key})
        list(APPEND lines "${chosen_${key}}")
    endif()
endforeach()
foreach(line IN LISTS kept)
    string(REGEX MATCH "^(micro_batch|kernel) { \"([^\"]+)\", isa = \"([a-z0-9+]+)\"" matched "${line}")
    set(subject "${CMAKE_MATCH_2}")
    if(matched AND NOT (CMAKE_MATCH_3 STREQUAL set AND
                        (subject IN_LIST keys OR subject STREQUAL program)))
        list(APPEND lines "${line}")
    endif()
endforeach()
list(SORT lines)
list(JOIN lines "\n" lines)
get_filename_component(folder "${TUNED}" DIRECTORY)
file(MAKE_DIRECTORY "${folder}")
file(WRITE "${work}/tuned.lua"
    "-- The fastest kernels on ${cpu_name}, measured by `make tune`; `burin gen` chooses by them.\n"
    "-- Sorted, one call a line: gen/plan/tuned.lua says what they mean. Without it a model chooses.\n"
    "${machine}\n${lines}\n")
run("${BURIN}" plan ${asked} --tuned "${work}/tuned.lua" "${net}")
file(COPY_FILE "${work}/tuned.lua" "${TUNED}.new")
file(RENAME "${TUNED}.new" "${TUNED}")
file(REMOVE_RECURSE "${work}") # the next run measures anew
say("${TUNED}: written, and the next `make gen` uses it")
