/* test_norms.c - where two norms are one: generated programs that must do the same.
 *
 *     group norm with one group is layer norm
 *     group norm with a group for each channel is instance norm
 *     batch norm over a batch of one image is instance norm, and so is one over ghosts of one image
 *
 * Programs of one small network (norms.lua.in) take training steps from the same start on the same
 * images. Losses, gradients of every parameter, parameters after the last step, and but for batch
 * norm logits in evaluation must agree bit for bit: the order of all sums is the same, though batch
 * norm cuts the step into phases. How batch norm tracks its statistics is compared with the generic
 * backend after one step on one image: the last norm has 4 values a channel, so that the unbiased
 * variance is a third larger than the other.
 *
 * A bias in front of a norm, the same for all its channels, has no effect, however large it is.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated.h"
#include "ref/generic.h"
#include "ref/ref.h"
#include "rng.h"
#include "run.h"
#include "sys/cpu.h"

int generated_program_main(const struct model *model, int argc, char **argv)
    BURIN_EXPORT(generated_program_main);
int norms_1_gn(int argc, char **argv);
int norms_1_ln(int argc, char **argv);
int norms_8_gn(int argc, char **argv);
int norms_8_in(int argc, char **argv);
int norms_8_bn(int argc, char **argv);
int norms_8_bn1(int argc, char **argv);

enum { STEPS = 3, MOST_IMAGES = 9, MOST_PARAMS = 4096, MOST_STATES = 256 };

/* Of a running statistic, which is about 1: float32 sums of some hundred products. */
static const double TOLERANCE = 1e-5;

static const struct model *one_group, *layer, *each_channel, *instance, *batch_norm, *ghosts;
static const struct model *caught;

int generated_program_main(const struct model *model, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    caught = model;
    return 0;
}

static const struct model *model_of(int (*program)(int, char **))
{
    program(0, NULL);
    return caught;
}

/* -- Runs -------------------------------------------------------------------------------------- */

/* What came of a training of STEPS steps on images first .. first + n - 1. */
struct result {
    double loss[STEPS];
    float grad[STEPS][MOST_PARAMS], param[MOST_PARAMS];
    float state[MOST_STATES]; /* after the first step */
    float logits[MOST_IMAGES * 10];
};

/* Norms start at 1 and 0, at which mistakes may hide. The bias of the second convolution, whose
 * output only a norm reads, is moved by `offset`. */
static void start_params(struct run *run, float offset)
{
    run_init_params(run, 1);
    for (int i = 0; i < run->model->param_count; i++) {
        const struct param *p = &run->model->params[i];
        uint64_t key = rng_key(1, 1, (uint32_t)i, RNG_INIT);
        for (size_t k = 0; p->init != INIT_FAN_IN && k < p->count; k++)
            run->store.param[p->offset + k] += rng_float(key, (uint32_t)k) - 0.5f;
        for (size_t k = 0; strcmp(p->name, "conv2.bias") == 0 && k < p->count; k++)
            run->store.param[p->offset + k] += offset;
    }
    run_pack(run);
}

static void train(struct result *out, const struct model *model, const struct backend *backend,
                  int first, int n, float offset)
{
    struct err err = {0};
    struct run run;
    size_t each = (size_t)(model->c * model->h * model->w);
    float *images = malloc((size_t)n * each * sizeof *images);
    uint8_t labels[MOST_IMAGES];
    uint32_t samples[MOST_IMAGES];
    ck_assert_ptr_nonnull(images);
    ck_assert_uint_le(model->param_floats, MOST_PARAMS);
    ck_assert_uint_le(model->state_floats, MOST_STATES);
    for (int i = 0; i < n; i++) {
        uint64_t key = rng_key(2, 0, (uint32_t)(first + i), RNG_SYNTHETIC);
        for (size_t k = 0; k < each; k++)
            images[(size_t)i * each + k] = 2 * rng_float(key, (uint32_t)k) - 1;
        labels[i] = (uint8_t)((first + i) % model->classes);
        samples[i] = (uint32_t)(first + i);
    }
    struct batch batch = {.n = n, .images = images, .labels = labels, .samples = samples};
    ck_assert_msg(run_open(&run, model, backend, 1, &err), "%s", err.message);
    start_params(&run, offset);
    run.optim = (struct optim){.lr = model->recipe->lr, .momentum = model->recipe->momentum};
    memset(out, 0, sizeof *out);
    for (int i = 0; i < STEPS; i++) {
        out->loss[i] = run_train(&run, &batch).loss;
        memcpy(out->grad[i], run.store.grad, model->param_floats * sizeof(float));
        if (i == 0)
            memcpy(out->state, run.store.state, model->state_floats * sizeof(float));
    }
    memcpy(out->param, run.store.param, model->param_floats * sizeof(float));
    run_eval(&run, &batch, out->logits);
    run_close(&run);
    free(images);
}

