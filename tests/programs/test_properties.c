/* test_properties.c - what holds for every convolution, whatever another implementation says.
 *
 * For each convolution in the kernel table of one generated program, C its forward kernel (without
 * its bias), D its data gradient, G its weight gradient, as many images as the kernels take:
 *
 *     linearity   C(2 x - 3 z) = 2 C(x) - 3 C(z)
 *     impulse     C of a single 1 is the window's weights, mirrored about it
 *     adjoint     <C(x), y> = <x, D(y)>
 *     weights     <C(x), y> = <w, G(x, y)>
 *
 * A fused ReLU is undone: relu(c) - relu(-c) = c. On integers every sum of a direct kernel is
 * exact, so equal means equal. Winograd's transforms lose up to LOSS units of the largest sum that
 * could be, taps * channels products of the largest factors.
 *
 * And what an image adds to the loss of a batch does not depend on the others, except under batch
 * norm: other images change no bit of it.
 */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated.h"
#include "rng.h"
#include "run.h"

enum { SIZE = 2 };

static const double LOSS = 64;

static const struct model *model;

/* -- Tensors ----------------------------------------------------------------------------------- */

static float *zeros(size_t floats)
{
    float *p = aligned_alloc(64, (floats * sizeof(float) + 64) / 64 * 64);
    ck_assert_ptr_nonnull(p);
    memset(p, 0, floats * sizeof(float));
    return p;
}

/* Integers, -SIZE .. SIZE. */
static float *made_up(size_t count, uint64_t key)
{
    float *p = zeros(count);
    for (size_t i = 0; i < count; i++)
        p[i] = (float)rng_below(key, (uint32_t)i, 2 * SIZE + 1) - SIZE;
    return p;
}

/* Floats of n images in plain order. */
static size_t plain_floats(const struct layout *l, int n)
{
    return (size_t)(n * l->c) * (size_t)(l->h * l->w);
}

/* Copies n images between plain order (C,H,W) and the layout of a kernel, whose borders and pad
 * lanes it leaves alone. */
static void copy_images(float *laid, float *plain, const struct layout *l, int n, bool into)
{
    for (int image = 0; image < n; image++, laid += layout_floats(l))
        for (int c = 0; c < l->c; c++)
            for (int row = l->border; row < l->border + l->h; row++)
                for (int col = l->border; col < l->border + l->w; col++, plain++) {
                    float *at = laid + (row * (l->w + 2 * l->border) + col) * l->pitch + c;
                    *(into ? at : plain) = *(into ? plain : at);
                }
}

