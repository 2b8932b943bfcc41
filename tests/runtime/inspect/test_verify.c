/* test_verify.c - kernels written naively in the kernels' own layouts pass, and each plausible
 * mistake in them is caught, by name and place. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "inspect/verify.h"
#include "naive.h"

enum bug {
    NO_BUG,
    TAP_OFF, /* one column to the right of where it should read */
    LAST_TAP_MISSING,
    MASK_MISSING, /* no ReLU, forward or backward */
    BORDER_WRITTEN,
    PAD_WRITTEN,
    PAD_FORGOTTEN, /* the pad lanes of an output that is set are left as they were */
    ADDS_INSTEAD,
    SETS_INSTEAD,
    PIXEL_FORGOTTEN,
    OVERRUN,
    UNDERRUN,
    LAST_WINNER,
    WRONG_POSITION,  /* of dropout: C,H,W */
    IMAGE_FORGOTTEN, /* the last one of a micro-batch */
    COEF_SHARED,     /* by the images of a micro-batch, where each should have its own */
    SUMS_SHARED,     /* likewise */
    UNSHIFTED,       /* sums of values, not of what they differ from the first */
    ROUNDED,         /* right within tolerance only */
    LATE             /* takes a shift or a mean away from products, not from values */
};

/* The kernel that `fake` computes, and what is wrong with it. */
static const struct kernel *current;
static enum bug bug;
static int forgetful; /* the only number of images that IMAGE_FORGOTTEN is about, or 0 */

/* -- A naive kernel of any shape --------------------------------------------------------------- */

static float *pixel(const float *image, const struct layout *l, int y, int x)
{
    int at = ((y + l->border) * (l->w + 2 * l->border) + x + l->border) * l->pitch;
    return (float *)(uintptr_t)(image + at);
}

static float get(const float *image, const struct layout *l, int y, int x, int c)
{
    return y < 0 || y >= l->h || x < 0 || x >= l->w ? 0 : pixel(image, l, y, x)[c];
}

static void put(float *image, const struct layout *l, int y, int x, int c, float value, bool adds)
{
    float *to = &pixel(image, l, y, x)[c];
    if (bug == PIXEL_FORGOTTEN && y == l->h - 1 && x == l->w - 1 && c == l->c - 1)
        return;
    if (bug == ROUNDED)
        value *= 1 + 0x1p-22f;
    adds = bug == ADDS_INSTEAD || (adds && bug != SETS_INSTEAD);
    *to = adds ? *to + value : value;
}

/* What every kernel does with the pad lanes and borders of an image that it makes. */
static void finish_image(float *image, const struct layout *l, bool adds)
{
    for (int y = 0; y < l->h && !adds && bug != PAD_FORGOTTEN; y++)
        for (int x = 0; x < l->w; x++)
            for (int c = l->c; c < l->pitch; c++)
                pixel(image, l, y, x)[c] = 0;
    if (bug == BORDER_WRITTEN && l->border > 0)
        pixel(image, l, l->h, 0)[0] = 1;
    if (bug == PAD_WRITTEN && l->pitch > l->c)
        pixel(image, l, 0, 0)[l->c] = 1;
    if (bug == OVERRUN) /* the rounding up to 64 bytes may hide up to 15 floats */
        image[(layout_floats(l) + 15) / 16 * 16] = 0;
    if (bug == UNDERRUN)
        image[-1] = 0;
}

static int weight_at(int k, int c, int tap)
{
    int taps = current->op == KERNEL_LINEAR ? current->x.h * current->x.w
                                            : current->window * current->window;
    return (k * current->x.c + c) * taps + tap;
}

/* Packed [tap][c][pitch of y]. */
static int packed_at(int k, int c, int tap)
{
    return (tap * current->x.c + c) * current->y.pitch + k;
}

static int tap_count(void)
{
    return weight_at(0, 1, 0);
}

static void pack(float *packed, const float *canonical)
{
    memset(packed, 0, current->packed_floats * sizeof *packed);
    for (int k = 0; k < current->y.c; k++)
        for (int c = 0; c < current->x.c; c++)
            for (int tap = 0; tap < tap_count(); tap++)
                packed[packed_at(k, c, tap)] = canonical[weight_at(k, c, tap)];
}

static void unpack(float *canonical, const float *packed)
{
    for (int k = 0; k < current->y.c; k++)
        for (int c = 0; c < current->x.c; c++)
            for (int tap = 0; tap < tap_count(); tap++)
                canonical[weight_at(k, c, tap)] = packed[packed_at(k, c, tap)];
}