static void same_floats(const struct model *model, const char *what, const float *a, const float *b)
{
    for (int i = 0; i < model->param_count; i++) {
        const struct param *p = &model->params[i];
        for (size_t k = p->offset; k < p->offset + p->count; k++)
            ck_assert_msg(memcmp(a + k, b + k, sizeof *a) == 0, "%s, %s[%zu]: %.9g and %.9g", what,
                          p->name, k - p->offset, (double)a[k], (double)b[k]);
    }
}

/* Both models on the same images; evaluated: whether they agree there, too. */
static void expect_same(const struct model *a, const struct model *b, int first, int n,
                        bool evaluated)
{
    static struct result x, y;
    ck_assert_str_ne(a->norm, b->norm);
    ck_assert_uint_eq(a->param_floats, b->param_floats);
    train(&x, a, a->backend, first, n, 0);
    train(&y, b, b->backend, first, n, 0);
    for (int i = 0; i < STEPS; i++) {
        char what[40];
        snprintf(what, sizeof what, "gradient of step %d", i + 1);
        ck_assert_msg(memcmp(&x.loss[i], &y.loss[i], sizeof x.loss[i]) == 0,
                      "loss of step %d: %.17g and %.17g", i + 1, x.loss[i], y.loss[i]);
        same_floats(a, what, x.grad[i], y.grad[i]);
    }
    same_floats(a, "parameters", x.param, y.param);
    for (int i = 0; evaluated && i < n * a->classes; i++)
        ck_assert_msg(memcmp(&x.logits[i], &y.logits[i], sizeof x.logits[i]) == 0,
                      "logit %d: %.9g and %.9g", i, (double)x.logits[i], (double)y.logits[i]);
}

/* -- Identities -------------------------------------------------------------------------------- */

START_TEST(group_norm_with_one_group_is_layer_norm)
{
    expect_same(one_group, layer, 0, one_group->recipe->batch, true);
    expect_same(one_group, layer, 0, one_group->recipe->batch - 2, true);
}
END_TEST

START_TEST(group_norm_with_a_group_a_channel_is_instance_norm)
{
    expect_same(each_channel, instance, 0, instance->recipe->batch, true);
    expect_same(each_channel, instance, 0, instance->recipe->batch - 2, true);
}
END_TEST

START_TEST(batch_norm_of_one_image_is_instance_norm)
{
    expect_same(batch_norm, instance, _i, 1, false);
}
END_TEST

START_TEST(batch_norm_of_ghosts_of_one_image_is_instance_norm)
{
    expect_same(ghosts, instance, 0, instance->recipe->batch, false);
    expect_same(ghosts, instance, 0, instance->recipe->batch - 2, false);
}
END_TEST

/* The programs are not all one: norms that differ do differ. */
START_TEST(other_norms_are_not_the_same)
{
    static struct result x, y, z;
    train(&x, layer, layer->backend, 0, MOST_IMAGES, 0);
    train(&y, instance, instance->backend, 0, MOST_IMAGES, 0);
    train(&z, batch_norm, batch_norm->backend, 0, MOST_IMAGES, 0);
    ck_assert(x.loss[0] != y.loss[0] && y.loss[0] != z.loss[0] && z.loss[0] != x.loss[0]);
}
END_TEST

START_TEST(running_statistics_of_few_values)
{
    static struct result got, want;
    train(&got, batch_norm, batch_norm->backend, _i, 1, 0);
    train(&want, batch_norm, &generic_backend, _i, 1, 0);
    ck_assert_int_eq(batch_norm->state_count, 10);
    for (int i = 0; i < batch_norm->state_count; i++) {
        const struct state *s = &batch_norm->states[i];
        for (size_t k = s->offset; k < s->offset + s->count; k++)
            ck_assert_msg(fabs((double)got.state[k] - (double)want.state[k]) <= TOLERANCE,
                          "%s[%zu]: expected %.9g, got %.9g", s->name, k - s->offset,
                          (double)want.state[k], (double)got.state[k]);
    }
}
END_TEST

