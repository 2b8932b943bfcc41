/* ref_conv.c - convolution and linear layers of any shape as matrix products.
 *
 * The columns of an image are a matrix [c * taps][oh * ow]: row (channel, tap) holds,
 * for every output pixel, the input pixel under that tap, or zero where the tap lies in the
 * padding. Then
 *
 *     forward           y  = w  * columns            [k][oh * ow]
 *     data gradient     columns = w' * dy, and each column element is added back to its input pixel
 *     weight gradient   dw += dy * columns'          [k][c * taps]
 *
 * A window of one pixel that moves by one needs no columns: they are the image itself.
 */
#include "ref/ref.h"

#include <string.h>

#include "ref/ref_blas.h"

/* -- Columns ----------------------------------------------------------------------------------- */

static int divide_up(int a, int b)
{
    return a <= 0 ? 0 : (a + b - 1) / b;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* The place of input 0 as tap `tap` counts: output o reads input o * stride + this. */
static int tap_at(int tap, struct axis axis)
{
    return tap * axis.dilation - axis.padding;
}

/* Output o reads input o * stride + at, which must be in 0 .. in-1. */
struct ref_range ref_inside(int tap, int in, int out, struct axis axis)
{
    int at = tap_at(tap, axis);
    int first = smaller(divide_up(-at, axis.stride), out);
    int last = smaller(divide_up(in - at, axis.stride), out);
    return (struct ref_range){first, last < first ? first : last};
}

int ref_taps(const struct ref_window *s)
{
    return s->geometry.h.taps * s->geometry.w.taps;
}

static bool is_pointwise(const struct ref_window *s)
{
    struct axis h = s->geometry.h, w = s->geometry.w;
    return ref_taps(s) == 1 && h.stride == 1 && w.stride == 1 && h.padding == 0 && w.padding == 0;
}

static int patch_size(const struct ref_window *s)
{
    return s->c * ref_taps(s);
}

/* One row of the columns matrix: the plane as seen by tap (ky, kx). */
static void gather_tap(const struct ref_window *s, float *restrict col, const float *restrict plane,
                       int ky, int kx)
{
    struct axis h = s->geometry.h, w = s->geometry.w;
    struct ref_range rows = ref_inside(ky, s->h, s->oh, h);
    struct ref_range cols = ref_inside(kx, s->w, s->ow, w);
    for (int oy = 0; oy < s->oh; oy++, col += s->ow) {
        if (oy < rows.first || oy >= rows.last || cols.first == cols.last) {
            memset(col, 0, (size_t)s->ow * sizeof *col);
            continue;
        }
        const float *row = plane + (oy * h.stride + tap_at(ky, h)) * s->w + tap_at(kx, w);
        for (int ox = 0; ox < cols.first; ox++)
            col[ox] = 0;
        if (w.stride == 1) {
            memcpy(col + cols.first, row + cols.first,
                   (size_t)(cols.last - cols.first) * sizeof *col);
        } else {
            for (int ox = cols.first; ox < cols.last; ox++)
                col[ox] = row[ox * w.stride];
        }
        for (int ox = cols.last; ox < s->ow; ox++)
            col[ox] = 0;
    }
}

/* The transpose of gather_tap: adds one row of the columns back to the plane. */
static void scatter_tap(const struct ref_window *s, float *restrict plane,
                        const float *restrict col, int ky, int kx)
{
    struct axis h = s->geometry.h, w = s->geometry.w;
    struct ref_range rows = ref_inside(ky, s->h, s->oh, h);
    struct ref_range cols = ref_inside(kx, s->w, s->ow, w);
    if (cols.first == cols.last)
        return;
    for (int oy = rows.first; oy < rows.last; oy++) {
        const float *from = col + oy * s->ow;
        int at = (oy * h.stride + tap_at(ky, h)) * s->w + tap_at(kx, w);
        if (w.stride == 1) {
            for (int ox = cols.first; ox < cols.last; ox++)
                plane[at + ox] += from[ox];
        } else {
            for (int ox = cols.first; ox < cols.last; ox++)
                plane[at + ox * w.stride] += from[ox];
        }
    }
}

static void image_to_columns(const struct ref_window *s, float *restrict columns,
                             const float *restrict x)
{
    for (int c = 0; c < s->c; c++)
        for (int ky = 0; ky < s->geometry.h.taps; ky++)
            for (int kx = 0; kx < s->geometry.w.taps; kx++) {
                gather_tap(s, columns, x + (size_t)c * (size_t)(s->h * s->w), ky, kx);
                columns += s->oh * s->ow;
            }
}

static void columns_to_image(const struct ref_window *s, float *restrict dx,
                             const float *restrict columns)
{
    for (int c = 0; c < s->c; c++)
        for (int ky = 0; ky < s->geometry.h.taps; ky++)
            for (int kx = 0; kx < s->geometry.w.taps; kx++) {
                scatter_tap(s, dx + (size_t)c * (size_t)(s->h * s->w), columns, ky, kx);
                columns += s->oh * s->ow;
            }
}

/* -- Convolution of one group ------------------------------------------------------------------ */

static void group_fwd(const struct ref_window *s, float *restrict y, const float *restrict x,
                      const float *restrict w, const float *restrict bias, float *restrict scratch)
{
    int pixels = s->oh * s->ow, patch = patch_size(s);
    const float *columns = x;
    if (!is_pointwise(s)) {
        image_to_columns(s, scratch, x);
        columns = scratch;
    }
    if (bias != NULL)
        for (int k = 0; k < s->k; k++)
            for (int i = 0; i < pixels; i++)
                y[(size_t)k * (size_t)pixels + (size_t)i] = bias[k];
    ref_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, s->k, pixels, patch, 1.0f, w, patch,
              columns, pixels, bias != NULL ? 1.0f : 0.0f, y, pixels);
}

