# Static analysis of gen/ and runtime/ by one tool: clean, but for what is justified below.
#
#     cmake -DTOOL=cppcheck|gcc|clang-tidy -DCOMMAND=path "-DFLAGS=-I...;..." -DMPI=0|1
#         -P tests/project/test_lint.cmake
#
# It runs in the root of the source tree.
cmake_minimum_required(VERSION 3.22)

# Each finding that stands: what its line matches. The reason is above it.
set(justified
    # A network has two classes at least (gen/language/recipe.lua), so the sum has a first term, exp(0) = 1.
    "ref_loss.c:[0-9:]+ warning: Invalid log"
    # An image has a channel at least, and a sum a part.
    "synthetic.c:[0-9:]+ warning: Uninitialized variable: (background|difference)"
    "tree.c:[0-9:]+ warning: Uninitialized variable: left"
    # The address is taken to give the callee room, which it fills before it reads.
    "verify.c:[0-9:]+ error: Uninitialized variable: &local"
    # part_files has one name at least in each row.
    "data.c:[0-9:]+ error: Call to 'malloc' has an allocation size of 0 bytes"
    # Groups divide the channels (gen/language/layers.lua), so the quotient is exact.
    "generic[a-z_]*.c:[0-9:]+ error: result of integer"
    # How many steps cover a map is a whole number, rounded up.
    "maps.c:[0-9:]+ error: result of integer"
    # What has a shape has memory: open_memory in the same file fails without it.
    "operands.c:[0-9:]+ (warning: dereference of NULL|error: Array access .* null pointer)"
    # has_grad is set where slot_of is, four lines above.
    "generic_plan.c:[0-9:]+ error: Array subscript is undefined"
    # The system's own figure; where it is no number, there is none.
    "(child|busy).c:[0-9:]+ error: 'fscanf' used to convert"
    # A rank is less than the threads, of which there are 256 at most.
    "team.c:[0-9:]+ warning: Either the condition 'rank>0' is redundant"
    # It holds a pointer, so that it can free what the pointer names.
    "json.c:[0-9:]+ error: suspicious usage of 'sizeof"
    # err_set_errno returns false, so there is a block where allocate returns true.
    "run.c:[0-9:]+ error: Null pointer passed to 1st parameter"
    # A list or a slot owns what was added to it, and its closer frees that.
    "(folder_list|picture_paths).c:[0-9:]+ warning: leak of [^ ]*copy"
    "format.c:[0-9:]+ warning: leak of [^ ]*strdup"
    "loader.c:[0-9:]+ warning: leak of [^ ]*<unknown>"
    # luaL_argcheck does not come back where there is no list.
    "pack.c:[0-9:]+ warning: dereference of NULL [^ ]*bias"
    # memcpy has filled the text up to its end.
    "data.c:[0-9:]+ warning: use of uninitialized value"
    # cJSON_IsArray(NULL) is false, so there is text only where there is json.
    "tensors.c:[0-9:]+ (warning: use of NULL [^ ]*json|error: Null pointer passed to 1st)"
    # err_set_code and err_set_errno return false, so what failed is not looked at.
    "bytes.c:[0-9:]+ error: Use of memory after it is"
    "format.c:[0-9:]+ error: Access to field 'name'"
    # There is one rank at least, so loops over them set what is read behind them; and ranks_agree is
    # false on all where one has no memory.
    "(meet|predict_meet).c:[0-9:]+ error: (1st|3rd) function call"
    "meet.c:[0-9:]+ error: The (left|right) operand of"
    "predict_meet.c:[0-9:]+ error: Null pointer passed"
    # Kilobytes as whole megabytes.
    "cpu.c:[0-9:]+ error: result of integer division"
    # A parameter at least has been asked for where there are averages.
    "average.c:[0-9:]+ error: Call to 'calloc' has an"
    # An output of burin's own; a number that is too large makes a shape that no network has.
    "command.c:[0-9:]+ error: 'sscanf' used to convert"
    # The array is the caller's, who closes what is open in it, whether all are or not.
    "gnuplot.c:[0-9:]+ warning: leak of [^ ]*tmpfile")

file(GLOB_RECURSE sources RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" gen/*.c runtime/*.c)
if(NOT MPI)
    list(REMOVE_ITEM sources runtime/ranks/mpi.c)
endif()
if(NOT COMMAND)
    message("skipped: there is no ${TOOL}: setup.sh installs it")
    return()
endif()

set(flags -std=c11 -D_POSIX_C_SOURCE=200809L "-DBURIN_VERSION=\"0\""
    "-DREF_BLAS_LIBRARY=\"0\"" -Iruntime -Igen/host ${FLAGS})
set(found "")
foreach(source IN LISTS sources)
    get_filename_component(folder "${source}" DIRECTORY) # the two have a json.h each
    if(TOOL STREQUAL "cppcheck")
        set(call --quiet --std=c11 --enable=warning,performance,portability --inline-suppr
            --suppress=missingIncludeSystem -D__GNUC__=12 -D__x86_64__
            -D__ORDER_LITTLE_ENDIAN__=1234 -D__BYTE_ORDER__=1234 -I${folder} "${source}")
    elseif(TOOL STREQUAL "gcc")
        set(call ${flags} -I${folder} -O1 -fanalyzer -c "${source}" -o /dev/null)
    else()
        set(call --quiet "${source}" -- ${flags} -I${folder})
    endif()
    execute_process(COMMAND "${COMMAND}" ${call} OUTPUT_VARIABLE output ERROR_VARIABLE output
        RESULT_VARIABLE result)
    string(REPLACE ";" "," output "${output}") # which would part an item of a list
    string(REGEX MATCHALL "[^\n]*: (warning|error): [^\n]*" lines "${output}")
    foreach(line IN LISTS lines)
        set(stands FALSE)
        foreach(pattern IN LISTS justified)
            if(line MATCHES "${pattern}")
                set(stands TRUE)
            endif()
        endforeach()
        if(NOT stands)
            string(APPEND found "${line}\n")
        endif()
    endforeach()
    if(NOT result EQUAL 0 AND lines STREQUAL "")
        message(FATAL_ERROR "${TOOL} ${source}: ended with ${result}\n${output}")
    endif()
endforeach()
if(found)
    message(FATAL_ERROR "${TOOL} found:\n${found}")
endif()