/* The input pixel under a tap of an output pixel. */
static void under_tap(int y, int x, int tap, int *iy, int *ix)
{
    const struct kernel *k = current;
    int window = k->op == KERNEL_LINEAR ? k->x.w : k->window;
    int stride = k->op == KERNEL_LINEAR ? 1 : k->stride;
    *iy = y * stride + tap / window - k->padding;
    *ix = x * stride + tap % window - k->padding + (bug == TAP_OFF && tap == 0);
}

static void add_to_sums(float *sums, int pitch, int c, float value, bool is_first)
{
    if (is_first)
        sums[c] = bug == UNSHIFTED ? 0 : value;
    value -= bug == LATE ? 0 : sums[c];
    sums[pitch + c] += value;
    sums[2 * pitch + c] += value * value;
}

/* Of `pixels` values, where they were added up as they are. */
static void shift_late(float *sums, const struct layout *l)
{
    double pixels = l->h * l->w;
    for (int c = 0; bug == LATE && c < l->c; c++) {
        double shift = (double)sums[c], sum = (double)sums[l->pitch + c];
        sums[l->pitch + c] = (float)(sum - pixels * shift);
        sums[2 * l->pitch + c] += (float)(shift * (pixels * shift - 2 * sum));
    }
}

static void fake_weighted_fwd(const struct kernel_args *a)
{
    const struct kernel *k = current;
    for (int y = 0; y < k->y.h; y++)
        for (int x = 0; x < k->y.w; x++)
            for (int o = 0; o < k->y.c; o++) {
                float sum = k->bias ? a->bias[o] : 0;
                for (int tap = 0; tap < tap_count() - (bug == LAST_TAP_MISSING); tap++)
                    for (int c = 0; c < k->x.c; c++) {
                        int iy, ix;
                        under_tap(y, x, tap, &iy, &ix);
                        sum += get(a->x, &k->x, iy, ix, c) * a->w[packed_at(o, c, tap)];
                    }
                if (k->relu && bug != MASK_MISSING)
                    sum = sum > 0 ? sum : 0;
                put(a->y, &k->y, y, x, o, sum, false);
                if (k->stats)
                    add_to_sums(a->sums, k->y.pitch, o, sum, y + x == 0);
            }
    finish_image(a->y, &k->y, false);
    if (k->stats)
        shift_late(a->sums, &k->y);
}

static void fake_weighted_bwd(const struct kernel_args *a)
{
    const struct kernel *k = current;
    bool data = k->pass == PASS_BWD_DATA;
    static float dx[1 << 14];
    memset(dx, 0, sizeof dx);
    for (int y = 0; y < k->y.h; y++)
        for (int x = 0; x < k->y.w; x++)
            for (int o = 0; o < k->y.c; o++) {
                float dy = get(a->dy, &k->dy, y, x, o);
                if (!data && k->bias)
                    a->db[o] += dy;
                for (int tap = 0; tap < tap_count() - (bug == LAST_TAP_MISSING); tap++)
                    for (int c = 0; c < k->x.c; c++) {
                        int iy, ix, at = packed_at(o, c, tap);
                        under_tap(y, x, tap, &iy, &ix);
                        bool inside = iy >= 0 && iy < k->x.h && ix >= 0 && ix < k->x.w;
                        if (data && inside)
                            dx[(iy * k->x.w + ix) * k->x.c + c] += dy * a->w[at];
                        else if (!data)
                            a->dw[at] = (bug == SETS_INSTEAD && y + x == 0 ? 0 : a->dw[at]) +
                                        dy * get(a->x, &k->x, iy, ix, c);
                    }
            }
    for (int i = 0; data && i < k->x.h * k->x.w * k->x.c; i++)
        put(a->dx, &k->dx, i / k->x.c / k->x.w, i / k->x.c % k->x.w, i % k->x.c, dx[i], k->adds);
    if (data)
        finish_image(a->dx, &k->dx, k->adds);
    if (!data && bug == OVERRUN)
        a->dw[(k->packed_floats + 15) / 16 * 16] = 0;
}

static float along(float slope, float start, float x, float m)
{
    return bug == LATE ? slope * x + (start - slope * m) : slope * (x - m) + start;
}

