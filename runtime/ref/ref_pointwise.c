/* ref_pointwise.c - ReLU, addition, products, concatenation and dropout: every output depends on
 * one element of each input.
 *
 * Outputs may be the same buffer as an input, so nothing here is `restrict`; an element is read
 * before it is written and no other element depends on it. Values are loaded before it is decided
 * whether they count: a load that depends on a condition would keep a loop from being vectorised.
 */
#include "ref/ref.h"

#include <string.h>

#include "rng.h"

void ref_relu_fwd(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > 0 ? x[i] : 0;
}

void ref_relu_bwd(float *dx, const float *y, const float *dy, size_t n, bool adds)
{
    if (adds) {
        for (size_t i = 0; i < n; i++) {
            float g = dy[i];
            dx[i] += y[i] > 0 ? g : 0;
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            float g = dy[i];
            dx[i] = y[i] > 0 ? g : 0;
        }
    }
}

void ref_add_fwd(float *y, const float *x, const float *x2, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] + x2[i];
}

void ref_add_bwd(float *dx, const float *dy, size_t n, bool adds)
{
    if (adds) {
        for (size_t i = 0; i < n; i++)
            dx[i] += dy[i];
    } else if (dx != dy) {
        memcpy(dx, dy, n * sizeof *dx);
    }
}

void ref_mul_fwd(float *restrict y, const float *restrict x, const float *restrict x2, int c,
                 int pixels, int x_pixels, int x2_pixels)
{
    for (int channel = 0; channel < c; channel++, x += x_pixels, x2 += x2_pixels)
        for (int i = 0; i < pixels; i++)
            *y++ = x[x_pixels > 1 ? i : 0] * x2[x2_pixels > 1 ? i : 0];
}

void ref_mul_bwd(float *restrict dx, const float *restrict dy, const float *restrict x2, int c,
                 int pixels, int dx_pixels, int x2_pixels, bool adds)
{
    for (int channel = 0; channel < c; channel++, dx += dx_pixels, x2 += x2_pixels) {
        double sum = 0;
        for (int i = 0; i < pixels; i++) {
            float g = *dy++ * x2[x2_pixels > 1 ? i : 0];
            sum += (double)g;
            if (dx_pixels > 1)
                dx[i] = adds ? dx[i] + g : g;
        }
        if (dx_pixels == 1)
            *dx = (float)(adds ? (double)*dx + sum : sum);
    }
}

void ref_concat_fwd(float *restrict y, const float *restrict x, int first, int c, int pixels)
{
    memcpy(y + (size_t)first * (size_t)pixels, x, (size_t)c * (size_t)pixels * sizeof *y);
}

void ref_concat_bwd(float *restrict dx, const float *restrict dy, int first, int c, int pixels,
                    bool adds)
{
    ref_add_bwd(dx, dy + (size_t)first * (size_t)pixels, (size_t)c * (size_t)pixels, adds);
}

/* -- Dropout ----------------------------------------------------------------------------------- */

void ref_dropout_fwd(float *y, const float *x, int c, int pixels, float p, enum drop_unit unit,
                     uint64_t key)
{
    ref_dropout_bwd(y, x, c, pixels, p, unit, key, false);
}

/* Linear and diagonal, so its gradient is dropout itself. */
void ref_dropout_bwd(float *dx, const float *dy, int c, int pixels, float p, enum drop_unit unit,
                     uint64_t key, bool adds)
{
    uint32_t threshold = rng_drop_threshold(p), step = unit == DROP_VALUES ? rng_drop_pitch(c) : 0;
    float scale = rng_keep_scale(p);
    if (threshold == 0 || key == 0) {
        ref_add_bwd(dx, dy, (size_t)c * (size_t)pixels, adds);
        return;
    }
    for (int channel = 0; channel < c; channel++, dx += pixels, dy += pixels) {
        uint32_t position = unit == DROP_IMAGES ? 0 : (uint32_t)channel;
        if (adds) {
            for (int i = 0; i < pixels; i++, position += step) {
                float kept = dy[i] * scale;
                dx[i] += rng_drops(key, position, threshold) ? 0 : kept;
            }
        } else {
            for (int i = 0; i < pixels; i++, position += step) {
                float kept = dy[i] * scale;
                dx[i] = rng_drops(key, position, threshold) ? 0 : kept;
            }
        }
    }
}
