/* ref_kernel.c - computes what one entry of a model's kernel table computes, with generic kernels.
 *
 * The one place that knows how struct kernel's flags translate into operations; what the flags mean
 * is written at struct kernel_args in model.h.
 */
#include "ref/ref.h"

#include <string.h>

static int pixels_of(const struct layout *l)
{
    return l->h * l->w;
}

static size_t floats_of(const struct layout *l)
{
    return (size_t)l->c * (size_t)pixels_of(l);
}

struct ref_window ref_kernel_window(const struct kernel *k)
{
    return (struct ref_window){k->x.c, k->x.h, k->x.w,      k->y.c,
                               k->y.h, k->y.w, k->geometry, k->groups};
}

/* An average over the whole image. */
static bool is_global(const struct kernel *k)
{
    struct axis h = k->geometry.h, w = k->geometry.w;
    return h.padding == 0 && w.padding == 0 && h.taps == k->x.h && w.taps == k->x.w;
}

size_t ref_kernel_scratch(const struct kernel *k)
{
    struct ref_window s = ref_kernel_window(k);
    switch (k->op) {
    case KERNEL_CONV:
        return ref_conv_scratch(&s);
    case KERNEL_POINTWISE:
        return k->pass == PASS_FWD ? 0 : 2 * floats_of(&k->x);
    case KERNEL_SET_NORM:
        return k->masks_x ? floats_of(&k->x) : 0;
    default:
        return 0;
    }
}

static void conv(const struct kernel *k, const struct ref_args *a)
{
    struct ref_window s = ref_kernel_window(k);
    switch (k->pass) {
    case PASS_FWD:
        ref_conv_fwd(&s, a->y, a->x, a->w, k->bias ? a->bias : NULL, a->scratch);
        break;
    case PASS_BWD_DATA:
        ref_conv_bwd_data(&s, a->dx, a->dy, a->w, k->adds, a->scratch);
        break;
    default:
        ref_conv_bwd_weights(&s, a->dw, k->bias ? a->db : NULL, a->x, a->dy, a->scratch);
        break;
    }
}

static void linear(const struct kernel *k, const struct ref_args *a)
{
    struct ref_linear s = {1, (int)floats_of(&k->x), k->y.c, floats_of(&k->x), (size_t)k->y.c};
    switch (k->pass) {
    case PASS_FWD:
        ref_linear_fwd(&s, a->y, a->x, a->w, k->bias ? a->bias : NULL);
        break;
    case PASS_BWD_DATA:
        ref_linear_bwd_data(&s, a->dx, a->dy, a->w, k->adds);
        break;
    default:
        ref_linear_bwd_weights(&s, a->dw, k->bias ? a->db : NULL, a->x, a->dy);
        break;
    }
}

static void act_and_stats(const struct kernel *k, const struct ref_args *a)
{
    if (k->relu)
        ref_relu_fwd(a->y, a->y, floats_of(&k->y));
    if (k->stats)
        ref_shifted_sums(a->sums, a->y, k->y.c, pixels_of(&k->y));
}

/* Sums of g and of g * (x - m): exact enough in double to take m out afterwards. */
static void reduce(const struct kernel *k, const struct ref_args *a, const float *g)
{
    int c = k->x.c;
    memset(a->sums, 0, (size_t)(2 * c) * sizeof *a->sums);
    ref_sums(a->sums, g, a->x, c, pixels_of(&k->x));
    for (int channel = 0; channel < c; channel++)
        a->sums[c + channel] -= (double)a->coef[2 * c + channel] * a->sums[channel];
}

static void pointwise(const struct kernel *k, const struct ref_args *a)
{
    int c = k->x.c, pixels = pixels_of(&k->x);
    size_t n = floats_of(&k->x);
    if (k->pass == PASS_FWD) {
        const float *y = a->x;
        if (k->affine) {
            ref_affine_fwd(a->y, a->x, a->coef, c, pixels);
            y = a->y;
        }
        if (k->relu) {
            ref_relu_fwd(a->y, y, n);
            y = a->y;
        }
        if (k->activation != ACT_NONE) {
            ref_activation_fwd(a->y, y, n, k->activation, k->slope);
            y = a->y;
        }
        if (k->p > 0 || y != a->y)
            ref_dropout_fwd(a->y, y, c, pixels, k->p, k->unit, a->key);
        return;
    }

    const float *g = a->dy;
    if (k->p > 0) {
        ref_dropout_bwd(a->scratch, g, c, pixels, k->p, k->unit, a->key, false);
        g = a->scratch;
    }
    if (k->relu || k->activation != ACT_NONE) {
        const float *y = a->x;
        if (k->affine) {
            ref_affine_fwd(a->scratch + n, a->x, a->coef, c, pixels);
            y = a->scratch + n;
        }
        if (k->relu)
            ref_relu_bwd(a->scratch, y, g, n, false);
        else
            ref_activation_bwd(a->scratch, y, g, n, k->activation, k->slope, false);
        g = a->scratch;
    }
    if (k->pass == PASS_BWD_REDUCE) {
        reduce(k, a, g);
        return;
    }
    if (k->affine && !k->masks_x) {
        ref_affine_bwd(a->dx, g, a->x, a->coef + 2 * c, a->dcoef, c, pixels, k->adds);
        return;
    }
    if (k->affine) {
        ref_affine_bwd(a->scratch, g, a->x, a->coef + 2 * c, a->dcoef, c, pixels, false);
        g = a->scratch;
    }
    if (k->masks_x)
        ref_relu_bwd(a->dx, a->x, g, n, k->adds);
    else
        ref_add_bwd(a->dx, g, n, k->adds);
}

