# The table of promises: each test that it names is there.
#
#     cmake -DTESTS=test_a|fuzz_b|... -P tests/project/test_promises.cmake
#
# TESTS are the names of ctest. In the table `test_kernels_*` stands for one test or more. A test that
# cannot be made here, for want of a tool or a processor, is in OPTIONAL.
cmake_minimum_required(VERSION 3.22)
set(OPTIONAL test_clang test_hardening test_valgrind test_asan test_tsan)

file(STRINGS docs/promises.md lines REGEX "^\\| .*`(test|fuzz)_")
list(LENGTH lines count)
if(count LESS 8)
    message(FATAL_ERROR "docs/promises.md: ${count} promises with tests, expected the table of them")
endif()
string(REPLACE "|" ";" TESTS "${TESTS}")
foreach(line IN LISTS lines)
    string(REGEX MATCHALL "`(test|fuzz)_[a-z0-9_*]+`" names "${line}")
    foreach(name IN LISTS names)
        string(REPLACE "`" "" name "${name}")
        string(REPLACE "*" ".+" pattern "^${name}$")
        set(found ${TESTS})
        list(FILTER found INCLUDE REGEX "${pattern}")
        if(NOT found AND NOT name IN_LIST OPTIONAL)
            message(SEND_ERROR "docs/promises.md: ${name}: promised, but no such test")
        endif()
    endforeach()
endforeach()
