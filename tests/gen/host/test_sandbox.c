/* test_sandbox.c - what a description cannot do: a script for each known way out, run by burin.
 * What the process of a description may not do is in test_child.c. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "run_burin.h"

/* The folder of the tests; without it they run from the root of the source tree. */
#ifndef TEST_DIR
#define TEST_DIR "tests"
#endif

/* -- Escapes ----------------------------------------------------------------------------------- */

#define UNKNOWN(name)                                                                              \
    "unknown name \"" name                                                                         \
    "\": expected a layer, a variable or one of the functions that `burin layers` lists"
#define NO_METHOD(name)                                                                            \
    "attempt to call a nil value (method '" name                                                   \
    "'): expected a function; `burin layers` lists those there are"
#define TOO_LONG "the description runs too long: expected at most 50 million steps and 10 seconds"
#define TOO_LARGE "the description needs too much memory: expected at most 64 MiB"
#define IDENTIFIER " is no identifier: expected letters, digits and _, at most 64, no digit first"

enum { MAX_LINES = 5 };

/* tests/escapes/<name>.lua, and what burin says of it: lines without the path. */
static const struct {
    const char *name;
    const char *lines[MAX_LINES];
} escapes[] = {
    {"backtracking", {"3: " NO_METHOD("find")}},
    {"bytecode",
     {"1: attempt to load a binary chunk (mode is 't'): expected the text of a description"}},
    {"concat_bomb", {"1: " TOO_LARGE}},
    {"coroutine_loop", {"2: " UNKNOWN("coroutine")}},
    {"environment", {"2: " UNKNOWN("_G")}},
    {"files", {"2: " UNKNOWN("io")}},
    {"format_bomb", {"1: " TOO_LARGE}},
    {"gc_loop", {"2: " UNKNOWN("setmetatable")}},
    {"giant_answer",
     {"1: the description returns too many tables and values: expected at most 20000"}},
    {"giant_list", {"6: network: too many layers: expected at most 1000"}},
    {"giant_name",
     {"1: the description returns too much: expected at most 4 MiB of names and numbers"}},
    {"giant_table", {"1: " TOO_LARGE}},
    {"inject_name",
     {"2: network: name \"a*/ int main(void) { return system(\"id\")...\"" IDENTIFIER,
      "7: relu: name \"x = 0; #include <stdlib.h>?\"" IDENTIFIER,
      "8: relu: name \"x\\\"" IDENTIFIER, "9: global_avgpool: name \"?\?/\"" IDENTIFIER,
      "10: linear: name \"a?b\"" IDENTIFIER}},
    {"inject_number",
     {"4: sgd: lr is not a number: expected a number above 0, at most 1000",
      "4: sgd: weight_decay is inf: expected a number from 0 to 1",
      "5: dropout: p is -inf: expected a number from 0, below 1"}},
    {"inject_terminal", {"2: ?]0;title??[2J?/etc/passwd:1: forged"}},
    {"load", {"2: " UNKNOWN("load")}},
    {"loop", {"3: " TOO_LONG}},
    {"narrow_recursion", {"1: " TOO_LARGE}},
    {"nesting", {"1: C stack overflow: expected at most 200 levels of nesting"}},
    {"pcall_loop", {"3: " UNKNOWN("pcall")}},
    {"recursion", {"3: stack overflow: expected calls that end"}},
    {"rep_bomb", {"2: " NO_METHOD("rep")}},
    {"require", {"2: " UNKNOWN("require")}},
    {"slow_pairs", {"3: " TOO_LONG}},
    {"string_metatable", {"2: " UNKNOWN("getmetatable")}},
    {"unpack_bomb", {"2: too many results to unpack: expected fewer than a million"}},
};

enum { ESCAPE_COUNT = sizeof escapes / sizeof escapes[0] };

START_TEST(escapes_are_closed)
{
    char arguments[512], want[2048];
    int size = 0;
    snprintf(folder, sizeof folder, "%s/escapes", TEST_DIR);
    snprintf(arguments, sizeof arguments, "gen F/%s.lua -o %s/none/out.c", escapes[_i].name,
             folder);
    for (int i = 0; i < MAX_LINES && escapes[_i].lines[i] != NULL; i++)
        size += snprintf(want + size, sizeof want - (size_t)size, "%s/%s.lua:%s\n", folder,
                         escapes[_i].name, escapes[_i].lines[i]);
    expect(arguments, 5, want);
}
END_TEST

/* A description may change its own copies of functions; our modules never see them. */
START_TEST(own_strings_are_own)
{
    snprintf(folder, sizeof folder, "%s/escapes", TEST_DIR);
    expect_part("twin F/string_methods.lua", 0, "40 parameters");
}
END_TEST

START_TEST(every_script_is_run)
{
    DIR *scripts = opendir(TEST_DIR "/escapes");
    ck_assert_ptr_nonnull(scripts);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(scripts)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(scripts);
    ck_assert_int_eq(count, ESCAPE_COUNT + 1); /* and string_methods.lua */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *scripts = tcase_create("scripts");
    tcase_set_timeout(scripts, 60);
    tcase_add_loop_test(scripts, escapes_are_closed, 0, ESCAPE_COUNT);
    tcase_add_test(scripts, own_strings_are_own);
    tcase_add_test(scripts, every_script_is_run);
    suite_add_tcase(suite, scripts);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
