/* test_counters.c - counters of a checkpoint that no training can have counted are refused. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file/checkpoint.h"
#include "saved_run.h"

/* Refuses the counters, with a message. */
static void counters_are_refused(const struct checkpoint_counters *bad, const char *message)
{
    struct err err = {0};
    struct checkpoint_counters loaded;
    counters = *bad;
    save();
    struct safetensors file = read_back();
    ck_assert_msg(!checkpoint_load(&file, &run, &loaded, &err), "accepted; expected %s", message);
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_msg(strstr(err.message, message) != NULL, "got \"%s\", expected \"%s\"", err.message,
                  message);
    safetensors_close(&file);
}

START_TEST(contradicting_counters_are_refused)
{
    static const struct checkpoint_counters bad[] = {
        {.epoch = 2, .step = 61, .steps_per_epoch = 20},
        {.epoch = 2, .step = 39, .steps_per_epoch = 20},
        {.epoch = -1, .step = 0, .steps_per_epoch = 20},
        {.epoch = 0, .step = 0, .steps_per_epoch = 0},
        {.epoch = INT64_MAX, .step = 0, .steps_per_epoch = 20},
        {.epoch = 0, .step = 5, .steps_per_epoch = 20, .images = 10, .correct = 11},
        {.epoch = 5, .step = INT64_MIN, .steps_per_epoch = 20},
        {.epoch = 0, .step = 5, .steps_per_epoch = 20, .images = INT64_MAX, .correct = 11},
        {.epoch = 0, .step = 5, .steps_per_epoch = 20, .images = 5 * TINY_BATCH + 1},
        {.epoch = 0, .step = 5, .steps_per_epoch = 20},
        {.epoch = 0, .step = 0, .steps_per_epoch = 20, .images = 1},
        {.epoch = 0, .step = 5, .steps_per_epoch = 20, .images = 9, .correct = -1},
        {.epoch = 0, .step = 5, .steps_per_epoch = 20, .images = 9, .loss = -1.0},
        {.epoch = 0, .step = 5, .steps_per_epoch = 20, .images = 9, .loss = (double)NAN},
        {.epoch = 0, .step = 5, .steps_per_epoch = 20, .images = 9, .loss = (double)INFINITY},
        {.epoch = 0, .step = 0, .steps_per_epoch = 20, .loss = 1.0},
        {.epoch = 0, .step = 5, .steps_per_epoch = 1 << 20, .images = 10},
        {.epoch = 0, .step = 5, .steps_per_epoch = 20, .images = -1},
        {.epoch = 2, .step = 40, .steps_per_epoch = 20, .plateau = {.best = (double)NAN}},
        {.epoch = 2, .step = 40, .steps_per_epoch = 20, .plateau = {.best = 1, .bad = -1}},
        {.epoch = 2, .step = 40, .steps_per_epoch = 20, .plateau = {.best = 1, .drops = -1}},
        {.epoch = 2, .step = 40, .steps_per_epoch = 20, .plateau = {.best = 1, .drops = 3}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct checkpoint_counters c = bad[i];
        c.best_acc = c.epoch == 0 ? -1.0 : 50.0; /* which is as it should be */
        c.best_epoch = c.epoch == 0 ? 0 : 1;
        c.has_plateau = !(c.plateau.best <= 0);
        counters_are_refused(&c, "counters contradict each other: epoch");
    }
}
END_TEST

/* With nan no epoch would ever be the best again. */
START_TEST(an_impossible_best_epoch_is_refused)
{
    static const struct {
        double acc;
        int64_t epoch;
    } bad[] = {{(double)NAN, 1},
               {(double)INFINITY, 1},
               {-(double)INFINITY, 1},
               {200.0, 1},
               {100.0001, 2},
               {-1.0, 1},
               {50.0, 3},
               {50.0, 0},
               {50.0, -1},
               {50.0, INT64_MAX},
               {-1e-9, 1},
               {-1.0, 0}};
    static const struct {
        double acc;
        int64_t epoch;
    } bad_first[] = {{(double)NAN, 0}, {0.0, 0}, {-1.0, 1}, {50.0, 1}, {-2.0, 0}};
    struct checkpoint_counters c = counters;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        c.best_acc = bad[i].acc;
        c.best_epoch = bad[i].epoch;
        counters_are_refused(&c, "after 2 epochs: expected one of these epochs and an accuracy");
    }
    c.epoch = 0;
    c.step = 7;
    for (size_t i = 0; i < sizeof bad_first / sizeof bad_first[0]; i++) {
        c.best_acc = bad_first[i].acc;
        c.best_epoch = bad_first[i].epoch;
        counters_are_refused(&c, "after 0 epochs: expected one of these epochs and an accuracy");
    }
}
END_TEST