static float *laid_out(const float *plain, const struct layout *l, int n)
{
    float *laid = zeros((size_t)n * layout_floats(l));
    copy_images(laid, (float *)plain, l, n, true);
    return laid;
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* -- The three kernels of a convolution -------------------------------------------------------- */

struct conv {
    const struct kernel *forward, *data, *weights; /* data may be NULL */
    int n;                                         /* images */
    size_t w, x, y;                                /* floats of a plain operand */
    double loss;                                   /* of one output; 0 where sums are exact */
};

static const struct kernel *find(const struct kernel *of, enum kernel_pass pass)
{
    for (int i = 0; i < model->kernel_count; i++) {
        const struct kernel *k = &model->kernels[i];
        if (k->op == KERNEL_CONV && k->pass == pass && strcmp(k->layer, of->layer) == 0)
            return k;
    }
    return NULL;
}

/* Whether entry i of the table is a convolution's forward kernel. */
static bool conv_open(struct conv *c, int i)
{
    const struct kernel *k = &model->kernels[i];
    if (k->op != KERNEL_CONV || k->pass != PASS_FWD)
        return false;
    *c = (struct conv){k, find(k, PASS_BWD_DATA), find(k, PASS_BWD_WEIGHTS), k->images, 0, 0, 0, 0};
    ck_assert_msg(c->weights != NULL, "%s: no weight gradient", k->layer);
    c->w = (size_t)(k->y.c * k->x.c) * (size_t)(k->geometry.h.taps * k->geometry.w.taps);
    c->x = plain_floats(&k->x, c->n);
    c->y = plain_floats(&k->y, c->n);
    bool exact = k->exact && c->weights->exact && (c->data == NULL || c->data->exact);
    double terms = k->x.c * k->geometry.h.taps * k->geometry.w.taps;
    c->loss = exact ? 0 : LOSS * (double)FLT_EPSILON * terms * SIZE * SIZE;
    return true;
}

static void run(const struct kernel *k, struct kernel_args args, int n)
{
    args.scratch = zeros(k->scratch_floats);
    args.sums = zeros((size_t)n * (size_t)kernel_sum_rows(k) * (size_t)k->y.pitch);
    args.db = zeros((size_t)k->y.pitch);
    args.n = n;
    kernel_run(k, &args);
    free(args.scratch);
    free(args.sums);
    free(args.db);
}

static float *packed(const struct kernel *k, const float *w)
{
    float *p = zeros(k->packed_floats);
    k->pack(p, w);
    return p;
}

static float *apply_once(const struct conv *c, const float *x, const float *w)
{
    const struct kernel *k = c->forward;
    float *in = laid_out(x, &k->x, c->n), *out = zeros((size_t)c->n * layout_floats(&k->y));
    float *weights = packed(k, w), *bias = zeros((size_t)k->y.pitch), *y = zeros(c->y);
    run(k, (struct kernel_args){.y = out, .x = in, .w = weights, .bias = bias}, c->n);
    copy_images(out, y, &k->y, c->n, false);
    free(in);
    free(out);
    free(weights);
    free(bias);
    return y;
}

/* C(x), plain. */
static float *apply(const struct conv *c, const float *x, const float *w)
{
    float *y = apply_once(c, x, w);
    if (!c->forward->relu)
        return y;
    float *opposite = zeros(c->x);
    for (size_t i = 0; i < c->x; i++)
        opposite[i] = -x[i];
    float *z = apply_once(c, opposite, w);
    for (size_t i = 0; i < c->y; i++)
        y[i] -= z[i];
    free(opposite);
    free(z);
    return y;
}

/* D(dy), plain. */
static float *apply_data(const struct conv *c, const float *dy, const float *w)
{
    const struct kernel *k = c->data;
    float *in = laid_out(dy, &k->dy, c->n), *out = zeros((size_t)c->n * layout_floats(&k->dx));
    float *weights = packed(k, w), *dx = zeros(c->x);
    run(k, (struct kernel_args){.dx = out, .dy = in, .w = weights}, c->n);
    copy_images(out, dx, &k->dx, c->n, false);
    free(in);
    free(out);
    free(weights);
    return dx;
}

/* G(x, dy), canonical. */
static float *apply_weights(const struct conv *c, const float *x, const float *dy)
{
    const struct kernel *k = c->weights;
    float *a = laid_out(x, &k->x, c->n), *b = laid_out(dy, &k->dy, c->n);
    float *sum = zeros(k->packed_floats), *dw = zeros(c->w);
    run(k, (struct kernel_args){.dw = sum, .x = a, .dy = b}, c->n);
    k->unpack(dw, sum);
    free(a);
    free(b);
    free(sum);
    return dw;
}

/* -- Properties -------------------------------------------------------------------------------- */

static void expect_near(const struct kernel *k, const char *what, double got, double want,
                        double allowed)
{
    ck_assert_msg(fabs(got - want) <= allowed, "%s: %s: %.9g and %.9g (tolerance %.3g)", k->name,
                  what, got, want, allowed);
}

START_TEST(convolution_is_linear)
{
    struct conv c;
    if (!conv_open(&c, _i))
        return;
    float *w = made_up(c.w, 1), *x = made_up(c.x, 2), *z = made_up(c.x, 3), *mix = zeros(c.x);
    for (size_t i = 0; i < c.x; i++)
        mix[i] = 2 * x[i] - 3 * z[i];
    float *of_x = apply(&c, x, w), *of_z = apply(&c, z, w), *of_mix = apply(&c, mix, w);
    for (size_t i = 0; i < c.y; i++)
        expect_near(c.forward, "linearity", (double)of_mix[i],
                    2 * (double)of_x[i] - 3 * (double)of_z[i], 10 * c.loss);
    float *const all[] = {w, x, z, mix, of_x, of_z, of_mix};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}
END_TEST

/* The weight with which pixel (row, col) of channel `from` enters an output, 0 where it does not.
 */
static double weight_at(const struct kernel *k, const float *w, int to, int from, int row, int col,
                        int out_row, int out_col)
{
    struct axis down = k->geometry.h, across = k->geometry.w;
    int r = row + down.padding - out_row * down.stride;
    int s = col + across.padding - out_col * across.stride;
    if (r < 0 || s < 0 || r % down.dilation != 0 || s % across.dilation != 0)
        return 0;
    r /= down.dilation;
    s /= across.dilation;
    if (r >= down.taps || s >= across.taps)
        return 0;
    return (double)w[((to * k->x.c + from) * down.taps + r) * across.taps + s];
}

/* An impulse in each image, at places that are corners and borders too. */
START_TEST(impulse_gives_the_window)
{
    struct conv c;
    if (!conv_open(&c, _i))
        return;
    const struct kernel *k = c.forward;
    const struct layout *in = &k->x, *out = &k->y;
    const int places[][2] = {
        {0, 0}, {in->h - 1, in->w - 1}, {in->h / 2, in->w / 3}, {0, in->w - 1}, {in->h - 1, 0}};
    float *w = made_up(c.w, 4);
    for (int p = 0; p < (int)(sizeof places / sizeof places[0]); p++) {
        float *x = zeros(c.x);
        for (int image = 0; image < c.n; image++)
            x[((image * in->c + (p + image) % in->c) * in->h + places[p][0]) * in->w +
              places[p][1]] = 1;
        float *y = apply(&c, x, w);
        const float *at = y;
        for (int image = 0; image < c.n; image++)
            for (int to = 0; to < out->c; to++)
                for (int row = 0; row < out->h; row++)
                    for (int col = 0; col < out->w; col++, at++)
                        expect_near(k, "impulse", (double)*at,
                                    weight_at(k, w, to, (p + image) % in->c, places[p][0],
                                              places[p][1], row, col),
                                    c.loss);
        free(x);
        free(y);
    }
    free(w);
}
END_TEST

START_TEST(gradients_are_adjoint)
{
    struct conv c;
    if (!conv_open(&c, _i))
        return;
    float *w = made_up(c.w, 5), *x = made_up(c.x, 6), *dy = made_up(c.y, 7);
    float *y = apply(&c, x, w), *dw = apply_weights(&c, x, dy);
    double product = dot(y, dy, c.y), allowed = 2 * c.loss * SIZE * sqrt((double)c.y);
    expect_near(c.weights, "<C(x), dy> = <w, G(x, dy)>", dot(w, dw, c.w), product, allowed);
    if (c.data != NULL) {
        float *dx = apply_data(&c, dy, w);
        expect_near(c.data, "<C(x), dy> = <x, D(dy)>", dot(x, dx, c.x), product, allowed);
        free(dx);
    }
    float *const all[] = {w, x, dy, y, dw};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}
END_TEST

/* -- Images of a batch ------------------------------------------------------------------------- */

/* A training step of a full batch; the loss of every chunk of images. */
static void losses_of(double *losses, const float *images)
{
    struct err err = {0};
    struct run r;
    int n = model->recipe->batch;
    uint8_t labels[1024];
    uint32_t samples[1024];
    ck_assert_int_le(n, 1024);
    for (int i = 0; i < n; i++) {
        labels[i] = (uint8_t)(i % model->classes);
        samples[i] = (uint32_t)i;
    }
    struct batch batch = {.n = n, .images = images, .labels = labels, .samples = samples};
    ck_assert_msg(run_open(&r, model, model->backend, 1, &err), "%s", err.message);
    run_init_params(&r, 1);
    run_train(&r, &batch);
    memcpy(losses, r.loss, sizeof r.loss);
    run_close(&r);
}

START_TEST(images_do_not_depend_on_each_other)
{
    size_t each = (size_t)(model->c * model->h * model->w);
    size_t count = each * (size_t)model->recipe->batch;
    float *images = made_up(count, 8);
    double before[MODEL_MOST_CHUNKS], after[MODEL_MOST_CHUNKS];
    losses_of(before, images);
    for (size_t i = 0; i < each; i++)
        images[i] = -images[i] / 2;
    losses_of(after, images);
    int chunk = run_chunk_images(model), chunks = (model->recipe->batch + chunk - 1) / chunk;
    ck_assert(before[0] != after[0]);
    int changed = 0;
    for (int i = 1; i < chunks; i++)
        changed += before[i] != after[i];
    ck_assert_int_eq(changed, strcmp(model->norm, "bn") == 0 ? chunks - 1 : 0);
    free(images);
}
END_TEST

int main(void)
{
    model = generated_model();
    if (model == NULL)
        return GENERATED_SKIPPED;
    Suite *suite = suite_create("properties");
    TCase *tcase = tcase_create("properties");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, convolution_is_linear, 0, model->kernel_count);
    tcase_add_loop_test(tcase, impulse_gives_the_window, 0, model->kernel_count);
    tcase_add_loop_test(tcase, gradients_are_adjoint, 0, model->kernel_count);
    tcase_add_test(tcase, images_do_not_depend_on_each_other);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
