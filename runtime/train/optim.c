/* optim.c - one pass over parameter, momentum and gradient, element by element.
 *
 * Every product and sum is rounded by itself (the build forbids contraction to fused
 * multiply-adds), so the result is the same for every compiler and division of the vector.
 */
#include "train/optim.h"

/* A function for each of the two rules, so that the loops carry no branch and vectorise. */
static void update_plain(float lr, float keep, float decay, float *restrict param,
                         float *restrict momentum, const float *restrict grad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float g = grad[i] + decay * param[i];
        float v = keep * momentum[i] + g;
        momentum[i] = v;
        param[i] -= lr * v;
    }
}

static void update_nesterov(float lr, float keep, float decay, float *restrict param,
                            float *restrict momentum, const float *restrict grad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float g = grad[i] + decay * param[i];
        float v = keep * momentum[i] + g;
        momentum[i] = v;
        param[i] -= lr * (g + keep * v);
    }
}

void sgd_update(const struct sgd *sgd, bool decays, float *restrict param, float *restrict momentum,
                const float *restrict grad, size_t n)
{
    float decay = decays ? sgd->weight_decay : 0;
    if (sgd->nesterov)
        update_nesterov(sgd->lr, sgd->momentum, decay, param, momentum, grad, n);
    else
        update_plain(sgd->lr, sgd->momentum, decay, param, momentum, grad, n);
}
