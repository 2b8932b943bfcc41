# Scripts that try programs, commands and the front door as their users do. Part of
# tests/CMakeLists.txt, whose functions it uses.

burin_test(test_current LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DBURIN=$<TARGET_FILE:burin>" "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/current"
    -P tests/project/test_current.cmake)
burin_test(test_rooms LABEL program PROCESSORS 1
    COMMAND "${CMAKE_COMMAND}" -P tests/project/test_rooms.cmake)
burin_test(test_words LABEL program PROCESSORS 1 COMMAND sh tests/project/test_words.sh)
burin_test(test_language LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DBURIN=$<TARGET_FILE:burin>" -DFILE=docs/language.md -DCHECK=ON -P scripts/manual.cmake)
burin_test(test_docs LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    -P tests/project/test_docs.cmake)
burin_test(test_tutorial LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DBURIN=$<TARGET_FILE:burin>" "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/tutorial"
    -P tests/project/test_tutorial.cmake)
burin_test(test_fetch LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DSCRIPT=${PROJECT_SOURCE_DIR}/scripts/fetch_cifar10.sh"
    "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/fetch" -P tests/project/test_fetch.cmake)
burin_test(test_project LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DBURIN_SOURCE=${PROJECT_SOURCE_DIR}" "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/project"
    -P tests/project/test_project.cmake)
if(PROJECT_IS_TOP_LEVEL AND NOT BURIN_SANITIZE)
    burin_test(test_install LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
        "-DBUILD=${PROJECT_BINARY_DIR}" "-DTREE=${PROJECT_SOURCE_DIR}" "-DNM=${CMAKE_NM}"
        "-DCC=${CMAKE_C_COMPILER}" "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/install"
        -P tests/project/test_install.cmake)
    set_tests_properties(test_install PROPERTIES FIXTURES_SETUP installation)
    burin_test(test_new LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
        "-DUSR=${CMAKE_CURRENT_BINARY_DIR}/install/usr" "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/new"
        -P tests/project/test_new.cmake)
    set_tests_properties(test_new PROPERTIES FIXTURES_REQUIRED installation)
    burin_test(test_deb LABEL deep PROCESSORS 1 COMMAND sh tests/project/test_deb.sh
        "${PROJECT_BINARY_DIR}" "${CMAKE_CURRENT_BINARY_DIR}/deb")
    # Debian's, which setup.sh gives NumPy to, before another one in the PATH.
    find_program(PYTHON3 python3 HINTS /usr/bin)
    burin_test(test_python LABEL program PROCESSORS 1
        COMMAND "$<IF:$<BOOL:${PYTHON3}>,${PYTHON3},python3>" tests/python/test_burin.py
        "${CMAKE_CURRENT_BINARY_DIR}/programs/tiny_bn" $<TARGET_FILE:burin> "${CMAKE_C_COMPILER}"
        "${CMAKE_CURRENT_BINARY_DIR}/python")
    burin_test(test_pages LABEL program PROCESSORS 1 COMMAND sh
        tests/project/test_pages.sh $<TARGET_FILE:burin> "${PROJECT_BINARY_DIR}/install")
    burin_test(test_columns LABEL program PROCESSORS 1 COMMAND sh
        tests/project/test_columns.sh $<TARGET_FILE:burin>
        "${CMAKE_CURRENT_BINARY_DIR}/programs/tiny_bn" $<TARGET_FILE:make_pictures>
        "${CMAKE_CURRENT_BINARY_DIR}/columns")
    burin_test(test_completion LABEL program PROCESSORS 1 COMMAND sh
        tests/project/test_completion.sh $<TARGET_FILE:burin> $<TARGET_FILE:burin_page>)
endif()
burin_test(test_make LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DBURIN_SOURCE=${PROJECT_SOURCE_DIR}" -DISA=${BURIN_NATIVE_ISA}
    "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/make" -P tests/project/test_make.cmake)

find_program(READELF readelf)
if(READELF AND CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT BURIN_SANITIZE AND
   NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    burin_test(test_hardening LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
        "-DREADELF=${READELF}" "-DBURIN=$<TARGET_FILE:burin>"
        "-DPROGRAM=$<TARGET_FILE:test_program_grey_gn>" -P tests/project/test_hardening.cmake)
endif()

burin_test(test_runs LABEL program PROCESSORS 1 COMMAND sh
    tests/project/test_runs.sh "${CMAKE_CURRENT_BINARY_DIR}/runs")
burin_test(test_networks LABEL program PROCESSORS 1 COMMAND sh
    tests/project/test_networks.sh $<TARGET_FILE:burin> "${CMAKE_CURRENT_BINARY_DIR}/networks")
burin_test(test_ablation LABEL program PROCESSORS 1 COMMAND sh
    tests/project/test_ablation.sh "${CMAKE_CURRENT_BINARY_DIR}/ablation")

# Small programs, whose runs are reported on, diverge, or go on with one another.
foreach(norm bn gn bn8 in none)
    add_small_program(tiny_${norm} nets/tiny.lua ${norm} c)
endforeach()
burin_test(test_divergence LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DPROGRAMS=${CMAKE_CURRENT_BINARY_DIR}/programs"
    "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/divergence" -P tests/project/test_divergence.cmake)

# Trainings on several ranks. MPIEXEC_EXECUTABLE is that of the MPI of burin_mpi.
set(mpirun "")
set(faults "")
if(TARGET burin_mpi)
    add_library(mpi_faults MODULE support/mpi_faults.c)
    set_target_properties(mpi_faults PROPERTIES PREFIX "" SUFFIX .so)
    target_link_libraries(mpi_faults PRIVATE burin_flags burin_warnings MPI::MPI_C)
    set(mpirun "${MPIEXEC_EXECUTABLE}")
    set(faults $<TARGET_FILE:mpi_faults>)
endif()
burin_test(test_together LABEL program PROCESSORS 2 COMMAND sh tests/project/test_together.sh
    "${CMAKE_CURRENT_BINARY_DIR}/programs" "${CMAKE_CURRENT_BINARY_DIR}/together" "${mpirun}"
    "${faults}" $<TARGET_FILE:make_pictures>)
burin_test(test_together_deep LABEL deep PROCESSORS 2 COMMAND sh tests/project/test_together.sh
    "${CMAKE_CURRENT_BINARY_DIR}/programs" "${CMAKE_CURRENT_BINARY_DIR}/together_deep" "${mpirun}"
    "${faults}" $<TARGET_FILE:make_pictures> deep)
burin_test(test_lost_ranks LABEL deep PROCESSORS 2 COMMAND sh tests/project/test_lost_ranks.sh
    "${CMAKE_CURRENT_BINARY_DIR}/programs" "${CMAKE_CURRENT_BINARY_DIR}/lost_ranks" "${mpirun}")
add_small_program(s8_bn16 s8 bn16 ${BURIN_NATIVE_ISA})
add_small_program(s50k_bn s50k bn ${BURIN_NATIVE_ISA})
add_whole_program(resnet8_bn resnet8 bn ${BURIN_NATIVE_ISA})
burin_test(test_rank_matrix LABEL deep PROCESSORS 2 COMMAND sh tests/project/test_rank_matrix.sh
    "${CMAKE_CURRENT_BINARY_DIR}/programs" "${CMAKE_CURRENT_BINARY_DIR}/rank_matrix"
    $<TARGET_FILE:make_pictures>)

# The same parameters in another network.
file(READ nets/tiny.lua tiny)
foreach(change "stride:stride = 2:stride = 1" "eps:norm(), maxpool:norm { eps = 1e-3 }, maxpool"
        "dropout:avgpool():avgpool(), dropout(0.1)" "chunks:batch = 32:batch = 32, chunks = 32"
        "bf16:batch = 32:batch = 32, precision = \"bf16\""
        "relu:avgpool():avgpool(), relu()")
    string(REPLACE ":" ";" change "${change}")
    list(GET change 0 what)
    list(GET change 1 before)
    list(GET change 2 after)
    string(REPLACE "${before}" "${after}" text "${tiny}")
    file(CONFIGURE OUTPUT another_${what}.lua CONTENT "${text}" @ONLY)
    add_small_program(another_${what} "${CMAKE_CURRENT_BINARY_DIR}/another_${what}.lua" bn c)
endforeach()
if(NOT BURIN_NATIVE_ISA STREQUAL "c")
    add_small_program(another_isa nets/tiny.lua bn ${BURIN_NATIVE_ISA})
endif()
burin_test(test_another_training LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DPROGRAMS=${CMAKE_CURRENT_BINARY_DIR}/programs" -DISA=${BURIN_NATIVE_ISA}
    "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/another_training"
    -P tests/project/test_another_training.cmake)
burin_test(test_onnx LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DBURIN=$<TARGET_FILE:burin>" "-DPROGRAMS=${CMAKE_CURRENT_BINARY_DIR}/programs"
    "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/onnx" -P tests/project/test_onnx.cmake)
add_whole_program(frozen_grouped grouped bn c)
add_whole_program(frozen_acts acts gn c)
add_whole_program(frozen_joins joins bn c)
burin_test(test_freeze LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DBURIN=$<TARGET_FILE:burin>" "-DPROGRAMS=${CMAKE_CURRENT_BINARY_DIR}/programs"
    "-DCC=${CMAKE_C_COMPILER}" "-DCXX=c++" "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/freeze"
    -P tests/project/test_freeze.cmake)
find_program(AARCH64_CC aarch64-linux-gnu-gcc)
find_program(QEMU_AARCH64 qemu-aarch64)
burin_test(test_neon LABEL deep PROCESSORS 1 COMMAND "${CMAKE_COMMAND}" "-DCC=${AARCH64_CC}"
    "-DQEMU=${QEMU_AARCH64}" "-DBURIN=$<TARGET_FILE:burin>"
    "-DPROGRAMS=${CMAKE_CURRENT_BINARY_DIR}/programs" "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/neon"
    -P tests/project/test_neon.cmake)
set_tests_properties(test_neon PROPERTIES SKIP_REGULAR_EXPRESSION "skipped: ")
foreach(check export import)
    burin_test(test_onnx_${check} LABEL deep PROCESSORS 1 COMMAND sh tests/onnx/check.sh
        ${check} $<TARGET_FILE:burin> "${CMAKE_CURRENT_BINARY_DIR}/onnx_${check}")
endforeach()
burin_test(test_twin_optimizers LABEL deep PROCESSORS 1 COMMAND sh
    tests/project/check_optimizers.sh $<TARGET_FILE:burin> "${CMAKE_CURRENT_BINARY_DIR}/optimizers")
burin_test(test_report LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DBURIN=$<TARGET_FILE:burin>" "-DPROGRAMS=${CMAKE_CURRENT_BINARY_DIR}/programs"
    "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/report" -P tests/project/test_report.cmake)
burin_test(test_browser LABEL program PROCESSORS 1 COMMAND sh
    tests/project/test_browser.sh "${CMAKE_CURRENT_BINARY_DIR}/report/report.html"
    "${CMAKE_CURRENT_BINARY_DIR}/report/sober.html"
    "${CMAKE_CURRENT_BINARY_DIR}/report/example.html")
set_tests_properties(test_browser PROPERTIES DEPENDS test_report)

# The examples, each with the norm that it is trained with.
set(examples)
foreach(example lenet_none mlp_bn allcnn_gn resnet20_bn resnet20a_bn mobile_ln pictures_bn
        resnext_gn nin_bn vgg_small_bn convmixer_bn airbench_bn senet_small_bn densenet_small_bn
        convnext_tiny_bn)
    string(REGEX MATCH "^(.+)_(.+)$" example "${example}")
    set(net ${CMAKE_MATCH_1})
    set(norm ${CMAKE_MATCH_2})
    burin_find_network(network ${net})
    if(example MATCHES "^(mlp|convmixer|convnext_tiny)_")
        add_whole_program(${example} ${net} ${norm} ${BURIN_NATIVE_ISA})
    else()
        add_small_program(${example} "${network}" ${norm} ${BURIN_NATIVE_ISA})
    endif()
    list(APPEND examples ${example})
endforeach()

# Five steps of three of them, and of every norm of a set, against PyTorch's numbers.
foreach(program "mlp bn" "convmixer bn" "convnext_tiny bn" "joins gn")
    string(REPLACE " " ";" program "${program}")
    add_generated_test(test_five_steps ${program} ${BURIN_NATIVE_ISA})
endforeach()
burin_test(test_examples LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DBURIN=$<TARGET_FILE:burin>" "-DEXAMPLES=${examples}"
    "-DPROGRAMS=${CMAKE_CURRENT_BINARY_DIR}/programs"
    "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/examples" -P tests/project/test_examples.cmake)

add_executable(make_pictures project/make_pictures.c)
target_link_libraries(make_pictures PRIVATE burin_runtime burin_warnings PkgConfig::PNG)
burin_test(test_pictures LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DBURIN=$<TARGET_FILE:burin>" "-DMAKE_PICTURES=$<TARGET_FILE:make_pictures>"
    "-DPROGRAM=$<TARGET_FILE:test_program_pictures_bn>"
    "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/pictures" -P tests/project/test_pictures.cmake)

burin_test(test_tune LABEL program PROCESSORS 1 COMMAND "${CMAKE_COMMAND}"
    "-DBURIN=$<TARGET_FILE:burin>" "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/tune"
    -P tests/project/test_tune.cmake)

find_program(LUACHECK luacheck)
if(LUACHECK)
    burin_test(test_luacheck LABEL program PROCESSORS 1
        COMMAND "${LUACHECK}" --no-color --quiet gen examples tests/gen tests/mutants tests/support)
endif()
