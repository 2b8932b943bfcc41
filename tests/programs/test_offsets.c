/* test_offsets.c - trainings in which what a norm takes away is far larger than what it leaves.
 *
 * Programs of three small networks for one instruction set, their main functions called
 * offsets_<net>_<norm>. A bias before a norm has no effect, however large: of offset and moved,
 * whole programs train on the synthetic images, from a start that is saved for --init, and must do
 * what they do without the bias, on their own kernels and on the generic ones. A constant added to
 * the images of flat has none either, and constant images leave a norm its bias alone.
 *
 * Bounds. A value that is a sum of TERMS products and the bias B is rounded each time: with
 * independent signs it is off by sqrt(TERMS) B u, u = 2^-24, and normalized by off(B), that over
 * its deviation. The rounding of the weights' products and the variance itself are less. What
 * averages over n such values is off by off / sqrt(n).
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/checkpoint.h"
#include "file/safetensors.h"
#include "generated.h"
#include "program.h"
#include "ref/generic.h"
#include "ref/ref.h"
#include "rng.h"
#include "run.h"
#include "sys/cpu.h"

int generated_program_main(const struct model *model, int argc, char **argv)
    BURIN_EXPORT(generated_program_main);
int offsets_offset_bn(int argc, char **argv);
int offsets_offset_in(int argc, char **argv);
int offsets_offset_gn(int argc, char **argv);
int offsets_moved_bn(int argc, char **argv);
int offsets_flat_in(int argc, char **argv);

enum { MOST_STEPS = 3, MOST_WORDS = 24, TERMS = 28, PIXELS = 32 * 32, MOST_LOGITS = 128 * 10 };

static const struct model *offset[3], *moved, *flat, *caught;
static char folder[300];

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

static double off(double bias, double deviation)
{
    return sqrt(TERMS) * bias * 0x1p-24 / deviation;
}

/* -- Programs ---------------------------------------------------------------------------------- */

static const struct param *param_of(const struct model *model, const char *name)
{
    for (int i = 0; i < model->param_count; i++)
        if (strcmp(model->params[i].name, name) == 0)
            return &model->params[i];
    ck_abort_msg("%s has no %s", model->name, name);
}

/* A start with its convolution's weights times `factor`, `bias` added to its biases, and a running
 * mean, where there is one, that is the bias. */
static void start(struct run *run, const struct model *model, const struct backend *backend,
                  float factor, float bias)
{
    struct err err = {0};
    ck_assert_msg(run_open(run, model, backend, 1, &err), "%s", err.message);
    run_init_params(run, 1);
    const struct param *w = param_of(model, "conv1.weight"), *b = param_of(model, "conv1.bias");
    for (size_t i = 0; i < w->count; i++)
        run->store.param[w->offset + i] *= factor;
    for (size_t i = 0; i < b->count; i++)
        run->store.param[b->offset + i] += bias;
    for (size_t i = 0; model->state_count > 0 && i < model->states[0].count; i++)
        run->store.state[model->states[0].offset + i] += bias;
    run_pack(run);
}

struct training {
    double loss[MOST_STEPS];
    float gradient[1024]; /* of conv1.weight; of all steps, where there are several: the momentum */
};

static void read_losses(double *loss, int steps)
{
    char line[4096];
    int found = 0;
    FILE *log = fopen("out/log.jsonl", "r");
    ck_assert_ptr_nonnull(log);
    while (fgets(line, sizeof line, log) != NULL) {
        const char *at = strstr(line, "\"loss\":");
        if (strstr(line, "\"event\":\"step\"") == NULL)
            continue;
        ck_assert_msg(at != NULL && found < steps, "%s", line);
        loss[found++] = strtod(at + strlen("\"loss\":"), NULL);
    }
    fclose(log);
    ck_assert_int_eq(found, steps);
}

static void read_gradient(float *out)
{
    struct safetensors file;
    struct err err = {0};
    ck_assert_msg(safetensors_open(&file, "out/last.safetensors", &err), "%s", err.message);
    const struct safetensor *t = safetensors_find(&file, "optim.momentum.conv1.weight");
    ck_assert_ptr_nonnull(t);
    ck_assert_uint_le(safetensors_bytes(t), sizeof(float[1024]));
    memcpy(out, t->data, safetensors_bytes(t));
    safetensors_close(&file);
}

