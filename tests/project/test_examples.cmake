# The networks of examples/: each is planned with every norm and generated for every instruction set,
# and a short training of each makes the loss fall.
#
#     cmake -DBURIN=build/burin -DEXAMPLES="lenet_none;mlp_bn;..." -DPROGRAMS=build/tests/programs
#         -DWORK=build/tests/examples -P tests/project/test_examples.cmake
#
# EXAMPLES are the programs, <net>_<norm>, one of each network. It runs in the root of the source tree.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")

# Every description has a program and a line in the folder's README, and a name that no network of
# gen/nets has.
file(GLOB descriptions RELATIVE "${CMAKE_SOURCE_DIR}/examples" "${CMAKE_SOURCE_DIR}/examples/*.lua")
file(READ examples/README.md readme)
set(described)
foreach(description IN LISTS descriptions)
    get_filename_component(net ${description} NAME_WE)
    list(APPEND described ${net})
    if(NOT readme MATCHES "\\(${net}\\.lua\\)")
        message(FATAL_ERROR "examples/README.md has no link to ${net}.lua")
    endif()
    if(EXISTS "${CMAKE_SOURCE_DIR}/gen/nets/${net}.lua")
        message(FATAL_ERROR "${net} is also a name under gen/nets, which hides examples/${net}.lua")
    endif()
endforeach()
string(REGEX REPLACE "_[a-z0-9]+(;|$)" "\\1" trained "${EXAMPLES}")
list(SORT trained)
if(NOT described STREQUAL trained)
    message(FATAL_ERROR "examples/ has ${described}, and tests/project/project.cmake trains ${trained}")
endif()

# -- Plans and programs ----------------------------------------------------------------------------

# Whatever is generated is planned first.
foreach(net IN LISTS described)
    foreach(how "bn avx2" "gn avx512" "ln c")
        separate_arguments(how)
        list(GET how 0 norm)
        list(GET how 1 isa)
        run_well("${BURIN}" gen --norm ${norm} --isa ${isa} --tuned none -o "${WORK}/${net}.c" ${net})
        file(READ "${WORK}/${net}.c" output)
        expect("burin gen --norm ${norm} --isa ${isa} examples/${net}.lua\n")
    endforeach()
    run_well("${BURIN}" plan --norm none --isa avx2 ${net})
    expect("${net}, norm none, AVX2 and FMA: ")
endforeach()

# -- Trainings -------------------------------------------------------------------------------------

# Sets `out` to the mean loss of five steps from `first` on, in units of 10^-4. CMake has no fractions.
function(mean_loss out losses first)
    set(sum 0)
    list(SUBLIST losses ${first} 5 part)
    foreach(loss IN LISTS part)
        if(NOT loss MATCHES "\"loss\":([0-9]+)\\.([0-9][0-9][0-9][0-9])")
            message(FATAL_ERROR "expected a loss of at least four digits in ${loss}")
        endif()
        math(EXPR sum "${sum} + ${CMAKE_MATCH_1} * 10000 + 1${CMAKE_MATCH_2} - 10000")
    endforeach()
    math(EXPR mean "${sum} / 5")
    set(${out} ${mean} PARENT_SCOPE)
endfunction()

# One epoch of the synthetic set, through the whole schedule of the learning rate. The loss ends at
# least a twentieth below where it began.
foreach(example IN LISTS EXAMPLES)
    run_well("${PROGRAMS}/${example}" train --data synthetic --epochs 1 --seed 1 --log-steps --quiet
        --threads 1 --out "${WORK}/${example}")
    file(STRINGS "${WORK}/${example}/log.jsonl" losses REGEX "\"event\":\"step\"")
    list(LENGTH losses steps)
    if(steps LESS 30)
        message(FATAL_ERROR "${example}: ${steps} steps in the log, expected 30 or more")
    endif()
    math(EXPR last "${steps} - 5")
    mean_loss(before "${losses}" 0)
    mean_loss(after "${losses}" ${last})
    message(STATUS "${example}: loss ${before} -> ${after} (10^-4), ${steps} steps")
    math(EXPR bound "${before} - ${before} / 20")
    if(after GREATER bound)
        message(FATAL_ERROR "${example}: the loss fell from ${before} to ${after} (10^-4), expected "
            "${bound} at most")
    endif()
endforeach()
