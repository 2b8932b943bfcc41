/* ref.h - the generic kernels: every operation of the layers, for any shape, on OpenBLAS.
 *
 * They train a network with `--backend generic`, they are what generated kernels are verified
 * against, and they are the baseline of the bench. One call computes one image unless it says
 * otherwise. Tensors are plain C,H,W; conv weights O,I,kh,kw and linear weights O,I, as in PyTorch.
 *
 * All of them return nothing, allocate nothing and know no threads. Outputs come first. A backward
 * function with `adds` adds to its output when true and sets it when false; parameter gradients
 * (dw, db, dweight, dbias) and sums are always added to. Statistics are kept in double. Buffers
 * do not overlap except where a comment allows it.
 */
#ifndef BURIN_REF_H
#define BURIN_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"
#include "sys/err.h"

/* Loads OpenBLAS, which serves the functions below on so many threads of ours and starts none of
 * its own. To be called before any of them, by the thread that starts the others. */
bool ref_open(int threads, struct err *err);

/* -- Windows: convolution and pooling ---------------------------------------------------------- */

/* A window moved over one zero-padded image. Pools have k = c. */
struct ref_window {
    int c, h, w;   /* input */
    int k, oh, ow; /* output */
    struct geometry geometry;
    int groups; /* of a convolution: so many parts of input and output go together; 0 is 1 */
};

/* Outputs [first, last) along one axis whose window has tap number `tap` inside the image. */
struct ref_range {
    int first, last;
};

struct ref_range ref_inside(int tap, int in, int out, struct axis axis);

/* Taps of the window. */
int ref_taps(const struct ref_window *s);

/* Floats of scratch the convolution functions need: c / groups * taps * oh * ow, or none for
 * windows of one pixel that move by one. */
size_t ref_conv_scratch(const struct ref_window *s);

/* y[k][oh][ow] = conv(x[c][h][w], w[k][c / groups][taps of h][taps of w]) + bias[k]; bias may be
 * NULL. */
void ref_conv_fwd(const struct ref_window *s, float *restrict y, const float *restrict x,
                  const float *restrict w, const float *restrict bias, float *restrict scratch);

/* dx = (or += if adds) dy convolved with w transposed. */
void ref_conv_bwd_data(const struct ref_window *s, float *restrict dx, const float *restrict dy,
                       const float *restrict w, bool adds, float *restrict scratch);

/* dw += x correlated with dy; db[k] += sum of dy; db may be NULL. */
void ref_conv_bwd_weights(const struct ref_window *s, float *restrict dw, float *restrict db,
                          const float *restrict x, const float *restrict dy,
                          float *restrict scratch);

/* Padding counts as minus infinity. */
void ref_maxpool_fwd(const struct ref_window *s, float *restrict y, const float *restrict x);

/* winner[c][oh][ow] = the place in its window, row * (its width) + column, of the first largest
 * pixel;
 * UINT8_MAX when the window lies wholly in the padding. */
void ref_maxpool_winners(const struct ref_window *s, uint8_t *restrict winner,
                         const float *restrict x);

/* The gradient goes to the first winner of each window in row-major order. */
void ref_maxpool_bwd(const struct ref_window *s, float *restrict dx, const float *restrict x,
                     const float *restrict dy, bool adds);

/* Divides by the taps of the window, padding included. */
void ref_avgpool_fwd(const struct ref_window *s, float *restrict y, const float *restrict x);
void ref_avgpool_bwd(const struct ref_window *s, float *restrict dx, const float *restrict dy,
                     bool adds);

/* y[c] = mean of x[c][pixels]. */
void ref_global_avgpool_fwd(float *restrict y, const float *restrict x, int c, int pixels);
void ref_global_avgpool_bwd(float *restrict dx, const float *restrict dy, int c, int pixels,
                            bool adds);

/* y[c] = the largest of x[c][pixels], place[c] = the first pixel that is it; place may be NULL. */
void ref_global_maxpool_fwd(float *restrict y, float *restrict place, const float *restrict x,
                            int c, int pixels);

/* The gradient goes to the first largest pixel of each channel. */
void ref_global_maxpool_bwd(float *restrict dx, const float *restrict x, const float *restrict dy,
                            int c, int pixels, bool adds);

/* -- Linear ------------------------------------------------------------------------------------ */

/* n images at a time; strides are the floats from one image to the next. */
struct ref_linear {
    int n, in, out;
    size_t x_stride, y_stride;
};

/* y[n][out] = x[n][in] * w[out][in] transposed + bias[out]; bias may be NULL. */
void ref_linear_fwd(const struct ref_linear *s, float *restrict y, const float *restrict x,
                    const float *restrict w, const float *restrict bias);