static void fake_pointwise(const struct kernel_args *a)
{
    const struct kernel *k = current;
    for (int y = 0; y < k->x.h; y++)
        for (int x = 0; x < k->x.w; x++)
            for (int c = 0; c < k->x.c; c++) {
                int pitch = k->x.pitch, position = (y * k->x.w + x) * 16 + c;
                if (bug == WRONG_POSITION)
                    position = (c * k->x.h + y) * k->x.w + x;
                bool drop = k->p > 0 && (a->keep[position / 8] >> position % 8 & 1) == 0;
                float factor = drop ? 0 : rng_keep_scale(k->p);
                float in = get(a->x, &k->x, y, x, c), out = in;
                float m = k->affine ? a->coef[2 * pitch + c] : 0, d = in - m;
                if (k->affine)
                    out = along(a->coef[c], a->coef[pitch + c], in, m);
                if (k->relu && bug != MASK_MISSING && !(out > 0))
                    out = factor = 0;
                if (k->pass == PASS_FWD) {
                    put(a->y, &k->y, y, x, c, out * factor, false);
                    continue;
                }
                float g = get(a->dy, &k->dy, y, x, c) * factor;
                if (k->pass == PASS_BWD_REDUCE) {
                    a->sums[c] += g;
                    a->sums[pitch + c] += g * (bug == UNSHIFTED || bug == LATE ? in : d);
                    continue;
                }
                if (k->affine)
                    g = a->dcoef[c] * g +
                        along(a->dcoef[pitch + c], a->dcoef[2 * pitch + c], in, m);
                if (k->masks_x && bug != MASK_MISSING && !(in > 0))
                    g = 0;
                put(a->dx, &k->dx, y, x, c, g, k->adds);
            }
    for (int c = 0; k->pass == PASS_BWD_REDUCE && bug == LATE && c < k->x.c; c++)
        a->sums[k->x.pitch + c] -= a->coef[2 * k->x.pitch + c] * a->sums[c];
    if (k->pass == PASS_FWD)
        finish_image(a->y, &k->y, false);
    else if (k->pass == PASS_BWD_DATA)
        finish_image(a->dx, &k->dx, k->adds);
}

/* Pools of one output pixel and channel at a time; dx is gathered in plain order first. */
static void fake_pool(const struct kernel_args *a)
{
    const struct kernel *k = current;
    bool max = k->op == KERNEL_MAXPOOL, fwd = k->pass == PASS_FWD;
    static float dx[1 << 14];
    memset(dx, 0, sizeof dx);
    for (int y = 0; y < k->y.h; y++)
        for (int x = 0; x < k->y.w; x++)
            for (int c = 0; c < k->y.pitch && max && k->winners; c++)
                a->winner[(y * k->y.w + x) * k->y.pitch + c] = 0;
    for (int y = 0; y < k->y.h; y++)
        for (int x = 0; x < k->y.w; x++)
            for (int c = 0; c < k->y.c; c++) {
                float sum = 0, best = 0, dy = fwd ? 0 : get(a->dy, &k->dy, y, x, c);
                uint8_t *place = max ? a->winner + (y * k->y.w + x) * k->y.pitch + c : NULL;
                int winner = -1;
                for (int tap = 0; tap < tap_count() - (bug == LAST_TAP_MISSING); tap++) {
                    int iy, ix;
                    under_tap(y, x, tap, &iy, &ix);
                    if (iy < 0 || iy >= k->x.h || ix < 0 || ix >= k->x.w)
                        continue;
                    float value = fwd ? get(a->x, &k->x, iy, ix, c) : 0;
                    int at = (iy * k->x.w + ix) * k->x.c + c;
                    sum += value;
                    if (!max)
                        dx[at] += dy / (float)tap_count();
                    if (winner < 0 || value > best || (bug == LAST_WINNER && value >= best)) {
                        best = value;
                        winner = at;
                        if (max && k->winners)
                            *place = (uint8_t)tap;
                    }
                }
                if (fwd)
                    put(a->y, &k->y, y, x, c, max ? best : sum / (float)tap_count(), false);
                else if (max) {
                    int iy, ix;
                    under_tap(y, x, *place, &iy, &ix);
                    dx[(iy * k->x.w + ix) * k->x.c + c] += dy;
                }
            }
    for (int i = 0; !fwd && i < k->x.h * k->x.w * k->x.c; i++)
        put(a->dx, &k->dx, i / k->x.c / k->x.w, i / k->x.c % k->x.w, i % k->x.c, dx[i], k->adds);
    finish_image(fwd ? a->y : a->dx, fwd ? &k->y : &k->dx, !fwd && k->adds);
}

static void fake_add(const struct kernel_args *a)
{
    const struct kernel *k = current;
    bool fwd = k->pass == PASS_FWD, masks = k->relu && bug != MASK_MISSING;
    for (int y = 0; y < k->y.h; y++)
        for (int x = 0; x < k->y.w; x++)
            for (int c = 0; c < k->y.c; c++) {
                if (fwd) {
                    float sum = get(a->x, &k->x, y, x, c) + get(a->x2, &k->x2, y, x, c);
                    put(a->y, &k->y, y, x, c, masks && sum < 0 ? 0 : sum, false);
                } else {
                    bool off = masks && !(get(a->yin, &k->y, y, x, c) > 0);
                    float dy = get(a->dy, &k->dy, y, x, c);
                    put(a->dx, &k->dx, y, x, c, off ? 0 : dy, k->adds);
                }
            }
    finish_image(fwd ? a->y : a->dx, fwd ? &k->y : &k->dx, !fwd && k->adds);
}

