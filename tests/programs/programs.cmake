# Generated programs: each kernel against its reference, whole steps against PyTorch. Part of
# tests/CMakeLists.txt, whose functions it uses.

# AVX-512 programs run on processors that have AVX2 alone, with intrinsics in halves.
set(EMULATES_AVX512 FALSE)
if(BURIN_NATIVE_ISA STREQUAL "avx2")
    set(EMULATES_AVX512 TRUE)
endif()

# Generated files are compiled as a program of theirs is, where they are what is shipped: s8 and
# resnet8. Those that only tests have take a tenth of that with gcc's -Og (which clang takes
# for -O1), and under sanitizers, which see what optimising would take away, a third of it with -O0;
# random networks get -O3, too, in turns. Plain loops are quick to compile and slow to run: -O2.
function(compile_fast files)
    if(BURIN_SANITIZE)
        set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS -O0)
    elseif(files MATCHES "_plain\\.c")
        set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS -O2)
    else()
        set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS -Og)
    endif()
endfunction()

# Adds the object library of generated files that `target` makes, with their names changed as
# generated.h says.
function(add_object object files target isa)
    add_library(${object} OBJECT ${files})
    add_dependencies(${object} ${target})
    if(isa STREQUAL "avx512" AND EMULATES_AVX512)
        target_include_directories(${object} SYSTEM PRIVATE
            "${PROJECT_SOURCE_DIR}/tests/programs/emulated")
        target_compile_options(${object} PRIVATE ${BURIN_FLAGS_avx2})
        # -O3 would take longer than what it saves.
        set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS -O2)
    elseif(isa STREQUAL "amx")
        target_include_directories(${object} SYSTEM PRIVATE
            "${PROJECT_SOURCE_DIR}/tests/programs/emulated_amx")
        target_compile_options(${object} PRIVATE ${BURIN_FLAGS_avx512})
    else()
        target_compile_options(${object} PRIVATE ${BURIN_FLAGS_${isa}})
        burin_optimise(${isa} "${files}")
    endif()
    target_compile_definitions(${object} PRIVATE training_recipe=${object}_recipe
        training_description=${object}_description)
    target_compile_options(${object} PRIVATE
        "SHELL:-include \"${PROJECT_SOURCE_DIR}/tests/programs/generated_names.h\"")
    target_link_libraries(${object} PRIVATE burin_runtime burin_warnings)
endfunction()

# Sets `out` to the object library of a program. net: a network that ships or of this folder.
function(add_generated_object out net norm isa)
    set(object generated_${net}_${norm}_${isa})
    if(NOT TARGET ${object})
        set(description "${PROJECT_SOURCE_DIR}/tests/nets/${net}.lua")
        if(NOT EXISTS "${description}")
            burin_find_network(description ${net})
        endif()
        burin_generate(files target "${description}" ${norm} ${isa})
        add_object(${object} "${files}" ${target} ${isa})
        if(NOT net MATCHES "^(s8|resnet8)$")
            compile_fast("${files}")
        endif()
    endif()
    set(${out} ${object} PARENT_SCOPE)
endfunction()

