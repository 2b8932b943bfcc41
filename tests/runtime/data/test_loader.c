/* test_loader.c - what the thread prepares is what anybody would prepare, whenever it is asked for,
 * and it stops whenever it is told. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data/cifar.h"
#include "data/loader.h"
#include "data/mixup.h"
#include "data/synthetic.h"

enum { COUNT = 103, BATCH = 20, STEPS = 6, LAST = 3, SEED = 17 };

static struct data data;
static struct loader_settings settings;
static struct loader *loader;

static void open_loader(void)
{
    struct err err = {0};
    ck_assert_msg(synthetic_open(&data, &cifar_shape, DATA_TRAIN, COUNT, &err), "%s", err.message);
    struct data_stats stats = data_statistics(&data);
    settings = (struct loader_settings){.batch = BATCH, .seed = SEED, .shuffle = true};
    augment_init(&settings.augment, &stats, &data);
    settings.augment.crop = 4;
    settings.augment.flip = FLIP_ALTERNATING;
    settings.augment.cutout = 8;
    ck_assert_msg(loader_open(&loader, &data, &settings, &err), "%s", err.message);
}

static void close_loader(void)
{
    loader_close(loader);
    data_close(&data);
}

/* Opens it again with other settings. */
static void reopen(void)
{
    struct err err = {0};
    loader_close(loader);
    ck_assert_msg(loader_open(&loader, &data, &settings, &err), "%s", err.message);
}

/* Image i of a mixed batch, whose samples these are: part of it and the rest of the next one. */
static void is_mixed(const struct batch *batch, int i, uint32_t epoch, const uint32_t *samples)
{
    float image[CIFAR_PIXELS], next[CIFAR_PIXELS];
    const uint32_t other = samples[(i + 1) % batch->n];
    const float part = mixup_part((double)settings.mixup, SEED, epoch, samples[i]);
    ck_assert(batch->part[i] == part && part >= 0.5f && part <= 1);
    ck_assert_uint_eq(batch->others[i], data.labels[other]);
    augment_image(image, data.images[samples[i]], &settings.augment, SEED, epoch, samples[i]);
    augment_image(next, data.images[other], &settings.augment, SEED, epoch, other);
    for (int k = 0; k < CIFAR_PIXELS; k++) {
        const double mixed = (double)part * (double)image[k] + (1 - (double)part) * (double)next[k];
        ck_assert_double_eq_tol((double)batch->images[(size_t)i * CIFAR_PIXELS + (size_t)k], mixed,
                                1e-5);
    }
}

/* What step `step` of an epoch must be, made here without any thread. */
static void is_batch(const struct batch *batch, uint32_t epoch, int step)
{
    uint32_t order[COUNT];
    float image[CIFAR_PIXELS];
    for (uint32_t i = 0; i < COUNT; i++)
        order[i] = i;
    if (settings.shuffle)
        loader_shuffle(order, COUNT, SEED, epoch);
    ck_assert_ptr_nonnull(batch);
    ck_assert_int_eq(batch->n, step == STEPS - 1 ? LAST : BATCH);
    ck_assert_uint_eq(batch->epoch, epoch);
    ck_assert_uint_eq(batch->seed, SEED);
    for (int i = 0; i < batch->n; i++) {
        uint32_t sample = order[step * BATCH + i];
        ck_assert_uint_eq(batch->samples[i], sample);
        ck_assert_uint_eq(batch->labels[i], data.labels[sample]);
        if (settings.mixup > 0) {
            is_mixed(batch, i, epoch, order + step * BATCH);
            continue;
        }
        ck_assert(batch->others == NULL && batch->part == NULL);
        augment_image(image, data.images[sample], &settings.augment, SEED, epoch, sample);
        ck_assert_mem_eq(batch->images + (size_t)i * CIFAR_PIXELS, image, sizeof image);
    }
}

static void pause_for(long microseconds)
{
    nanosleep(&(struct timespec){0, microseconds * 1000}, NULL);
}

/* -- Batches ----------------------------------------------------------------------------------- */

START_TEST(epochs_are_what_they_must_be)
{
    ck_assert_int_eq(loader_steps(loader), STEPS);
    for (uint32_t epoch = 1; epoch <= 4; epoch++) {
        loader_start_epoch(loader, epoch, 0);
        for (int step = 0; step < STEPS; step++)
            is_batch(loader_next(loader), epoch, step);
        ck_assert_ptr_null(loader_next(loader));
        ck_assert_ptr_null(loader_next(loader));
    }
    ck_assert_double_ge(loader_waited(loader), 0);
}
END_TEST

