/* weights.c - reduction, update and repacking of parameters, each by one thread.
 *
 * Parameters are dealt out by their place in the canonical vector, so that every rank gets about
 * the same number of floats. All work on one parameter is done by one rank, which makes the result
 * independent of the number of ranks. */
#include "weights.h"

#include <string.h>

static bool is_mine(const struct run *run, int rank, const struct param *param)
{
    size_t threads = (size_t)team_threads(run->team);
    return (int)(param->offset * threads / run->model->param_floats) == rank;
}

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
        if (is_mine(run, rank, &run->model->params[weights[i].param])) {
            pack_one(run, &weights[i], packed);
        }
    }
}

void weights_update(const struct run *run, int rank, const struct weight *weights, int count,
                    const float *chunks, size_t stride, int parts, float *packed, float *scratch)
{
    for (int i = 0; i < count; i++) {
        const struct weight *weight = &weights[i];
        const struct param *param = &run->model->params[weight->param];
        if (!is_mine(run, rank, param)) {
            continue;
        }
        float *grad = run->store.grad + param->offset;
        float *sum = weight->unpack != NULL ? scratch : grad;
        size_t floats = weight->unpack != NULL ? weight->gradient_floats : param->count;
        tree_sum(sum, chunks + weight->gradient, stride, parts, floats);
        if (weight->unpack != NULL) {
            weight->unpack(grad, sum);
        }
        sgd_update(&run->sgd, param->decays, run->store.param + param->offset,
                   run->store.momentum + param->offset, grad, param->count);
        pack_one(run, weight, packed);
    }
}
