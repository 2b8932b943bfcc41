/* naive.h - the operations of the layers once more, in double, as their definitions read.
 *
 * Tests compare the generic kernels with these loops. There is no cleverness to trust: every output
 * visits every tap and asks whether it lies inside the image. Gradients are either written the same
 * way (convolution) or taken by central differences of the forward functions (all others).
 */
#ifndef BURIN_TESTS_NAIVE_H
#define BURIN_TESTS_NAIVE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "ref/ref.h"
#include "rng.h"

enum { NAIVE_MAX = 1 << 16 }; /* elements of the largest tensor of any test */

/* Uniform in [-1, 1], a multiple of 2^-10, so that float and double hold the same number. */
static inline double naive_random(uint64_t key, int i)
{
    return (int)rng_below(key, (uint32_t)i, 2049) / 1024.0 - 1;
}

static inline void naive_fill(double *values, float *floats, int n, uint64_t key)
{
    for (int i = 0; i < n; i++) {
        values[i] = naive_random(key, i);
        floats[i] = (float)values[i];
    }
}

/* A window that is the same down and across. */
static inline struct geometry naive_square(int taps, int stride, int padding)
{
    struct axis axis = {taps, stride, padding, 1};
    return (struct geometry){axis, axis};
}

static inline int naive_out_size(int in, struct axis axis)
{
    return (in + 2 * axis.padding - (axis.taps - 1) * axis.dilation - 1) / axis.stride + 1;
}

/* The index of the input pixel under a tap of an output, or -1 in the padding. */
static inline int naive_pixel(const struct ref_window *s, int oy, int ox, int ky, int kx)
{
    struct axis h = s->geometry.h, w = s->geometry.w;
    int iy = oy * h.stride - h.padding + ky * h.dilation;
    int ix = ox * w.stride - w.padding + kx * w.dilation;
    return iy < 0 || iy >= s->h || ix < 0 || ix >= s->w ? -1 : iy * s->w + ix;
}

/* y = conv(x, w) + bias; bias may be NULL. When dy is not NULL also dx, dw and db are set. */
static inline void naive_conv(const struct ref_window *s, double *y, double *dx, double *dw,
                              double *db, const double *x, const double *w, const double *bias,
                              const double *dy)
{
    int wide = s->geometry.w.taps, taps = s->geometry.h.taps * wide, in = s->h * s->w,
        out = s->oh * s->ow;
    int inputs = s->c / s->groups;
    if (dy != NULL) {
        memset(dx, 0, (size_t)(s->c * in) * sizeof *dx);
        memset(dw, 0, (size_t)(s->k * inputs * taps) * sizeof *dw);
        memset(db, 0, (size_t)s->k * sizeof *db);
    }
    for (int k = 0; k < s->k; k++)
        for (int o = 0; o < out; o++) {
            int first = k / (s->k / s->groups) * inputs; /* of the inputs of its group */
            double sum = bias != NULL ? bias[k] : 0;
            if (dy != NULL)
                db[k] += dy[k * out + o];
            for (int i = 0; i < inputs; i++)
                for (int t = 0; t < taps; t++) {
                    int at = naive_pixel(s, o / s->ow, o % s->ow, t / wide, t % wide);
                    if (at < 0)
                        continue;
                    int pixel = (first + i) * in + at, weight = (k * inputs + i) * taps + t;
                    sum += x[pixel] * w[weight];
                    if (dy != NULL) {
                        dx[pixel] += dy[k * out + o] * w[weight];
                        dw[weight] += dy[k * out + o] * x[pixel];
                    }
                }
            y[k * out + o] = sum;
        }
}

static inline void naive_pool(const struct ref_window *s, double *y, const double *x, bool max)
{
    int in = s->h * s->w, out = s->oh * s->ow;
    int wide = s->geometry.w.taps, taps = s->geometry.h.taps * wide;
    for (int c = 0; c < s->c; c++)
        for (int o = 0; o < out; o++) {
            double best = -HUGE_VAL, sum = 0;
            for (int t = 0; t < taps; t++) {
                int at = naive_pixel(s, o / s->ow, o % s->ow, t / wide, t % wide);
                if (at >= 0) {
                    best = fmax(best, x[c * in + at]);
                    sum += x[c * in + at];
                }
            }
            y[c * out + o] = max ? best : sum / taps;
        }
}

/* x and y are [images][c][pixels]. Statistics over all images for batch norm (groups = c), over
 * each image for group norm. */
static inline void naive_norm(double *y, const double *x, const double *weight, const double *bias,
                              int images, int c, int pixels, int groups, bool batch, double eps)
{
    int size = c / groups;
    for (int unit = 0; unit < (batch ? 1 : images); unit++)
        for (int g = 0; g < groups; g++) {
            int first = batch ? 0 : unit, last = batch ? images : unit + 1;
            double mean = 0, var = 0;
            int count = (last - first) * size * pixels;
            for (int pass = 0; pass < 3; pass++)
                for (int n = first; n < last; n++)
                    for (int ch = g * size; ch < (g + 1) * size; ch++)
                        for (int i = 0; i < pixels; i++) {
                            int at = (n * c + ch) * pixels + i;
                            if (pass == 0)
                                mean += x[at] / count;
                            else if (pass == 1)
                                var += (x[at] - mean) * (x[at] - mean) / count;
                            else
                                y[at] = (x[at] - mean) / sqrt(var + eps) * weight[ch] + bias[ch];
                        }
        }
}

static inline double naive_loss(const double *logits, int classes, int label, double smoothing)
{
    double sum = 0, loss = 0;
    for (int k = 0; k < classes; k++)
        sum += exp(logits[k]);
    for (int k = 0; k < classes; k++) {
        double target = smoothing / classes + (k == label ? 1 - smoothing : 0);
        loss -= target * log(exp(logits[k]) / sum);
    }
    return loss;
}

#endif
