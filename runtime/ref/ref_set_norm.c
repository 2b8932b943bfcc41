/* ref_set_norm.c - layer norm and RMS norm over the channels of each pixel.
 *
 * With u the mean of the n channels of a pixel (zero for RMS norm), r = 1 / sqrt(v + eps), v the
 * mean of (x - u)^2, x^ = (x - u) * r and g = weight * dy (Ba, Kiros and Hinton 2016; Zhang and
 * Sennrich 2019):
 *
 *     y = weight * x^ + bias,    dx = r * (g - mean of g - x^ * mean of g * x^),
 *
 * where RMS norm has neither the bias nor the mean of g. All of it is in double, and the deviations
 * are from a mean that is known before.
 */
#include "ref/ref.h"

#include <math.h>

/* The mean and 1 / deviation of pixel i. */
static void statistics(const struct ref_set_norm *s, const float *x, int i, double *mean,
                       double *scale)
{
    double sum = 0, squares = 0;
    for (int k = 0; k < s->c && s->norm != NORM_RMS; k++)
        sum += (double)x[k * s->pixels + i];
    *mean = sum / s->c;
    for (int k = 0; k < s->c; k++) {
        double distance = (double)x[k * s->pixels + i] - *mean;
        squares += distance * distance;
    }
    *scale = 1 / sqrt(squares / s->c + s->eps);
}

void ref_set_norm_fwd(const struct ref_set_norm *s, float *restrict y, const float *restrict x,
                      const float *restrict weight, const float *restrict bias)
{
    for (int i = 0; i < s->pixels; i++) {
        double mean, scale;
        statistics(s, x, i, &mean, &scale);
        for (int k = 0; k < s->c; k++) {
            int at = k * s->pixels + i;
            double normal = ((double)x[at] - mean) * scale;
            y[at] =
                (float)((double)weight[k] * normal + (s->norm == NORM_RMS ? 0 : (double)bias[k]));
        }
    }
}

void ref_set_norm_bwd_data(const struct ref_set_norm *s, float *dx, const float *dy,
                           const float *restrict x, const float *restrict weight, bool adds)
{
    for (int i = 0; i < s->pixels; i++) {
        double mean, scale, level = 0, along = 0;
        statistics(s, x, i, &mean, &scale);
        for (int k = 0; k < s->c; k++) {
            int at = k * s->pixels + i;
            double g = (double)weight[k] * (double)dy[at];
            level += s->norm == NORM_RMS ? 0 : g / s->c;
            along += g * ((double)x[at] - mean) * scale / s->c;
        }
        for (int k = 0; k < s->c; k++) {
            int at = k * s->pixels + i;
            double normal = ((double)x[at] - mean) * scale;
            double g = (double)weight[k] * (double)dy[at];
            double gradient = scale * (g - level - normal * along);
            dx[at] = (float)(adds ? (double)dx[at] + gradient : gradient);
        }
    }
}

void ref_set_norm_bwd_weights(const struct ref_set_norm *s, float *restrict dweight,
                              float *restrict dbias, const float *restrict dy,
                              const float *restrict x)
{
    for (int i = 0; i < s->pixels; i++) {
        double mean, scale;
        statistics(s, x, i, &mean, &scale);
        for (int k = 0; k < s->c; k++) {
            int at = k * s->pixels + i;
            dweight[k] += (float)((double)dy[at] * ((double)x[at] - mean) * scale);
            if (s->norm != NORM_RMS)
                dbias[k] += dy[at];
        }
    }
}
