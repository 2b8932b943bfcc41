/* test_diagnose.c - finite_all, and the layer that a ReLU would hide. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/diagnose.h"
#include "ref/generic.h"
#include "sys/finite.h"

START_TEST(one_float_among_many_is_found)
{
    enum { COUNT = 100 };
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    float values[COUNT];
    for (int i = 0; i < COUNT; i++)
        values[i] = i % 2 == 0 ? 3.4028235e38f : -1e-45f;
    ck_assert(finite_all(values, COUNT) && finite_all(values, 0));
    for (int i = 0; i < COUNT; i++) {
        float kept = values[i];
        values[i] = bad[i % 3];
        ck_assert_msg(!finite_all(values, COUNT), "%d", i);
        ck_assert(finite_all(values, (size_t)i));
        values[i] = kept;
    }
}
END_TEST

/* -- A network: conv, ReLU in the same memory, global average, linear, loss ---------------------
 */

enum { BATCH = 3, SIDE = 4, PIXELS = SIDE * SIDE, CHANNELS = 2, CLASSES = 2 };
enum { CONV = 0, CONV_BIAS = 16, FC = 32, FLOATS = 48 };

static const struct layer layers[] = {
    {.op = LAYER_INPUT,
     .name = "input",
     .inputs = {-1, -1},
     .c = 1,
     .h = SIDE,
     .w = SIDE,
     .weight = -1,
     .bias = -1,
     .state = -1},
    {.op = LAYER_CONV,
     .name = "conv1",
     .inputs = {0, -1},
     .c = CHANNELS,
     .h = SIDE,
     .w = SIDE,
     .geometry = {{1, 1, 0, 1}, {1, 1, 0, 1}},
     .weight = 0,
     .bias = 1,
     .state = -1},
    {.op = LAYER_RELU,
     .name = "relu1",
     .inputs = {1, -1},
     .c = CHANNELS,
     .h = SIDE,
     .w = SIDE,
     .weight = -1,
     .bias = -1,
     .state = -1},
    {.op = LAYER_GLOBAL_AVGPOOL,
     .name = "pool1",
     .inputs = {2, -1},
     .c = CHANNELS,
     .h = 1,
     .w = 1,
     .weight = -1,
     .bias = -1,
     .state = -1},
    {.op = LAYER_LINEAR,
     .name = "fc",
     .inputs = {3, -1},
     .c = CLASSES,
     .h = 1,
     .w = 1,
     .weight = 2,
     .bias = -1,
     .state = -1},
    {.op = LAYER_SOFTMAX_CROSS_ENTROPY,
     .name = "loss",
     .inputs = {4, -1},
     .c = CLASSES,
     .h = 1,
     .w = 1,
     .weight = -1,
     .bias = -1,
     .state = -1},
};

static const struct param params[] = {
    {"conv1.weight", 4, {CHANNELS, 1, 1, 1}, CONV, CHANNELS, INIT_FAN_IN, 1, true},
    {"conv1.bias", 1, {CHANNELS}, CONV_BIAS, CHANNELS, INIT_ZERO, 1, false},
    {"fc.weight", 2, {CLASSES, CHANNELS}, FC, CLASSES *CHANNELS, INIT_FAN_IN, 2, true},
};

static const struct model model = {
    .name = "hiding",
    .norm = "none",
    .isa = "c",
    .c = 1,
    .h = SIDE,
    .w = SIDE,
    .classes = CLASSES,
    .recipe = &(const struct recipe){.batch = BATCH},
    .layers = layers,
    .layer_count = sizeof layers / sizeof layers[0],
    .params = params,
    .param_count = 3,
    .param_floats = FLOATS,
    .backend = &generic_backend,
};

static struct run run;
static float images[BATCH * PIXELS];
static const uint8_t labels[BATCH] = {0, 1, 0};
static const uint32_t samples[BATCH] = {7, 8, 9};
static const struct batch batch = {
    .n = BATCH, .images = images, .labels = labels, .samples = samples, .seed = 1, .epoch = 1};

static void setup(void)
{
    struct err err = {0};
    ck_assert_msg(run_open(&run, &model, &generic_backend, 1, &err), "%s", err.message);
    run_init_params(&run, 1);
    for (int i = 0; i < BATCH * PIXELS; i++)
        images[i] = 10.0f + (float)i;
}

static void teardown(void)
{
    run_close(&run);
}

/* What is said of a step that begins with these parameters. */
static void says_of_step(const char *expected)
{
    char text[DIAGNOSE_SIZE];
    diagnose(&run, run.store.param, &batch, text);
    ck_assert_str_eq(text, expected);
}

START_TEST(a_good_step_is_good)
{
    says_of_step("only with the generic kernels: every tensor of the generic ones is finite");
}
END_TEST

START_TEST(the_image_is_named)
{
    images[2 * PIXELS + 3] = NAN;
    says_of_step("image 9 of the training set is not finite");
}
END_TEST

START_TEST(the_parameter_is_named)
{
    run.store.param[FC + 3] = -INFINITY;
    says_of_step("the parameter fc.weight was not finite before the step; the update before it was "
                 "too large");
}
END_TEST

/* -3e38 times ten is infinite, and ReLU makes zero of it. */
START_TEST(what_relu_hides_is_seen)
{
    run.store.param[CONV] = run.store.param[CONV + 1] = -3e38f;
    ck_assert(isfinite(run_train(&run, &batch).loss));
    teardown();
    setup();
    run.store.param[CONV] = run.store.param[CONV + 1] = -3e38f;
    says_of_step("layer conv1: its output is infinite first, for image 1 of the batch");
}
END_TEST

/* A later image in an earlier layer comes before an earlier image in a later layer. */
START_TEST(the_first_layer_counts_not_the_first_image)
{
    run.store.param[CONV] = run.store.param[CONV + 1] = 1e38f;
    for (int i = 0; i < 2 * PIXELS; i++)
        images[i] = 1.0f;
    for (int i = 0; i < CLASSES * CHANNELS; i++)
        run.store.param[FC + i] = 1e38f;
    says_of_step("layer conv1: its output is infinite first, for image 3 of the batch");
}
END_TEST

/* Images of 1e30 and weights of zero: all outputs are finite, and so is the loss. */
START_TEST(a_gradient_is_named)
{
    for (int i = 0; i < BATCH * PIXELS; i++)
        images[i] = 1e38f;
    run.store.param[CONV] = run.store.param[CONV + 1] = 1e-38f;
    run.store.param[FC] = 1e3f;
    run.store.param[FC + 1] = -1e3f;
    run.store.param[FC + 2] = run.store.param[FC + 3] = 1e3f;
    says_of_step("layer conv1: the gradient of conv1.weight is infinite first");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("diagnose");
    TCase *finite = tcase_create("finite");
    tcase_add_test(finite, one_float_among_many_is_found);
    suite_add_tcase(suite, finite);
    TCase *steps = tcase_create("steps");
    tcase_add_checked_fixture(steps, setup, teardown);
    tcase_set_timeout(steps, 60);
    tcase_add_test(steps, a_good_step_is_good);
    tcase_add_test(steps, the_image_is_named);
    tcase_add_test(steps, the_parameter_is_named);
    tcase_add_test(steps, what_relu_hides_is_seen);
    tcase_add_test(steps, the_first_layer_counts_not_the_first_image);
    tcase_add_test(steps, a_gradient_is_named);
    suite_add_tcase(suite, steps);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
