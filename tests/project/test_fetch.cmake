# `make data`, with a small archive in place of the official one.
#
#     cmake -DSCRIPT=scripts/fetch_cifar10.sh -DWORK=build/tests/fetch -P tests/project/test_fetch.cmake
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
set(folder cifar-10-batches-bin)
set(files data_batch_1.bin data_batch_2.bin data_batch_3.bin data_batch_4.bin data_batch_5.bin
    test_batch.bin)

# Runs the script on WORK/data; `result` and `output` are set.
macro(fetch url md5)
    run("${CMAKE_COMMAND}" -E env "DATA=${WORK}/data" "URL=${url}" MD5=${md5} "${SCRIPT}")
endmacro()

# The last was an error of one line, besides what had been announced.
function(expect_error text)
    string(REGEX REPLACE "^(downloading|taking) [^\n]*\n" "" told "${output}")
    string(REGEX MATCHALL "\n" ends "${told}")
    list(LENGTH ends lines)
    if(NOT result EQUAL 1 OR NOT lines EQUAL 1)
        message(FATAL_ERROR "expected code 1 and one line, not ${result} and:\n${output}")
    endif()
    expect("${text}")
endfunction()

function(expect_entries)
    file(GLOB entries RELATIVE "${WORK}/data" "${WORK}/data/*")
    if(NOT "${entries}" STREQUAL "${ARGN}")
        message(FATAL_ERROR "data/ holds \"${entries}\", expected \"${ARGN}\"")
    endif()
endfunction()

function(make_archive name)
    file(REMOVE_RECURSE "${WORK}/${folder}")
    foreach(file IN LISTS ARGN)
        file(WRITE "${WORK}/${folder}/${file}" "content of ${file}\n")
    endforeach()
    execute_process(
        COMMAND "${CMAKE_COMMAND}" -E tar czf "${WORK}/${name}" ${folder}
        WORKING_DIRECTORY "${WORK}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
make_archive(complete.tar.gz ${files} readme.html)
make_archive(incomplete.tar.gz data_batch_1.bin)
file(MD5 "${WORK}/complete.tar.gz" complete)
file(MD5 "${WORK}/incomplete.tar.gz" incomplete)

# Nothing is left of a download that fails, of a wrong archive, or of one that lacks a file.
fetch("file://${WORK}/no such archive" ${complete})
expect_error("nothing was written")
if(EXISTS "${WORK}/data")
    message(FATAL_ERROR "data/ was made for nothing")
endif()
fetch("file://${WORK}/complete.tar.gz" ${incomplete})
expect_error("md5 ${complete}: expected ${incomplete}")
expect_entries()
fetch("file://${WORK}/incomplete.tar.gz" ${incomplete})
expect_error("data_batch_2.bin is not in it")
expect_entries()

# The files, and a list of their sums that begins as data.h wants it and that sha256sum accepts.
fetch("file://${WORK}/complete.tar.gz" ${complete})
expect("is ready")
expect_entries(${folder})
file(STRINGS "${WORK}/data/${folder}/SHA256SUMS" sums)
list(POP_FRONT sums mark)
if(NOT mark STREQUAL "# cifar-10-binary.tar.gz md5 ${complete}")
    message(FATAL_ERROR "SHA256SUMS begins with \"${mark}\"")
endif()
foreach(file IN LISTS files)
    file(SHA256 "${WORK}/data/${folder}/${file}" sum)
    if(NOT "${sum}  ${file}" IN_LIST sums)
        message(FATAL_ERROR "SHA256SUMS does not list ${file}")
    endif()
endforeach()

# Again: nothing to do. Changed by somebody: left alone.
fetch("file://${WORK}/complete.tar.gz" ${complete})
expect("is there and complete")
file(APPEND "${WORK}/data/${folder}/test_batch.bin" "mine\n")
fetch("file://${WORK}/complete.tar.gz" ${complete})
expect_error("it is left as it is")
file(READ "${WORK}/data/${folder}/test_batch.bin" text)
if(NOT text STREQUAL "content of test_batch.bin\nmine\n")
    message(FATAL_ERROR "test_batch.bin was changed")
endif()

# An archive that lies there is taken, and kept.
file(REMOVE_RECURSE "${WORK}/data")
file(COPY "${WORK}/complete.tar.gz" DESTINATION "${WORK}/data")
file(RENAME "${WORK}/data/complete.tar.gz" "${WORK}/data/cifar-10-binary.tar.gz")
fetch("file://${WORK}/no such archive" ${complete})
expect("is ready")
expect_entries(${folder} cifar-10-binary.tar.gz)
