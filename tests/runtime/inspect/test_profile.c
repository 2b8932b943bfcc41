/* test_profile.c - times by made-up clocks, the lines of the table, and the clock of real steps. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/profile.h"
#include "ref/generic.h"
#include "ref/ref.h"
#include "run.h"
#include "tiny_model.h"

enum { KERNELS = 5 };

/* conv1 with its three passes, norm1 forward and once more. */
static const struct kernel kernels[KERNELS] = {
    {.layer = "conv1", .pass = PASS_FWD},      {.layer = "norm1", .pass = PASS_FWD},
    {.layer = "norm1", .pass = PASS_FWD},      {.layer = "conv1", .pass = PASS_BWD_WEIGHTS},
    {.layer = "conv1", .pass = PASS_BWD_DATA},
};

static const struct model model = {.name = "made_up", .kernels = kernels, .kernel_count = KERNELS};

/* Two steps of ten milliseconds on two threads. */
static void fill(struct profile *profile)
{
    struct err err = {0};
    ck_assert(profile_open(profile, &model, 2, &err));
    for (int step = 0; step < 2; step++) {
        double at = 100 + step;
        profile_begin_step(profile, at);
        profile_start(profile, 0, at + 0.001);
        profile_start(profile, 1, at + 0.001);
        profile_count(profile, 0, 0, at + 0.003); /* conv1 fwd: 2 and 4 ms */
        profile_count(profile, 1, 0, at + 0.005);
        profile_count(profile, 0, profile_place(&model, PROFILE_WAIT), at + 0.005);
        profile_count(profile, 0, 2, at + 0.006); /* norm1 again: 1 and 0 ms */
        profile_count(profile, 0, 4, at + 0.0065);
        profile_count(profile, 1, 4, at + 0.0065);
        profile_end_step(profile, at + 0.010);
    }
}

START_TEST(slots_are_means_of_threads_and_steps)
{
    struct profile profile;
    fill(&profile);
    ck_assert_double_eq_tol(profile_ms(&profile, 0), 3, 1e-9);
    ck_assert_double_eq_tol(profile_ms(&profile, 1), 0, 1e-9);
    ck_assert_double_eq_tol(profile_ms(&profile, 2), 0.5, 1e-9);
    ck_assert_double_eq_tol(profile_ms(&profile, 4), 1, 1e-9);
    ck_assert_double_eq_tol(profile_ms(&profile, profile_place(&model, PROFILE_WAIT)), 1, 1e-9);
    ck_assert_double_eq_tol(profile_ms(&profile, profile_place(&model, PROFILE_LOSS)), 0, 1e-9);
    ck_assert_double_eq_tol(profile_step_ms(&profile), 10, 1e-9);
    ck_assert_double_eq_tol(profile_rest_ms(&profile), 4.5, 1e-9);
    profile_close(&profile);
    ck_assert_ptr_null(profile.thread);
    profile_close(&profile);
}
END_TEST

START_TEST(table_adds_up)
{
    static const char expected[] =
        "> ms a step              fwd  again reduce   data weights    all     %\n"
        "> conv1                3.000                1.000          4.000  40.0\n"
        "> norm1                       0.500                        0.500   5.0\n"
        "> waiting for threads                                      1.000  10.0\n"
        "> not accounted for                                        4.500  45.0\n"
        "> whole step                                              10.000 100.0\n";
    struct profile profile;
    char *text = NULL;
    size_t size = 0;
    fill(&profile);
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    profile_print(&profile, out, "> ");
    fclose(out);
    ck_assert_str_eq(text, expected);
    free(text);
    profile_close(&profile);
}
END_TEST

/* The longest name makes the first column, of every line. */
START_TEST(names_of_any_length_have_room)
{
    enum { WIDTH = 40 };
    static const char long_name[] = "a_layer_whose_name_has_forty_characters_";
    struct kernel long_kernels[KERNELS];
    struct model long_model = model;
    struct profile profile;
    char *text = NULL;
    size_t size = 0;
    ck_assert_uint_eq(strlen(long_name), WIDTH);
    memcpy(long_kernels, kernels, sizeof kernels);
    long_kernels[1].layer = long_kernels[2].layer = long_name;
    long_model.kernels = long_kernels;
    fill(&profile);
    profile.model = &long_model;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    profile_print(&profile, out, "");
    fclose(out);
    const size_t length = strcspn(text, "\n") + 1;
    ck_assert_uint_eq(size % length, 0);
    for (size_t at = 0; at < size; at += length) {
        ck_assert_msg(text[at + length - 1] == '\n', "%s", text);
        ck_assert_msg(strncmp(text + at + WIDTH, "  ", 2) == 0, "%s", text);
    }
    ck_assert_ptr_nonnull(strstr(text, "a_layer_whose_name_has_forty_characters_  "));
    free(text);
    profile_close(&profile);
}
END_TEST

/* -- Real steps -------------------------------------------------------------------------------- */

/* The generic step, then a count of each thread as if all of it were an update. */
static void train_and_count(struct run *run, int rank)
{
    generic_backend.train(run, rank);
    run_count(run, rank, profile_place(run->model, PROFILE_UPDATE));
}

static void measure(const struct model *of, size_t *shared_floats, size_t *thread_floats)
{
    generic_backend.measure(of, shared_floats, thread_floats);
}

static void pack(struct run *run, int rank)
{
    generic_backend.pack(run, rank);
}

START_TEST(steps_are_clocked)
{
    static float images[TINY_BATCH * 3 * 32 * 32];
    static const uint8_t labels[TINY_BATCH] = {0};
    static const uint32_t samples[TINY_BATCH] = {0};
    const struct backend backend = {.name = "counting",
                                    .open = ref_open,
                                    .measure = measure,
                                    .pack = pack,
                                    .train = train_and_count};
    const struct batch batch = {
        .n = TINY_BATCH, .images = images, .labels = labels, .samples = samples, .epoch = 1};
    struct err err = {0};
    struct run run;
    struct profile profile;
    ck_assert(run_open(&run, &tiny_model, &backend, 2, &err));
    run_init_params(&run, 1);
    run_train(&run, &batch); /* without a profile */
    ck_assert(profile_open(&profile, &tiny_model, 2, &err));
    run.profile = &profile;
    run_train(&run, &batch);
    run_train(&run, &batch);
    ck_assert_int_eq(profile.steps, 2);
    double step = profile_step_ms(&profile), rest = profile_rest_ms(&profile);
    double update = profile_ms(&profile, profile_place(&tiny_model, PROFILE_UPDATE));
    ck_assert_double_gt(update, 0);
    ck_assert_double_ge(rest, 0);
    ck_assert_double_le(step, 60e3); /* the time since the step's start, not the clock */
    ck_assert_double_eq_tol(step, update + rest, 1e-9);
    profile_close(&profile);
    run_close(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("profile");
    TCase *tcase = tcase_create("profile");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, slots_are_means_of_threads_and_steps);
    tcase_add_test(tcase, table_adds_up);
    tcase_add_test(tcase, names_of_any_length_have_room);
    tcase_add_test(tcase, steps_are_clocked);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
