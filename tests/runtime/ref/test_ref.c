/* test_ref.c - the generic kernels against naive loops in double and against finite differences of
 * those (numbers worked out by hand: test_ref_by_hand.c). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "compare.h"
#include "naive.h"
#include "ref/ref.h"

static double wide[8][NAIVE_MAX];    /* naive results */
static float narrow[8][NAIVE_MAX];   /* generic results */
static float scratch[4 * NAIVE_MAX]; /* columns */

/* Sums of n terms of size 1 in float: rounding stays far below this, a missing term far above. */
static double tolerance_of(int terms)
{
    return 2e-6 * (terms + 4);
}

/* -- Convolution and linear, every shape ------------------------------------------------------- */

/* One shape: forward and both gradients against the naive loops. */
static void check_conv(const struct ref_window *s, bool bias, uint64_t key)
{
    int nx = s->c * s->h * s->w, nw = s->k * s->c / s->groups * ref_taps(s);
    int ny = s->k * s->oh * s->ow;
    double *x = wide[0], *w = wide[1], *b = wide[2], *dy = wide[3];
    double *y = wide[4], *dx = wide[5], *dw = wide[6], *db = wide[7];
    naive_fill(x, narrow[0], nx, key);
    naive_fill(w, narrow[1], nw, key + 1);
    naive_fill(b, narrow[2], s->k, key + 2);
    naive_fill(dy, narrow[3], ny, key + 3);
    naive_conv(s, y, dx, dw, db, x, w, bias ? b : NULL, dy);

    ck_assert_uint_le(ref_conv_scratch(s), sizeof scratch / sizeof *scratch);
    ref_conv_fwd(s, narrow[4], narrow[0], narrow[1], bias ? narrow[2] : NULL, scratch);
    assert_close("y", narrow[4], y, ny, tolerance_of(s->c * ref_taps(s)));
    ref_conv_bwd_data(s, narrow[5], narrow[3], narrow[1], false, scratch);
    assert_close("dx", narrow[5], dx, nx, tolerance_of(s->k * ref_taps(s)));
    memset(narrow[6], 0, (size_t)nw * sizeof(float));
    memset(narrow[7], 0, (size_t)s->k * sizeof(float));
    ref_conv_bwd_weights(s, narrow[6], bias ? narrow[7] : NULL, narrow[0], narrow[3], scratch);
    assert_close("dw", narrow[6], dw, nw, tolerance_of(s->oh * s->ow));
    if (bias)
        assert_close("db", narrow[7], db, s->k, tolerance_of(s->oh * s->ow));

    /* A second call adds: dx where asked to, parameters always. */
    ref_conv_bwd_data(s, narrow[5], narrow[3], narrow[1], true, scratch);
    ref_conv_bwd_weights(s, narrow[6], NULL, narrow[0], narrow[3], scratch);
    for (int i = 0; i < nx; i++)
        dx[i] *= 2;
    for (int i = 0; i < nw; i++)
        dw[i] *= 2;
    assert_close("dx added", narrow[5], dx, nx, tolerance_of(2 * s->k * ref_taps(s)));
    assert_close("dw added", narrow[6], dw, nw, tolerance_of(2 * s->oh * s->ow));
}

/* Across, every other window is another than down. dilation: the largest */
static struct geometry make_geometry(struct axis down, int number, int dilation)
{
    struct axis across = {1 + number % 4, 1 + number % 3, 0, 1 + number / 2 % dilation};
    across.padding = number / 4 % (across.taps / 2 + 1);
    return (struct geometry){down, number % 2 == 0 ? down : across};
}

START_TEST(conv_every_shape)
{
    static const int channels[] = {1, 3, 5}, sizes[] = {1, 2, 5, 7};
    int window = _i, checked = 0, tried = 0;
    for (int padding = 0; padding < window; padding++)
        for (int stride = 1; stride <= 2; stride++)
            for (int a = 0; a < 3; a++)
                for (int b = 0; b < 4; b++)
                    for (int d = 0; d < 4; d++) {
                        int h = sizes[b], w = sizes[d];
                        struct geometry g = make_geometry(
                            (struct axis){window, stride, padding, 1 + tried % 5 % 3}, tried, 4);
                        tried++;
                        if (naive_out_size(h, g.h) < 1 || naive_out_size(w, g.w) < 1)
                            continue;
                        int groups = 1 + checked % 3, c = channels[a] * groups;
                        int k = channels[(a + b + d) % 3] * groups;
                        struct ref_window s = {c, h, w, k, 0, 0, g, groups};
                        s.oh = naive_out_size(h, g.h);
                        s.ow = naive_out_size(w, g.w);
                        check_conv(&s, (a + b) % 2 == 0, (uint64_t)checked++);
                    }
    ck_assert_int_gt(checked, 5);
}
END_TEST

