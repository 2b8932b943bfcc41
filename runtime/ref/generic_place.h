/* generic_place.h - the addresses behind the offsets of a plan, for one rank during one step. */
#ifndef BURIN_GENERIC_PLACE_H
#define BURIN_GENERIC_PLACE_H

#include "ref/generic_plan.h"
#include "ref/ref.h"
#include "run.h"
#include "weights.h"

/* What one rank works with during one step. */
struct work {
    struct run *run;
    const struct model *model;
    const struct generic_plan *plan;
    struct span chunks; /* its own */
    int rank;
    bool training;
    struct generic_watch *watch; /* looks at every tensor; NULL in a training */
};

static inline float *place_image(const struct work *w, int image)
{
    return w->run->shared + w->plan->images + (size_t)image * w->plan->image_floats;
}

static inline size_t place_floats(const struct work *w, int layer)
{
    const struct layer *l = &w->model->layers[layer];
    return (size_t)l->c * (size_t)l->h * (size_t)l->w;
}

static inline float *place_output(const struct work *w, int layer, int image)
{
    return place_image(w, image) + w->plan->nodes[layer].value;
}

/* Input number `which` of a layer. */
static inline const float *place_input(const struct work *w, int layer, int which, int image)
{
    int from = w->model->layers[layer].inputs[which];
    if (w->model->layers[from].op == LAYER_INPUT)
        return w->run->batch->images + (size_t)image * place_floats(w, from);
    return place_output(w, from, image);
}

/* From one image's value of a layer to that of the next. */
static inline size_t place_stride(const struct work *w, int layer)
{
    return w->model->layers[layer].op == LAYER_INPUT ? place_floats(w, layer)
                                                     : w->plan->image_floats;
}

/* Gradient of a layer's output. */
static inline const float *place_gradient(const struct work *w, int layer, int image)
{
    return place_image(w, image) + w->plan->nodes[layer].grad;
}

/* Gradient of a layer's input, NULL when nothing depends on it. */
static inline float *place_input_gradient(const struct work *w, int layer, int which, int image)
{
    const struct generic_node *from = &w->plan->nodes[w->model->layers[layer].inputs[which]];
    return from->has_grad ? place_image(w, image) + from->grad : NULL;
}

/* A parameter as layers see it. */
static inline const float *place_param(const struct work *w, int index)
{
    if (index < 0)
        return NULL;
    const float *of =
        weights_standardize(w->run, index) > 0 ? w->run->store.seen : w->run->store.param;
    return of + w->model->params[index].offset;
}

/* Gradient of a parameter summed over one chunk. */
static inline float *place_param_gradient(const struct work *w, int index, int chunk)
{
    if (index < 0)
        return NULL;
    return w->run->shared + w->plan->parts + (size_t)chunk * w->plan->part_floats +
           w->model->params[index].offset;
}

static inline float *place_thread(const struct work *w, size_t offset)
{
    return w->run->thread[w->rank] + offset;
}

static inline double *place_thread_sums(const struct work *w)
{
    return (void *)place_thread(w, w->plan->sums);
}

static inline struct ref_moments *place_moments(const struct work *w, int layer, int image)
{
    size_t offset = w->plan->nodes[layer].moments;
    if (w->model->layers[layer].norm == NORM_BATCH)
        return (void *)place_thread(w, offset);
    return (void *)(place_image(w, image) + offset);
}

/* The sums of batch norm over one chunk, or over one image of a norm with ghosts; pass is 0
 * forward, 1 backward. */
static inline double *place_part_sums(const struct work *w, int layer, int pass, int part)
{
    double *sums = (void *)(w->run->shared + w->plan->nodes[layer].sums[pass]);
    return sums + (size_t)(part * 2 * w->model->layers[layer].c);
}

#endif
