/* probe.h - looks inside a network while it trains, for reports: one event `probe` a look.
 *
 *     struct probe *probe = NULL;
 *     if (!probe_open(&probe, &settings, &err)) ...
 *     if (probe_due(probe, steps_made)) {
 *         probe_look(probe, &run.store, &err);         (before the step)
 *         ... the step ...
 *         probe_write(probe, &run.store, &log, step, &err);
 *     }
 *     probe_close(probe);
 *
 * A look takes the first images of the training set as they are, always the same ones, through the
 * generic kernels, in training mode and without dropout (inside.h). It changes nothing in the
 * training. The event:
 *
 *     step                                the step that is about to be made, counted from 1
 *     images, loss                        of the look
 *     norms: [{layer, kind, before, after}]
 *         before, after: {mean, deviation, low, high, histogram, outside, channel, group, image}
 *         histogram: counts of equal bins from low to high, the ends of the values or four
 *         deviations from the mean, whichever is closer; outside: how many values lie in none.
 *         channel, group, image: [mean and spread of the means of these parts, mean and spread of
 *         their deviations]; a part is a channel of all images, a quarter of the channels of one
 *         image (as many as the norm has groups, when those are more than one), one image.
 *     weights: [{name, gradient, weight, update}]
 *         norms of each weight tensor, its gradient in the look and its movement in the step;
 *         update is missing in a look that no step follows
 *     walk: {gradient, lengths, losses, changes}
 *         along the negative gradient of the look: at lengths times the gradient, the loss, and
 *         the norm of the difference between the gradient there and here; null where not finite
 *
 * A network without norms tells of its ReLU layers, with `before` alone.
 */
#ifndef BURIN_PROBE_H
#define BURIN_PROBE_H

#include "data/augment.h"
#include "data/data.h"
#include "file/log.h"
#include "run.h"

enum { PROBE_FEW_IMAGES = 32 };

struct probe;

struct probe_settings {
    const struct model *model;
    const struct data *data;       /* outlives the probe */
    const struct augment *augment; /* none, but the normalisation */
    int64_t every;                 /* steps between two looks */
    int images;                    /* of a look, at most */
    int threads;
    float label_smoothing;
    float lr; /* the walk's unit of length */
};

/* What `--probe auto` takes of a training of so many steps: steps between two looks, of which a
 * handful come, the one before the first step and the one behind the last among them. 0: none,
 * where two of PROBE_FEW_IMAGES images, and the evaluation at the end, would take more than 1 % of
 * the time. */
int64_t probe_spacing(int64_t steps);

bool probe_open(struct probe **probe, const struct probe_settings *settings, struct err *err);

/* Accepts NULL, as the next two do. */
void probe_close(struct probe *probe);

/* Whether to look before the next step. */
bool probe_due(const struct probe *probe, int64_t steps_made);

/* Seconds spent here since probe_open. */
double probe_seconds(const struct probe *probe);

/* Looks at the parameters and keeps them and what was found. */
bool probe_look(struct probe *probe, const struct store *store, struct err *err);

/* Writes what the last look found, and how far the parameters moved since; store is NULL when they
 * did not. step counts the one that was, or would be, made. */
bool probe_write(struct probe *probe, const struct store *store, struct log *log, int64_t step,
                 struct err *err);

#endif