/* The naive gradients themselves, by central differences of sum y * dy. */
START_TEST(naive_conv_gradients_are_gradients)
{
    const struct ref_window s = {2, 5, 4, 3, 3, 2, naive_square(3, 2, 1), 1};
    enum { NX = 40, NW = 54, NY = 18 };
    static double x[NX], w[NW], b[3], dy[NY], y[NY], dx[NX], dw[NW], db[3];
    naive_fill(x, narrow[0], NX, 1);
    naive_fill(w, narrow[0], NW, 2);
    naive_fill(b, narrow[0], 3, 3);
    naive_fill(dy, narrow[0], NY, 4);
    naive_conv(&s, y, dx, dw, db, x, w, b, dy);
    double *values[] = {x, w, b}, *gradients[] = {dx, dw, db};
    const int counts[] = {NX, NW, 3};
    for (int v = 0; v < 3; v++)
        for (int i = 0; i < counts[v]; i++) {
            double side[2], old = values[v][i], h = 1e-6;
            for (int up = 0; up < 2; up++) {
                values[v][i] = up ? old + h : old - h;
                naive_conv(&s, y, NULL, NULL, NULL, x, w, b, NULL);
                side[up] = 0;
                for (int o = 0; o < NY; o++)
                    side[up] += y[o] * dy[o];
            }
            values[v][i] = old;
            ck_assert_double_eq_tol((side[1] - side[0]) / (2 * h), gradients[v][i], 1e-7);
        }
}
END_TEST

START_TEST(linear_is_a_convolution_over_the_whole_image)
{
    /* Four images with gaps between them, so that strides matter. */
    enum { N = 4, IN = 45, OUT = 7, XS = 48, YS = 9 };
    const struct ref_linear s = {N, IN, OUT, XS, YS};
    const struct ref_window one = {5, 3, 3, OUT, 1, 1, naive_square(3, 1, 0), 1};
    double *x = wide[0], *w = wide[1], *b = wide[2], *dy = wide[3], *y = wide[4];
    double dx[IN], dw[OUT * IN], db[OUT], dw_sum[OUT * IN] = {0}, db_sum[OUT] = {0};
    naive_fill(x, narrow[0], N * XS, 1);
    naive_fill(w, narrow[1], OUT * IN, 2);
    naive_fill(b, narrow[2], OUT, 3);
    naive_fill(dy, narrow[3], N * YS, 4);
    memset(narrow[6], 0, sizeof narrow[6]);
    memset(narrow[7], 0, sizeof narrow[7]);
    ref_linear_fwd(&s, narrow[4], narrow[0], narrow[1], narrow[2]);
    ref_linear_bwd_data(&s, narrow[5], narrow[3], narrow[1], false);
    ref_linear_bwd_weights(&s, narrow[6], narrow[7], narrow[0], narrow[3]);
    for (int n = 0; n < N; n++) {
        naive_conv(&one, y, dx, dw, db, x + n * XS, w, b, dy + n * YS);
        assert_close("y", narrow[4] + n * YS, y, OUT, tolerance_of(IN));
        assert_close("dx", narrow[5] + n * XS, dx, IN, tolerance_of(OUT));
        for (int i = 0; i < OUT * IN; i++)
            dw_sum[i] += dw[i];
        for (int i = 0; i < OUT; i++)
            db_sum[i] += db[i];
    }
    assert_close("dw", narrow[6], dw_sum, OUT * IN, tolerance_of(N));
    assert_close("db", narrow[7], db_sum, OUT, tolerance_of(N));
    ref_linear_bwd_data(&s, narrow[5], narrow[3], narrow[1], true);
    for (int i = 0; i < IN; i++)
        dx[i] *= 2;
    assert_close("dx added", narrow[5] + (N - 1) * XS, dx, IN, tolerance_of(2 * OUT));
    ref_linear_fwd(&s, narrow[4], narrow[0], narrow[1], NULL);
    naive_conv(&one, y, NULL, NULL, NULL, x, w, NULL, NULL);
    assert_close("no bias", narrow[4], y, OUT, tolerance_of(IN));
}
END_TEST

/* -- Pools, norms and loss by finite differences ----------------------------------------------- */

