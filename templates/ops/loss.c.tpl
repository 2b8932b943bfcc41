@ -- Softmax, cross entropy with label smoothing, and the gradient of both, for a micro-batch.
/* Loss of each image of a micro-batch, and whether its largest logit is the label's; ${classes} logits, in
 * ${values_floats} ${real}s an image: loss = log(sum of powers) - sum of target * shifted, added up, where shifted = logit - largest, power =
 * exp(shifted), target of k = (1 - s) (part [k = label] + (1 - part) [k = other]) + s / ${classes}, [..] is 1 or 0, s = smoothing. With `dlogits` also the gradient of
 * the mean loss over the batch: dlogits = (softmax(logits) - target) / batch->n. A training may mix into each image another
 * one, whose label is in `others`; `part` is then what the image has of itself. Else both are NULL and part is 1.
 * templates/ops/loss.c.tpl */
@ prototype()
static void softmax_loss(${real} *dlogits, const ${real} *values, const struct net *net, int chunk, int first, int n, ${real} smoothing)
{
    for (int image = first; image < first + n; image++, values += ${values_floats}) {
        const ${real} *logits = ${c.add("values", logits_at)};
        const struct batch *batch = net->run->batch;
        const int label = batch->labels[image];
        const int other = batch->others != NULL ? batch->others[image] : label;
        const double part = batch->others != NULL ? (double)batch->part[image] : 1.0;
        int best = 0;
        for (int k = 1; k < ${classes}; k++) {
            if (logits[k] > logits[best]) {
                best = k;
            }
        }
        double sum = 0.0;
        double shifted_mean = 0.0;
        double power[${classes}];
        for (int k = 0; k < ${classes}; k++) {
            const double shifted = (double)logits[k] - (double)logits[best];
            power[k] = exp(shifted);
            sum += power[k];
            shifted_mean += shifted / ${classes};
        }
        const double picked = part * ((double)logits[label] - (double)logits[best])
            + (1.0 - part) * ((double)logits[other] - (double)logits[best]);
        const double s = (double)smoothing;
        net->run->loss[chunk] += log(sum) - (1.0 - s) * picked - s * shifted_mean;
        net->run->correct[chunk] += best == label;
        if (dlogits != NULL) {
            for (int k = 0; k < ${classes}; k++) {
                const double share = (k == label ? part : 0.0) + (k == other ? 1.0 - part : 0.0);
                const double target = share * (1.0 - s) + s / ${classes};
                dlogits[${c.add("k", dlogits_at)}] = (${real})((power[k] / sum - target) / batch->n);
            }
            @ if pitch > classes then
                for (int k = ${classes}; k < ${pitch}; k++) {
                    dlogits[${c.add("k", dlogits_at)}] = 0.0${f};
                }
            @ end
            dlogits += ${dlogits_floats};
        }
    }
}

/* The ${classes} logits of each image, where an evaluation is asked for them. templates/ops/loss.c.tpl */
@ prototype()
static void store_logits(const struct net *net, int first, int n, const ${real} *values)
{
    for (int image = first; image < first + n && net->run->logits != NULL; image++, values += ${values_floats}) {
        memcpy(net->run->logits + (size_t)image * ${classes}, ${c.add("values", logits_at)}, ${classes} * sizeof(${real}));
    }
}
