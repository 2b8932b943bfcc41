# A folder that `burin new` made trains and freezes its network with an installed burin, and says what is
# missing.
#
#     cmake -DUSR=build/tests/install/usr -DWORK=build/tests/new -P tests/project/test_new.cmake
#
# USR is the installation that test_install leaves.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
set(RUN_FOLDER "${WORK}/a folder")
set(project "${RUN_FOLDER}/digits")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${RUN_FOLDER}" "${WORK}/alone")
set(ENV{PATH} "${USR}/bin:$ENV{PATH}")
set(ENV{PKG_CONFIG_PATH})
set(ENV{MAKEFLAGS})

function(expect_failure text)
    if(result EQUAL 0)
        message(FATAL_ERROR "expected a failure that says \"${text}\":\n${output}")
    endif()
    expect("${text}")
endfunction()

run_well(burin new digits)
expect("digits/Makefile: written")
expect("Next: cd digits && make train")
file(GLOB files RELATIVE "${project}" "${project}/*" "${project}/.*")
list(FILTER files EXCLUDE REGEX "^[.]+$")
list(SORT files)
if(NOT files STREQUAL ".gitignore;Makefile;README.md;digits.lua")
    message(FATAL_ERROR "digits holds ${files}: expected description, Makefile, README.md, .gitignore")
endif()

# What cannot be made leaves everything as it was.
run(burin new digits)
expect_failure("digits: is there already: expected the name of a new folder")
run(burin new two-words)
expect_failure("new two-words: is no identifier: expected letters, digits and _")
run(burin new nowhere/digits)
expect_failure("nowhere/digits: cannot be made: No such file or directory")
file(GLOB entries RELATIVE "${RUN_FOLDER}" "${RUN_FOLDER}/*")
if(NOT entries STREQUAL "digits")
    message(FATAL_ERROR "the folder holds ${entries}: expected digits")
endif()

# The whole way.
set(RUN_FOLDER "${project}")
set(how ISA=c CFLAGS=-O1)
run_well(make help)
run_well(make train ${how} EPOCHS=1 "ARGS=--max-steps 2 --seed 3")
expect("stopped at step 2")
expect("network digits, norm bn, 14746 parameters, c on")
run_well(make freeze ${how})
expect("frozen/digits.c: written")
run_well(make -C frozen check CC=cc)
expect("16 images: logits within")

# Another recipe compiles no kernel.
file(READ "${project}/digits.lua" text)
string(REPLACE "epochs = 10" "epochs = 11" text "${text}")
file(WRITE "${project}/digits.lua" "${text}")
run_well(make program ${how})
expect("-o build/digits_bn_c_recipe.o")
if(output MATCHES "-o build/digits_bn_c[.]o")
    message(FATAL_ERROR "a change of the recipe compiled the kernels:\n${output}")
endif()
run_well(make program ${how})
if(output MATCHES " -c ")
    message(FATAL_ERROR "nothing has changed, but something was compiled:\n${output}")
endif()

# What is missing.
run(make program CC=nothing-such)
expect_failure("nothing-such: no such C compiler: expected gcc or clang")
run(make program BURIN=nothing-such)
expect_failure("nothing-such: not found: expected burin in the PATH")
file(COPY "${USR}/bin/burin" DESTINATION "${WORK}/alone")
set(ENV{PATH} "${WORK}/alone:$ENV{PATH}")
set(ENV{PKG_CONFIG_LIBDIR} "${WORK}/alone")
run(make program ${how})
expect_failure("No library of burin: expected burin.pc in lib/pkgconfig beside the bin of burin")
