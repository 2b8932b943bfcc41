# No function is longer than 60 lines, from brace to brace or, in Lua, to its end, but for those listed
# here with a reason.
#
#     awk -f tests/project/functions.awk FILE ...        all of them, or what is listed is not found
#
# A function begins and ends in the first column.
BEGIN {
    most = 60
    reason["tests/runtime/inspect/test_verify.c make_all"] = "one table of kernels, written as loops"
    reason["gen/emit/program.lua program"] = "the parts of a generated file, in their order"
    reason["gen/language/recipe.lua read"] = "the fields of a recipe, one after another"
}

# The name of the function whose head ends with this text.
function named(head) {
    sub(/^START_TEST\(/, "", head)
    sub(/^(local )?function /, "", head)
    sub(/[(].*$|[)].*$/, "", head)
    sub(/^.*[ *.:]/, "", head)
    return head
}

function close_at(line,    key) {
    key = FILENAME " " name
    if (start > 0 && line - start + 1 > most) {
        long[key] = 1
        if (!(key in reason)) {
            printf "%s:%d: %s has %d lines: expected at most %d\n", FILENAME, start, name,
                line - start + 1, most
            wrong = 1
        }
    }
    start = 0
}

FNR == 1 { start = 0; head = "" }
/^[A-Za-z].*[(]/ { head = $0 }
/^[{]/ { start = FNR; name = named(head) }
/^(local )?function / { start = FNR; name = named($0) }
/^([}]|end)/ { close_at(FNR) }

END {
    for (key in reason)
        if (!(key in long)) {
            printf "tests/project/functions.awk: %s: no such function, or a short one\n", key
            wrong = 1
        }
    exit wrong
}