START_TEST(without_shuffling_the_order_is_the_datas)
{
    settings.shuffle = false;
    reopen();
    loader_start_epoch(loader, 2, 0);
    for (int step = 0; step < STEPS; step++)
        is_batch(loader_next(loader), 2, step);
    ck_assert_ptr_null(loader_next(loader));
}
END_TEST

/* From the third epoch on, where images are cropped, mirrored and mixed before. */
START_TEST(last_epochs_see_images_as_they_are)
{
    static const float plain_mixup[] = {0, 0.5f};
    const struct augment varied = settings.augment;
    struct augment plain;
    augment_init(&plain, &varied.stats, &data);
    for (int k = 0; k < 2; k++) {
        settings.plain_from = 3;
        settings.mixup = plain_mixup[k];
        reopen();
        for (uint32_t epoch = 1; epoch <= 4; epoch++) {
            settings.augment = epoch < 3 ? varied : plain;
            settings.mixup = epoch < 3 ? plain_mixup[k] : 0;
            loader_start_epoch(loader, epoch, 0);
            for (int step = 0; step < STEPS; step++)
                is_batch(loader_next(loader), epoch, step);
        }
        settings.augment = varied;
    }
}
END_TEST

/* Also that of a last batch of one image, which is mixed with itself. */
START_TEST(images_are_mixed_with_the_next)
{
    settings.mixup = 0.5f;
    for (int one = 0; one < 2; one++) {
        data.count = one == 0 ? COUNT : BATCH + 1;
        reopen();
        for (uint32_t epoch = 1; epoch <= 2 && one == 0; epoch++) {
            loader_start_epoch(loader, epoch, 0);
            for (int step = 0; step < STEPS; step++)
                is_batch(loader_next(loader), epoch, step);
        }
        loader_start_epoch(loader, 3, one == 0 ? 4 : 1); /* as a training that goes on */
        const struct batch *batch = loader_next(loader);
        if (one == 0)
            is_batch(batch, 3, 4);
        else
            is_mixed(batch, 0, 3, batch->samples);
    }
    data.count = COUNT;
}
END_TEST

static const struct {
    double alpha, mean, square; /* of the larger part: by integrals of the beta distribution */
} betas[] = {{1, 0.75, 7 / 12.0}, {0.5, 0.8183098862, 0.6933098862}, {2, 0.6875, 0.4875}};

START_TEST(parts_are_of_a_beta_distribution)
{
    enum { SAMPLES = 100000 };
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        const double part = (double)mixup_part(betas[_i].alpha, 3, 2, i);
        sum += part;
        squares += part * part;
    }
    ck_assert_double_eq_tol(sum / SAMPLES, betas[_i].mean, 5 * 0.16 / sqrt(SAMPLES));
    ck_assert_double_eq_tol(squares / SAMPLES, betas[_i].square, 5 * 0.26 / sqrt(SAMPLES));
    const float tiny = mixup_part(1e-30, 3, 2, 1);
    ck_assert(tiny == 1.0f);
}
END_TEST

/* A batch stays as it is while the thread prepares the next. */
START_TEST(a_batch_is_left_alone_until_the_next_call)
{
    loader_start_epoch(loader, 1, 0);
    for (int step = 0; step < STEPS; step++) {
        const struct batch *batch = loader_next(loader);
        pause_for(5000);
        is_batch(batch, 1, step);
    }
}
END_TEST

START_TEST(an_epoch_can_start_anywhere)
{
    for (int first = 0; first <= STEPS + 1; first++) {
        loader_start_epoch(loader, 3, first);
        for (int step = first; step < STEPS; step++)
            is_batch(loader_next(loader), 3, step);
        ck_assert_ptr_null(loader_next(loader));
    }
}
END_TEST

/* Also in the middle of preparing a batch, for which the pauses try many moments. */
START_TEST(an_epoch_can_be_left_anywhere)
{
    for (int round = 0; round < 200; round++) {
        loader_start_epoch(loader, 1, 0);
        for (int step = 0; step < round % (STEPS + 1); step++)
            loader_next(loader);
        if (round % 2 == 1)
            pause_for(round);
        loader_start_epoch(loader, 2, 1);
        is_batch(loader_next(loader), 2, 1);
        is_batch(loader_next(loader), 2, 2);
    }
}
END_TEST

START_TEST(before_the_first_epoch_there_is_nothing)
{
    ck_assert_ptr_null(loader_next(loader));
}
END_TEST

