/* test_clock.c - time goes on, and is written as ISO 8601 says. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sys/clock.h"

/* A nap of 20 ms as clock_seconds sees it lies within what the system says of it, however long the
 * machine takes to come back. */
START_TEST(seconds_are_seconds)
{
    struct timespec before, after;
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &before), 0);
    double start = clock_seconds();
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    double passed = clock_seconds() - start;
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &after), 0);
    double around = difftime(after.tv_sec, before.tv_sec) +
                    1e-9 * ((double)after.tv_nsec - (double)before.tv_nsec);
    ck_assert_double_ge(passed, 0.02);
    ck_assert_double_le(passed, around + 1e-6); /* rounding, of a clock that began at the start */
}
END_TEST

/* The date of a time, as a stamp begins. */
static void put_date(char date[16], time_t when)
{
    struct tm utc;
    ck_assert_ptr_nonnull(gmtime_r(&when, &utc));
    ck_assert_uint_eq(strftime(date, 16, "%Y-%m-%dT", &utc), 11);
}

START_TEST(stamp_is_iso_8601)
{
    char stamp[CLOCK_STAMP_SIZE], first[16], last[16];
    int year, month, day, hour, minute, second;
    put_date(first, time(NULL));
    ck_assert_ptr_eq(clock_stamp(stamp, sizeof stamp), stamp);
    put_date(last, time(NULL)); /* the day may have ended meanwhile */
    ck_assert_int_eq(
        sscanf(stamp, "%4d-%2d-%2dT%2d:%2d:%2dZ", &year, &month, &day, &hour, &minute, &second), 6);
    ck_assert_uint_eq(strlen(stamp), 20);
    ck_assert(strncmp(stamp, first, 11) == 0 || strncmp(stamp, last, 11) == 0);
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
