/* optim.c - one pass over parameter, gradient and what is kept, element by element.
 *
 * Every product and sum is rounded by itself (the build forbids contraction to fused
 * multiply-adds), so the result is the same for every compiler and division of the vector. A
 * function for each rule, so that the loops carry no branch and vectorise.
 */
#include "train/optim.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void optim_init(struct optim *optim, const struct recipe *recipe)
{
    *optim = (struct optim){
        .lr = recipe->lr,
        .momentum = recipe->momentum,
        .weight_decay = recipe->weight_decay,
        .nesterov = recipe->nesterov,
        .kind = recipe->optimizer,
        .beta1 = recipe->beta1,
        .beta2 = recipe->beta2,
        .eps = recipe->eps,
        .others = recipe->others,
        .newton_schulz = recipe->newton_schulz,
        .renormalize = recipe->renormalize,
        .clip = recipe->clip,
        .factors = recipe->factors,
    };
    if (recipe->optimizer == OPTIMIZER_MUON && recipe->lr > 0)
        optim->others_rate = (real)((double)recipe->others_lr / (double)recipe->lr);
    memcpy(optim->rate, recipe->rate, sizeof optim->rate);
    memcpy(optim->decay, recipe->decay, sizeof optim->decay);
}

/* -- SGD --------------------------------------------------------------------------------------- */

static void update_plain(real lr, real keep, real decay, real *restrict param,
                         real *restrict momentum, const real *restrict grad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        real g = grad[i] + decay * param[i];
        real v = keep * momentum[i] + g;
        momentum[i] = v;
        param[i] -= lr * v;
    }
}

static void update_nesterov(real lr, real keep, real decay, real *restrict param,
                            real *restrict momentum, const real *restrict grad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        real g = grad[i] + decay * param[i];
        real v = keep * momentum[i] + g;
        momentum[i] = v;
        param[i] -= lr * (g + keep * v);
    }
}

/* -- Adam -------------------------------------------------------------------------------------- */

/* The loops of this file are compiled without errno for sqrt, which would keep them scalar. */
static real root(real x)
{
    return (real)sqrt((double)x);
}

static void update_adam(const struct optim *optim, const struct optim_part *part, real coupled,
                        real shrink)
{
    real *restrict param = part->param, *restrict mean = part->first,
                   *restrict square = part->second;
    const real *restrict grad = part->grad;
    const double beta1 = (double)optim->beta1, beta2 = (double)optim->beta2;
    const double correction1 = 1 - pow(beta1, (double)optim->step);
    const double correction2 = 1 - pow(beta2, (double)optim->step);
    const real newest1 = (real)(1 - beta1), keep2 = optim->beta2, newest2 = (real)(1 - beta2);
    const real step = (real)((double)part->lr / correction1), eps = optim->eps;
    const real deviation = (real)sqrt(correction2);
    for (size_t i = 0; i < part->n; i++) {
        real p = param[i] * shrink;
        real g = grad[i] + coupled * p;
        real m = mean[i] + newest1 * (g - mean[i]);
        real s = keep2 * square[i] + newest2 * g * g;
        mean[i] = m;
        square[i] = s;
        param[i] = p - step * (m / (root(s) / deviation + eps));
    }
}

/* -- Lion -------------------------------------------------------------------------------------- */

static void update_lion(const struct optim *optim, const struct optim_part *part)
{
    real *restrict param = part->param, *restrict mean = part->first;
    const real *restrict grad = part->grad;
    const real keep1 = optim->beta1, newest1 = (real)(1 - (double)optim->beta1);
    const real keep2 = optim->beta2, newest2 = (real)(1 - (double)optim->beta2);
    const real lr = part->lr, shrink = 1 - part->lr * part->weight_decay;
    for (size_t i = 0; i < part->n; i++) {
        real u = keep1 * mean[i] + newest1 * grad[i];
        real sign = (real)(u > 0) - (real)(u < 0);
        param[i] = param[i] * shrink - lr * sign;
        mean[i] = keep2 * mean[i] + newest2 * grad[i];
    }
}

/* -- Choice ------------------------------------------------------------------------------------ */

void optim_update(const struct optim *optim, enum optimizer rule, const struct optim_part *part)
{
    switch (rule) {
    case OPTIMIZER_SGD:
        if (optim->nesterov)
            update_nesterov(part->lr, optim->momentum, part->weight_decay, part->param, part->first,
                            part->grad, part->n);
        else
            update_plain(part->lr, optim->momentum, part->weight_decay, part->param, part->first,
                         part->grad, part->n);
        break;
    case OPTIMIZER_ADAM:
        update_adam(optim, part, part->weight_decay, 1);
        break;
    case OPTIMIZER_ADAMW:
        update_adam(optim, part, 0, 1 - part->lr * part->weight_decay);
        break;
    case OPTIMIZER_LION:
        update_lion(optim, part);
        break;
    case OPTIMIZER_MUON:
        assert(rule != OPTIMIZER_MUON); /* which moves matrices: muon.h */
        break;
    }
}
