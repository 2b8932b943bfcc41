/* test_verify.c - kernels written naively in the kernels' own layouts (fake_kernel.h) pass, and
 * each plausible mistake in them is caught, by name and place. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_kernel.h"
#include "inspect/verify.h"
#include "naive.h"

/* -- Kernels ----------------------------------------------------------------------------------- */

/* An image of 5x6 with c channels in 8 lanes; out is its size after the window. */
static struct kernel make(enum kernel_op op, enum kernel_pass pass, int c, int k, int window,
                          int stride, int padding)
{
    bool linear = op == KERNEL_LINEAR;
    struct geometry g = naive_square(window, stride, padding);
    int h = linear ? 1 : naive_out_size(5, g.h);
    int w = linear ? 1 : naive_out_size(6, g.w);
    int taps = linear ? 30 : window * window;
    return (struct kernel){.name = "fake_kernel",
                           .layer = "layer",
                           .op = op,
                           .pass = pass,
                           .x = {c, 5, 6, 8, 2},
                           .x2 = {c, 5, 6, 8, 1},
                           .y = {k, h, w, 8, 1},
                           .dx = {c, 5, 6, 8, 0},
                           .dy = {k, h, w, 8, 3},
                           .geometry = g,
                           .exact = true,
                           .packed_floats = (size_t)(taps * c * 8),
                           .scratch_floats = 10,
                           .images = 3,
                           .pack = pack,
                           .unpack = unpack,
                           .run = fake};
}

enum { KERNELS = 88 };

static int make_all(struct kernel *all)
{
    static const enum kernel_pass passes[] = {PASS_FWD, PASS_BWD_DATA, PASS_BWD_WEIGHTS,
                                              PASS_BWD_REDUCE};
    int n = 0;
    for (int p = 0; p < 3; p++)
        for (int flags = 0; flags < 4; flags++) {
            all[n] = make(KERNEL_CONV, passes[p], 3, 5, 3, 1 + flags % 2, 1);
            all[n].bias = all[n].stats = flags % 2;
            all[n].relu = all[n].adds = all[n].each_image = flags / 2;
            n++;
        }
    for (int p = 0; p < 3; p++) {
        all[n] = make(KERNEL_LINEAR, passes[p], 3, 7, 1, 1, 0);
        all[n++].bias = true;
    }
    for (int p = 0; p < 4; p++)
        for (int flags = 0; flags < 8 && passes[p] != PASS_BWD_WEIGHTS; flags++) {
            all[n] = make(KERNEL_POINTWISE, passes[p], 6, 6, 1, 1, 0);
            if (flags == 5)
                all[n].dx = all[n].dy; /* allows dx in the place of dy */
            all[n].affine = flags % 2 || passes[p] == PASS_BWD_REDUCE;
            all[n].relu = all[n].adds = all[n].each_image = flags / 2 % 2;
            all[n].masks_x = flags / 4;
            all[n].unit = flags == 6 ? DROP_CHANNELS : flags == 7 ? DROP_IMAGES : DROP_VALUES;
            all[n++].p = flags / 4 ? 0.5f : flags == 3 ? 0.3f : 0;
        }
    for (int p = 0; p < 2; p++)
        for (int flags = 0; flags < 4; flags++) {
            enum kernel_op op = flags % 2 ? KERNEL_MAXPOOL : KERNEL_AVGPOOL;
            all[n] = make(op, passes[p], 7, 7, 2 + flags / 2, 2, flags / 2);
            all[n].winners = op == KERNEL_MAXPOOL && p == 0;
            all[n++].adds = flags / 2;
        }
    for (int p = 0; p < 2; p++)
        for (int flags = 0; flags < 2; flags++) {
            all[n] = make(KERNEL_ADD, passes[p], 6, 6, 1, 1, 0);
            all[n].relu = all[n].adds = flags;
            n++;
        }
    for (int p = 0; p < 2; p++)
        for (int flags = 0; flags < 2; flags++) {
            all[n] = make(KERNEL_CONCAT, passes[p], 6, 6, 1, 1, 0);
            all[n++].adds = flags;
            all[n] = make(KERNEL_PAD_CHANNELS, passes[p], 3, 6, 1, 1, 0);
            all[n].first = 2;
            all[n++].adds = flags;
            all[n] = make(KERNEL_MUL, passes[p], 6, 6, 1, 1, 0);
            all[n++].adds = flags;
            all[n] = make(KERNEL_GLOBAL_MAXPOOL, passes[p], 6, 6, 1, 1, 0);
            all[n].y.h = all[n].y.w = all[n].dy.h = all[n].dy.w = 1;
            all[n].winners = p == 0;
            all[n++].adds = flags;
        }
    for (int p = 0; p < 3; p++)
        for (int flags = 0; flags < 4; flags++) {
            all[n] = make(KERNEL_SET_NORM, passes[p], 6, 6, 1, 1, 0);
            if (flags == 2)
                all[n].dx = all[n].dy; /* allows dx in the place of dy */
            all[n].norm = flags % 2 ? NORM_LAYER : NORM_RMS;
            all[n].exact = false;
            all[n].eps = 1e-3f;
            all[n].adds = flags == 3;
            all[n++].masks_x = flags / 2;
        }
    all[n++] = make(KERNEL_SUMS, PASS_FWD, 6, 6, 1, 1, 0);
    ck_assert_int_le(n, KERNELS);
    return n;
}

