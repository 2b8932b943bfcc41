/* weights.c - reduction, update and repacking of parameters, each by one thread.
 *
 * Parameters are dealt out by their place in the canonical vector, so that every rank gets about
 * the same number of floats. All work on one parameter is done by one rank, which makes the result
 * independent of the number of ranks. */
#include "weights.h"

#include <string.h>

#include "train/update.h"

static void pack_one(const struct run *run, const struct weight *weight, float *packed)
{
    const struct param *param = &run->model->params[weight->param];
    const float *canonical = run->store.param + param->offset;
    if (weight->packed && weight->pack != NULL) {
        weight->pack(packed + weight->forward, canonical);
    } else if (weight->packed) {
        memcpy(packed + weight->forward, canonical, param->count * sizeof(float));
    }
    if (weight->pack_transposed != NULL) {
        weight->pack_transposed(packed + weight->transposed, canonical);
    }
}

void weights_pack(const struct run *run, int rank, const struct weight *weights, int count,
                  float *packed)
{
    for (int i = 0; i < count; i++) {
        if (update_is_mine(run, rank, weights[i].param)) {
            pack_one(run, &weights[i], packed);
        }
    }
}

/* The gradient of the batch, from those of its chunks. */
static void gather(const struct run *run, const struct weight *weight, const float *chunks,
                   size_t stride, int parts, float *scratch)
{
    const struct param *param = &run->model->params[weight->param];
    float *grad = run->store.grad + param->offset;
    float *sum = weight->unpack != NULL ? scratch : grad;
    size_t floats = weight->unpack != NULL ? weight->gradient_floats : param->count;
    tree_sum(sum, chunks + weight->gradient, stride, parts, floats);
    if (weight->unpack != NULL) {
        weight->unpack(grad, sum);
    }
}

void weights_update(struct run *run, int rank, const struct weight *weights, int count,
                    const float *chunks, size_t stride, int parts, float *packed, float *scratch)
{
    const bool clips = update_clips(run);
    for (int i = 0; i < count; i++) {
        if (!update_is_mine(run, rank, weights[i].param)) {
            continue;
        }
        gather(run, &weights[i], chunks, stride, parts, scratch);
        if (clips) {
            update_measure(run, weights[i].param);
        } else {
            update_param(run, rank, weights[i].param);
            pack_one(run, &weights[i], packed);
        }
    }
    if (!clips) {
        return;
    }
    team_barrier(run->team);
    for (int i = 0; i < count; i++) {
        if (update_is_mine(run, rank, weights[i].param)) {
            update_clip(run, weights[i].param);
            update_param(run, rank, weights[i].param);
            pack_one(run, &weights[i], packed);
        }
    }
}
