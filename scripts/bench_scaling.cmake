# How the cost of a step grows with threads, with the batch and with the width of the network.
#
#     cmake -P scripts/bench_scaling.cmake        (make bench-scaling NORM=gn)
#
# Variations of gen/nets/s8.lua are written to build/scaling, built as programs and timed by
# `bench --steps`. What is compared between sizes is GFLOP/s of the direct algorithm as a share of
# the FMA peak of the same run. Variables of the environment: NORM, ISA, PRECISION, THREADS (the most).
cmake_minimum_required(VERSION 3.22)

set(norm $ENV{NORM})
set(isa $ENV{ISA})
set(most $ENV{THREADS})
if(NOT most)
    cmake_host_system_information(RESULT most QUERY NUMBER_OF_LOGICAL_CORES)
endif()
file(READ gen/nets/s8.lua s8)
file(MAKE_DIRECTORY build/scaling)

function(run)
    execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output
        ERROR_VARIABLE output)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "bench-scaling: ${ARGV} failed (${result}):\n${output}")
    endif()
endfunction()

# Builds s8 with so many images a batch and its channels times `width`, and prints a row.
function(measure name batch width threads)
    if(NOT "${name}" IN_LIST built)
        string(REPLACE "batch = 128" "batch = ${batch}" text "${s8}")
        string(REPLACE "name = \"s8\"" "name = \"${name}\"" text "${text}")
        foreach(channels 32 16)
            math(EXPR wide "${channels} * ${width}")
            foreach(part block narrow)
                string(REPLACE "${part}(${channels})" "${part}( ${wide} )" text "${text}")
            endforeach()
        endforeach()
        file(WRITE build/scaling/${name}.lua "${text}")
        run("${CMAKE_COMMAND}" --preset release -D BURIN_NET=build/scaling/${name}.lua
            -D BURIN_NORM=${norm} -D BURIN_ISA=${isa} -D BURIN_PRECISION=$ENV{PRECISION})
        run("${CMAKE_COMMAND}" --build build --target program)
        list(APPEND built ${name})
        set(built "${built}" PARENT_SCOPE)
    endif()
    run(build/${name}_${norm} bench --steps 15 --threads ${threads}
        --json build/scaling/${name}.json)
    file(READ build/scaling/${name}.json json)
    foreach(field ms ratio)
        string(JSON ${field} GET "${json}" step ${field})
    endforeach()
    string(JSON peak GET "${json}" peak_gflops)
    # CMake computes in integers: microseconds, and per mille of the peak.
    string(REGEX REPLACE "^([0-9]+)\\.?([0-9]?[0-9]?[0-9]?).*" "\\1;\\2000" parts "${ratio}")
    list(GET parts 0 whole)
    list(GET parts 1 decimals)
    string(SUBSTRING "${decimals}" 0 3 decimals)
    math(EXPR share "100000 / (${whole} * 1000 + 1${decimals} - 1000)")
    string(SUBSTRING "${ms}" 0 6 ms)
    string(SUBSTRING "${ratio}" 0 5 ratio)
    message("| ${batch} | ${width} x | ${threads} | ${ms} ms | ${ratio} | ${share} % |")
endfunction()

message("s8, norm ${norm}: the step against direct convolution at the FMA peak of the same run\n")
message("| batch | channels | threads | step | of direct at peak | direct FLOP/s, of peak |")
message("|---|---|---|---|---|---|")
set(built "")
foreach(threads RANGE 1 ${most})
    measure(s8 128 1 ${threads})
endforeach()
foreach(batch 16 32 64 256 512 1024)
    measure(s8_batch${batch} ${batch} 1 1)
endforeach()
foreach(width 2 4)
    measure(s8_wide${width} 128 ${width} 1)
endforeach()
