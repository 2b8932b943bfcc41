/* optim.h - stochastic gradient descent with momentum, Nesterov's variant and weight decay. */
#ifndef BURIN_OPTIM_H
#define BURIN_OPTIM_H

#include <stdbool.h>
#include <stddef.h>

/* The settings of one step. */
struct sgd {
    float lr;
    float momentum;     /* 0 turns it off */
    float weight_decay; /* added to the gradient of parameters that decay, times the parameter */
    bool nesterov;
};

/* Updates n parameters in place, as torch.optim.SGD does (dampening 0):
 *     g = grad + decay * param;  v = momentum * v + g;
 *     param -= lr * (nesterov ? g + momentum * v : v)
 * With zeroed momentum buffers the first step equals PyTorch's. decays says whether weight decay
 * applies to this parameter. Element by element, so that any division of the work gives the same
 * bits. */
void sgd_update(const struct sgd *sgd, bool decays, float *restrict param, float *restrict momentum,
                const float *restrict grad, size_t n);

#endif