static bool verify(const struct kernel *k, enum bug with, enum operands_input input,
                   struct err *err)
{
    current = k;
    bug = with;
    *err = (struct err){.code = EXIT_OK};
    return verify_kernel(k, input, 42, NULL, err);
}

/* Whether the bug changes what this kernel computes from integers. */
static bool shows(const struct kernel *k, enum bug b)
{
    bool weighted = k->op == KERNEL_CONV || k->op == KERNEL_LINEAR;
    bool pool = k->op == KERNEL_MAXPOOL || k->op == KERNEL_AVGPOOL;
    bool fwd = k->pass == PASS_FWD, data = k->pass == PASS_BWD_DATA;
    bool image = (fwd && k->op != KERNEL_SUMS) || data;
    bool sums = (k->stats && fwd) || k->op == KERNEL_SUMS || k->pass == PASS_BWD_REDUCE;
    switch (b) {
    case TAP_OFF:
        return weighted || pool;
    case LAST_TAP_MISSING:
        return weighted || (pool && !(k->op == KERNEL_MAXPOOL && (data || k->geometry.h.taps > 2)));
    case MASK_MISSING:
        return (k->relu && (!weighted || fwd) && !pool) ||
               ((k->op == KERNEL_POINTWISE || k->op == KERNEL_SET_NORM) && k->masks_x && data);
    case BORDER_WRITTEN:
        return image && (fwd ? k->y : k->dx).border > 0;
    case PAD_FORGOTTEN:
        return image && (fwd || !k->adds) && (fwd ? k->y : k->dx).c < 8;
    case PAD_WRITTEN:
        return image && (fwd ? k->y : k->dx).c < 8;
    case ADDS_INSTEAD:
        return (image && (fwd || !k->adds)) || sums;
    case PIXEL_FORGOTTEN:
        return image && (fwd || !k->adds);
    case SETS_INSTEAD:
        return (data && k->adds) || k->pass == PASS_BWD_WEIGHTS;
    case UNDERRUN:
        return image;
    case OVERRUN:
        return image || k->pass == PASS_BWD_WEIGHTS;
    case LAST_WINNER:
        return k->winners;
    case WRONG_POSITION:
        return k->op == KERNEL_POINTWISE && k->p > 0;
    case IMAGE_FORGOTTEN:
        return true;
    case COEF_SHARED:
        return k->each_image && k->op == KERNEL_POINTWISE && k->affine;
    case SUMS_SHARED:
    case UNSHIFTED:
        return sums;
    default: /* ROUNDED has a test of its own */
        return false;
    }
}

/* -- Tests ------------------------------------------------------------------------------------- */

START_TEST(right_kernels_pass)
{
    static struct kernel all[KERNELS];
    struct err err;
    int n = make_all(all);
    for (int i = 0; i < n; i++) {
        for (int input = 0; input < OPERANDS_INPUTS; input++)
            ck_assert_msg(verify(&all[i], NO_BUG, (enum operands_input)input, &err), "%d: %s", i,
                          err.message);
    }
}
END_TEST

START_TEST(wrong_kernels_are_caught)
{
    static struct kernel all[KERNELS];
    struct err err;
    int n = make_all(all), caught = 0;
    enum bug b = (enum bug)_i;
    for (int i = 0; i < n; i++) {
        if (!shows(&all[i], b))
            continue;
        caught++;
        bool passed = verify(&all[i], b, OPERANDS_INTEGERS, &err);
        if (passed) /* small integers may cancel in a small kernel, so a check uses both inputs */
            passed = verify(&all[i], b, OPERANDS_RANDOM, &err);
        ck_assert_msg(!passed, "bug %d in kernel %d", _i, i);
        ck_assert_ptr_eq(strstr(err.message, "fake_kernel: "), err.message);
    }
    ck_assert_int_gt(caught, 0);
}
END_TEST