/* -- Far from zero ----------------------------------------------------------------------------- */

/* What a bias B before the norm may change. It rounds the values to B u, u = 2^-24, whose deviation
 * is about a half, so normalized values are 2 B u off, and three layers on, in steps whose
 * differences add up, FACTOR times that. The variance alone would be (2 B)^2 u off, 24 times its
 * value for B = 10^4, were squares added up in float. From B = 10^4 on the rounding of the values
 * itself turns a ReLU or another winner of a pool, which a gradient shows: there the loss of the
 * first step must do. */
static double allowed(float offset)
{
    const double factor = 16;
    return 1e-5 + factor * 2 * (double)offset * 0x1p-24;
}

static void expect_no_effect(const struct model *m, const struct backend *backend, float offset,
                             bool evaluated)
{
    static struct result x, y;
    double bound = allowed(offset);
    train(&x, m, backend, 0, MOST_IMAGES, 0);
    train(&y, m, backend, 0, MOST_IMAGES, offset);
    bool turns = offset >= 1e4f;
    for (int i = 0; i < (turns ? 1 : STEPS); i++)
        ck_assert_msg(fabs(x.loss[i] - y.loss[i]) <= bound,
                      "%s, %s, bias %g: loss of step %d: expected %.9g, got %.9g", m->norm,
                      backend->name, (double)offset, i + 1, x.loss[i], y.loss[i]);
    if (turns)
        return;
    double largest = 0;
    for (size_t k = 0; k < m->param_floats; k++)
        largest = fmax(largest, fabs((double)x.grad[0][k]));
    for (size_t k = 0; k < m->param_floats; k++)
        ck_assert_msg(fabs((double)x.grad[0][k] - (double)y.grad[0][k]) <= bound * largest,
                      "%s, %s, bias %g: gradient[%zu]: expected %.9g, got %.9g, largest %.3g",
                      m->norm, backend->name, (double)offset, k, (double)x.grad[0][k],
                      (double)y.grad[0][k], largest);
    for (int i = 0; evaluated && i < MOST_IMAGES * m->classes; i++)
        ck_assert_msg(fabs((double)x.logits[i] - (double)y.logits[i]) <= bound,
                      "%s, %s, bias %g: logit %d: expected %.9g, got %.9g", m->norm, backend->name,
                      (double)offset, i, (double)x.logits[i], (double)y.logits[i]);
}

/* Running statistics do depend on the bias. */
START_TEST(bias_before_a_norm_has_no_effect)
{
    static const float offsets[] = {1, 30, 1000, 1e4f};
    const struct model *const models[] = {one_group, each_channel, batch_norm, ghosts};
    for (int i = 0; i < 4; i++) {
        bool evaluated = models[i]->state_count == 0;
        expect_no_effect(models[i], models[i]->backend, offsets[_i], evaluated);
        expect_no_effect(models[i], &generic_backend, offsets[_i], evaluated);
    }
}
END_TEST

int main(void)
{
    one_group = model_of(norms_1_gn);
    layer = model_of(norms_1_ln);
    each_channel = model_of(norms_8_gn);
    instance = model_of(norms_8_in);
    batch_norm = model_of(norms_8_bn);
    ghosts = model_of(norms_8_bn1);
    if (!cpu_supports(layer->isa)) {
        printf("skipped: this processor has no %s\n", layer->isa);
        return GENERATED_SKIPPED;
    }
    struct err missing = {0};
    if (!ref_open(1, &missing)) {
        fprintf(stderr, "%s\n", missing.message);
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("norms");
    TCase *tcase = tcase_create("norms");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, group_norm_with_one_group_is_layer_norm);
    tcase_add_test(tcase, group_norm_with_a_group_a_channel_is_instance_norm);
    tcase_add_loop_test(tcase, batch_norm_of_one_image_is_instance_norm, 0, MOST_IMAGES);
    tcase_add_test(tcase, batch_norm_of_ghosts_of_one_image_is_instance_norm);
    tcase_add_test(tcase, other_norms_are_not_the_same);
    tcase_add_loop_test(tcase, running_statistics_of_few_values, 0, MOST_IMAGES);
    tcase_add_loop_test(tcase, bias_before_a_norm_has_no_effect, 0, 4);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