/* backend: "generated" or "generic". */
static void train(struct training *out, const struct model *model, const char *backend, int steps,
                  float factor, float bias)
{
    struct run run;
    struct err err = {0};
    start(&run, model, &generic_backend, factor, bias);
    ck_assert_msg(checkpoint_save_model("start.safetensors", &run, NULL, 0, &err), "%s",
                  err.message);
    run_close(&run);
    char text[300], *words[MOST_WORDS];
    int count = 0;
    snprintf(text, sizeof text,
             "%s train --data synthetic --quiet --no-shuffle --no-augment --log-steps --threads 1 "
             "--init start.safetensors --max-steps %d --backend %s --out out",
             model->name, steps, backend);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        words[count++] = word;
    words[count] = NULL;
    *out = (struct training){{0}, {0}};
    ck_assert_int_eq(system("rm -rf out"), 0);
    ck_assert_int_eq(program_main(model, count, words), EXIT_OK);
    read_losses(out->loss, steps);
    read_gradient(out->gradient);
}

static void expect_near(const struct model *model, const char *what, double got, double want,
                        double bound)
{
    ck_assert_msg(fabs(got - want) <= bound, "%s, %s: %s: expected %.9g, got %.9g (bound %.3g)",
                  model->name, model->norm, what, want, got, bound);
}

static const char *const backends[] = {"generated", "generic"};

/* Weights uniform in +-0.1 / sqrt(27), of images of variance 1. A logit averages PIXELS values; the
 * loss changes by at most twice the change of a logit, to which 16 weights, 1 / 4 at most, add. The
 * gradient is one of the values that a ReLU keeps, of which a share off turns. */
START_TEST(large_bias_before_a_norm)
{
    const struct model *model = offset[_i / 2];
    const char *backend = backends[_i % 2];
    static struct training want, got;
    double each = off(100, 0.1 / sqrt(3)), largest = 0;
    train(&want, model, backend, 1, 0.1f, 0);
    train(&got, model, backend, 1, 0.1f, 100);
    expect_near(model, "loss", got.loss[0], want.loss[0], 4 * each / sqrt(PIXELS));
    for (int i = 0; i < 16 * 27; i++)
        largest = fmax(largest, fabs((double)want.gradient[i]));
    for (int i = 0; i < 16 * 27; i++)
        expect_near(model, "gradient", (double)got.gradient[i], (double)want.gradient[i],
                    16 * each * largest);
}
END_TEST

/* Of three steps at a high rate, the logits are no averages. */
START_TEST(large_bias_before_a_norm_in_three_steps)
{
    static const float biases[] = {100, 1000};
    static struct training want, got;
    for (int i = 0; i < 2; i++) {
        train(&want, moved, backends[_i], MOST_STEPS, 1, 0);
        train(&got, moved, backends[_i], MOST_STEPS, 1, biases[i]);
        for (int k = 0; k < MOST_STEPS; k++)
            expect_near(moved, "loss", got.loss[k], want.loss[k],
                        4 * off((double)biases[i], 1 / sqrt(3)));
    }
}
END_TEST

/* -- Runs -------------------------------------------------------------------------------------- */

/* Images of `base` + `contrast` times numbers in -1 .. 1. */
struct images {
    struct batch batch;
    float *values;
    uint8_t labels[128];
};

static void make_images(struct images *out, const struct model *model, float base, float contrast)
{
    int n = model->recipe->batch;
    size_t count = (size_t)(n * model->c * model->h * model->w);
    uint64_t key = rng_key(3, 0, 0, RNG_SYNTHETIC);
    out->values = malloc(count * sizeof *out->values);
    ck_assert_ptr_nonnull(out->values);
    for (size_t i = 0; i < count; i++)
        out->values[i] = base + contrast * (float)(rng_below(key, (uint32_t)i, 3)) - contrast;
    for (int i = 0; i < n; i++)
        out->labels[i] = (uint8_t)(i % model->classes);
    out->batch = (struct batch){.n = n, .images = out->values, .labels = out->labels};
}

