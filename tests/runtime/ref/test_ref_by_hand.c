/* test_ref_by_hand.c - the generic kernels against numbers worked out by hand. */
#include <stdio.h>
#include <stdlib.h>

#include "compare.h"
#include "naive.h"
#include "ref/ref.h"

static float scratch[4 * NAIVE_MAX]; /* columns */

START_TEST(conv_stride_2_padding_1_by_hand)
{
    /* The windows of a 3x3 image, window 3, stride 2, padding 1 are its four 2x2 corners. */
    const struct ref_window s = {1, 3, 3, 1, 2, 2, naive_square(3, 2, 1), 1};
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const float w[] = {1, 0, 2, 0, 3, 0, -1, 0, 1};
    const float bias[] = {10};
    const float dy[] = {1, 10, 100, 1000};
    float y[4], dx[9], dw[9] = {0}, db[1] = {5};
    ref_conv_fwd(&s, y, x, w, bias, scratch);
    /* 3*1 + 1*5 | 3*3 - 1*5 | 3*7 + 2*5 | 3*9 + 1*5, each + 10 */
    assert_floats("y", y, (const float[]){18, 14, 41, 42}, 4);
    ref_conv_bwd_data(&s, dx, dy, w, false, scratch);
    assert_floats("dx", dx, (const float[]){3, 0, 30, 0, 1 - 10 + 200 + 1000, 0, 300, 0, 3000}, 9);
    ref_conv_bwd_data(&s, dx, dy, w, true, scratch);
    assert_floats("dx added", dx + 4, (const float[]){2 * 1191}, 1);
    ref_conv_bwd_weights(&s, dw, db, x, dy, scratch);
    assert_floats("dw", dw,
                  (const float[]){5000, 400 + 6000, 500, 20 + 8000, 1 + 30 + 700 + 9000, 2 + 800,
                                  50, 4 + 60, 5},
                  9);
    assert_floats("db", db, (const float[]){5 + 1111}, 1);
}
END_TEST

START_TEST(pools_by_hand)
{
    const struct ref_window s = {1, 3, 3, 1, 2, 2, naive_square(2, 2, 1), 1};
    const float x[] = {-1, -2, -3, 4, 4, 4, 4, -9, 8};
    const float dy[] = {1, 10, 100, 1000};
    float y[4], dx[9];
    ref_maxpool_fwd(&s, y, x);
    assert_floats("padding is -inf", y, (const float[]){-1, -2, 4, 8}, 4);
    ref_maxpool_bwd(&s, dx, x, dy, false);
    assert_floats("first winner", dx, (const float[]){1, 10, 0, 100, 0, 0, 0, 0, 1000}, 9);
    ref_avgpool_fwd(&s, y, x);
    assert_floats("divides by 4", y, (const float[]){-0.25f, -1.25f, 2, 1.75f}, 4);
    ref_avgpool_bwd(&s, dx, dy, false);
    assert_floats("a quarter each", dx,
                  (const float[]){0.25f, 2.5f, 2.5f, 25, 250, 250, 25, 250, 250}, 9);
    ref_avgpool_bwd(&s, dx, dy, true);
    assert_floats("added", dx + 8, (const float[]){500}, 1);
    ref_maxpool_bwd(&s, dx, x, dy, true);
    assert_floats("added", dx + 8, (const float[]){1500}, 1);

    const float plane[] = {1, 2, 3, 6, -1, -2, -3, -6};
    ref_global_avgpool_fwd(y, plane, 2, 4);
    assert_floats("mean", y, (const float[]){3, -3}, 2);
    ref_global_avgpool_bwd(dx, dy, 2, 4, false);
    assert_floats("share", dx, (const float[]){.25f, .25f, .25f, .25f, 2.5f, 2.5f, 2.5f, 2.5f}, 8);
}
END_TEST

START_TEST(norm_by_hand)
{
    /* mean 2.5, biased variance 1.25, unbiased 5/3 */
    const float x[] = {1, 2, 3, 4}, weight[] = {2}, bias[] = {1};
    double sums[2] = {0};
    struct ref_moments m[1];
    float coef[3], y[4], mean[1] = {10}, var[1] = {1};
    ref_sums(sums, x, x, 1, 4);
    ck_assert_double_eq(sums[0], 10);
    ck_assert_double_eq(sums[1], 30);
    ref_norm_moments(m, sums, 1, 1, 4, 0);
    ck_assert_double_eq(m->mean, 2.5);
    ck_assert_double_eq(m->var, 1.25);
    ref_norm_coef(coef, m, weight, bias, 1, 1);
    ref_affine_fwd(y, x, coef, 1, 4);
    /* 1 + 2 * (-1.5, -0.5, 0.5, 1.5) / sqrt(1.25) */
    assert_close("y", y, (const double[]){-1.68328157, 0.10557281, 1.89442719, 3.68328157}, 4,
                 1e-6);
    ref_norm_track(mean, var, m, 1, 4, 0.1);
    assert_close("running mean", mean, (const double[]){9.25}, 1, 1e-6);
    assert_close("running variance", var, (const double[]){0.9 + 0.5 / 3}, 1, 1e-6);
    ref_norm_running(m, mean, var, 1, 0.5);
    const double rstd = 1 / sqrt(1.4 + 0.5 / 3);
    ck_assert_double_eq_tol(m->rstd, rstd, 1e-6);
    ref_norm_coef(coef, m, NULL, NULL, 1, 1);
    assert_close("evaluation", coef, (const double[]){rstd, 0, 9.25}, 3, 1e-6);

    /* eps is inside the root, and constant groups have no negative variance. */
    float flat[77];
    for (int i = 1; i < 100; i++) {
        for (int j = 0; j < 77; j++)
            flat[j] = 1.1f * (float)i;
        memset(sums, 0, sizeof sums);
        ref_sums(sums, flat, flat, 1, 77);
        ref_norm_moments(m, sums, 1, 1, 77, 1e-4);
        ck_assert_double_ge(m->var, 0);
        ck_assert_double_eq_tol(m->rstd, 100, 1e-4);
    }
}
END_TEST

