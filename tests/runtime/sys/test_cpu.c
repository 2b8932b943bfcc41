/* test_cpu.c - what must hold on every machine. */
#define _GNU_SOURCE /* sched_setaffinity */
#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/cpu.h"

START_TEST(the_best_isa_is_supported)
{
    ck_assert(cpu_supports("c"));
    ck_assert(cpu_supports(cpu_best_isa()));
    ck_assert(!cpu_supports("avx1024"));
    ck_assert(!cpu_supports(""));
    if (cpu_supports("avx512"))
        ck_assert(cpu_supports("avx2"));
}
END_TEST

START_TEST(it_has_a_name)
{
    char name[CPU_NAME_SIZE], cut[5];
    ck_assert_ptr_eq(cpu_name(name, sizeof name), name);
    ck_assert_uint_gt(strlen(name), 0);
    ck_assert_int_ne(name[0], ' ');
    ck_assert_int_ne(name[strlen(name) - 1], ' ');
    cpu_name(cut, sizeof cut);
    ck_assert_uint_le(strlen(cut), 4);
}
END_TEST

START_TEST(some_processor_is_on_line)
{
    ck_assert_int_ge(cpu_online(), 1);
    ck_assert_int_le(cpu_online(), (int)sysconf(_SC_NPROCESSORS_CONF));
}
END_TEST

/* Those that this process may use: all, every second, every third - with commas, if many. */
START_TEST(what_may_be_used_counts)
{
    cpu_set_t all, some;
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    ck_assert_int_eq(cpu_online(), CPU_COUNT(&all));
    for (int every = 1; every <= 3; every++) {
        CPU_ZERO(&some);
        int n = 0;
        for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &all) && n++ % every == 0)
                CPU_SET(cpu, &some);
        }
        ck_assert_int_eq(sched_setaffinity(0, sizeof some, &some), 0);
        ck_assert_int_eq(cpu_online(), CPU_COUNT(&some));
    }
}
END_TEST

/* What was touched counts, and still does when it was given back. */
START_TEST(memory_is_counted_in_megabytes)
{
    enum { MB = 100 };
    const double before = cpu_peak_memory();
    char *block = malloc((size_t)MB << 20);
    ck_assert_ptr_nonnull(block);
    for (size_t i = 0; i < (size_t)MB << 20; i += 512)
        block[i] = (char)i;
    ck_assert_int_eq(block[512], 0);
    free(block);
    const double more = cpu_peak_memory() - before;
    ck_assert_msg(more > MB / 2 && more < 3 * MB, "%g MB, then %g more", before,
                  more);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cpu");
    TCase *tests = tcase_create("cpu");
    tcase_add_test(tests, the_best_isa_is_supported);
    tcase_add_test(tests, it_has_a_name);
    tcase_add_test(tests, some_processor_is_on_line);
    tcase_add_test(tests, what_may_be_used_counts);
    tcase_add_test(tests, memory_is_counted_in_megabytes);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
