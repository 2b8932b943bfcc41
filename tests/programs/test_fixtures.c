/* test_fixtures.c - steps of a generated program against PyTorch's numbers.
 *
 * make_fixtures.py says what the fixtures hold and how they were made. Both backends are held
 * against them, with one thread and with two.
 *
 * Numbers may differ by a tolerance times the largest magnitude in their tensor. The fixtures are
 * float64 rounded once, so what is compared is our own rounding: float sums of up to 8192 terms,
 * through eleven layers there and back. Direct kernels err by 1e-6 of the largest element; the
 * transforms of Winograd's algorithm multiply by up to 8 and divide by 24, which costs a digit, and
 * the gradients of the first step are 2e-5 of the largest off. Each further step takes its gradient
 * at parameters that differ already, where a ReLU or the winner of a window may switch: two steps
 * of this learning rate on eight images magnify a difference a hundredfold, with either kernels. So
 * the generic backend, whose sums are direct, is held to a tight bound after the steps, and the
 * generated kernels to one that has room for a hundred times their own error. What the test has to
 * catch is far larger: a wrong formula, a border, a lost image. Small elements of a tensor are what
 * is left of large ones that cancel, so a bound of their own would test nothing.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/safetensors.h"
#include "generated.h"
#include "ref/generic.h"
#include "run.h"

#define TOLERANCE 5e-5         /* one pass there and back */
#define TOLERANCE_STEPS 2e-3   /* after STEPS of them, generated */
#define TOLERANCE_GENERIC 1e-4 /* the same, generic */

enum { IMAGES = 8, STEPS = 3, CASES = 4, CLASSES = 10 };

struct fixture {
    struct safetensors start, expected;
    struct run run;
    struct batch batch;
    float images[IMAGES * 3 * 32 * 32];
    uint8_t labels[IMAGES];
    uint32_t samples[IMAGES];
};

static const struct model *model;
static struct fixture fixture;

static void ok(bool success, const struct err *err)
{
    if (!success)
        ck_abort_msg("%s", err->message);
}

static const struct safetensor *find(const struct safetensors *file, const char *prefix,
                                     const char *name, size_t elements, size_t element_bytes)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const struct safetensor *tensor = safetensors_find(file, full);
    ck_assert_msg(tensor != NULL, "%s: no tensor %s", file->path, full);
    ck_assert_uint_eq(safetensors_bytes(tensor), elements * element_bytes);
    return tensor;
}

/* -- A run with the parameters and images of the fixtures -------------------------------------- */

static void open_files(void)
{
    struct err err = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s/fixtures/%s_start.safetensors", TEST_DIR, model->name);
    ok(safetensors_open(&fixture.start, path, &err), &err);
    snprintf(path, sizeof path, "%s/fixtures/%s_%s.safetensors", TEST_DIR, model->name,
             model->norm);
    ok(safetensors_open(&fixture.expected, path, &err), &err);
}

static void make_batch(void)
{
    enum { PIXELS = sizeof fixture.images / sizeof fixture.images[0] };
    const uint8_t *pixels = find(&fixture.expected, "", "images", PIXELS, 1)->data;
    for (int i = 0; i < PIXELS; i++)
        fixture.images[i] = (float)pixels[i] / 128.0f - 1.0f;
    memcpy(fixture.labels, find(&fixture.expected, "", "labels", IMAGES, 1)->data, IMAGES);
    for (uint32_t i = 0; i < IMAGES; i++)
        fixture.samples[i] = i;
    fixture.batch = (struct batch){.n = IMAGES,
                                   .images = fixture.images,
                                   .labels = fixture.labels,
                                   .samples = fixture.samples,
                                   .seed = 1,
                                   .epoch = 1};
}

/* Case 0 .. CASES-1: generated and generic, each with one thread and with two. */
static void open_run(int number)
{
    struct err err = {0};
    const struct backend *backend = number < 2 ? model->backend : &generic_backend;
    struct run *run = &fixture.run;
    ok(run_open(run, model, backend, 1 + number % 2, &err), &err);
    run_init_params(run, 1); /* running statistics, momentum; the parameters are replaced */
    for (int i = 0; i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        memcpy(run->store.param + param->offset,
               find(&fixture.start, "", param->name, param->count, sizeof(float))->data,
               param->count * sizeof(float));
    }
    run_pack(run);
    run->optim =
        (struct optim){.lr = 0.05f, .momentum = 0.9f, .weight_decay = 5e-4f, .nesterov = true};
    run->dropout = false;
    run->label_smoothing = 0;
}

static void open_case(int number)
{
    open_files();
    make_batch();
    open_run(number);
}

static void close_case(void)
{
    run_close(&fixture.run);
    safetensors_close(&fixture.start);
    safetensors_close(&fixture.expected);
}

/* -- Comparing --------------------------------------------------------------------------------- */

/* The tensor of the fixture, as floats. */
static float *expected(const char *prefix, const char *name, size_t count)
{
    float *values = malloc(count * sizeof *values);
    ck_assert_ptr_nonnull(values);
    memcpy(values, find(&fixture.expected, prefix, name, count, sizeof *values)->data,
           count * sizeof *values);
    return values;
}

static double tolerance_of_steps(void)
{
    return fixture.run.backend == &generic_backend ? TOLERANCE_GENERIC : TOLERANCE_STEPS;
}