static void group_bwd_data(const struct ref_window *s, float *restrict dx, const float *restrict dy,
                           const float *restrict w, bool adds, float *restrict scratch)
{
    int pixels = s->oh * s->ow, patch = patch_size(s);
    if (is_pointwise(s)) {
        ref_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, patch, pixels, s->k, 1.0f, w, patch, dy,
                  pixels, adds ? 1.0f : 0.0f, dx, pixels);
        return;
    }
    ref_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, patch, pixels, s->k, 1.0f, w, patch, dy,
              pixels, 0.0f, scratch, pixels);
    if (!adds)
        memset(dx, 0, (size_t)s->c * (size_t)(s->h * s->w) * sizeof *dx);
    columns_to_image(s, dx, scratch);
}

static void group_bwd_weights(const struct ref_window *s, float *restrict dw, float *restrict db,
                              const float *restrict x, const float *restrict dy,
                              float *restrict scratch)
{
    int pixels = s->oh * s->ow, patch = patch_size(s);
    const float *columns = x;
    if (!is_pointwise(s)) {
        image_to_columns(s, scratch, x);
        columns = scratch;
    }
    ref_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, s->k, patch, pixels, 1.0f, dy, pixels,
              columns, pixels, 1.0f, dw, patch);
    if (db != NULL)
        for (int k = 0; k < s->k; k++) {
            double sum = 0;
            for (int i = 0; i < pixels; i++)
                sum += (double)dy[(size_t)k * (size_t)pixels + (size_t)i];
            db[k] += (float)sum;
        }
}

/* -- Convolution ------------------------------------------------------------------------------- */

static int groups_of(const struct ref_window *s)
{
    return s->groups > 1 ? s->groups : 1;
}

static struct ref_window one_group(const struct ref_window *s)
{
    struct ref_window one = *s;
    one.c /= groups_of(s);
    one.k /= groups_of(s);
    one.groups = 1;
    return one;
}

/* Floats from one group's part of x, y and w to the next one's. */
struct group_strides {
    size_t x, y, w;
};

static struct group_strides strides_of(const struct ref_window *one)
{
    return (struct group_strides){(size_t)one->c * (size_t)(one->h * one->w),
                                  (size_t)one->k * (size_t)(one->oh * one->ow),
                                  (size_t)one->k * (size_t)patch_size(one)};
}

size_t ref_conv_scratch(const struct ref_window *s)
{
    struct ref_window one = one_group(s);
    return is_pointwise(s) ? 0 : (size_t)patch_size(&one) * (size_t)(s->oh * s->ow);
}

void ref_conv_fwd(const struct ref_window *s, float *restrict y, const float *restrict x,
                  const float *restrict w, const float *restrict bias, float *restrict scratch)
{
    struct ref_window one = one_group(s);
    struct group_strides next = strides_of(&one);
    for (int g = 0; g < groups_of(s); g++, y += next.y, x += next.x, w += next.w)
        group_fwd(&one, y, x, w, bias != NULL ? bias + g * one.k : NULL, scratch);
}

void ref_conv_bwd_data(const struct ref_window *s, float *restrict dx, const float *restrict dy,
                       const float *restrict w, bool adds, float *restrict scratch)
{
    struct ref_window one = one_group(s);
    struct group_strides next = strides_of(&one);
    for (int g = 0; g < groups_of(s); g++, dx += next.x, dy += next.y, w += next.w)
        group_bwd_data(&one, dx, dy, w, adds, scratch);
}

void ref_conv_bwd_weights(const struct ref_window *s, float *restrict dw, float *restrict db,
                          const float *restrict x, const float *restrict dy,
                          float *restrict scratch)
{
    struct ref_window one = one_group(s);
    struct group_strides next = strides_of(&one);
    for (int g = 0; g < groups_of(s); g++, dw += next.w, x += next.x, dy += next.y)
        group_bwd_weights(&one, dw, db != NULL ? db + g * one.k : NULL, x, dy, scratch);
}

/* -- Linear ------------------------------------------------------------------------------------ */

void ref_linear_fwd(const struct ref_linear *s, float *restrict y, const float *restrict x,
                    const float *restrict w, const float *restrict bias)
{
    if (bias != NULL)
        for (int i = 0; i < s->n; i++)
            memcpy(y + (size_t)i * s->y_stride, bias, (size_t)s->out * sizeof *y);
    ref_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, s->n, s->out, s->in, 1.0f, x,
              (blasint)s->x_stride, w, s->in, bias != NULL ? 1.0f : 0.0f, y, (blasint)s->y_stride);
}

void ref_linear_bwd_data(const struct ref_linear *s, float *restrict dx, const float *restrict dy,
                         const float *restrict w, bool adds)
{
    ref_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, s->n, s->in, s->out, 1.0f, dy,
              (blasint)s->y_stride, w, s->in, adds ? 1.0f : 0.0f, dx, (blasint)s->x_stride);
}

void ref_linear_bwd_weights(const struct ref_linear *s, float *restrict dw, float *restrict db,
                            const float *restrict x, const float *restrict dy)
{
    ref_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, s->out, s->in, s->n, 1.0f, dy,
              (blasint)s->y_stride, x, (blasint)s->x_stride, 1.0f, dw, s->in);
    if (db != NULL)
        for (int i = 0; i < s->n; i++)
            for (int o = 0; o < s->out; o++)
                db[o] += dy[(size_t)i * s->y_stride + (size_t)o];
}
