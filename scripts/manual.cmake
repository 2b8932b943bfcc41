# Writes what `burin layers` prints into the last block of docs/language.md, or says whether it is
# there already.
#
#     cmake -DBURIN=build/burin -DFILE=docs/language.md [-DCHECK=ON] -P scripts/manual.cmake
#
# With CHECK the file stays as it is, and a difference is an error. A file that is current is not
# written.
cmake_minimum_required(VERSION 3.22)

execute_process(COMMAND "${BURIN}" layers RESULT_VARIABLE result OUTPUT_VARIABLE manual)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "${BURIN} layers ended with ${result}")
endif()
file(READ "${FILE}" text)
set(begin "\n```text\n")
string(FIND "${text}" "${begin}" position REVERSE)
if(position EQUAL -1)
    message(FATAL_ERROR "${FILE}: expected a block that begins with ```text")
endif()
string(LENGTH "${begin}" length)
math(EXPR position "${position} + ${length}")
string(SUBSTRING "${text}" 0 ${position} head)
set(current "${head}${manual}```\n")
if(text STREQUAL current)
    return()
endif()
if(CHECK)
    message(FATAL_ERROR "${FILE} is not what `burin layers` prints today. `make generated` writes it "
        "anew; commit it with the change that made it differ.")
endif()
file(WRITE "${FILE}" "${current}")