START_TEST(pools_every_shape)
{
    static const int sizes[] = {1, 2, 5, 7};
    int window = _i, checked = 0, tried = 0;
    for (int padding = 0; padding <= window / 2; padding++)
        for (int stride = 1; stride <= 3; stride++)
            for (int shape = 0; shape < 16; shape++)
                for (int max = 0; max < 2; max++) {
                    int h = sizes[shape / 4], w = sizes[shape % 4], c = 3;
                    struct geometry g =
                        make_geometry((struct axis){window, stride, padding, 1}, tried++ / 2, 1);
                    if (h + 2 * padding < window || w + 2 * g.w.padding < g.w.taps)
                        continue;
                    struct ref_window s = {c, h, w, c, 0, 0, g, 1};
                    s.oh = naive_out_size(h, g.h);
                    s.ow = naive_out_size(w, g.w);
                    int nx = c * h * w, ny = c * s.oh * s.ow;
                    double *x = wide[0], *dy = wide[1], *y = wide[2], *dx = wide[3];
                    naive_fill(x, narrow[0], nx, (uint64_t)checked++);
                    for (int i = 0; i < nx; i++) { /* no two alike, so that the maximum is smooth */
                        x[i] += i * 0x1p-19;
                        narrow[0][i] = (float)x[i];
                    }
                    naive_fill(dy, narrow[1], ny, (uint64_t)checked);
                    naive_pool(&s, y, x, max);
                    (max ? ref_maxpool_fwd : ref_avgpool_fwd)(&s, narrow[2], narrow[0]);
                    assert_close("y", narrow[2], y, ny, 1e-5);
                    for (int i = 0; i < nx; i++) {
                        double side[2], old = x[i], step = 1e-7;
                        for (int up = 0; up < 2; up++) {
                            x[i] = up ? old + step : old - step;
                            naive_pool(&s, y, x, max);
                            side[up] = 0;
                            for (int o = 0; o < ny; o++)
                                if (isfinite(y[o])) /* not so where a window is all padding */
                                    side[up] += y[o] * dy[o];
                        }
                        x[i] = old;
                        dx[i] = (side[1] - side[0]) / (2 * step);
                    }
                    if (max)
                        ref_maxpool_bwd(&s, narrow[3], narrow[0], narrow[1], false);
                    else
                        ref_avgpool_bwd(&s, narrow[3], narrow[1], false);
                    assert_close("dx", narrow[3], dx, nx, 1e-5);
                }
    ck_assert_int_gt(checked, 5);
}
END_TEST

/* Runs the generic norm over [images][c][pixels] as the generic backend does. */
static void generic_norm(float *y, float *dx, float *dweight, float *dbias, const float *x,
                         const float *weight, const float *bias, const float *dy, int images, int c,
                         int pixels, int groups, bool batch, double eps)
{
    struct ref_moments moments[16];
    float coef[3 * 16], dcoef[4 * 16];
    int units = batch ? 1 : images, each = images / units, size = c * pixels;
    double count = (double)each * pixels * (c / groups);
    for (int u = 0; u < units; u++) {
        double sums[2 * 16] = {0}, dsums[2 * 16] = {0};
        for (int n = u * each; n < (u + 1) * each; n++) {
            ref_sums(sums, x + n * size, x + n * size, c, pixels);
            ref_sums(dsums, dy + n * size, x + n * size, c, pixels);
        }
        ref_norm_moments(moments, sums, c, groups, count, eps);
        ref_norm_coef(coef, moments, weight, bias, c, groups);
        ref_norm_dcoef(dcoef, dweight, dbias, moments, dsums, weight, c, groups, count);
        for (int n = u * each; n < (u + 1) * each; n++) {
            ref_affine_fwd(y + n * size, x + n * size, coef, c, pixels);
            ref_affine_bwd(dx + n * size, dy + n * size, x + n * size, dcoef + 3 * c, dcoef, c,
                           pixels, false);
        }
    }
}

