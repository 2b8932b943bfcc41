/* average.c - a batch's statistics are what a step of training adds to statistics of 0, divided by
 * the part that the newest batch has. So any backend gives them, by steps at a learning rate of 0.
 */
#include "train/average.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool average_open(struct average *average, const struct run *run, const struct recipe *recipe,
                  struct err *err)
{
    const size_t states = run->model->state_floats;
    *average = (struct average){.batches = states > 0 ? recipe->ema_batches : 0};
    if (run->store.ema == NULL || average->batches == 0)
        return true;
    average->statistics = calloc(states, sizeof *average->statistics);
    average->sums = calloc(states, sizeof *average->sums);
    average->momentum = calloc(run->model->param_floats, sizeof *average->momentum);
    return (average->statistics != NULL && average->sums != NULL && average->momentum != NULL) ||
           err_set_errno(err, ENOMEM, "estimated statistics");
}

void average_close(struct average *average)
{
    free(average->statistics);
    free(average->sums);
    free(average->momentum);
    *average = (struct average){0};
}

/* -- In and out -------------------------------------------------------------------------------- */

static void exchange(float **a, float **b)
{
    float *c = *a;
    *a = *b;
    *b = c;
}

void average_enter(struct average *average, struct run *run)
{
    run_exchange_average(run);
    if (average->statistics != NULL)
        exchange(&run->store.state, &average->statistics);
    if (run->store.ema != NULL)
        run_pack(run);
}

void average_leave(struct average *average, struct run *run)
{
    if (average->statistics != NULL)
        exchange(&run->store.state, &average->statistics);
    run_exchange_average(run);
    if (run->store.ema != NULL)
        run_pack(run);
}

/* -- Estimates --------------------------------------------------------------------------------- */

/* Zeros, but what frozen layers apply. */
static void start_states(const struct average *average, struct run *run)
{
    const struct model *model = run->model;
    memset(run->store.state, 0, model->state_floats * sizeof *run->store.state);
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *l = &model->layers[i];
        for (int s = 0; l->frozen && l->state >= 0 && s < 2; s++) { /* mean, variance */
            const struct state *state = &model->states[l->state + s];
            memcpy(run->store.state + state->offset, average->statistics + state->offset,
                   state->count * sizeof *run->store.state);
        }
    }
}

/* Adds the statistics of one batch. */
static void add_batch(struct average *average, struct run *run, const struct batch *batch)
{
    const struct model *model = run->model;
    start_states(average, run);
    run_train(run, batch);
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *l = &model->layers[i];
        const bool moves = l->momentum > 0 && !l->frozen;
        for (int s = 0; l->op == LAYER_NORM && l->state >= 0 && s < 2; s++) { /* mean, variance */
            const struct state *state = &model->states[l->state + s];
            for (size_t k = state->offset; k < state->offset + state->count; k++)
                average->sums[k] += moves ? (double)run->store.state[k] / (double)l->momentum
                                          : (double)average->statistics[k];
        }
    }
}

bool average_estimate(struct average *average, struct run *run, struct loader *loader,
                      uint32_t epoch)
{
    const size_t states = run->model->state_floats;
    const int steps = loader_steps(loader);
    const int all = average->batches < steps ? average->batches : steps;
    if (average->statistics == NULL)
        return true;
    const struct run before = *run;
    run->optim = (struct optim){.kind = OPTIMIZER_SGD}; /* lr 0 */
    run->store.momentum = average->momentum;
    run->profile = NULL;
    memset(average->sums, 0, states * sizeof *average->sums);
    loader_start_epoch(loader, epoch, 0);
    for (int i = 0; i < all && run_interrupted(run) == 0; i++)
        add_batch(average, run, loader_next(loader));
    loader_start_epoch(loader, epoch, steps); /* makes no more */
    for (size_t k = 0; k < states; k++)
        run->store.state[k] = (float)(average->sums[k] / all);
    run->optim = before.optim;
    run->store.momentum = before.store.momentum;
    run->store.batches = before.store.batches;
    run->profile = before.profile;
    return run_interrupted(run) == 0;
}
