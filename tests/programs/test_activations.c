/* test_activations.c - how far the activations of a generated program are from their functions.
 *
 * Every pointwise kernel of the program that has an activation and neither a norm nor dropout is
 * run on a sweep of values, dense where the functions bend, and on the ends of the range. The
 * functions are computed in long double. Their bounds are stated in templates/ops/activation.c.tpl
 * or follow from those: a product or a sum more is half a unit more.
 */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "generated.h"
#include "model.h"

enum { SWEEPS = 400 };

static const struct model *model;

/* An activation, and how far its kernels may be off: in units in the last place, and besides by a
 * share of the argument; the slope by a number. */
struct function {
    enum activation activation;
    long double (*value)(long double x);
    long double (*slope)(long double x);
    long double units, share, slope_off;
};

static long double sigmoid(long double x)
{
    return 1 / (1 + expl(-x));
}

static long double sigmoid_slope(long double x)
{
    return sigmoid(x) * sigmoid(-x);
}

static long double silu(long double x)
{
    return x * sigmoid(x);
}

static long double silu_slope(long double x)
{
    return sigmoid(x) + x * sigmoid_slope(x);
}

static long double below(long double x)
{
    return erfcl(-x * sqrtl(0.5L)) / 2;
}

static long double gelu(long double x)
{
    return x * below(x);
}

static long double gelu_slope(long double x)
{
    return below(x) + x * expl(-x * x / 2) / sqrtl(2 * acosl(-1));
}

static long double bend(long double x)
{
    return sqrtl(8 / acosl(-1)) * (x + 0.044715L * x * x * x);
}

static long double gelu_tanh(long double x)
{
    return x * (1 + tanhl(bend(x) / 2)) / 2;
}

static long double gelu_tanh_slope(long double x)
{
    long double rise = sqrtl(8 / acosl(-1)) * (1 + 3 * 0.044715L * x * x);
    return sigmoid(bend(x)) + x * sigmoid_slope(bend(x)) * rise;
}

static long double tanh_slope(long double x)
{
    return 1 / (coshl(x) * coshl(x));
}

static long double relu6(long double x)
{
    return fminl(fmaxl(x, 0), 6);
}

static long double relu6_slope(long double x)
{
    return x > 0 && x < 6;
}

static long double hard_swish(long double x)
{
    return x * fminl(fmaxl(x + 3, 0), 6) / 6;
}

static long double hard_swish_slope(long double x)
{
    return x <= -3 ? 0 : x < 3 ? x / 3 + 0.5L : 1;
}

static const struct function functions[] = {
    {ACT_RELU6, relu6, relu6_slope, 0, 0, 0},
    {ACT_HARD_SWISH, hard_swish, hard_swish_slope, 2, 0x1p-25L, 0x1p-23L},
    {ACT_SILU, silu, silu_slope, 3, 0, 0x1p-21L},
    {ACT_GELU, gelu, gelu_slope, 1, 7e-8L, 0x1p-21L},
    {ACT_GELU_TANH, gelu_tanh, gelu_tanh_slope, 3, 0x1p-22L, 0x1p-20L},
    {ACT_SIGMOID, sigmoid, sigmoid_slope, 2.5L, 0, 0x1p-23L},
    {ACT_TANH, tanhl, tanh_slope, 1.3L, 0, 0x1p-22L},
};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* From -16 to 16, half of them between -2 and 2. */
static float value_at(long step, long steps)
{
    static const float ends[] = {0.0f, -0.0f, 1e-30f, -1e-30f, 3.0f, -3.0f, 6.0f, 80.0f, -80.0f};
    enum { ENDS = sizeof ends / sizeof *ends };
    if (step < ENDS)
        return ends[step];
    double at = 2 * (double)step / (double)steps - 1;
    return (float)(step % 2 == 0 ? 2 * at : 16 * at);
}

static long double unit(long double x)
{
    float size = fabsf((float)x);
    return fmaxl((long double)nextafterf(size, INFINITY) - (long double)size, (long double)FLT_MIN);
}

static void check_value(const struct kernel *k, const struct function *f, float x, float got)
{
    bool fwd = k->pass == PASS_FWD;
    long double want = fwd ? f->value((long double)x) : f->slope((long double)x);
    long double allowed =
        fwd ? f->units * unit(want) + f->share * fabsl((long double)x) : f->slope_off;
    long double off = fabsl((long double)got - want);
    if (!(off <= allowed))
        ck_abort_msg(
            "%s: of %.9g: got %.9g, expected %.9Lg, off by %.3Lg, %.3Lg units; allowed %.3Lg",
            k->name, (double)x, (double)got, want, off, off / unit(want), allowed);
}

static size_t index_of(const struct layout *l, int pixel, int channel)
{
    int row = pixel / l->w + l->border, col = pixel % l->w + l->border;
    return (size_t)((row * (l->w + 2 * l->border) + col) * l->pitch + channel);
}

static float *tensor(const struct layout *l)
{
    float *t = aligned_alloc(64, (layout_floats(l) * sizeof(float) + 63) / 64 * 64);
    ck_assert_ptr_nonnull(t);
    for (size_t i = 0; i < layout_floats(l); i++)
        t[i] = 0;
    return t;
}

/* Runs a kernel until the sweep is over; the gradient that a backward one gets is 1 everywhere, so
 * that it makes the slope. */
static void sweep(const struct kernel *k, const struct function *f)
{
    bool fwd = k->pass == PASS_FWD;
    const struct layout *out = fwd ? &k->y : &k->dx;
    float *x = tensor(&k->x), *dy = tensor(&k->dy), *made = tensor(out);
    int pixels = k->x.h * k->x.w;
    long each = (long)pixels * k->x.c, steps = SWEEPS * each;
    for (long first = 0; first < steps; first += each) {
        for (int i = 0; i < pixels; i++)
            for (int c = 0; c < k->x.c; c++) {
                x[index_of(&k->x, i, c)] = value_at(first + i * k->x.c + c, steps);
                if (!fwd)
                    dy[index_of(&k->dy, i, c)] = 1;
                made[index_of(out, i, c)] = 0;
            }
        kernel_run(k, &(struct kernel_args){.y = made, .dx = made, .x = x, .dy = dy, .n = 1});
        for (int i = 0; i < pixels; i++)
            for (int c = 0; c < k->x.c; c++)
                check_value(k, f, x[index_of(&k->x, i, c)], made[index_of(out, i, c)]);
    }
    free(x);
    free(dy);
    free(made);
}

START_TEST(activations_are_as_exact_as_stated)
{
    const struct function *f = &functions[_i];
    int values = 0, slopes = 0;
    for (int i = 0; i < model->kernel_count; i++) {
        const struct kernel *k = &model->kernels[i];
        if (k->activation != f->activation || k->affine || k->p > 0)
            continue;
        values += k->pass == PASS_FWD;
        slopes += k->pass == PASS_BWD_DATA;
        sweep(k, f);
    }
    ck_assert_msg(values > 0 && slopes > 0, "no kernels of activation %d", f->activation);
}
END_TEST

int main(void)
{
    model = generated_model();
    if (model == NULL)
        return GENERATED_SKIPPED;
    Suite *suite = suite_create("activations");
    TCase *tcase = tcase_create("activations");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, activations_are_as_exact_as_stated, 0, FUNCTIONS);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
