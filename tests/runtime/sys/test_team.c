/* test_team.c - regions and barriers for one thread, a few, and more than there are processors. */
#include <check.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "sanitized.h"
#include "sys/cpu.h"
#include "sys/pin.h"
#include "sys/team.h"

static const int team_sizes[] = {1, 2, 3, 8};
enum {
    TEAMS = sizeof team_sizes / sizeof team_sizes[0],
    LARGEST_TEAM = 8,
    REGIONS = 200,
    ROUNDS = 200
};

static struct team *open_team(int threads)
{
    struct err err = {0};
    struct team *team = NULL;
    ck_assert_msg(team_open(&team, threads, &err), "%s", err.message);
    ck_assert_int_eq(team_threads(team), threads);
    return team;
}

/* -- Regions ----------------------------------------------------------------------------------- */

static void count_visit(void *context, int rank)
{
    int *visits = context;
    visits[rank]++;
}

START_TEST(every_rank_runs_once_a_region)
{
    struct team *team = open_team(team_sizes[_i]);
    int visits[LARGEST_TEAM] = {0};
    for (int region = 1; region <= REGIONS; region++) {
        team_run(team, count_visit, visits);
        for (int rank = 0; rank < LARGEST_TEAM; rank++)
            ck_assert_int_eq(visits[rank], rank < team_sizes[_i] ? region : 0);
    }
    team_close(team);
}
END_TEST

START_TEST(unused_pools_close)
{
    team_close(open_team(team_sizes[_i]));
    team_close(NULL);
}
END_TEST

/* -- Barriers ---------------------------------------------------------------------------------- */

struct relay {
    struct team *team;
    int mark[LARGEST_TEAM];
    int wrong[LARGEST_TEAM];
};

/* In each round everybody writes a mark and, after a barrier, sees everybody's. */
static void pass_marks(void *context, int rank)
{
    struct relay *relay = context;
    for (int round = 1; round <= ROUNDS; round++) {
        relay->mark[rank] = round;
        team_barrier(relay->team);
        for (int other = 0; other < team_threads(relay->team); other++)
            relay->wrong[rank] += relay->mark[other] != round;
        team_barrier(relay->team);
    }
}

START_TEST(barriers_separate_phases)
{
    struct relay relay = {.team = open_team(team_sizes[_i])};
    team_run(relay.team, pass_marks, &relay);
    for (int rank = 0; rank < team_sizes[_i]; rank++) {
        ck_assert_int_eq(relay.mark[rank], ROUNDS);
        ck_assert_int_eq(relay.wrong[rank], 0);
    }
    team_close(relay.team);
}
END_TEST

/* One rank works long between barriers, so that the others go to sleep and must be woken. */
static void straggle(void *context, int rank)
{
    struct relay *relay = context;
    for (int round = 0; round < 5; round++) {
        if (rank == round % team_threads(relay->team)) {
            for (volatile int i = 0; i < 5000000; i++)
                ;
            relay->mark[0] = round;
        }
        team_barrier(relay->team);
        relay->wrong[rank] += relay->mark[0] != round;
        team_barrier(relay->team);
    }
}

START_TEST(sleepers_are_woken)
{
    struct relay relay = {.team = open_team(team_sizes[_i])};
    team_run(relay.team, straggle, &relay);
    for (int rank = 0; rank < team_sizes[_i]; rank++)
        ck_assert_int_eq(relay.wrong[rank], 0);
    team_close(relay.team);
}
END_TEST

/* -- Denormals --------------------------------------------------------------------------------- */

static float half_of_smallest(void)
{
    volatile float smallest = FLT_MIN;
    return smallest * 0.5f;
}

static float twice_a_denormal(void)
{
    volatile float denormal = 0x1p-149f;
    return denormal * 0x1p30f;
}

static void make_denormals(void *context, int rank)
{
    float *result = context;
    result[2 * rank] = half_of_smallest();
    result[2 * rank + 1] = twice_a_denormal();
}

START_TEST(denormals_are_zero_inside_regions_only)
{
#if defined(__SSE2__)
    float result[2 * LARGEST_TEAM];
    memset(result, 0x7f, sizeof result);
    struct team *team = open_team(team_sizes[_i]);
    team_run(team, make_denormals, result);
    for (int i = 0; i < 2 * team_sizes[_i]; i++)
        ck_assert(result[i] == 0.0f);
    ck_assert(half_of_smallest() > 0.0f);
    ck_assert(twice_a_denormal() > 0.0f);
    team_close(team);
#else
    (void)make_denormals;
#endif
}
END_TEST

