/* test_host_lines.c - the host breaks lines where a terminal ends, as the runtime does. */
#define _GNU_SOURCE /* broken_lines.h */
#include "broken_lines.h"
#include "lines.h"

static void print(const char *text)
{
    lines_print(terminal_out, text);
}

START_TEST(lines_break_where_the_terminal_ends)
{
    check_broken_lines("", print, lines_columns);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host lines");
    TCase *tests = tcase_create("terminal");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, lines_break_where_the_terminal_ends);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
