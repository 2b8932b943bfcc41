/* test_average.c - the statistics of an average network, estimated of training images, against
 * those that the images have, in double; and that nothing else changes. */
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "data/cifar.h"
#include "tiny_model.h"

#include "sys/interrupt.h"
#include "train/average.h"

enum { COUNT = 110, SMALL = 40, STEPS = 3, EPOCH = 4, SEED = 9, CHANNELS = 3, POOLED = 16 };

static struct data data;
static struct loader *loader;
static struct loader_settings settings;
static struct run run;
static struct average average;

/* Adds mean and unbiased variance of what the norm sees of one batch: means of 8 x 8 pixels. */
static void add_expected(double *sums, const struct batch *batch)
{
    for (int c = 0; c < CHANNELS; c++) {
        static double values[SMALL * POOLED];
        double mean = 0, square = 0;
        const int n = batch->n * POOLED;
        memset(values, 0, sizeof values);
        for (int i = 0; i < batch->n; i++) {
            const float *plane = batch->images + (i * CHANNELS + c) * 1024;
            for (int p = 0; p < 1024; p++)
                values[i * POOLED + p / 256 * 4 + p % 32 / 8] += (double)plane[p] / 64;
        }
        for (int k = 0; k < n; k++)
            mean += values[k] / n;
        for (int k = 0; k < n; k++)
            square += (values[k] - mean) * (values[k] - mean);
        sums[c] += mean;
        sums[CHANNELS + c] += square / (n - 1);
    }
}

/* The mean of the first batches of the epoch. */
static void expect_statistics(int batches)
{
    double sums[2 * CHANNELS] = {0};
    loader_start_epoch(loader, EPOCH, 0);
    for (int i = 0; i < batches; i++)
        add_expected(sums, loader_next(loader));
    for (int s = 0; s < TINY_STATES; s++) {
        for (int c = 0; c < CHANNELS; c++) {
            const double value = (double)run.store.state[tiny_states[s].offset + (size_t)c];
            ck_assert_msg(fabs(value - sums[s * CHANNELS + c] / batches) < 2e-6,
                          "%s[%d]: %g, expected %g", tiny_states[s].name, c, value,
                          sums[s * CHANNELS + c] / batches);
        }
    }
}

static void open_all(int batches)
{
    struct err err = {0};
    struct recipe recipe = tiny_recipe;
    recipe.ema = 0.5f;
    recipe.ema_batches = batches;
    ck_assert(synthetic_open(&data, &cifar_shape, DATA_TRAIN, COUNT, &err));
    const struct data_stats stats = data_statistics(&data);
    settings = (struct loader_settings){.batch = SMALL, .seed = SEED, .shuffle = true};
    augment_init(&settings.augment, &stats, &data);
    settings.augment.crop = 4;
    ck_assert(loader_open(&loader, &data, &settings, &err));
    ck_assert(run_open(&run, &tiny_model, &generic_backend, 2, &err));
    ck_assert(run_recipe(&run, &recipe, &err) && average_open(&average, &run, &recipe, &err));
    run_init_params(&run, SEED);
    for (uint32_t epoch = 1; epoch < EPOCH; epoch++) {
        loader_start_epoch(loader, epoch, 0);
        for (const struct batch *batch; (batch = loader_next(loader)) != NULL;) {
            run_train(&run, batch);
            run_average(&run, epoch == 1 ? 0 : recipe.ema);
        }
    }
}

static void close_all(void)
{
    average_close(&average);
    run_close(&run);
    loader_close(loader);
    data_close(&data);
}

static const int asked[] = {1, 2, STEPS, 1000};

START_TEST(statistics_are_those_of_the_images)
{
    open_all(asked[_i]);
    average_enter(&average, &run);
    ck_assert(average_estimate(&average, &run, loader, EPOCH));
    ck_assert_ptr_null(loader_next(loader)); /* and the loader may lend its memory */
    expect_statistics(asked[_i] < STEPS ? asked[_i] : STEPS);
    average_leave(&average, &run);
    close_all();
}
END_TEST

/* A copy of all that a training goes on from. */
struct kept {
    float param[TINY_PARAM_FLOATS], momentum[TINY_PARAM_FLOATS], ema[TINY_PARAM_FLOATS];
    float state[TINY_STATE_FLOATS], ema_state[TINY_STATE_FLOATS];
    int64_t batches;
    struct optim optim;
};

static void keep(struct kept *kept)
{
    const struct store *s = &run.store;
    memset(kept, 0, sizeof *kept);
    memcpy(kept->param, s->param, sizeof kept->param);
    memcpy(kept->momentum, s->momentum, sizeof kept->momentum);
    memcpy(kept->ema, s->ema, sizeof kept->ema);
    memcpy(kept->state, s->state, sizeof kept->state);
    memcpy(kept->ema_state, s->ema_state, sizeof kept->ema_state);
    kept->batches = s->batches;
    kept->optim = run.optim;
}

START_TEST(a_training_goes_on_as_before)
{
    static struct kept before, after;
    open_all(2);
    keep(&before);
    for (int again = 0; again < 2; again++) {
        average_enter(&average, &run);
        ck_assert_mem_eq(run.store.param, before.ema, sizeof before.ema);
        ck_assert(average_estimate(&average, &run, loader, EPOCH));
        ck_assert_mem_eq(run.store.param, before.ema, sizeof before.ema);
        average_leave(&average, &run);
        keep(&after);
        ck_assert_mem_eq(&after, &before, sizeof before);
    }
    average_enter(&average, &run); /* as whoever saves it */
    expect_statistics(2);
    average_leave(&average, &run);
    close_all();
}
END_TEST

/* With 0 batches the statistics are averages, and a norm whose statistics never move, or that is
 * frozen, keeps them. */
START_TEST(averages_stay_where_nothing_is_estimated)
{
    static const struct {
        int batches;
        float momentum;
        bool frozen;
    } cases[] = {{0, 0.1f, false}, {1, 0, false}, {2, 0.1f, true}};
    static struct layer layers[5];
    memcpy(layers, tiny_layers, sizeof layers);
    tiny_model.layers = layers;
    for (int i = 0; i < 3; i++) {
        float expected[TINY_STATE_FLOATS];
        layers[2].momentum = cases[i].momentum;
        layers[2].frozen = cases[i].frozen;
        open_all(cases[i].batches);
        memcpy(expected, run.store.ema_state, sizeof expected);
        average_enter(&average, &run);
        ck_assert(average_estimate(&average, &run, loader, EPOCH));
        for (int s = 0; s < TINY_STATES; s++)
            ck_assert_mem_eq(run.store.state + tiny_states[s].offset,
                             expected + tiny_states[s].offset, CHANNELS * sizeof expected[0]);
        average_leave(&average, &run);
        close_all();
    }
}
END_TEST

/* Whoever asks to stop does not wait for the estimate: no batch has come to the sums. */
START_TEST(an_interrupt_ends_the_estimate)
{
    open_all(STEPS);
    average_enter(&average, &run);
    interrupt_install();
    raise(SIGINT);
    ck_assert(!average_estimate(&average, &run, loader, EPOCH));
    interrupt_restore();
    ck_assert_double_eq((double)run.store.state[tiny_states[1].offset], 0);
    average_leave(&average, &run);
    close_all();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("average");
    TCase *tests = tcase_create("average");
    tcase_add_loop_test(tests, statistics_are_those_of_the_images, 0, 4);
    tcase_add_test(tests, a_training_goes_on_as_before);
    tcase_add_test(tests, averages_stay_where_nothing_is_estimated);
    tcase_add_test(tests, an_interrupt_ends_the_estimate);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
