# From an empty folder to answers: pictures are made, a network is trained on them, evaluated, and asked.
#
#     cmake -DBURIN=build/burin -DMAKE_PICTURES=build/tests/make_pictures
#         -DPROGRAM=build/tests/programs/pictures_bn -DWORK=build/tests/pictures -P tests/project/test_pictures.cmake
#
# The pictures are of the synthetic set, 40 x 48 pixels, 1,000 in five classes.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect.cmake")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}/folder")
set(RUN_FOLDER "${WORK}")

run_well("${MAKE_PICTURES}" synthetic folder 1000 40 48)
run_well("${PROGRAM}" train --data folder --epochs 4 --threads 2 --out run)
expect("800 training and 200 test images")
expect("finished")

# Five classes by chance are 20 %.
run_well("${PROGRAM}" eval --model run --data folder)
string(REGEX MATCH "accuracy ([0-9]+)[.][0-9]+ %" _ "${output}")
if(NOT CMAKE_MATCH_1 GREATER 40)
    message(FATAL_ERROR "expected an accuracy above 40 % in:\n${output}")
endif()

# Every answer is that of eval: so many are right, whatever else is asked with them.
run_well("${PROGRAM}" predict --model run --csv --top 1 folder/test)
string(REGEX MATCHALL "folder/test/([a-z ]+)/[0-9]+[.]png,[a-z ]+," answers "${output}")
list(LENGTH answers count)
set(right 0)
foreach(answer IN LISTS answers)
    if(answer MATCHES "folder/test/([a-z ]+)/[0-9]+[.]png,([a-z ]+)," AND
       CMAKE_MATCH_1 STREQUAL CMAKE_MATCH_2)
        math(EXPR right "${right} + 1")
    endif()
endforeach()
run_well("${PROGRAM}" eval --model run --data folder)
math(EXPR whole "${right} / 2")
math(EXPR half "${right} % 2 * 5")
if(NOT count EQUAL 200)
    message(FATAL_ERROR "${count} answers: expected 200")
endif()
expect("accuracy ${whole}.${half}0 %")

# Alone an image has the same probabilities, to the last digit.
run_well("${PROGRAM}" predict --model run --csv folder/test)
string(REGEX REPLACE "\r?\n" ";" rows "${output}")
list(GET rows 77 row)
string(REGEX MATCH "^[^,]+" image "${row}")
run_well("${PROGRAM}" predict --model run --csv --threads 1 "${image}")
expect("${row}")

# The script that does all of this, to the page, says what it does and touches no folder that is there.
set(RUN_FOLDER "${CMAKE_SOURCE_DIR}")
set(script "${CMAKE_COMMAND}" -E env EPOCHS=1 "PROGRAM=${PROGRAM}" "BURIN=${BURIN}"
    "MAKE_PICTURES=${MAKE_PICTURES}" scripts/pictures.sh synthetic "${WORK}/all")
run_well(${script})
expect("train: 800 pictures in ")
expect("test: 200 pictures in ")
expect("train --data ${WORK}/all/pictures --epochs 1 --seed 1 --out ${WORK}/all/run\n")
expect("eval --model ${WORK}/all/run --data ${WORK}/all/pictures\n")
expect("report.html: written")
file(READ "${WORK}/all/report.html" page)
if(NOT page MATCHES "pictures")
    message(FATAL_ERROR "${WORK}/all/report.html is about something else")
endif()
run(${script})
if(NOT result EQUAL 2)
    message(FATAL_ERROR "expected code 2, not ${result}:\n${output}")
endif()
expect("${WORK}/all: is there already: expected a new folder")
set(RUN_FOLDER "${WORK}")

# Of another size they are refused, or resized and said so; the command that goes on says how.
file(MAKE_DIRECTORY "${WORK}/small")
run_well("${MAKE_PICTURES}" synthetic small 100 30 30)
run("${PROGRAM}" train --data small --max-steps 1 --out other)
if(NOT result EQUAL 3)
    message(FATAL_ERROR "expected code 3, not ${result}:\n${output}")
endif()
expect("small/train: 80 of 80 images are not 40 x 48 (high, wide), which the network takes")
run_well("${PROGRAM}" train --data small --resize crop --max-steps 1 --out other)
expect("note: small: 80 of 80 images: resized (first")
expect("train --resume other/last.safetensors --data small --resize crop")
run_well("${PROGRAM}" eval --model other --data small --resize crop)
expect("note: small: 20 of 20 images: resized (first")
run_well("${PROGRAM}" predict --model other --resize crop small/test)
expect("note: 20 of 20 images: resized (first small/test/")

# One that is damaged is refused, or skipped and counted.
file(WRITE "${WORK}/small/train/checker/0.png" "nothing")
file(WRITE "${WORK}/small/test/checker/0.png" "nothing")
run("${PROGRAM}" train --data small --resize crop --max-steps 1 --out other)
if(NOT result EQUAL 3)
    message(FATAL_ERROR "expected code 3, not ${result}:\n${output}")
endif()
expect("small/train: 1 of 81 images cannot be read")
run_well("${PROGRAM}" train --data small --resize crop --skip-bad --max-steps 1 --out other)
expect("note: small: 1 image that cannot be read skipped: small/train/checker/0.png: neither PNG nor")
expect("--resize crop --skip-bad")
run_well("${PROGRAM}" eval --model other --data small --resize crop --skip-bad)
expect("note: small: 1 image that cannot be read skipped: small/test/checker/0.png: neither PNG nor")
