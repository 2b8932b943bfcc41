/* weights.c - reduction, update and repacking of parameters, each by one thread.
 *
 * Parameters are dealt out by their place in the canonical vector, so that every rank gets about
 * the same number of floats. All work on one parameter is done by one rank, which makes the result
 * independent of the number of ranks. */
#include "weights.h"

#include <string.h>

#include "train/meet.h"
#include "train/standard.h"
#include "train/update.h"

const real *weights_seen(const struct run *run, int i)
{
    const struct param *param = &run->model->params[i];
    const real *canonical = run->store.param + param->offset;
    const real eps = weights_standardize(run, i);
    if (eps <= 0) {
        return canonical;
    }
    const size_t outputs = (size_t)param->shape[0];
    real *seen = run->store.seen + param->offset;
    standard_weights(seen, canonical, outputs, param->count / outputs, eps);
    return seen;
}

static void pack_one(const struct run *run, const struct weight *weight, real *packed)
{
    const struct param *param = &run->model->params[weight->param];
    const real *canonical = weights_seen(run, weight->param);
    if (weight->packed && weight->pack != NULL) {
        weight->pack(packed + weight->forward, canonical);
    } else if (weight->packed) {
        memcpy(packed + weight->forward, canonical, param->count * sizeof(real));
    }
    if (weight->pack_transposed != NULL) {
        weight->pack_transposed(packed + weight->transposed, canonical);
    }
}

void weights_pack(const struct run *run, int rank, const struct weight *weights, int count,
                  real *packed)
{
    for (int i = 0; weights != NULL && i < count; i++) {
        if (update_packs(run, rank, weights[i].param)) {
            pack_one(run, &weights[i], packed);
        }
    }
}

/* The gradient of the batch, from those of its chunks: that of the weights themselves where kernels
 * see them standardized. */
static void gather(const struct run *run, const struct gradients *g, int i, real *scratch)
{
    const struct weight weight = weights_row(run, g->weights, i);
    real *grad = run->store.grad + run->model->params[weight.param].offset;
    real *sum = weight.unpack != NULL ? scratch : grad;
    if (run->meet != NULL) {
        meet_gradient(run, g, i, sum);
    } else {
        tree_sum(sum, g->chunks + weight.gradient, g->stride, g->parts, weight.gradient_floats);
    }
    if (weight.unpack != NULL) {
        weight.unpack(grad, sum);
    }
    const real eps = weights_standardize(run, weight.param);
    if (eps > 0) {
        const struct param *param = &run->model->params[weight.param];
        const size_t outputs = (size_t)param->shape[0];
        standard_gradient(grad, run->store.param + param->offset, outputs, param->count / outputs,
                          eps);
    }
}

/* A process that is alone packs what it has just moved. */
static void move(struct run *run, int rank, const struct gradients *g, int i, real *packed)
{
    const struct weight weight = weights_row(run, g->weights, i);
    update_param(run, rank, weight.param);
    if (run->meet == NULL) {
        pack_one(run, &weight, packed);
    }
}

void weights_update(struct run *run, int rank, const struct weight *weights, int count,
                    const real *chunks, size_t stride, int parts, real *packed, real *scratch)
{
    const struct gradients g = {weights, count, chunks, stride, parts};
    const bool clips = update_clips(run);
    if (run->meet != NULL) {
        meet_gradients(run, rank, &g);
    }
    for (int i = 0; i < count; i++) {
        const int param = weights_row(run, weights, i).param;
        if (run_is_frozen(run, param) || !update_is_mine(run, rank, param)) {
            continue;
        }
        gather(run, &g, i, scratch);
        if (clips) {
            update_measure(run, param);
        } else {
            move(run, rank, &g, i, packed);
        }
    }
    if (clips) {
        meet_squares(run, rank);
    }
    for (int i = 0; clips && i < count; i++) {
        const int param = weights_row(run, weights, i).param;
        if (!run_is_frozen(run, param) && update_is_mine(run, rank, param)) {
            update_clip(run, param);
            move(run, rank, &g, i, packed);
        }
    }
    if (run->meet != NULL) {
        meet_parameters(run, rank);
        weights_pack(run, rank, weights, count, packed);
    }
}
