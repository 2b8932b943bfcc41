/* test_watch.c - the first tensor of a step on generated kernels that is not finite.
 *
 * In a good step every tensor of every call is finite: what is looked at was written by then, and
 * nothing is looked at after its memory has gone to another. A weight of 3e38 makes the layer's
 * kernel overflow, and that kernel is found, whatever it makes of all that follow.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated.h"
#include "inspect/diagnose.h"
#include "inspect/watch.h"
#include "rng.h"
#include "sys/finite.h"

static const struct model *model;
static struct run run;
static struct batch batch;

static void fill_images(float *images, size_t count)
{
    for (size_t i = 0; i < count; i++)
        images[i] = 2.0f * rng_float(7, (uint32_t)i) - 1.0f;
}

/* A batch whose last micro-batch is not full. */
static void setup(void)
{
    struct err err = {0};
    const size_t floats = (size_t)(model->c * model->h * model->w);
    ck_assert_msg(run_open(&run, model, model->backend, 1, &err), "%s", err.message);
    run_init_params(&run, 3);
    int n = model->recipe->batch > 2 ? model->recipe->batch - 1 : model->recipe->batch;
    float *images = malloc((size_t)n * floats * sizeof(float));
    uint8_t *labels = malloc((size_t)n);
    uint32_t *samples = malloc((size_t)n * sizeof(uint32_t));
    ck_assert(images != NULL && labels != NULL && samples != NULL);
    fill_images(images, (size_t)n * floats);
    for (int i = 0; i < n; i++) {
        labels[i] = (uint8_t)(i % model->classes);
        samples[i] = (uint32_t)i;
    }
    batch = (struct batch){
        .n = n, .images = images, .labels = labels, .samples = samples, .seed = 1, .epoch = 1};
}

static void teardown(void)
{
    free((void *)batch.images);
    free((void *)batch.labels);
    free((void *)batch.samples);
    run_close(&run);
}

static struct watching watch_step(void)
{
    static struct watching watching;
    watch_start(&watching, &run);
    run_train(&run, &batch);
    run.watch = NULL;
    return watching;
}

START_TEST(a_good_step_has_no_finding)
{
    for (int step = 0; step < 2; step++) {
        run.dropout = step == 0;
        struct watching watching = watch_step();
        const struct tensor *found = watching.found;
        ck_assert_msg(found == NULL, "%s: %s is %f, image %d", found->layer, found->what,
                      (double)watching.value, watching.image);
    }
}
END_TEST

/* The bits of a step are those without anybody who looks. */
START_TEST(looking_changes_nothing)
{
    const size_t bytes = model->param_floats * sizeof(float);
    float *seen = malloc(bytes);
    ck_assert_ptr_nonnull(seen);
    run.optim.lr = 0.1f;
    watch_step();
    memcpy(seen, run.store.param, bytes);
    run_init_params(&run, 3);
    run_train(&run, &batch);
    ck_assert_int_eq(memcmp(seen, run.store.param, bytes), 0);
    free(seen);
}
END_TEST

static bool has_word(const char *list, const char *word, size_t length)
{
    for (const char *at = list; (at = strstr(at, word)) != NULL; at++) {
        if ((at == list || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' '))
            return true;
    }
    return false;
}

/* The layer whose weights are these. */
static void layer_name(const struct param *param, char name[128])
{
    const char *dot = strrchr(param->name, '.');
    snprintf(name, 128, "%.*s", (int)(dot - param->name), param->name);
}

/* Sets all weights of a parameter, every second one to the opposite where `turns` says so, and
 * tells whether a step then has a loss or a gradient that is not finite. What is behind a sigmoid,
 * or sums of what is close to zero, may do no harm. */
static bool does_harm(const struct param *param, bool turns)
{
    for (int step = 0; step < 2; step++) {
        run_init_params(&run, 3);
        for (size_t k = 0; k < param->count; k++)
            run.store.param[param->offset + k] = turns && k % 2 == 1 ? -3e38f : 3e38f;
        run_pack(&run);
        if (step == 0) {
            struct step_result result = run_train(&run, &batch);
            if (isfinite(result.loss) && finite_all(run.store.grad, model->param_floats))
                return false;
        }
    }
    return true;
}

/* Biases and norms may stay finite themselves and do harm later; the weights of a sum do not. */
START_TEST(the_layer_that_overflows_is_found)
{
    int tried = 0, weights = 0;
    for (int i = 0; i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        char name[128];
        if (param->rank % 2 == 1) /* a number a channel, or an element of the image */
            continue;
        layer_name(param, name);
        weights++;
        if (!does_harm(param, true))
            continue;
        struct watching watching = watch_step();
        const struct tensor *found = watching.found;
        ck_assert_msg(found != NULL, "%s: nothing is found", param->name);
        const struct kernel *kernel = &model->kernels[found->slot];
        ck_assert_msg(!isfinite(watching.value), "%s", param->name);
        tried++;
        ck_assert_msg(kernel->pass == PASS_FWD && has_word(kernel->layer, name, strlen(name)),
                      "%s is too large, and %s of %s is found, in %s", param->name, found->what,
                      found->layer, kernel->name);
    }
    ck_assert_int_ge(tried, 2);
    ck_assert_int_ge(2 * tried, weights);
}
END_TEST

/* Every image by its number: the only one that is too bright. */
START_TEST(the_image_is_found)
{
    const size_t floats = (size_t)(model->c * model->h * model->w);
    const int numbers[] = {0, 1, batch.n / 2, batch.n - 1};
    for (int i = 0; i < 4; i++) {
        float *image = (float *)batch.images + (size_t)numbers[i] * floats;
        float kept = image[floats - 1];
        image[floats - 1] = -INFINITY;
        struct watching watching = watch_step();
        image[floats - 1] = kept;
        ck_assert_ptr_nonnull(watching.found);
        ck_assert_str_eq(watching.found->layer, model->layers[0].name);
        ck_assert_str_eq(watching.found->what, "its output");
        ck_assert_int_eq(watching.image, numbers[i]);
        ck_assert(watching.value < 0.0f && isinf(watching.value));
        run_init_params(&run, 3);
    }
}
END_TEST

/* What a person reads. */
START_TEST(diagnosis_names_the_layer)
{
    char text[DIAGNOSE_SIZE], name[128];
    int tried = 0;
    for (int i = 0; i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        if (param->rank == 1)
            continue;
        layer_name(param, name);
        if (!does_harm(param, false))
            continue;
        tried++;
        diagnose(&run, run.store.param, &batch, text);
        ck_assert_msg(strncmp(text, "layer ", 6) == 0 && strstr(text, " first") != NULL, "%s: %s",
                      param->name, text);
        run.store.param[param->offset] = NAN;
        diagnose(&run, run.store.param, &batch, text);
        ck_assert_msg(strstr(text, param->name) != NULL &&
                          strstr(text, " was not finite before the step") != NULL,
                      "%s: %s", param->name, text);
    }
    ck_assert_int_ge(tried, 2);
}
END_TEST

int main(void)
{
    model = generated_model();
    if (model == NULL)
        return GENERATED_SKIPPED;
    Suite *suite = suite_create("watch");
    TCase *steps = tcase_create("steps");
    tcase_add_checked_fixture(steps, setup, teardown);
    tcase_set_timeout(steps, 240);
    tcase_add_test(steps, a_good_step_has_no_finding);
    tcase_add_test(steps, looking_changes_nothing);
    tcase_add_test(steps, the_layer_that_overflows_is_found);
    tcase_add_test(steps, the_image_is_found);
    tcase_add_test(steps, diagnosis_names_the_layer);
    suite_add_tcase(suite, steps);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
