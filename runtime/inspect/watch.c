/* watch.c - see watch.h. A later micro-batch may fail in an earlier call, which then counts.
 */
#include "inspect/watch.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

static void note_micro_batch(struct watch *watch, int chunk, int micro_batch, int image, int n)
{
    struct watching *w = (struct watching *)watch;
    w->chunk = chunk;
    w->micro_batch = micro_batch;
    w->first = image;
    w->n = n;
}

static const float *place(const struct watching *w, const struct run *run,
                          const struct tensor *tensor)
{
    const struct tensors *all = run->model->tensors;
    const float *chunks = run->shared + all->weight_floats;
    const float *micro_batches = chunks + (size_t)model_most_chunks(run->model) * all->chunk_floats;
    switch (tensor->memory) {
    case TENSOR_CHUNK:
        return chunks + (size_t)w->chunk * all->chunk_floats + tensor->at;
    case TENSOR_MICRO_BATCH:
        return micro_batches + (size_t)w->micro_batch * all->micro_batch_floats + tensor->at;
    case TENSOR_THREAD:
        return run->thread[0] + tensor->at;
    case TENSOR_SCRATCH:
        break;
    }
    return run->thread[0] + all->thread_floats + tensor->at;
}

static void look(struct watching *w, const struct run *run, const struct tensor *tensor)
{
    const float *values = place(w, run, tensor);
    const int images = tensor->images > 1 ? w->n : 1;
    for (int image = 0; image < images; image++, values += tensor->floats) {
        for (size_t i = 0; i < tensor->floats; i++) {
            if (i % tensor->pitch >= tensor->used || isfinite(values[i]))
                continue;
            w->found = tensor;
            w->image = tensor->images > 1 ? w->first + image : -1;
            w->value = values[i];
            return;
        }
    }
}

static void note_computed(struct watch *watch, const struct run *run, int slot)
{
    struct watching *w = (struct watching *)watch;
    const struct tensors *all = run->model->tensors;
    const struct tensor *end = w->found != NULL ? w->found : all->list + all->count;
    for (const struct tensor *tensor = all->list; tensor < end; tensor++) {
        if (tensor->slot == slot) {
            look(w, run, tensor);
            if (w->found == tensor)
                return;
        }
    }
}

void watch_start(struct watching *watching, struct run *run)
{
    assert(run->model->tensors != NULL && team_threads(run->team) == 1);
    *watching = (struct watching){
        .watch = {.micro_batch = note_micro_batch, .computed = note_computed}, .image = -1};
    run->watch = &watching->watch;
}