# Adds the program of a network, <build>/tests/programs/<as>, of the object that tests of its
# kernels are linked with, too.
function(add_whole_program as net norm isa)
    add_generated_object(object ${net} ${norm} ${isa})
    add_executable(test_program_${as} programs/whole.c $<TARGET_OBJECTS:${object}>)
    target_link_libraries(test_program_${as} PRIVATE burin_runtime burin_warnings)
    set_target_properties(test_program_${as} PROPERTIES OUTPUT_NAME ${as}
        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/programs")
endfunction()

# Sets `out` to the label of a test of programs for an instruction set.
function(label_of out test isa)
    set(${out} other PARENT_SCOPE)
    if(isa STREQUAL BURIN_NATIVE_ISA)
        set(${out} native PARENT_SCOPE)
        add_dependencies(suites ${test})
    endif()
endfunction()

# Adds a test of the suite `name`.c with a generated program.
function(add_object_test test name object isa)
    source_of(source ${name})
    add_executable(${test} "${source}" programs/generated.c $<TARGET_OBJECTS:${object}>)
    target_compile_definitions(${test} PRIVATE "TEST_DIR=\"${CMAKE_CURRENT_SOURCE_DIR}\""
        GENERATED_EMULATES_AVX512=$<BOOL:${EMULATES_AVX512}>)
    target_link_libraries(${test} PRIVATE burin_runtime burin_warnings PkgConfig::CHECK)
    set(label other)
    if(NOT (BURIN_IS_TREE AND (name STREQUAL "test_properties" OR
            object MATCHES "^generated_(s8_gn|s8_ln|grouped_gn)_" OR
            (name STREQUAL "test_watch" AND
                NOT object MATCHES "^generated_(ragged_bn|joins_gn)_"))))
        label_of(label ${test} ${isa})
    endif()
    burin_test(${test} LABEL ${label} PROCESSORS 1 COMMAND ${test})
endfunction()

# Adds the test `name`_<net>_<norm>_<isa>.
function(add_generated_test name net norm isa)
    add_generated_object(object ${net} ${norm} ${isa})
    add_object_test(${name}_${net}_${norm}_${isa} ${name} ${object} ${isa})
endfunction()

foreach(norm bn gn ln)
    foreach(isa avx2 avx512 c)
        add_generated_test(test_kernels s8 ${norm} ${isa})
        add_generated_test(test_fixtures s8 ${norm} ${isa})
        add_generated_test(test_properties s8 ${norm} ${isa})
    endforeach()
endforeach()
foreach(isa avx2 avx512 c)
    add_generated_test(test_kernels resnet8 bn ${isa})
    add_generated_test(test_kernels ragged bn ${isa})
    add_generated_test(test_kernels ragged gn ${isa})
    add_generated_test(test_kernels grouped bn ${isa})
    add_generated_test(test_kernels grouped gn ${isa})
    add_generated_test(test_kernels pools gn ${isa})
    add_generated_test(test_kernels acts gn ${isa})
    add_generated_test(test_kernels joins gn ${isa})
    add_generated_test(test_activations acts gn ${isa})
    add_generated_test(test_properties resnet8 bn ${isa})
    add_generated_test(test_properties ragged bn ${isa})
    add_generated_test(test_properties ragged gn ${isa})
endforeach()

# Programs in plain loops: their kernels, and the bits of the same program in register tiles; whole
# steps are in random/.
foreach(program "s8 gn" "ragged bn" "grouped bn" "grouped gn" "pools gn" "acts gn" "joins gn")
    string(REPLACE " " ";" program "${program}")
    add_generated_test(test_kernels ${program} plain)
endforeach()
add_whole_program(s8_gn_plain s8 gn plain)
add_training_program(test_program_s8_gn_direct NETWORK s8 NORM gn ISA direct)
burin_test(test_plain LABEL program PROCESSORS 2 COMMAND "${CMAKE_COMMAND}"
    "-DPLAIN=$<TARGET_FILE:test_program_s8_gn_plain>"
    "-DTILED=$<TARGET_FILE:test_program_s8_gn_direct>"
    "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/plain" -P tests/project/test_plain.cmake)

# The table of tensors depends on the plan, not on the instruction set.
foreach(program "ragged bn" "ragged gn" "grouped bn" "pools gn" "joins gn")
    string(REPLACE " " ";" program "${program}")
    add_generated_test(test_watch ${program} ${BURIN_NATIVE_ISA})
endforeach()

# Programs in which these passes are transformed and the others direct.
foreach(passes "fwd" "bwd_data" "bwd_weights" "fwd bwd_data" "fwd bwd_weights"
        "bwd_data bwd_weights")
    string(REPLACE " " "_" label "mixed_${passes}")
    set(file "${CMAKE_CURRENT_BINARY_DIR}/mixed/${label}.c")
    add_custom_command(OUTPUT "${file}"
        COMMAND "${CMAKE_COMMAND}" "-DBURIN=$<TARGET_FILE:burin>" -DISA=c "-DPASSES=${passes}"
            "-DOUT=${file}" -P tests/programs/generate_mixed.cmake
        DEPENDS burin nets/mixed.lua programs/generate_mixed.cmake
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" VERBATIM)
    add_custom_target(generate_${label} DEPENDS "${file}")
    add_object(generated_${label} "${file}" generate_${label} c)
    compile_fast("${file}")
    add_object_test(test_kernels_${label} test_kernels generated_${label} c)
endforeach()

# Programs of one network in one test, their main functions called norms_<groups>_<norm>.
foreach(isa ${BURIN_NATIVE_ISA} c)
    set(test test_norms_${isa})
    if(TARGET ${test})
        continue() # the native one
    endif()
    source_of(source test_norms)
    add_executable(${test} "${source}")
    target_link_libraries(${test} PRIVATE burin_runtime burin_warnings PkgConfig::CHECK)
    foreach(program 1_gn 1_ln 8_gn 8_in 8_bn 8_bn1)
        string(REPLACE "_" ";" words ${program})
        list(GET words 0 GROUPS)
        list(GET words 1 norm)
        configure_file(programs/norms.lua.in norms_${GROUPS}.lua @ONLY)
        burin_generate(files target "${CMAKE_CURRENT_BINARY_DIR}/norms_${GROUPS}.lua"
            ${norm} ${isa})
        set(object generated_norms_${program}_${isa})
        add_object(${object} "${files}" ${target} ${isa})
        target_compile_definitions(${object} PRIVATE generated_main=norms_${program})
        compile_fast("${files}")
        target_sources(${test} PRIVATE $<TARGET_OBJECTS:${object}>)
    endforeach()
    label_of(label ${test} ${isa})
    burin_test(${test} LABEL ${label} PROCESSORS 1 COMMAND ${test})
endforeach()

# The same of three networks, offsets_<net>_<norm>.
source_of(source test_offsets)
foreach(isa avx2 avx512 c)
    set(test test_offsets_${isa})
    add_executable(${test} "${source}")
    target_compile_definitions(${test} PRIVATE
        GENERATED_EMULATES_AVX512=$<BOOL:${EMULATES_AVX512}>)
    target_link_libraries(${test} PRIVATE burin_runtime burin_warnings PkgConfig::CHECK)
    foreach(program offset_bn offset_in offset_gn moved_bn flat_in)
        string(REPLACE "_" ";" words ${program})
        list(GET words 0 net)
        list(GET words 1 norm)
        burin_generate(files target "${CMAKE_CURRENT_SOURCE_DIR}/nets/${net}.lua" ${norm} ${isa})
        set(object generated_offsets_${program}_${isa})
        add_object(${object} "${files}" ${target} ${isa})
        target_compile_definitions(${object} PRIVATE generated_main=offsets_${program})
        set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS -O1) # which run for long
        target_sources(${test} PRIVATE $<TARGET_OBJECTS:${object}>)
    endforeach()
    label_of(label ${test} ${isa})
    burin_test(${test} LABEL ${label} PROCESSORS 1 COMMAND ${test})
endforeach()

# Products in bf16: the kernels of one network, portable C beside AVX2, and AVX2's bits against
# those of AVX512_BF16, of which there are no intrinsics in halves. Tiles of AMX are emulated in
# AVX-512, and compiled for a processor that has them where the compiler can, with their bits against
# those of the emulated ones.
set(bf16_isas c avx2)
if(NOT EMULATES_AVX512)
    list(APPEND bf16_isas avx512 amx)
    include(CheckCCompilerFlag)
    check_c_compiler_flag("-mamx-tile -mamx-bf16" BURIN_HAS_AMX)
endif()
source_of(source test_bf16)
add_executable(test_bf16 "${source}")
target_compile_definitions(test_bf16 PRIVATE
    GENERATED_EMULATES_AVX512=0 BF16_HAS_NATIVE=$<NOT:$<BOOL:${EMULATES_AVX512}>>
    BF16_HAS_AMX=$<BOOL:${BURIN_HAS_AMX}>)
target_link_libraries(test_bf16 PRIVATE burin_runtime burin_warnings PkgConfig::CHECK)
foreach(isa IN LISTS bf16_isas)
    add_generated_test(test_kernels bf16 gn ${isa})
    burin_generate(files target "${CMAKE_CURRENT_SOURCE_DIR}/nets/bf16.lua" gn ${isa})
    set(object generated_bits_bf16_${isa})
    add_object(${object} "${files}" ${target} ${isa})
    target_compile_definitions(${object} PRIVATE generated_main=bf16_${isa})
    compile_fast("${files}")
    target_sources(test_bf16 PRIVATE $<TARGET_OBJECTS:${object}>)
endforeach()
if(BURIN_HAS_AMX)
    set(object generated_bits_bf16_tiles)
    add_object(${object} "${files}" ${target} tiles)
    target_compile_options(${object} PRIVATE ${BURIN_FLAGS_amx})
    target_compile_definitions(${object} PRIVATE generated_main=bf16_tiles)
    target_sources(test_bf16 PRIVATE $<TARGET_OBJECTS:${object}>)
endif()
label_of(label test_bf16 ${BURIN_NATIVE_ISA})
burin_test(test_bf16 LABEL ${label} PROCESSORS 1 COMMAND test_bf16)

# The bits of a training in tiles for 1 and 2 threads, and that they are compiled to their
# instructions.
if(NOT EMULATES_AVX512)
    add_whole_program(bf16_gn_amx bf16 gn amx)
    burin_test(test_amx LABEL program PROCESSORS 2 COMMAND "${CMAKE_COMMAND}"
        "-DPROGRAM=$<TARGET_FILE:test_program_bf16_gn_amx>" "-DOBJDUMP=${CMAKE_OBJDUMP}"
        "-DTILES=$<$<BOOL:${BURIN_HAS_AMX}>:$<TARGET_FILE:test_bf16>>"
        "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/amx" -P tests/project/test_amx.cmake)
endif()
