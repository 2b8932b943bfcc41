/* fake_kernel.h - a kernel of any operation and shape, written naively in the kernels' own layouts,
 * and plausible mistakes in it.
 *
 *     current = &kernel;                       (kernel.run is fake)
 *     bug = TAP_OFF;                           (or NO_BUG)
 *     kernel_run(&kernel, &args);
 *
 * For the test of what tests kernels: see test_verify.c.
 */
#ifndef BURIN_TESTS_FAKE_KERNEL_H
#define BURIN_TESTS_FAKE_KERNEL_H

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model.h"
#include "naive.h"
#include "rng.h"

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
                                            : current->geometry.h.taps * current->geometry.w.taps;
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
    struct geometry g = k->geometry;
    if (k->op == KERNEL_LINEAR)
        g = (struct geometry){{k->x.h, 1, 0, 1}, {k->x.w, 1, 0, 1}};
    *iy = y * g.h.stride + tap / g.w.taps - g.h.padding;
    *ix = x * g.w.stride + tap % g.w.taps - g.w.padding + (bug == TAP_OFF && tap == 0);
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
                if (k->unit != DROP_VALUES)
                    position = c;
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

/* dx is made in plain order first. */
static void fake_global_maxpool(const struct kernel_args *a)
{
    const struct kernel *k = current;
    bool fwd = k->pass == PASS_FWD;
    int pixels = k->x.h * k->x.w;
    for (int c = 0; c < k->x.c; c++) {
        int best = fwd ? 0 : (int)a->place[c];
        float largest = fwd ? get(a->x, &k->x, 0, 0, c) : 0;
        for (int i = 1; fwd && i < pixels; i++) {
            float value = get(a->x, &k->x, i / k->x.w, i % k->x.w, c);
            if (value > largest || (bug == LAST_WINNER && value >= largest)) {
                largest = value;
                best = i;
            }
        }
        if (fwd)
            put(a->y, &k->y, 0, 0, c, largest, false);
        if (fwd && k->winners)
            a->place[c] = (float)best;
        for (int i = 0; !fwd && i < pixels; i++)
            put(a->dx, &k->dx, i / k->x.w, i % k->x.w, c,
                i == best ? get(a->dy, &k->dy, 0, 0, c) : 0, k->adds);
    }
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

/* Of factors of one shape. */
static void fake_mul(const struct kernel_args *a)
{
    const struct kernel *k = current;
    bool fwd = k->pass == PASS_FWD;
    for (int y = 0; y < k->y.h; y++)
        for (int x = 0; x < k->y.w; x++)
            for (int c = 0; c < k->y.c; c++) {
                float factor = get(a->x2, &k->x2, y, x, c);
                if (fwd)
                    put(a->y, &k->y, y, x, c, get(a->x, &k->x, y, x, c) * factor, false);
                else
                    put(a->dx, &k->dx, y, x, c, get(a->dy, &k->dy, y, x, c) * factor, k->adds);
            }
    finish_image(fwd ? a->y : a->dx, fwd ? &k->y : &k->dx, !fwd && k->adds);
}

static float late(float factor, float value, float mean)
{
    return factor * value - factor * mean;
}

/* The channels of one pixel, normalized. */
static void fake_normal(const struct kernel_args *a, int y, int x, double *normal, double *scale)
{
    const struct kernel *k = current;
    double mean = 0, square = 0;
    for (int c = 0; c < k->x.c && k->norm != NORM_RMS; c++)
        mean += (double)get(a->x, &k->x, y, x, c) / k->x.c;
    for (int c = 0; c < k->x.c; c++) {
        normal[c] = (double)get(a->x, &k->x, y, x, c) - mean;
        square += normal[c] * normal[c] / k->x.c;
    }
    *scale = 1 / sqrt(square + (double)k->eps);
    for (int c = 0; c < k->x.c; c++)
        normal[c] = bug == LATE
                        ? (double)late((float)*scale, get(a->x, &k->x, y, x, c), (float)mean)
                        : normal[c] * *scale;
}

static void fake_set_norm_pixel(const struct kernel_args *a, int y, int x)
{
    const struct kernel *k = current;
    double normal[16], scale, level = 0, along = 0;
    fake_normal(a, y, x, normal, &scale);
    for (int c = 0; c < k->x.c && k->pass == PASS_BWD_DATA; c++) {
        double g = (double)(a->w[c] * get(a->dy, &k->dy, y, x, c)) / k->x.c;
        level += k->norm == NORM_RMS ? 0 : g;
        along += g * normal[c];
    }
    for (int c = 0; c < k->x.c; c++) {
        float dy = k->pass == PASS_FWD ? 0 : get(a->dy, &k->dy, y, x, c);
        bool off = k->masks_x && bug != MASK_MISSING && !(get(a->x, &k->x, y, x, c) > 0);
        if (k->pass == PASS_FWD) {
            float bias = k->norm == NORM_RMS ? 0 : a->bias[c];
            put(a->y, &k->y, y, x, c, (float)normal[c] * a->w[c] + bias, false);
        } else if (k->pass == PASS_BWD_DATA) {
            double dx = scale * ((double)(a->w[c] * dy) - level - normal[c] * along);
            put(a->dx, &k->dx, y, x, c, off ? 0 : (float)dx, k->adds);
        } else {
            bool sets = bug == SETS_INSTEAD && y + x == 0;
            a->dw[c] = (sets ? 0 : a->dw[c]) + dy * (float)normal[c];
            if (k->norm != NORM_RMS)
                a->db[c] += dy;
        }
    }
}

static void fake_set_norm(const struct kernel_args *a)
{
    const struct kernel *k = current;
    for (int y = 0; y < k->x.h; y++)
        for (int x = 0; x < k->x.w; x++)
            fake_set_norm_pixel(a, y, x);
    if (k->pass == PASS_FWD)
        finish_image(a->y, &k->y, false);
    else if (k->pass == PASS_BWD_DATA)
        finish_image(a->dx, &k->dx, k->adds);
    else if (bug == OVERRUN)
        a->dw[(k->x.pitch + 15) / 16 * 16] = 0;
}

static void fake_concat(const struct kernel_args *a)
{
    const struct kernel *k = current;
    bool fwd = k->pass == PASS_FWD;
    for (int y = 0; y < k->y.h; y++)
        for (int x = 0; x < k->y.w; x++) {
            for (int c = 0; fwd && k->op == KERNEL_PAD_CHANNELS && c < k->y.c; c++)
                put(a->y, &k->y, y, x, c, 0, false);
            for (int c = 0; c < k->x.c; c++) {
                if (fwd)
                    put(a->y, &k->y, y, x, k->first + c, get(a->x, &k->x, y, x, c), false);
                else
                    put(a->dx, &k->dx, y, x, c, get(a->dy, &k->dy, y, x, k->first + c), k->adds);
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
    case KERNEL_GLOBAL_MAXPOOL:
        fake_global_maxpool(a);
        break;
    case KERNEL_ADD:
        fake_add(a);
        break;
    case KERNEL_MUL:
        fake_mul(a);
        break;
    case KERNEL_CONCAT:
    case KERNEL_PAD_CHANNELS:
        fake_concat(a);
        break;
    case KERNEL_SUMS:
        fake_sums(a);
        break;
    case KERNEL_SET_NORM:
        fake_set_norm(a);
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

static void fake(kernel_function *function, const struct kernel_args *a)
{
    (void)function;
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
        one.place = a->place == NULL ? NULL : a->place + i * k->y.pitch;
        one.keep = a->keep == NULL ? NULL : a->keep + (size_t)i * kernel_keep_bytes(k);
        fake_image(&one);
    }
}

#endif