static void pool(const struct kernel *k, const struct ref_args *a)
{
    struct ref_window s = ref_kernel_window(k);
    bool fwd = k->pass == PASS_FWD;
    if (k->op == KERNEL_MAXPOOL && fwd)
        ref_maxpool_fwd(&s, a->y, a->x);
    else if (k->op == KERNEL_MAXPOOL)
        ref_maxpool_bwd(&s, a->dx, a->x, a->dy, k->adds);
    else if (is_global(k) && fwd)
        ref_global_avgpool_fwd(a->y, a->x, s.c, s.h * s.w);
    else if (is_global(k))
        ref_global_avgpool_bwd(a->dx, a->dy, s.c, s.h * s.w, k->adds);
    else if (fwd)
        ref_avgpool_fwd(&s, a->y, a->x);
    else
        ref_avgpool_bwd(&s, a->dx, a->dy, k->adds);
}

static void global_maxpool(const struct kernel *k, const struct ref_args *a)
{
    int c = k->x.c, pixels = pixels_of(&k->x);
    if (k->pass == PASS_FWD)
        ref_global_maxpool_fwd(a->y, a->place, a->x, c, pixels);
    else
        ref_global_maxpool_bwd(a->dx, a->x, a->dy, c, pixels, k->adds);
}

static void add(const struct kernel *k, const struct ref_args *a)
{
    size_t n = floats_of(&k->y);
    if (k->pass == PASS_FWD)
        ref_add_fwd(a->y, a->x, a->x2, n);
    else if (k->relu)
        ref_relu_bwd(a->dx, a->yin, a->dy, n, k->adds);
    else
        ref_add_bwd(a->dx, a->dy, n, k->adds);
}

static void mul(const struct kernel *k, const struct ref_args *a)
{
    int c = k->x.c, pixels = pixels_of(&k->y), factors = pixels_of(&k->x2);
    if (k->pass == PASS_FWD)
        ref_mul_fwd(a->y, a->x, a->x2, c, pixels, pixels, factors);
    else
        ref_mul_bwd(a->dx, a->dy, a->x2, c, pixels, pixels_of(&k->dx), factors, k->adds);
}

static void concat(const struct kernel *k, const struct ref_args *a)
{
    int c = k->x.c, pixels = pixels_of(&k->x);
    if (k->pass == PASS_FWD && k->op == KERNEL_PAD_CHANNELS)
        memset(a->y, 0, floats_of(&k->y) * sizeof *a->y);
    if (k->pass == PASS_FWD)
        ref_concat_fwd(a->y, a->x, k->first, c, pixels);
    else
        ref_concat_bwd(a->dx, a->dy, k->first, c, pixels, k->adds);
}

static void set_norm(const struct kernel *k, const struct ref_args *a)
{
    struct ref_set_norm s =
        ref_set_norm_of(k->norm, k->over_image, k->x.c, pixels_of(&k->x), k->eps);
    if (k->pass == PASS_FWD) {
        ref_set_norm_fwd(&s, a->y, a->x, a->w, a->bias);
    } else if (k->pass == PASS_BWD_WEIGHTS) {
        ref_set_norm_bwd_weights(&s, a->dw, a->db, a->dy, a->x);
    } else if (k->masks_x) {
        ref_set_norm_bwd_data(&s, a->scratch, a->dy, a->x, a->w, false);
        ref_relu_bwd(a->dx, a->x, a->scratch, floats_of(&k->x), k->adds);
    } else {
        ref_set_norm_bwd_data(&s, a->dx, a->dy, a->x, a->w, k->adds);
    }
}

void ref_kernel(const struct kernel *k, const struct ref_args *a)
{
    switch (k->op) {
    case KERNEL_CONV:
        conv(k, a);
        break;
    case KERNEL_LINEAR:
        linear(k, a);
        break;
    case KERNEL_POINTWISE:
        pointwise(k, a);
        break;
    case KERNEL_MAXPOOL:
    case KERNEL_AVGPOOL:
        pool(k, a);
        break;
    case KERNEL_GLOBAL_MAXPOOL:
        global_maxpool(k, a);
        break;
    case KERNEL_ADD:
        add(k, a);
        break;
    case KERNEL_MUL:
        mul(k, a);
        break;
    case KERNEL_CONCAT:
    case KERNEL_PAD_CHANNELS:
        concat(k, a);
        break;
    case KERNEL_SUMS:
        ref_shifted_sums(a->sums, a->x, k->x.c, pixels_of(&k->x));
        break;
    case KERNEL_SET_NORM:
        set_norm(k, a);
        break;
    }
    if (k->pass == PASS_FWD && k->op != KERNEL_POINTWISE && k->op != KERNEL_SUMS)
        act_and_stats(k, a);
}