/* dx = (or += if adds) dy * w; dx lies as x does, dy as y. */
void ref_linear_bwd_data(const struct ref_linear *s, float *restrict dx, const float *restrict dy,
                         const float *restrict w, bool adds);

/* dw += dy transposed * x; db += sum of dy over the images; db may be NULL. */
void ref_linear_bwd_weights(const struct ref_linear *s, float *restrict dw, float *restrict db,
                            const float *restrict x, const float *restrict dy);

/* -- Maps: element by element ------------------------------------------------------------------ */

/* y = max(x, 0); y may be x. */
void ref_relu_fwd(float *y, const float *x, size_t n);

/* dx = (or += if adds) [y > 0] * dy, where y is the result of ReLU or its argument; dx may be dy.
 */
void ref_relu_bwd(float *dx, const float *y, const float *dy, size_t n, bool adds);

/* "silu" */
const char *ref_activation_name(enum activation activation);

/* y = the activation of x; y may be x. slope: of negative values, of a leaky ReLU. */
void ref_activation_fwd(float *y, const float *x, size_t n, enum activation activation,
                        float slope);

/* dx = (or += if adds) dy times the slope of the activation at x; dx may be dy or x. */
void ref_activation_bwd(float *dx, const float *x, const float *dy, size_t n,
                        enum activation activation, float slope, bool adds);

/* y = x + x2; y may be either. */
void ref_add_fwd(float *y, const float *x, const float *x2, size_t n);

/* dx = (or += if adds) dy: the gradient of each addend. */
void ref_add_bwd(float *dx, const float *dy, size_t n, bool adds);

/* y[c][pixels] = x * x2, each of which has so many pixels or one. */
void ref_mul_fwd(float *restrict y, const float *restrict x, const float *restrict x2, int c,
                 int pixels, int x_pixels, int x2_pixels);

/* dx = (or += if adds) dy[c][pixels] * x2, the other factor; dx has so many pixels, or is one, the
 * sum over all. */
void ref_mul_bwd(float *restrict dx, const float *restrict dy, const float *restrict x2, int c,
                 int pixels, int dx_pixels, int x2_pixels, bool adds);

/* Channels first .. first + c - 1 of y = x[c][pixels]. */
void ref_concat_fwd(float *restrict y, const float *restrict x, int first, int c, int pixels);

/* dx[c][pixels] = (or += if adds) these channels of dy. */
void ref_concat_bwd(float *restrict dx, const float *restrict dy, int first, int c, int pixels,
                    bool adds);

/* y = x[c][pixels] with elements dropped by the generator of rng.h at the positions it says and the
 * others scaled; y may be x. A probability or a key of zero drops nothing. */
void ref_dropout_fwd(float *y, const float *x, int c, int pixels, float p, enum drop_unit unit,
                     uint64_t key);

/* dx = (or += if adds) dy, dropped and scaled at the same positions; dx may be dy. */
void ref_dropout_bwd(float *dx, const float *dy, int c, int pixels, float p, enum drop_unit unit,
                     uint64_t key, bool adds);

/* -- Normalization ----------------------------------------------------------------------------- *
 *
 * Channels lie in `groups` equal groups whose elements share one mean and variance. Group norm
 * takes them over one image. Batch norm is the case of one group a channel, its sums taken over
 * all images before the moments are:
 *
 *     ref_sums(sums, x, x, c, pixels);
 *     ref_norm_moments(moments, sums, c, groups, count, eps);
 *     ref_norm_coef(coef, moments, weight, bias, c, groups);
 *     ref_affine_fwd(y, x, coef, c, pixels);
 *
 *     ref_sums(sums, dy, x, c, pixels);
 *     ref_norm_dcoef(dcoef, dweight, dbias, moments, sums, weight, c, groups, count);
 *     ref_affine_bwd(dx, dy, x, dcoef + 3 * c, dcoef, c, pixels, adds);
 */

struct ref_moments {
    double mean;
    double var;  /* biased: divided by the count */
    double rstd; /* 1 / sqrt(var + eps) */
};

/* sums[0][c] += sum of g[c][pixels]; sums[1][c] += sum of g * x. g may be x. */
void ref_sums(double *sums, const float *g, const float *x, int c, int pixels);

/* sums[0][c] = x at the first pixel, s; sums[1][c] = sum of x - s; sums[2][c] = sum of (x - s)^2.
 */
void ref_shifted_sums(double *sums, const float *x, int c, int pixels);

/* moments[groups] from sums[2][c] over `count` elements a group. */
void ref_norm_moments(struct ref_moments *moments, const double *sums, int c, int groups,
                      double count, double eps);