/* -- Pinning ----------------------------------------------------------------------------------- */

struct places {
    int cpu[TEAM_MAX_THREADS]; /* the only one where a rank may be, or -1 */
};

static void note_place(void *context, int rank)
{
    struct places *places = context;
    int cpus[2];
    places->cpu[rank] = pin_cpus(cpus, 2) == 1 ? cpus[0] : -1;
}

/* Every rank on a processor of its own; the caller is free again between regions. */
START_TEST(pinned_threads_stay_apart)
{
    struct err err = {0};
    struct places places;
    int all[TEAM_MAX_THREADS], after[TEAM_MAX_THREADS];
    int count = pin_cpus(all, TEAM_MAX_THREADS);
    if (count == 0)
        return; /* nothing is known of processors here */
    ck_assert_int_eq(count, cpu_online());
    struct team *team = open_team(count);
    ck_assert_msg(team_pin(team, &err), "%s", err.message);
    for (int region = 0; region < 3; region++) {
        team_run(team, note_place, &places);
        for (int rank = 0; rank < count; rank++)
            ck_assert_int_eq(places.cpu[rank], all[rank]);
    }
    ck_assert_int_eq(pin_cpus(after, TEAM_MAX_THREADS), count);
    ck_assert_mem_eq(after, all, (size_t)count * sizeof after[0]);
    team_close(team);
}
END_TEST

START_TEST(more_threads_than_processors_cannot_be_pinned)
{
    struct err err = {0};
    char text[96];
    int all[TEAM_MAX_THREADS], count = pin_cpus(all, TEAM_MAX_THREADS);
    if (count == 0 || count >= LARGEST_TEAM)
        return;
    struct team *team = open_team(LARGEST_TEAM);
    ck_assert(!team_pin(team, &err));
    ck_assert_int_eq(err.code, EXIT_USAGE);
    snprintf(text, sizeof text, "--pin: 8 threads on %d processor%s: expected a processor for each",
             count, count == 1 ? "" : "s");
    ck_assert_str_eq(err.message, text);
    team_close(team);
}
END_TEST

/* -- Errors ------------------------------------------------------------------------------------ */

START_TEST(impossible_numbers_are_refused)
{
    struct team *team = NULL;
    struct err none = {0}, many = {0};
    ck_assert(!team_open(&team, 0, &none));
    ck_assert_ptr_null(team);
    ck_assert_str_eq(none.message, "threads: expected 1 to 256, got 0");
    ck_assert_int_eq(none.code, EXIT_USAGE);
    ck_assert(!team_open(&team, 257, &many));
    ck_assert_str_eq(many.message, "threads: expected 1 to 256, got 257");
}
END_TEST

/* With little address space left, some of the threads start and the rest cannot. */
START_TEST(a_team_that_cannot_start_ends)
{
    if (SANITIZED)
        return;
    struct rlimit limit = {(rlim_t)256 << 20, (rlim_t)256 << 20};
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    struct team *team = NULL;
    struct err err = {0};
    ck_assert(!team_open(&team, TEAM_MAX_THREADS, &err));
    ck_assert_ptr_null(team);
    ck_assert_int_eq(err.code, EXIT_FAILED);
    ck_assert_ptr_nonnull(strstr(err.message, "cannot start thread "));
    ck_assert_ptr_nonnull(strstr(err.message, " of 256: "));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("team");
    TCase *tests = tcase_create("team");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, every_rank_runs_once_a_region, 0, TEAMS);
    tcase_add_loop_test(tests, unused_pools_close, 0, TEAMS);
    tcase_add_loop_test(tests, barriers_separate_phases, 0, TEAMS);
    tcase_add_loop_test(tests, sleepers_are_woken, 0, TEAMS);
    tcase_add_loop_test(tests, denormals_are_zero_inside_regions_only, 0, TEAMS);
    tcase_add_test(tests, pinned_threads_stay_apart);
    tcase_add_test(tests, more_threads_than_processors_cannot_be_pinned);
    tcase_add_test(tests, impossible_numbers_are_refused);
    tcase_add_test(tests, a_team_that_cannot_start_ends);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