START_TEST(loss_by_hand)
{
    const float logits[] = {0, 0.69314718f, 0}; /* softmax 1/4, 1/2, 1/4 */
    float d[3];
    const struct ref_target first = {.label = 0, .part = 1}, second = {.label = 1, .part = 1};
    ck_assert_double_eq_tol(ref_loss(logits, 3, &second), log(2), 1e-7);
    ck_assert_double_eq_tol(ref_loss(logits, 3, &first), log(4), 1e-7);
    /* smoothing 0.3 puts 0.1 on every class and 0.7 more on the label */
    const struct ref_target smooth = {.label = 1, .part = 1, .smoothing = 0.3};
    ck_assert_double_eq_tol(ref_loss(logits, 3, &smooth), 0.8 * log(2) + 0.2 * log(4), 1e-7);
    ref_loss_bwd(d, logits, 3, &smooth, 10, false);
    assert_close("dlogits", d, (const double[]){1.5, -3, 1.5}, 3, 1e-6);
    ref_loss_bwd(d, logits, 3, &smooth, 10, true);
    assert_close("dlogits added", d, (const double[]){3, -6, 3}, 3, 1e-6);
    const float huge[] = {1000, 0, 1000};
    ck_assert_double_eq_tol(ref_loss(huge, 3, &first), log(2), 1e-9);
    ck_assert_int_eq(ref_argmax(huge, 3), 0);
    ck_assert_int_eq(ref_argmax(logits, 3), 1);
}
END_TEST

START_TEST(maps_by_hand)
{
    float x[] = {-1, 0, 2, -0.5f}, y[4];
    const float dy[] = {1, 2, 3, 4};
    ref_relu_fwd(y, x, 4);
    assert_floats("relu", y, (const float[]){0, 0, 2, 0}, 4);
    ref_relu_bwd(y, x, dy, 4, false);
    assert_floats("relu gradient", y, (const float[]){0, 0, 3, 0}, 4);
    ref_relu_bwd(y, x, dy, 4, true);
    assert_floats("relu gradient added", y, (const float[]){0, 0, 6, 0}, 4);
    ref_add_fwd(y, x, dy, 4);
    assert_floats("add", y, (const float[]){0, 2, 5, 3.5f}, 4);
    ref_add_bwd(y, dy, 4, true);
    assert_floats("add gradient", y, (const float[]){1, 4, 8, 7.5f}, 4);
    ref_add_bwd(y, dy, 4, false);
    assert_floats("add gradient", y, dy, 4);
    float product[4];
    ref_mul_fwd(product, dy, (const float[]){2, 3}, 2, 2, 2, 1);
    assert_floats("gate", product, (const float[]){2, 4, 9, 12}, 4);
    ref_mul_bwd(product, dy, dy, 2, 2, 1, 2, false);
    assert_floats("gradient of a gate", product, (const float[]){5, 25}, 2);
    ref_mul_bwd(product, dy, dy, 2, 2, 1, 2, true);
    assert_floats("gradient of a gate added", product, (const float[]){10, 50}, 2);
    ref_mul_bwd(product, dy, (const float[]){2, 3}, 2, 2, 2, 1, false);
    ref_mul_bwd(product, dy, dy, 2, 2, 2, 2, true);
    assert_floats("gradient of a product", product, (const float[]){3, 8, 18, 28}, 4);
    float place[2], image[4] = {5, 5, 3, 4};
    ref_global_maxpool_fwd(product, place, image, 2, 2);
    assert_floats("largest", product, (const float[]){5, 4}, 2);
    assert_floats("first of the largest", place, (const float[]){0, 1}, 2);
    ref_global_maxpool_bwd(product, image, dy, 2, 2, false);
    assert_floats("gradient of the largest", product, (const float[]){dy[0], 0, 0, dy[1]}, 4);
    ref_global_maxpool_bwd(product, image, dy, 2, 2, true);
    assert_floats("the same added", product, (const float[]){2 * dy[0], 0, 0, 2 * dy[1]}, 4);
    float side[6] = {7, 7, 7, 7, 7, 7};
    ref_concat_fwd(side, dy, 1, 2, 2);
    assert_floats("concat", side, (const float[]){7, 7, 1, 2, 3, 4}, 6);
    ref_concat_bwd(y, side, 1, 2, 2, false);
    assert_floats("concat gradient", y, dy, 4);
    ref_concat_bwd(y, side, 0, 2, 2, true);
    assert_floats("concat gradient added", y, (const float[]){8, 9, 4, 6}, 4);
    ref_relu_fwd(x, x, 4);
    assert_floats("relu in place", x, (const float[]){0, 0, 2, 0}, 4);
}
END_TEST

