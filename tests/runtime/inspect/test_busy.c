/* test_busy.c - which machine is too busy to be timed. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/busy.h"
#include "sys/cpu.h"

START_TEST(the_spread_is_that_of_the_middle_half)
{
    double nine[] = {9, 1, 8, 2, 7, 3, 6, 4, 500}; /* 1 2 3 4 6 7 8 9 500: from 3 to 8, of 6 */
    ck_assert_double_eq_tol(busy_spread(nine, 9), 5.0 / 6, 1e-15);
    double same[] = {2, 2, 2, 2}, few[] = {1, 9};
    ck_assert_double_eq(busy_spread(same, 4), 0);
    ck_assert_double_eq(busy_spread(few, 2), 0);
}
END_TEST

static const char *warning(double load, int threads, double spread)
{
    static char text[400];
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    busy_warn(file, load, threads, spread);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

START_TEST(a_busy_machine_is_told)
{
    const double all = cpu_online();
    ck_assert_str_eq(warning(0, 1, 0.05), "");
    ck_assert_str_eq(warning(all - 1, 1, 0.1), "");
    ck_assert_ptr_nonnull(strstr(warning(all - 0.4, 1, 0), "busy: load "));
    ck_assert_ptr_nonnull(strstr(warning(0.6, cpu_online(), 0), "busy: load 0.6 on "));
    ck_assert_ptr_nonnull(strstr(warning(0, 1, 0.25), "within 25 %: compare"));
}
END_TEST

START_TEST(the_load_is_a_number)
{
    ck_assert(busy_load() >= 0 && busy_load() < 1e6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("busy");
    TCase *tests = tcase_create("machine");
    tcase_add_test(tests, the_spread_is_that_of_the_middle_half);
    tcase_add_test(tests, a_busy_machine_is_told);
    tcase_add_test(tests, the_load_is_a_number);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