/* moments[c] of batch norm in evaluation mode. */
void ref_norm_running(struct ref_moments *moments, const float *running_mean,
                      const float *running_var, int c, double eps);

/* Moves the running statistics of batch norm by `momentum` towards the moments of this batch, the
 * variance unbiased. */
void ref_norm_track(float *running_mean, float *running_var, const struct ref_moments *moments,
                    int c, double count, double momentum);

/* coef[3][c] such that the normalized value is coef[0]*(x - coef[2]) + coef[1], where coef[2] is
 * the mean rounded to float. weight and bias [c] may be NULL for 1 and 0. */
void ref_norm_coef(float *coef, const struct ref_moments *moments, const float *weight,
                   const float *bias, int c, int groups);

/* dcoef[4][c], the last row the mean as in coef, and the parameters' gradients, from sums[2][c] of
 * dy and dy*x; dweight and dbias may be NULL. */
void ref_norm_dcoef(float *dcoef, float *dweight, float *dbias, const struct ref_moments *moments,
                    const double *sums, const float *weight, int c, int groups, double count);

/* y[c][pixels] = coef[0][c] * (x - coef[2][c]) + coef[1][c]; y may be x. */
void ref_affine_fwd(float *y, const float *x, const float *coef, int c, int pixels);

/* dx = (or += if adds) dcoef[0]*dy + dcoef[1]*(x - mean[c]) + dcoef[2]; dx may be dy. */
void ref_affine_bwd(float *dx, const float *dy, const float *x, const float *mean,
                    const float *dcoef, int c, int pixels, bool adds);

/* Layer norm and RMS norm take their statistics over the channels of each pixel; the statistics are
 * made anew by each of these functions. Those over an image are of one pixel, whose channels are
 * all its elements. */
struct ref_set_norm {
    enum norm_kind norm; /* NORM_LAYER or NORM_RMS */
    int c, pixels;
    double eps;
};

static inline struct ref_set_norm ref_set_norm_of(enum norm_kind norm, bool over_image, int c,
                                                  int pixels, real eps)
{
    return (struct ref_set_norm){norm, over_image ? c * pixels : c, over_image ? 1 : pixels,
                                 (double)eps};
}

/* y[c][pixels] = weight[c] * x^ + bias[c]; bias is not used by RMS norm. */
void ref_set_norm_fwd(const struct ref_set_norm *s, float *restrict y, const float *restrict x,
                      const float *restrict weight, const float *restrict bias);

/* dx = (or += if adds) the gradient through x^ of weight * dy; dx may be dy. */
void ref_set_norm_bwd_data(const struct ref_set_norm *s, float *dx, const float *dy,
                           const float *restrict x, const float *restrict weight, bool adds);

/* dweight[c] += sum of dy * x^, dbias[c] += sum of dy; dbias is not used by RMS norm. */
void ref_set_norm_bwd_weights(const struct ref_set_norm *s, float *restrict dweight,
                              float *restrict dbias, const float *restrict dy,
                              const float *restrict x);

/* -- Loss -------------------------------------------------------------------------------------- */

/* What the logits of one image should be: smoothing / classes goes to every class and of the rest
 * `part` to its label, 1 - part to that of the image which is mixed into it. */
struct ref_target {
    int label, other;
    double part, smoothing;
};

/* Softmax cross entropy of one image as in torch.nn.functional.cross_entropy. */
double ref_loss(const float *logits, int classes, const struct ref_target *target);

/* dlogits = (or += if adds) scale * (softmax(logits) - target). */
void ref_loss_bwd(float *dlogits, const float *logits, int classes, const struct ref_target *target,
                  double scale, bool adds);

/* The first of the largest logits. */
int ref_argmax(const float *logits, int classes);

/* -- What one kernel of a model computes ------------------------------------------------------- */

/* As struct kernel_args, but tensors are C,H,W without borders or padding, weights canonical,
 * vectors [c], and sums [kernel_sum_rows][c] in double. */
struct ref_args {
    float *y;
    float *dx;
    float *dw;
    float *db;
    double *sums;
    float *scratch; /* ref_kernel_scratch floats */
    const float *x;
    const float *x2;
    const float *yin;
    const float *dy;
    const float *w;
    const float *bias;
    const float *coef;
    const float *dcoef;
    float *place; /* GLOBAL_MAXPOOL fwd, or NULL */
    uint64_t key;
};

/* The shape of a kernel that moves a window; the whole image for an average over all of it. */
struct ref_window ref_kernel_window(const struct kernel *kernel);

size_t ref_kernel_scratch(const struct kernel *kernel);

/* Computes for one image what kernel->run does, with the functions above. */
void ref_kernel(const struct kernel *kernel, const struct ref_args *args);

#endif