START_TEST(norms_of_sets_by_hand)
{
    const float dy[] = {1, 2, 3, 4};
    const struct ref_set_norm layer = {NORM_LAYER, 2, 2, 3}, rms = {NORM_RMS, 2, 2, 6};
    const float pairs[] = {2, 1, 4, 3}, others[] = {2, -4, 4, 2}, weight[] = {2, 3},
                bias[] = {1, 5};
    float normal[4], dweight[2] = {10, 20}, dbias[2] = {30, 40};
    ref_set_norm_fwd(&layer, normal, pairs, weight, bias); /* of 2, 4 and 1, 3 */
    assert_floats("layer norm", normal, (const float[]){0, 0, 6.5f, 6.5f}, 4);
    ref_set_norm_bwd_data(&layer, normal, dy, pairs, weight, false);
    assert_floats("its gradient", normal, (const float[]){-1.3125f, -1.5f, 1.3125f, 1.5f}, 4);
    ref_set_norm_bwd_weights(&layer, dweight, dbias, dy, pairs);
    assert_floats("that of its weight", dweight, (const float[]){8.5f, 23.5f}, 2);
    assert_floats("that of its bias", dbias, (const float[]){33, 47}, 2);
    ref_set_norm_fwd(&rms, normal, others, weight, NULL); /* of 2, 4 and -4, 2 */
    assert_floats("RMS norm", normal, (const float[]){1, -2, 3, 1.5f}, 4);
    ref_set_norm_bwd_data(&rms, normal, dy, others, weight, false);
    ref_set_norm_bwd_data(&rms, normal, dy, others, weight, true);
    assert_floats("its gradient, twice", normal, (const float[]){-0.25f, 2.5f, 2, 5.75f}, 4);
    ref_set_norm_bwd_weights(&rms, dweight, NULL, dy, others);
    assert_floats("that of its weight", dweight, (const float[]){7, 28.5f}, 2);
}
END_TEST

/* The position of the bits that decide about a value. */
static uint32_t drop_position(enum drop_unit unit, int pixel, int channel)
{
    if (unit == DROP_IMAGES)
        return 0;
    return (uint32_t)(unit == DROP_VALUES ? pixel * 16 + channel : channel);
}

START_TEST(dropout_uses_the_generator_at_its_positions)
{
    enum { C = 3, PIXELS = 35, KEYS = 40 };
    enum drop_unit unit = (enum drop_unit)_i;
    float x[C * PIXELS], y[C * PIXELS], dx[C * PIXELS];
    int dropped = 0;
    for (int i = 0; i < C * PIXELS; i++)
        x[i] = (float)(i + 1);
    for (uint32_t sample = 0; sample < KEYS; sample++) {
        uint64_t key = rng_key(7, 2, sample, RNG_DROPOUT + 4);
        ref_dropout_fwd(y, x, C, PIXELS, 0.3f, unit, key);
        memcpy(dx, x, sizeof dx);
        ref_dropout_bwd(dx, x, C, PIXELS, 0.3f, unit, key, true);
        for (int c = 0; c < C; c++)
            for (int i = 0; i < PIXELS; i++) {
                int at = c * PIXELS + i;
                bool drop = rng_drops(key, drop_position(unit, i, c), rng_drop_threshold(0.3f));
                dropped += drop;
                ck_assert(y[at] == (drop ? 0 : x[at] * rng_keep_scale(0.3f)));
                ck_assert(dx[at] == x[at] + y[at]);
            }
    }
    ck_assert_int_gt(dropped, KEYS * C * PIXELS / 6);
    ck_assert_int_lt(dropped, KEYS * C * PIXELS / 2);
    ref_dropout_fwd(y, x, C, PIXELS, 0, unit, 1);
    assert_floats("no dropout", y, x, C * PIXELS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ref_by_hand");
    TCase *tcase = tcase_create("ref_by_hand");
    struct err missing = {0};
    if (!ref_open(1, &missing)) {
        fprintf(stderr, "%s\n", missing.message);
        return EXIT_FAILURE;
    }
    tcase_add_test(tcase, conv_stride_2_padding_1_by_hand);
    tcase_add_test(tcase, pools_by_hand);
    tcase_add_test(tcase, norm_by_hand);
    tcase_add_test(tcase, loss_by_hand);
    tcase_add_test(tcase, maps_by_hand);
    tcase_add_test(tcase, norms_of_sets_by_hand);
    tcase_add_loop_test(tcase, dropout_uses_the_generator_at_its_positions, DROP_VALUES,
                        DROP_IMAGES + 1);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
