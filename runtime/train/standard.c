/* standard.c - two passes over a row for its moments, as it has a few thousand weights at most. */
#include "train/standard.h"

#include <math.h>

struct moments {
    double mean, scale; /* scale: 1 / sqrt(variance + eps) */
};

static struct moments moments_of(const real *w, size_t n, real eps)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)w[i];
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += ((double)w[i] - mean) * ((double)w[i] - mean);
    return (struct moments){mean, 1 / sqrt(squares / (double)n + (double)eps)};
}

void standard_weights(real *restrict seen, const real *restrict w, size_t outputs, size_t n,
                      real eps)
{
    for (size_t k = 0; k < outputs; k++, seen += n, w += n) {
        const struct moments m = moments_of(w, n, eps);
        for (size_t i = 0; i < n; i++)
            seen[i] = (real)(((double)w[i] - m.mean) * m.scale);
    }
}

void standard_gradient(real *restrict grad, const real *restrict w, size_t outputs, size_t n,
                       real eps)
{
    for (size_t k = 0; k < outputs; k++, grad += n, w += n) {
        const struct moments m = moments_of(w, n, eps);
        double sum = 0, product = 0;
        for (size_t i = 0; i < n; i++) {
            sum += (double)grad[i];
            product += (double)grad[i] * ((double)w[i] - m.mean) * m.scale;
        }
        const double mean = sum / (double)n, slope = product / (double)n;
        for (size_t i = 0; i < n; i++) {
            const double seen = ((double)w[i] - m.mean) * m.scale;
            grad[i] = (real)(m.scale * ((double)grad[i] - mean - seen * slope));
        }
    }
}
