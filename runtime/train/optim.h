/* optim.h - the rules by which parameters move, element by element.
 *
 *     struct optim optim;
 *     optim_init(&optim, &recipe);                        (then lr and step of every step)
 *     optim_update(&optim, OPTIMIZER_ADAMW, &part);
 *
 * A rule sees one element at a time, so any division of the work gives the same bits. Muon, which
 * looks at a whole matrix, is muon.h; which parameter moves by which rule, update.c.
 */
#ifndef BURIN_OPTIM_H
#define BURIN_OPTIM_H

#include "model.h"

/* The numbers of one step. */
struct optim {
    real lr;
    real momentum; /* 0 turns it off */
    real weight_decay;
    bool nesterov;
    enum optimizer kind;
    real beta1, beta2, eps;
    enum optimizer others;
    real others_rate; /* times lr */
    int newton_schulz;
    bool renormalize;
    real clip;
    bool factors;
    real rate[PARAM_KINDS], decay[PARAM_KINDS];
    int64_t step; /* this one, counted from 1: Adam corrects its averages by it */
};

/* Elements that one rule moves, and what it keeps of them: SGD and Muon the momentum, Lion the
 * average of the gradients, Adam and AdamW this and the average of their squares. */
struct optim_part {
    real *restrict param;
    real *restrict first, *restrict second; /* zero before the first step; NULL where not kept */
    const real *restrict grad;
    size_t n;
    real lr, weight_decay;
};

/* Everything but the step. Its lr is the highest rate of the schedule. */
void optim_init(struct optim *optim, const struct recipe *recipe);

/* Updates in place; t is optim->step. Weight decay is d:
 *
 *     SGD     g = grad + d p;  v = momentum v + g;  p -= lr (nesterov ? g + momentum v : v)
 *             (torch.optim.SGD; dampening 0)
 *     Adam    g = grad + d p;  m += (1 - beta1) (g - m);  s = beta2 s + (1 - beta2) g g;
 *             p -= lr / (1 - beta1^t) m / (sqrt(s) / sqrt(1 - beta2^t) + eps)
 *             (torch.optim.Adam; Kingma and Ba, arXiv:1412.6980)
 *     AdamW   p -= lr d p, and then as Adam with g = grad
 *             (torch.optim.AdamW; Loshchilov and Hutter, arXiv:1711.05101)
 *     Lion    p -= lr d p;  p -= lr sign(beta1 m + (1 - beta1) grad);
 *             m = beta2 m + (1 - beta2) grad        (Chen et al., arXiv:2302.06675)
 */
void optim_update(const struct optim *optim, enum optimizer rule, const struct optim_part *part);

#endif
