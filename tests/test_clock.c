/* test_clock.c - time goes on, and is written as ISO 8601 says. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"

START_TEST(seconds_are_seconds)
{
    double start = clock_seconds();
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    double passed = clock_seconds() - start;
    ck_assert_double_ge(passed, 0.02);
    ck_assert_double_lt(passed, 3.5);
}
END_TEST

START_TEST(stamp_is_iso_8601)
{
    char stamp[CLOCK_STAMP_SIZE], expected[CLOCK_STAMP_SIZE];
    int year, month, day, hour, minute, second;
    ck_assert_ptr_eq(clock_stamp(stamp, sizeof stamp), stamp);
    ck_assert_int_eq(
        sscanf(stamp, "%4d-%2d-%2dT%2d:%2d:%2dZ", &year, &month, &day, &hour, &minute, &second), 6);
    time_t now = time(NULL);
    struct tm utc;
    ck_assert_ptr_nonnull(gmtime_r(&now, &utc));
    strftime(expected, sizeof expected, "%Y-%m-%dT%H", &utc);
    ck_assert_uint_eq(strlen(stamp), 20);
    /* The date, unless the day has just ended. */
    ck_assert(strncmp(stamp, expected, 10) == 0 || (utc.tm_hour == 0 && utc.tm_min == 0));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clock");
    TCase *tests = tcase_create("clock");
    tcase_add_test(tests, seconds_are_seconds);
    tcase_add_test(tests, stamp_is_iso_8601);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