/* The ends of what is right. */
START_TEST(counters_at_their_ends_are_accepted)
{
    static const struct checkpoint_counters good[] = {
        {.steps_per_epoch = 20, .best_acc = -1.0},
        {.step = 20, .steps_per_epoch = 20, .images = 4000, .correct = 4000, .best_acc = -1.0},
        {.epoch = 1, .step = 20, .steps_per_epoch = 20, .best_epoch = 1},
        {.epoch = 3, .step = 60, .steps_per_epoch = 20, .best_acc = 100.0, .best_epoch = 3},
        {.epoch = 3,
         .step = 60,
         .steps_per_epoch = 20,
         .best_acc = 50.0,
         .best_epoch = 1,
         .has_plateau = true,
         .plateau = {.best = 0.5, .bad = 2, .drops = 3}},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct err err = {0};
        struct checkpoint_counters loaded;
        counters = good[i];
        save();
        struct safetensors file = read_back();
        ck_assert_msg(checkpoint_load(&file, &run, &loaded, &err), "%zu: %s", i, err.message);
        ck_assert_int_eq(memcmp(&loaded, &good[i], sizeof loaded), 0);
        safetensors_close(&file);
    }
}
END_TEST

/* -- Batches of norms -------------------------------------------------------------------------- */

START_TEST(an_impossible_number_of_batches_is_refused)
{
    struct err err = {0};
    struct checkpoint_counters loaded;
    run.store.batches = INT64_MAX;
    save();
    struct safetensors file = read_back();
    ck_assert(!checkpoint_load(&file, &run, &loaded, &err));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_ptr_nonnull(strstr(err.message, "num_batches_tracked: 9223372036854775807 batches"));
    safetensors_close(&file);
}
END_TEST

/* Two norms, the second with the statistics of the first. The counter of a norm is changed in the
 * bytes that were read; they are ours. */
static int64_t *batches_of(const struct safetensors *file, const char *name)
{
    const struct safetensor *tensor = safetensors_find(file, name);
    ck_assert_ptr_nonnull(tensor);
    return (int64_t *)(uintptr_t)tensor->data;
}

START_TEST(norms_that_have_seen_other_batches_are_refused)
{
    static const struct state states[] = {{"norm1.running_mean", 0, 3, 0.0f},
                                          {"norm1.running_var", 16, 3, 1.0f},
                                          {"norm2.running_mean", 32, 3, 0.0f},
                                          {"norm2.running_var", 48, 3, 1.0f}};
    struct model two = tiny_model;
    two.states = states;
    two.state_count = 4;
    two.state_floats = 64;
    run_close(&run);
    struct err err = {0};
    ck_assert_msg(run_open(&run, &two, &generic_backend, 1, &err), "%s", err.message);
    run_init_params(&run, 1);
    run.store.batches = 47;
    save();
    struct checkpoint_counters loaded;
    struct safetensors file = read_back();
    ck_assert_msg(checkpoint_load(&file, &run, &loaded, &err), "%s", err.message);
    *batches_of(&file, "norm2.num_batches_tracked") = 46;
    ck_assert(!checkpoint_load(&file, &run, &loaded, &err));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_ptr_nonnull(strstr(err.message, "last.safetensors: norm2.num_batches_tracked: 46 "
                                              "batches: expected 47, as the norm before it has "
                                              "seen"));
    safetensors_close(&file);
}
END_TEST

START_TEST(a_missing_number_of_batches_is_named)
{
    save();
    struct checkpoint_counters loaded;
    struct safetensors file = read_back();
    for (size_t i = 0; i < file.count; i++)
        if (strcmp(file.tensors[i].name, "norm1.num_batches_tracked") == 0)
            file.tensors[i].name = "norm1.num_batches_trusted";
    struct err err = {0};
    ck_assert(!checkpoint_load(&file, &run, &loaded, &err));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_ptr_nonnull(strstr(err.message, "num_batches_tracked"));
    safetensors_close(&file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("counters");
    TCase *tests = tcase_create("counters");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, contradicting_counters_are_refused);
    tcase_add_test(tests, an_impossible_best_epoch_is_refused);
    tcase_add_test(tests, counters_at_their_ends_are_accepted);
    tcase_add_test(tests, an_impossible_number_of_batches_is_refused);
    tcase_add_test(tests, norms_that_have_seen_other_batches_are_refused);
    tcase_add_test(tests, a_missing_number_of_batches_is_named);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