START_TEST(norms_by_finite_differences)
{
    static const struct {
        int images, c, pixels, groups;
        bool batch;
    } cases[] = {{3, 5, 7, 5, true},   {4, 1, 9, 1, true},   {2, 3, 25, 3, true},
                 {2, 6, 10, 3, false}, {2, 6, 10, 1, false}, {2, 6, 10, 6, false},
                 {1, 4, 1, 1, false},  {2, 4, 3, 2, false},  {1, 1, 49, 1, false}};
    const double eps = 1e-3;
    for (size_t t = 0; t < sizeof cases / sizeof *cases; t++) {
        int images = cases[t].images, c = cases[t].c, pixels = cases[t].pixels;
        int groups = cases[t].groups, n = images * c * pixels;
        bool batch = cases[t].batch;
        double *x = wide[0], *weight = wide[1], *bias = wide[2], *dy = wide[3], *y = wide[4];
        naive_fill(x, narrow[0], n, t);
        naive_fill(weight, narrow[1], c, t + 100);
        naive_fill(bias, narrow[2], c, t + 200);
        naive_fill(dy, narrow[3], n, t + 300);
        memset(narrow[6], 0, sizeof narrow[6]);
        memset(narrow[7], 0, sizeof narrow[7]);
        generic_norm(narrow[4], narrow[5], narrow[6], narrow[7], narrow[0], narrow[1], narrow[2],
                     narrow[3], images, c, pixels, groups, batch, eps);
        naive_norm(y, x, weight, bias, images, c, pixels, groups, batch, eps);
        assert_close("y", narrow[4], y, n, 1e-5);
        double *values[] = {x, weight, bias};
        const float *gradients[] = {narrow[5], narrow[6], narrow[7]};
        const int counts[] = {n, c, c};
        for (int v = 0; v < 3; v++)
            for (int i = 0; i < counts[v]; i++) {
                double side[2], old = values[v][i], step = 1e-6;
                for (int up = 0; up < 2; up++) {
                    values[v][i] = up ? old + step : old - step;
                    naive_norm(y, x, weight, bias, images, c, pixels, groups, batch, eps);
                    side[up] = 0;
                    for (int o = 0; o < n; o++)
                        side[up] += y[o] * dy[o];
                }
                values[v][i] = old;
                ck_assert_double_eq_tol((double)gradients[v][i], (side[1] - side[0]) / (2 * step),
                                        2e-5);
            }
    }
}
END_TEST

START_TEST(norm_properties)
{
    /* The gradient of a normalized group is orthogonal to constants and to the group itself. */
    enum { C = 6, PIXELS = 40, N = C * PIXELS };
    const float ones[C] = {1, 1, 1, 1, 1, 1}, zeros[C] = {0};
    naive_fill(wide[0], narrow[0], N, 1);
    naive_fill(wide[3], narrow[3], N, 2);
    generic_norm(narrow[4], narrow[5], NULL, NULL, narrow[0], ones, zeros, narrow[3], 1, C, PIXELS,
                 2, false, 0);
    for (int g = 0; g < 2; g++) {
        double sum = 0, along = 0;
        for (int i = g * N / 2; i < (g + 1) * N / 2; i++) {
            sum += (double)narrow[5][i];
            along += (double)narrow[5][i] * (double)narrow[4][i];
        }
        ck_assert_double_eq_tol(sum, 0, 1e-4);
        ck_assert_double_eq_tol(along, 0, 1e-4);
    }
}
END_TEST

enum { CLASSES = 10 };

/* The loss of two labels is the sum of theirs, by parts. */
static double weighted(const double *logits, const struct ref_target *target)
{
    return target->part * naive_loss(logits, CLASSES, target->label, target->smoothing) +
           (1 - target->part) * naive_loss(logits, CLASSES, target->other, target->smoothing);
}

START_TEST(loss_by_finite_differences)
{
    double *logits = wide[0];
    float d[CLASSES];
    for (int label = 0; label < CLASSES; label++) {
        const struct ref_target target = {.label = label,
                                          .other = (label + label / 5) % CLASSES,
                                          .part = label < 3 ? 1 : 0.625,
                                          .smoothing = label % 2 ? 0.1 : 0};
        naive_fill(logits, narrow[0], CLASSES, (uint64_t)label);
        ck_assert_double_eq_tol(ref_loss(narrow[0], CLASSES, &target), weighted(logits, &target),
                                1e-9);
        ref_loss_bwd(d, narrow[0], CLASSES, &target, 0.5, false);
        for (int k = 0; k < CLASSES; k++) {
            double side[2], old = logits[k], step = 1e-6;
            for (int up = 0; up < 2; up++) {
                logits[k] = up ? old + step : old - step;
                side[up] = weighted(logits, &target);
            }
            logits[k] = old;
            ck_assert_double_eq_tol((double)d[k], 0.5 * (side[1] - side[0]) / (2 * step), 1e-6);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ref");
    TCase *tcase = tcase_create("ref");
    tcase_set_timeout(tcase, 60);
    struct err missing = {0};
    if (!ref_open(1, &missing)) {
        fprintf(stderr, "%s\n", missing.message);
        return EXIT_FAILURE;
    }
    tcase_add_test(tcase, naive_conv_gradients_are_gradients);
    tcase_add_loop_test(tcase, conv_every_shape, 1, 8);
    tcase_add_test(tcase, linear_is_a_convolution_over_the_whole_image);
    tcase_add_loop_test(tcase, pools_every_shape, 1, 8);
    tcase_add_test(tcase, norms_by_finite_differences);
    tcase_add_test(tcase, norm_properties);
    tcase_add_test(tcase, loss_by_finite_differences);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
