/* test_five_steps.c - five steps of a generated program against PyTorch's numbers, of networks that
 * ship.
 *
 * fixtures/make_steps.py says what the fixtures hold and how they were made; test_fixtures.c, which
 * has whole tensors of s8, why numbers differ. Here a tensor is held against its largest magnitude
 * and 16 of its elements. Both backends are held against them.
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

#define TOLERANCE 5e-5       /* of the gradients of the first step, of the largest in the tensor */
#define TOLERANCE_STEPS 1e-3 /* after five steps */

enum { IMAGES = 8, SAMPLES = 16, ROW = 1 + SAMPLES };

static const struct model *model;
static struct safetensors file;

static float *find(const char *name, size_t count)
{
    const struct safetensor *tensor = safetensors_find(&file, name);
    ck_assert_msg(tensor != NULL, "%s: no tensor %s", file.path, name);
    ck_assert_uint_eq(safetensors_bytes(tensor), count * sizeof(float));
    float *values = malloc(count * sizeof *values + 1);
    ck_assert_ptr_nonnull(values);
    memcpy(values, tensor->data, count * sizeof *values);
    return values;
}

/* -- Where both begin -------------------------------------------------------------------------- */

/* 24 bits for each index, as number() of make_steps.py has them. */
static uint32_t number(uint32_t index, uint32_t salt)
{
    uint32_t x = index * 2654435761u + salt * 40503u + 12345u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    x *= 3266489917u;
    return x >> 8;
}

static void set_params(struct run *run)
{
    for (int i = 0; i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        for (size_t k = 0; k < param->count; k++) {
            double part = number((uint32_t)(param->offset + k), 0) / 0x1p23 - 1;
            double value = param->init == INIT_FAN_IN ? part * sqrt(3.0 / param->fan_in)
                                                      : part * 0.5 + (param->init == INIT_ONE);
            run->store.param[param->offset + k] = (float)value;
        }
    }
}

struct start {
    struct run run;
    struct batch batch;
    float *images;
    uint8_t labels[IMAGES];
    uint32_t samples[IMAGES];
};

static void open_start(struct start *s, const struct backend *backend)
{
    struct err err = {0};
    float *seed = find("seed", 1);
    uint32_t count = IMAGES * (uint32_t)(model->c * model->h * model->w);
    s->images = malloc(count * sizeof *s->images);
    ck_assert_ptr_nonnull(s->images);
    for (uint32_t i = 0; i < count; i++)
        s->images[i] = (float)(number(i, (uint32_t)*seed) >> 16) / 128.0f - 1.0f;
    for (uint32_t i = 0; i < IMAGES; i++) {
        s->labels[i] = (uint8_t)(i % (uint32_t)model->classes);
        s->samples[i] = i;
    }
    s->batch = (struct batch){.n = IMAGES,
                              .images = s->images,
                              .labels = s->labels,
                              .samples = s->samples,
                              .seed = 1,
                              .epoch = 1};
    ck_assert_msg(run_open(&s->run, model, backend, 2, &err), "%s", err.message);
    run_init_params(&s->run, 1);
    set_params(&s->run);
    run_pack(&s->run);
    s->run.optim = (struct optim){.kind = OPTIMIZER_SGD,
                                  .lr = 0.005f,
                                  .momentum = 0.9f,
                                  .weight_decay = 5e-4f,
                                  .nesterov = true};
    s->run.dropout = false;
    s->run.label_smoothing = 0;
    free(seed);
}

/* -- Comparing --------------------------------------------------------------------------------- */

static void compare(const char *what, int i, double got, double want, double bound)
{
    if (!(fabs(got - want) <= bound)) /* NaN must not pass */
        ck_abort_msg("%s[%d]: %.9g, PyTorch has %.9g: at most %.1e off", what, i, got, want, bound);
}

static void compare_rows(const char *what, const char *name, const float *row, const float *values,
                         size_t count, double tolerance)
{
    char text[160];
    double largest = 0, bound = tolerance * (double)row[0];
    for (size_t k = 0; k < count; k++)
        largest = fmax(largest, fabs((double)values[k]));
    snprintf(text, sizeof text, "%s of %s", what, name);
    compare(text, -1, largest, (double)row[0], bound);
    for (size_t i = 0; i < SAMPLES; i++)
        compare(text, (int)i, (double)values[count * i / SAMPLES], (double)row[1 + i], bound);
}

static void compare_params(const char *what, const float *store, double tolerance)
{
    float *rows = find(what, (size_t)model->param_count * ROW);
    for (int i = 0; i < model->param_count; i++)
        compare_rows(what, model->params[i].name, rows + i * ROW, store + model->params[i].offset,
                     model->params[i].count, tolerance);
    free(rows);
}

static void compare_states(const struct run *run)
{
    float *rows = find("states", (size_t)model->state_count * ROW);
    for (int i = 0; i < model->state_count; i++)
        compare_rows("states", model->states[i].name, rows + i * ROW,
                     run->store.state + model->states[i].offset, model->states[i].count,
                     TOLERANCE_STEPS);
    free(rows);
}

static void compare_logits(struct start *s)
{
    const int count = IMAGES * model->classes;
    float *want = find("logits", (size_t)count);
    float *got = malloc((size_t)count * sizeof *got);
    double largest = 0;
    ck_assert_ptr_nonnull(got);
    run_eval(&s->run, &s->batch, got);
    for (int i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (int i = 0; i < count; i++)
        compare("logits", i, (double)got[i], (double)want[i], TOLERANCE_STEPS * largest);
    free(got);
    free(want);
}

START_TEST(five_steps_are_pytorchs)
{
    struct err err = {0};
    struct start s;
    char path[1024];
    snprintf(path, sizeof path, "%s/fixtures/steps/%s_%s.safetensors", TEST_DIR, model->name,
             model->norm);
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    open_start(&s, _i == 0 ? model->backend : &generic_backend);
    const struct safetensor *losses = safetensors_find(&file, "loss");
    ck_assert_ptr_nonnull(losses);
    const int steps = (int)(safetensors_bytes(losses) / sizeof(float));
    ck_assert_int_ge(steps, 1);
    float *loss = find("loss", (size_t)steps);
    for (int step = 0; step < steps; step++) {
        double got = run_train(&s.run, &s.batch).loss;
        compare("loss", step, got, (double)loss[step],
                (step == 0 ? TOLERANCE : TOLERANCE_STEPS) * (double)loss[step]);
        if (step == 0)
            compare_params("grads", s.run.store.grad, TOLERANCE);
    }
    compare_params("params", s.run.store.param, TOLERANCE_STEPS);
    compare_states(&s.run);
    compare_logits(&s);
    free(loss);
    free(s.images);
    run_close(&s.run);
    safetensors_close(&file);
}
END_TEST

int main(void)
{
    model = generated_model();
    if (model == NULL)
        return GENERATED_SKIPPED;
    Suite *suite = suite_create("steps");
    TCase *tcase = tcase_create("steps");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, five_steps_are_pytorchs, 0, 2);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
