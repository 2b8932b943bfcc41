/* test_cpu.c - what must hold on every machine, and on machines that are made up. */
#define _GNU_SOURCE /* sched_setaffinity */
#include <check.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/bytes.h"
#include "sys/cpu.h"
#include "sys/pin.h"

/* -- This machine ------------------------------------------------------------------------------ */

START_TEST(the_best_isa_is_supported)
{
    ck_assert(cpu_supports("c"));
    ck_assert(cpu_supports(cpu_best_isa()));
    ck_assert(!cpu_supports("avx1024"));
    ck_assert(!cpu_supports(""));
    if (cpu_supports("avx512"))
        ck_assert(cpu_supports("avx2"));
    ck_assert(!cpu_supports("amx")); /* tiles are for bf16 alone */
    if (cpu_supports("amx+bf16"))
        ck_assert(cpu_supports("avx512+bf16"));
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
    ck_assert_msg(more > MB / 2 && more < 3 * MB, "%g MB, then %g more", before, more);
}
END_TEST

/* -- Other machines ---------------------------------------------------------------------------- */

/* What the system says of another machine; NULL and 0: what it says of this one. */
static const char *status; /* the text of /proc/self/status, "" where it cannot be read */
static long online;        /* processors by sysconf; -1: it does not know */
static const char *const
    *siblings;             /* of each processor, with which it shares a core; "": no file */
static int affinity_fails; /* 1: asking for it, 2: setting it */

static FILE *text_file(const char *text)
{
    return text[0] != '\0' ? fmemopen((void *)(uintptr_t)text, strlen(text), "r") : NULL;
}

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode)
{
    int cpu;
    if (status != NULL && strcmp(path, "/proc/self/status") == 0)
        return text_file(status);
    if (siblings != NULL && sscanf(path, "/sys/devices/system/cpu/cpu%d/", &cpu) == 1)
        return text_file(siblings[cpu]);
    return __real_fopen(path, mode);
}

long __real_sysconf(int name);
long __wrap_sysconf(int name);
long __wrap_sysconf(int name)
{
    return online != 0 ? online : __real_sysconf(name);
}

int __real_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    if (affinity_fails == 1)
        return -1;
    if (siblings == NULL)
        return __real_sched_getaffinity(pid, size, set);
    CPU_ZERO_S(size, set);
    for (size_t cpu = 0; siblings[cpu] != NULL; cpu++)
        CPU_SET_S(cpu, size, set);
    return 0;
}

int __real_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set);
int __wrap_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set);
int __wrap_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
    return affinity_fails == 2 ? -1 : __real_sched_setaffinity(pid, size, set);
}

/* A list that is none leaves the question to sysconf. */
START_TEST(processors_are_counted_in_a_list)
{
    static const struct {
        const char *status;
        long online;
        int count;
    } cases[] = {
        {"Name:\tx\nCpus_allowed_list:\t0-1,8,10-11\n", 7, 5},
        {"Cpus_allowed_list:\t3", 7, 1},
        {"Cpus_allowed_list:\t0-1023", 7, 1024},
        {"Cpus_allowed_list:\tnone\n", 7, 7},
        {"Cpus_allowed_list:\t-1\n", 7, 7},
        {"Cpus_allowed_list:\t0-5,3-1\n", 7, 7},
        {"Cpus_allowed_list:\t0-65536\n", 7, 7},
        {"Cpus_allowed_list:\t0,\n", 7, 7},
        {"Cpus_allowed_list 3\nName:\tx\n", 7, 7},
        {"", 7, 7},
        {"", -1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        status = cases[i].status;
        online = cases[i].online;
        ck_assert_msg(cpu_online() == cases[i].count, "case %zu: %d", i, cpu_online());
    }
}
END_TEST

/* A processor of each core first, then those that share one. */
START_TEST(cores_are_filled_one_by_one)
{
    static const struct {
        const char *siblings[5];
        int most, cpus[4];
    } cases[] = {
        {{"0,2\n", "1,3\n", "0,2\n", "1,3\n"}, 4, {0, 1, 2, 3}},
        {{"0-1\n", "0-1\n", "2-3\n", "2-3\n"}, 4, {0, 2, 1, 3}},
        {{"0-1\n", "0-1\n", "2-3\n", "2-3\n"}, 3, {0, 2, 1}},
        {{"", "none\n", "1-2\n", "\n"}, 4, {0, 1, 3, 2}},
    };
    int cpus[4];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        siblings = cases[i].siblings;
        ck_assert_int_eq(pin_cpus(cpus, cases[i].most), cases[i].most);
        for (int k = 0; k < cases[i].most; k++)
            ck_assert_msg(cpus[k] == cases[i].cpus[k], "case %zu, place %d: %d", i, k, cpus[k]);
    }
    siblings = NULL;
    affinity_fails = 1;
    ck_assert_int_eq(pin_cpus(cpus, 4), 0);
    ck_assert_ptr_null(pin_to(0));
    affinity_fails = 2;
    ck_assert_int_ge(pin_cpus(cpus, 4), 1);
    ck_assert_ptr_null(pin_to(cpus[0]));
    affinity_fails = 0;
    struct pin_place *place = pin_to(cpus[0]);
    ck_assert_ptr_nonnull(place);
    pin_back(place);
    pin_back(NULL);
}
END_TEST

/* A file is mapped where it is larger than a quarter of the memory; of an unknown one, never. */
START_TEST(memory_has_a_quarter_for_files)
{
    const size_t memory =
        (size_t)__real_sysconf(_SC_PHYS_PAGES) * (size_t)__real_sysconf(_SC_PAGESIZE);
    ck_assert(bytes_limit() <= memory / 4 && bytes_limit() > memory / 5);
    online = -1;
    ck_assert_uint_eq(bytes_limit(), SIZE_MAX);
    online = 0;
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
    tcase_add_test(tests, processors_are_counted_in_a_list);
    tcase_add_test(tests, cores_are_filled_one_by_one);
    tcase_add_test(tests, memory_has_a_quarter_for_files);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