START_TEST(one_batch_may_hold_everything)
{
    settings.batch = 2 * COUNT;
    reopen();
    ck_assert_int_eq(loader_steps(loader), 1);
    loader_start_epoch(loader, 1, 0);
    const struct batch *batch = loader_next(loader);
    ck_assert_int_eq(batch->n, COUNT);
    ck_assert_ptr_null(loader_next(loader));
}
END_TEST

/* Two that take turns need the memory of one. */
START_TEST(memory_may_be_lent)
{
    struct loader *lender = loader, *borrower = NULL;
    struct err err = {0};
    loader_start_epoch(lender, 1, 0);
    const float *images = loader_next(lender)->images;
    settings.lender = lender;
    while (loader_next(lender) != NULL)
        continue;
    ck_assert_msg(loader_open(&borrower, &data, &settings, &err), "%s", err.message);
    for (uint32_t epoch = 1; epoch <= 3; epoch++) {
        for (int turn = 0; turn < 2; turn++) {
            struct loader *current = turn == 0 ? borrower : lender;
            loader_start_epoch(current, epoch, 0);
            for (int step = 0; step < STEPS; step++) {
                const struct batch *batch = loader_next(current);
                is_batch(batch, epoch, step);
                ck_assert(step > 0 || batch->images == images);
            }
            ck_assert_ptr_null(loader_next(current));
        }
    }
    loader_close(borrower);
    loader_start_epoch(lender, 4, 0);
    is_batch(loader_next(lender), 4, 0);
}
END_TEST

/* -- Stopping ---------------------------------------------------------------------------------- */

START_TEST(it_stops_at_any_moment)
{
    for (int round = 0; round < 60; round++) {
        reopen();
        if (round % 3 > 0)
            loader_start_epoch(loader, 1, 0);
        for (int step = 0; step < round % (STEPS + 2); step++)
            loader_next(loader);
        if (round % 2 == 1)
            pause_for(20 * round);
    }
    loader_close(NULL);
}
END_TEST

/* -- Shuffling --------------------------------------------------------------------------------- */

START_TEST(a_shuffle_is_a_permutation)
{
    uint32_t order[COUNT];
    bool seen[COUNT] = {false};
    loader_shuffle(order, COUNT, 1, 1);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_uint_lt(order[i], COUNT);
        ck_assert(!seen[order[i]]);
        seen[order[i]] = true;
    }
}
END_TEST

START_TEST(shuffles_depend_on_seed_and_epoch_alone)
{
    uint32_t order[COUNT], other[COUNT];
    loader_shuffle(order, COUNT, 1, 1);
    loader_shuffle(other, COUNT, 1, 1);
    ck_assert_mem_eq(order, other, sizeof order);
    loader_shuffle(other, COUNT, 1, 2);
    ck_assert_mem_ne(order, other, sizeof order);
    loader_shuffle(other, COUNT, 2, 1);
    ck_assert_mem_ne(order, other, sizeof order);
}
END_TEST

/* Every sample is everywhere equally often. */
START_TEST(shuffles_are_uniform)
{
    enum { N = 5, ROUNDS = 5000 };
    int places[N][N] = {{0}};
    uint32_t order[N];
    for (uint32_t epoch = 1; epoch <= ROUNDS; epoch++) {
        loader_shuffle(order, N, 3, epoch);
        for (int i = 0; i < N; i++)
            places[order[i]][i]++;
    }
    for (int i = 0; i < N * N; i++)
        ck_assert_int_lt(abs(places[i / N][i % N] - ROUNDS / N), 5 * 28);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader");
    TCase *tests = tcase_create("loader");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_loader, close_loader);
    tcase_add_test(tests, epochs_are_what_they_must_be);
    tcase_add_test(tests, last_epochs_see_images_as_they_are);
    tcase_add_test(tests, images_are_mixed_with_the_next);
    tcase_add_loop_test(tests, parts_are_of_a_beta_distribution, 0, 3);
    tcase_add_test(tests, without_shuffling_the_order_is_the_datas);
    tcase_add_test(tests, a_batch_is_left_alone_until_the_next_call);
    tcase_add_test(tests, an_epoch_can_start_anywhere);
    tcase_add_test(tests, an_epoch_can_be_left_anywhere);
    tcase_add_test(tests, before_the_first_epoch_there_is_nothing);
    tcase_add_test(tests, one_batch_may_hold_everything);
    tcase_add_test(tests, memory_may_be_lent);
    tcase_add_test(tests, it_stops_at_any_moment);
    tcase_add_test(tests, a_shuffle_is_a_permutation);
    tcase_add_test(tests, shuffles_depend_on_seed_and_epoch_alone);
    tcase_add_test(tests, shuffles_are_uniform);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