/* The logits of all norms in evaluation; batch norm's running mean has the bias. */
START_TEST(large_bias_before_a_norm_in_evaluation)
{
    const struct model *model = offset[_i];
    static float logits[2][MOST_LOGITS];
    struct images images;
    make_images(&images, model, 0, 1.2247f);
    for (int second = 0; second < 2; second++) {
        struct run run;
        start(&run, model, model->backend, 0.1f, second ? 100 : 0);
        run_eval(&run, &images.batch, logits[second]);
        run_close(&run);
    }
    for (int i = 0; i < images.batch.n * model->classes; i++)
        expect_near(model, "logit", (double)logits[1][i], (double)logits[0][i],
                    2 * off(100, 0.1 / sqrt(3)) / sqrt(PIXELS));
    free(images.values);
}
END_TEST

/* Gray 128 and one more or less, where 128 is 1 and the deviation of gray 64: what the constant
 * gives is constant, and the norm takes it away. Sums of products of about 1 / 5. */
START_TEST(images_of_low_contrast)
{
    static float gradient[2][4096];
    const size_t count = flat->param_floats;
    double loss[2], largest = 0;
    ck_assert_uint_le(count, 4096);
    for (int second = 0; second < 2; second++) {
        struct images images;
        struct err err = {0};
        struct run run;
        make_images(&images, flat, second ? 2 : 0, 1 / 64.0f);
        ck_assert_msg(run_open(&run, flat, flat->backend, 1, &err), "%s", err.message);
        run_init_params(&run, 1);
        run_pack(&run);
        loss[second] = run_train(&run, &images.batch).loss;
        memcpy(gradient[second], run.store.grad, count * sizeof(float));
        run_close(&run);
        free(images.values);
    }
    double each = off(2, 1 / 64.0 / sqrt(3));
    expect_near(flat, "loss", loss[1], loss[0], 4 * each);
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)gradient[0][i]));
    for (size_t i = 0; i < count; i++)
        expect_near(flat, "gradient", (double)gradient[1][i], (double)gradient[0][i],
                    16 * each * largest);
}
END_TEST

/* The deviation is 0, and what rounding leaves of it is divided by sqrt(eps) = 1 / 316. */
START_TEST(constant_maps)
{
    static float logits[MOST_LOGITS];
    struct images images;
    struct err err = {0};
    struct run run;
    make_images(&images, flat, 1, 0);
    ck_assert_msg(run_open(&run, flat, flat->backend, 1, &err), "%s", err.message);
    run_init_params(&run, 1);
    const float *weight = run.store.param + param_of(flat, "linear1.weight")->offset;
    const float *bias = run.store.param + param_of(flat, "linear1.bias")->offset;
    float *shift = run.store.param + param_of(flat, "norm1.bias")->offset;
    for (int c = 0; c < 8; c++)
        shift[c] = 0.25f * (float)(c + 1);
    run_pack(&run);
    run_eval(&run, &images.batch, logits);
    for (int i = 0; i < images.batch.n * 10; i++) {
        double want = (double)bias[i % 10];
        for (int c = 0; c < 8; c++)
            want += (double)weight[i % 10 * 8 + c] * (double)shift[c];
        expect_near(flat, "logit", (double)logits[i], want, 4 * off(0.5, sqrt(1e-5)) / sqrt(30));
    }
    run_close(&run);
    free(images.values);
}
END_TEST

int main(void)
{
    offset[0] = model_of(offsets_offset_bn);
    offset[1] = model_of(offsets_offset_in);
    offset[2] = model_of(offsets_offset_gn);
    moved = model_of(offsets_moved_bn);
    flat = model_of(offsets_flat_in);
    if (!cpu_supports(flat->isa) && !GENERATED_EMULATES_AVX512) {
        printf("skipped: this processor has no %s\n", flat->isa);
        return GENERATED_SKIPPED;
    }
    struct err missing = {0};
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_offsets.XXXXXX", base != NULL ? base : "/tmp");
    if (!ref_open(1, &missing) || mkdtemp(folder) == NULL || chdir(folder) != 0) {
        fprintf(stderr, "%s: %s\n", folder, missing.message);
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("offsets");
    TCase *tcase = tcase_create("offsets");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, large_bias_before_a_norm, 0, 6);
    tcase_add_loop_test(tcase, large_bias_before_a_norm_in_three_steps, 0, 2);
    tcase_add_loop_test(tcase, large_bias_before_a_norm_in_evaluation, 0, 3);
    tcase_add_test(tcase, images_of_low_contrast);
    tcase_add_test(tcase, constant_maps);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    char command[sizeof folder + 16];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    bool removed = system(command) == 0;
    return failed == 0 && removed ? EXIT_SUCCESS : EXIT_FAILURE;
}