static void fake_sums(const struct kernel_args *a)
{
    const struct kernel *k = current;
    for (int i = 0; i < k->x.h * k->x.w; i++)
        for (int c = 0; c < k->x.c; c++) {
            float x = get(a->x, &k->x, i / k->x.w, i % k->x.w, c);
            add_to_sums(a->sums, k->x.pitch, c, x, i == 0);
        }
    shift_late(a->sums, &k->x);
}

static void fake_image(const struct kernel_args *a)
{
    switch (current->op) {
    case KERNEL_CONV:
    case KERNEL_LINEAR:
        if (current->pass == PASS_FWD)
            fake_weighted_fwd(a);
        else
            fake_weighted_bwd(a);
        break;
    case KERNEL_POINTWISE:
        fake_pointwise(a);
        break;
    case KERNEL_MAXPOOL:
    case KERNEL_AVGPOOL:
        fake_pool(a);
        break;
    case KERNEL_ADD:
        fake_add(a);
        break;
    case KERNEL_SUMS:
        fake_sums(a);
        break;
    }
}

static float *image_of(const float *images, const struct layout *l, int image)
{
    return images == NULL ? NULL : (float *)(uintptr_t)(images + layout_floats(l) * (size_t)image);
}

static float *vectors_of(const float *vectors, int rows, const struct layout *l, int image)
{
    bool each = current->each_image && bug != COEF_SHARED;
    return vectors == NULL ? NULL
                           : (float *)(uintptr_t)(vectors + (each ? image * rows * l->pitch : 0));
}

static void fake(const struct kernel_args *a)
{
    const struct kernel *k = current;
    bool weighted = k->op == KERNEL_CONV || k->op == KERNEL_LINEAR;
    size_t sums = (size_t)(kernel_sum_rows(k) * (weighted ? k->y.pitch : k->x.pitch));
    if (a->sums != NULL && bug != ADDS_INSTEAD)
        memset(a->sums, 0, (size_t)a->n * sums * sizeof *a->sums);
    bool forgets = bug == IMAGE_FORGOTTEN && (forgetful == 0 || a->n == forgetful);
    for (int i = 0; i < a->n - forgets; i++) {
        struct kernel_args one = *a;
        one.x = image_of(a->x, &k->x, i);
        one.x2 = image_of(a->x2, &k->x2, i);
        one.y = image_of(a->y, &k->y, i);
        one.yin = image_of(a->yin, &k->y, i);
        one.dx = image_of(a->dx, &k->dx, i);
        one.dy = image_of(a->dy, &k->dy, i);
        one.sums = a->sums == NULL || bug == SUMS_SHARED ? a->sums : a->sums + (size_t)i * sums;
        one.coef = vectors_of(a->coef, KERNEL_COEF_ROWS, &k->x, i);
        one.dcoef = vectors_of(a->dcoef, KERNEL_DCOEF_ROWS, &k->x, i);
        one.winner = a->winner == NULL ? NULL : a->winner + i * k->y.h * k->y.w * k->y.pitch;
        one.keep = a->keep == NULL ? NULL : a->keep + (size_t)i * kernel_keep_bytes(&k->x);
        fake_image(&one);
    }
}

/* -- Kernels ----------------------------------------------------------------------------------- */

/* An image of 5x6 with c channels in 8 lanes; out is its size after the window. */
static struct kernel make(enum kernel_op op, enum kernel_pass pass, int c, int k, int window,
                          int stride, int padding)
{
    bool linear = op == KERNEL_LINEAR;
    int h = linear ? 1 : naive_out_size(5, window, stride, padding);
    int w = linear ? 1 : naive_out_size(6, window, stride, padding);
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
                           .window = window,
                           .stride = stride,
                           .padding = padding,
                           .exact = true,
                           .packed_floats = (size_t)(taps * c * 8),
                           .scratch_floats = 10,
                           .images = 3,
                           .pack = pack,
                           .unpack = unpack,
                           .run = fake};
}

enum { KERNELS = 64 };

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
        return weighted || (pool && !(k->op == KERNEL_MAXPOOL && (data || k->window > 2)));
    case MASK_MISSING:
        return (k->relu && (!weighted || fwd) && !pool) ||
               (k->op == KERNEL_POINTWISE && k->masks_x && data);
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
        return k->op == KERNEL_MAXPOOL && k->winners;
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
START_TEST(every_size_of_a_group_is_tried)
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
    tcase_add_test(tcase, every_size_of_a_group_is_tried);
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
