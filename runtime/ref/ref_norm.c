/* ref_norm.c - batch and group normalization, forward and backward.
 *
 * In a group of m elements with mean u and r = 1 / sqrt(var + eps), x^ = (x - u) * r and
 * y = weight * x^ + bias scale and shift each channel. With m the mean rounded to float, near which x - m
 * is exact,
 *
 *     y = a * (x - m) + b,    a = weight * r,    b = bias - a * (u - m).
 *
 * Backward (Ioffe and Szegedy 2015, section 3; Wu and He 2018), with P and Q the means over the
 * group of weight * dy and weight * dy * x^:
 *
 *     dx = r * (weight * dy - P - x^ * Q) = A * dy + B * (x - m) + D,
 *     A = weight * r,    B = -r * r * Q,    D = -r * P - (u - m) * B,
 *
 * and the two sums over a channel that P, Q and the parameters' gradients need are sum dy and
 * sum dy * x, because sum dy * x^ = r * (sum dy * x - u * sum dy). Sums and the steps from sums to
 * coefficients are in double: a difference of squares loses (mean / deviation)^2 * 2^-53 of a
 * variance, less than the rounding of x to float has put into it.
 */
#include "ref/ref.h"

#include <math.h>

enum { LANES = 8 }; /* partial sums of one channel, so that the loop vectorises */

void ref_sums(double *sums, const float *g, const float *x, int c, int pixels)
{
    int even = pixels - pixels % LANES;
    for (int channel = 0; channel < c; channel++, g += pixels, x += pixels) {
        double sum[LANES] = {0}, product[LANES] = {0};
        for (int i = 0; i < even; i += LANES)
            for (int j = 0; j < LANES; j++) {
                sum[j] += (double)g[i + j];
                product[j] += (double)g[i + j] * (double)x[i + j];
            }
        for (int i = even; i < pixels; i++) {
            sum[i - even] += (double)g[i];
            product[i - even] += (double)g[i] * (double)x[i];
        }
        for (int j = 1; j < LANES; j++) {
            sum[0] += sum[j];
            product[0] += product[j];
        }
        sums[channel] += sum[0];
        sums[c + channel] += product[0];
    }
}

void ref_shifted_sums(double *sums, const float *x, int c, int pixels)
{
    for (int channel = 0; channel < c; channel++, x += pixels) {
        double shift = (double)x[0], sum = 0, squares = 0;
        for (int i = 1; i < pixels; i++) {
            double distance = (double)x[i] - shift;
            sum += distance;
            squares += distance * distance;
        }
        sums[channel] = shift;
        sums[c + channel] = sum;
        sums[2 * c + channel] = squares;
    }
}

/* -- Forward ----------------------------------------------------------------------------------- */

void ref_norm_moments(struct ref_moments *moments, const double *sums, int c, int groups,
                      double count, double eps)
{
    int size = c / groups;
    for (int g = 0; g < groups; g++) {
        double sum = 0, squares = 0;
        for (int channel = g * size; channel < (g + 1) * size; channel++) {
            sum += sums[channel];
            squares += sums[c + channel];
        }
        double mean = sum / count;
        double var = squares / count - mean * mean;
        if (var < 0) /* a constant group: the difference of two equal numbers, rounded */
            var = 0;
        moments[g] = (struct ref_moments){mean, var, 1 / sqrt(var + eps)};
    }
}

void ref_norm_running(struct ref_moments *moments, const float *running_mean,
                      const float *running_var, int c, double eps)
{
    for (int channel = 0; channel < c; channel++) {
        double var = (double)running_var[channel];
        moments[channel] =
            (struct ref_moments){(double)running_mean[channel], var, 1 / sqrt(var + eps)};
    }
}

void ref_norm_track(float *running_mean, float *running_var, const struct ref_moments *moments,
                    int c, double count, double momentum)
{
    double unbias = count > 1 ? count / (count - 1) : 1;
    for (int channel = 0; channel < c; channel++) {
        running_mean[channel] = (float)((1 - momentum) * (double)running_mean[channel] +
                                        momentum * moments[channel].mean);
        running_var[channel] = (float)((1 - momentum) * (double)running_var[channel] +
                                       momentum * moments[channel].var * unbias);
    }
}

void ref_norm_coef(float *coef, const struct ref_moments *moments, const float *weight,
                   const float *bias, int c, int groups)
{
    for (int channel = 0; channel < c; channel++) {
        const struct ref_moments *m = &moments[channel / (c / groups)];
        double a = (weight != NULL ? (double)weight[channel] : 1) * m->rstd;
        float near = (float)m->mean;
        double rest = m->mean - (double)near;
        coef[channel] = (float)a;
        coef[c + channel] = (float)((bias != NULL ? (double)bias[channel] : 0) - a * rest);
        coef[2 * c + channel] = near;
    }
}

void ref_affine_fwd(float *y, const float *x, const float *coef, int c, int pixels)
{
    for (int channel = 0; channel < c; channel++, y += pixels, x += pixels) {
        float a = coef[channel], b = coef[c + channel], m = coef[2 * c + channel];
        for (int i = 0; i < pixels; i++)
            y[i] = a * (x[i] - m) + b;
    }
}

/* -- Backward ---------------------------------------------------------------------------------- */

void ref_norm_dcoef(float *dcoef, float *dweight, float *dbias, const struct ref_moments *moments,
                    const double *sums, const float *weight, int c, int groups, double count)
{
    int size = c / groups;
    for (int g = 0; g < groups; g++) {
        double mean = moments[g].mean, rstd = moments[g].rstd;
        float near = (float)mean;
        double p = 0, q = 0;
        for (int channel = g * size; channel < (g + 1) * size; channel++) {
            double factor = weight != NULL ? (double)weight[channel] : 1;
            double along = rstd * (sums[c + channel] - mean * sums[channel]); /* sum dy * x^ */
            p += factor * sums[channel] / count;
            q += factor * along / count;
            if (dweight != NULL)
                dweight[channel] += (float)along;
            if (dbias != NULL)
                dbias[channel] += (float)sums[channel];
        }
        double slope = -rstd * rstd * q;
        for (int channel = g * size; channel < (g + 1) * size; channel++) {
            double factor = weight != NULL ? (double)weight[channel] : 1;
            dcoef[channel] = (float)(factor * rstd);
            dcoef[c + channel] = (float)slope;
            dcoef[2 * c + channel] = (float)(-rstd * p - (mean - (double)near) * slope);
            dcoef[3 * c + channel] = near;
        }
    }
}

void ref_affine_bwd(float *dx, const float *dy, const float *x, const float *mean,
                    const float *dcoef, int c, int pixels, bool adds)
{
    for (int channel = 0; channel < c; channel++, dx += pixels, dy += pixels, x += pixels) {
        float a = dcoef[channel], b = dcoef[c + channel], d = dcoef[2 * c + channel];
        float m = mean[channel];
        if (adds) {
            for (int i = 0; i < pixels; i++)
                dx[i] += a * dy[i] + b * (x[i] - m) + d;
        } else {
            for (int i = 0; i < pixels; i++)
                dx[i] = a * dy[i] + b * (x[i] - m) + d;
        }
    }
}
