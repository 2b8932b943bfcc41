/* ref_loss.c - softmax cross entropy with label smoothing, of one label or two.
 *
 * With K classes, label t and smoothing e the target is q[k] = e / K + (k == t) * (1 - e); of two
 * labels, the sum of theirs by parts. The loss is sum q[k] * (log(sum exp) - logit[k]) and, as the
 * q[k] sum to one, its gradient is softmax - q. The largest logit is subtracted first, so that exp
 * never overflows.
 */
#include "ref/ref.h"

#include <math.h>

int ref_argmax(const float *logits, int classes)
{
    int best = 0;
    for (int k = 1; k < classes; k++)
        if (logits[k] > logits[best])
            best = k;
    return best;
}

static double log_sum_exp(const float *logits, int classes)
{
    double top = (double)logits[ref_argmax(logits, classes)], sum = 0;
    for (int k = 0; k < classes; k++)
        sum += exp((double)logits[k] - top);
    return top + log(sum);
}

static double share(int k, int classes, const struct ref_target *target)
{
    const double labels =
        (k == target->label ? target->part : 0) + (k == target->other ? 1 - target->part : 0);
    return target->smoothing / classes + labels * (1 - target->smoothing);
}

double ref_loss(const float *logits, int classes, const struct ref_target *target)
{
    double norm = log_sum_exp(logits, classes), loss = 0;
    for (int k = 0; k < classes; k++)
        loss += share(k, classes, target) * (norm - (double)logits[k]);
    return loss;
}

void ref_loss_bwd(float *dlogits, const float *logits, int classes, const struct ref_target *target,
                  double scale, bool adds)
{
    double norm = log_sum_exp(logits, classes);
    for (int k = 0; k < classes; k++) {
        double softmax = exp((double)logits[k] - norm);
        float gradient = (float)(scale * (softmax - share(k, classes, target)));
        dlogits[k] = adds ? dlogits[k] + gradient : gradient;
    }
}