static void compare(const float *got, const char *prefix, const char *name, size_t count,
                    double tolerance)
{
    float *want = expected(prefix, name, count);
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)got[i] - (double)want[i]);
        if (!(difference <= tolerance * largest)) /* NaN must not pass */
            ck_abort_msg("%s, %d threads: %s%s[%zu]: %.9g, PyTorch has %.9g: %.1e of the largest",
                         fixture.run.backend->name, team_threads(fixture.run.team), prefix, name, i,
                         (double)got[i], (double)want[i], difference / largest);
    }
    free(want);
}

static void compare_params(const float *store, const char *prefix, double tolerance)
{
    for (int i = 0; i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        compare(store + param->offset, prefix, param->name, param->count, tolerance);
    }
}

/* Steps of training; the loss of each must agree. */
static void train(int steps)
{
    float loss[STEPS];
    float *want = expected("", "loss", STEPS);
    memcpy(loss, want, sizeof loss);
    free(want);
    for (int step = 0; step < steps; step++)
        loss[step] = (float)run_train(&fixture.run, &fixture.batch).loss;
    compare(loss, "", "loss", STEPS, steps > 1 ? tolerance_of_steps() : TOLERANCE);
}

/* -- Tests ------------------------------------------------------------------------------------- */

START_TEST(gradients_of_the_first_step)
{
    open_case(_i);
    train(1);
    compare_params(fixture.run.store.grad, "grad.", TOLERANCE);
    close_case();
}
END_TEST

START_TEST(parameters_after_three_steps)
{
    open_case(_i);
    train(STEPS);
    compare_params(fixture.run.store.param, "", tolerance_of_steps());
    for (int i = 0; i < model->state_count; i++) {
        const struct state *state = &model->states[i];
        compare(fixture.run.store.state + state->offset, "", state->name, state->count,
                tolerance_of_steps());
    }
    ck_assert_int_eq(fixture.run.store.batches, STEPS);
    close_case();
}
END_TEST

/* With running statistics in batch norm; the other norms do the same as in training. */
START_TEST(logits_of_evaluation)
{
    float logits[IMAGES * CLASSES];
    open_case(_i);
    if (strcmp(model->norm, "bn") != 0) {
        run_eval(&fixture.run, &fixture.batch, logits);
        compare(logits, "", "logits", IMAGES * CLASSES, TOLERANCE);
    }
    train(STEPS);
    run_eval(&fixture.run, &fixture.batch, logits);
    compare(logits, "", "logits_eval", IMAGES * CLASSES, tolerance_of_steps());
    close_case();
}
END_TEST

/* Eight images can be learned by heart. */
/* Every kernel of the table has its time in a step, so has what is no kernel, and together they are
 * no more than the step. */
START_TEST(profile_knows_every_kernel)
{
    struct err err = {0};
    struct profile profile;
    open_case(_i);
    struct run *run = &fixture.run;
    if (run->backend == model->backend) {
        ok(profile_open(&profile, model, team_threads(run->team), &err), &err);
        run->profile = &profile;
        for (int step = 0; step < STEPS; step++)
            run_train(run, &fixture.batch);
        ck_assert_int_eq(profile.steps, STEPS);
        for (int i = 0; i < model->kernel_count; i++)
            ck_assert_msg(profile_ms(&profile, i) > 0, "%s, entry %d of the table: no time",
                          model->kernels[i].name, i);
        for (int i = 0; i < PROFILE_PLACES; i++) {
            bool none = i == PROFILE_RANKS || (i == PROFILE_JOIN && strcmp(model->norm, "bn") != 0);
            double ms = profile_ms(&profile, profile_place(model, (enum profile_place_kind)i));
            ck_assert_msg(none ? ms == 0 : ms > 0, "place %d: %g ms", i, ms);
        }
        ck_assert_double_ge(profile_rest_ms(&profile), 0);
        profile_close(&profile);
    }
    close_case();
}
END_TEST

START_TEST(overfits_one_batch)
{
    double loss = HUGE_VAL;
    int step = 0;
    open_case(_i);
    fixture.run.optim.lr = 0.02f;
    while (step < 150 && !(loss < 0.02)) {
        loss = run_train(&fixture.run, &fixture.batch).loss;
        step++;
    }
    ck_assert_msg(loss < 0.02, "%s: the loss is %.4f after %d steps", fixture.run.backend->name,
                  loss, step);
    ck_assert_int_eq(run_train(&fixture.run, &fixture.batch).correct, IMAGES);
    close_case();
}
END_TEST

int main(void)
{
    model = generated_model();
    if (model == NULL)
        return GENERATED_SKIPPED;
    char title[64];
    snprintf(title, sizeof title, "%s %s %s %s", "fixtures", model->name, model->norm, model->isa);
    Suite *suite = suite_create(title);
    TCase *tcase = tcase_create("fixtures");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, gradients_of_the_first_step, 0, CASES);
    tcase_add_loop_test(tcase, parameters_after_three_steps, 0, CASES);
    tcase_add_loop_test(tcase, logits_of_evaluation, 0, CASES);
    tcase_add_loop_test(tcase, profile_knows_every_kernel, 0, CASES);
    tcase_add_loop_test(tcase, overfits_one_batch, 0, CASES);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