/* A micro-batch of as many images as there may be, of one fewer, and of one. */
START_TEST(every_size_of_a_micro_batch_is_tried)
{
    static const int sizes[] = {4, 3, 1};
    struct err err;
    struct kernel k = make(KERNEL_CONV, PASS_FWD, 3, 5, 3, 1, 1);
    k.images = 4;
    for (int i = 0; i < 3; i++) {
        forgetful = sizes[i];
        ck_assert_msg(!verify(&k, IMAGE_FORGOTTEN, OPERANDS_INTEGERS, &err), "%d images", sizes[i]);
    }
    forgetful = 2;
    ck_assert_msg(verify(&k, IMAGE_FORGOTTEN, OPERANDS_INTEGERS, &err), "%s", err.message);
    forgetful = 0;
}
END_TEST

START_TEST(exact_kernels_must_be_exact)
{
    struct err err;
    struct verify_report report;
    struct kernel k = make(KERNEL_CONV, PASS_FWD, 3, 5, 3, 1, 1);
    ck_assert(!verify(&k, ROUNDED, OPERANDS_INTEGERS, &err));
    ck_assert_msg(verify(&k, ROUNDED, OPERANDS_RANDOM, &err), "%s", err.message);
    k.exact = false;
    ck_assert_msg(verify_kernel(&k, OPERANDS_INTEGERS, 1, &report, &err), "%s", err.message);
    ck_assert(!report.exact);
    ck_assert_double_gt(report.max_abs, 0);
    ck_assert_double_gt(report.max_rel, 0);
    ck_assert_double_lt(report.max_abs, 1e-4);
    ck_assert_str_eq(report.output, "y");
}
END_TEST

/* A mean of 1,800 deviations and more; the convolutions have a bias, or the zeros of their border
 * would be as far from their means as these from zero. */
START_TEST(lost_deviations_are_caught)
{
    static struct kernel all[KERNELS];
    struct err err;
    int n = make_all(all), caught = 0;
    for (int i = 0; i < n; i++) {
        if (!operands_takes_far(&all[i]))
            continue;
        caught++;
        all[i].exact = false;
        ck_assert_msg(verify(&all[i], LATE, OPERANDS_RANDOM, &err), "%d: %s", i, err.message);
        ck_assert_msg(!verify(&all[i], LATE, OPERANDS_FAR_1024, &err), "kernel %d", i);
        ck_assert_msg(!verify(&all[i], LATE, OPERANDS_FAR_8192, &err), "kernel %d", i);
    }
    ck_assert_int_ge(caught, 2 + 16 + 1);
}
END_TEST

START_TEST(messages_say_what_and_where)
{
    struct err err;
    struct kernel k = make(KERNEL_CONV, PASS_BWD_DATA, 3, 5, 3, 1, 1);
    verify(&k, PIXEL_FORGOTTEN, OPERANDS_INTEGERS, &err);
    ck_assert_ptr_nonnull(
        strstr(err.message, "dx at channel 2, row 4, column 5 of image 0: expected"));
    verify(&k, OVERRUN, OPERANDS_INTEGERS, &err);
    ck_assert_str_eq(err.message, "fake_kernel: touches memory past the end of a buffer (dx)");
    verify(&k, UNDERRUN, OPERANDS_INTEGERS, &err);
    ck_assert_str_eq(err.message, "fake_kernel: touches memory before the start of a buffer (dx)");
    k = make(KERNEL_CONV, PASS_FWD, 3, 5, 3, 1, 1);
    verify(&k, BORDER_WRITTEN, OPERANDS_INTEGERS, &err);
    ck_assert_ptr_nonnull(
        strstr(err.message, "y: border at row 5, column 0, lane 0 of image 0: expected 0"));
    verify(&k, PAD_WRITTEN, OPERANDS_INTEGERS, &err);
    ck_assert_ptr_nonnull(
        strstr(err.message, "y: pad lane at row 0, column 0, lane 5 of image 0: expected 0"));
    ck_assert_int_eq(err.code, EXIT_FAILED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verify");
    TCase *tcase = tcase_create("verify");
    tcase_set_timeout(tcase, 60);
    struct err missing = {0};
    if (!ref_open(1, &missing)) {
        fprintf(stderr, "%s\n", missing.message);
        return EXIT_FAILURE;
    }
    tcase_add_test(tcase, right_kernels_pass);
    tcase_add_loop_test(tcase, wrong_kernels_are_caught, NO_BUG + 1, ROUNDED);
    tcase_add_test(tcase, every_size_of_a_micro_batch_is_tried);
    tcase_add_test(tcase, exact_kernels_must_be_exact);
    tcase_add_test(tcase, lost_deviations_are_caught);
    tcase_add_test(tcase, messages_say_what_and_where);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
