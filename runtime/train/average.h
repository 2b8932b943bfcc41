/* average.h - the average of the parameters over the steps, in the place of the parameters.
 *
 *     struct average average = {0};
 *     if (!average_open(&average, &run, &recipe, &err)) ...        (after run_recipe)
 *     average_enter(&average, &run);                               (the run holds the average)
 *     if (!average_estimate(&average, &run, loader, epoch)) ...    (an interrupt)
 *     ... run_eval, checkpoint_save_model ...
 *     average_leave(&average, &run);                               (and the parameters again)
 *
 * Without averages in the run nothing happens. The average of the statistics of batch norms over
 * the steps is that of networks that were others; with recipe.ema_batches they are estimated of
 * training images as the average network sees them (torch.optim.swa_utils.update_bn; Izmailov et
 * al., arXiv:1803.05407). The averages themselves go on as if nobody had looked.
 */
#ifndef BURIN_AVERAGE_H
#define BURIN_AVERAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "data/loader.h"
#include "run.h"

struct average {
    int batches; /* to estimate from, 0 none */
    float
        *statistics; /* [state_floats], estimated, between enter and leave the averages; or NULL */
    double *sums;    /* [state_floats] */
    float *momentum; /* [param_floats], of steps that move nothing */
};

bool average_open(struct average *average, const struct run *run, const struct recipe *recipe,
                  struct err *err);
void average_close(struct average *average);

/* Exchanges parameters and statistics with their averages, the latter estimated where they are.
 * Packs, but for a save nobody needs that. */
void average_enter(struct average *average, struct run *run);
void average_leave(struct average *average, struct run *run);

/* Between the two: takes the statistics of the first ema_batches batches of an epoch, at most all,
 * each as in a step of training, and makes their mean that of the network. Only the statistics of
 * the run change. False when an interrupt was requested. */
bool average_estimate(struct average *average, struct run *run, struct loader *loader,
                      uint32_t epoch);

#endif
