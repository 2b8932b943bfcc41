# Networks frozen for NEON, under an emulator of AArch64: strict C99 without a warning, and the logits
# of the program that trained them.
#
#     cmake -DCC=aarch64-linux-gnu-gcc -DQEMU=qemu-aarch64 -DBURIN=build/burin
#         -DPROGRAMS=build/tests/programs -DWORK=build/tests/neon -P tests/project/test_neon.cmake
#
# PROGRAMS as in test_freeze.cmake. It runs in the root of the source tree.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
if(NOT CC OR NOT QEMU)
    message("skipped: there is no compiler for AArch64 or no emulator: "
        "apt-get install gcc-aarch64-linux-gnu qemu-user")
    return()
endif()
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
set(nets "${CMAKE_SOURCE_DIR}/tests/nets")

function(freeze program norm source)
    set(RUN_FOLDER "${WORK}")
    run_well("${PROGRAMS}/${program}" train --data synthetic --max-steps 4 --threads 1 --quiet
        --out run_${program})
    run_well("${PROGRAMS}/${program}" eval --data synthetic --threads 1 --model run_${program}
        --samples run_${program}/samples.safetensors)
    run_well("${BURIN}" freeze --norm ${norm} --isa neon run_${program} -o ${program}
        "${nets}/${source}.lua")
    set(RUN_FOLDER "${WORK}/${program}")
    run_well("${CC}" -std=c99 -O2 -pedantic -Wall -Wextra -Wconversion -Wshadow -Werror -static
        -o alone ${source}.c main.c -lm)
    run_well("${QEMU}" "${WORK}/${program}/alone")
    expect("16 images: logits within")
    expect(": ok")
endfunction()

freeze(tiny_bn bn tiny)
freeze(tiny_in in tiny)
freeze(frozen_grouped bn grouped)
freeze(frozen_acts gn acts)
