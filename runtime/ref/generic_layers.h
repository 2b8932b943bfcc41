/* generic_layers.h - one layer over one chunk of images, forward and backward.
 *
 * The order of layers and chunks, and what waits for all images, is that of generic.c: the sums of
 * batch norm are there before a layer is asked for what it makes of them.
 */
#ifndef BURIN_GENERIC_LAYERS_H
#define BURIN_GENERIC_LAYERS_H

#include "ref/generic_place.h"
#include "rng.h"

/* The output of a layer for every image of a chunk, or its loss and hits. */
void generic_layer_forward(const struct work *w, int layer, int chunk);

/* The gradients of its inputs and, for this chunk, of its parameters. */
void generic_layer_backward(const struct work *w, int layer, int chunk);

/* -- What both ask ----------------------------------------------------------------------------- */

static inline int layer_pixels(const struct layer *l)
{
    return l->h * l->w;
}

static inline int layer_input_pixels(const struct work *w, int layer, int which)
{
    return layer_pixels(&w->model->layers[w->model->layers[layer].inputs[which]]);
}

/* Zero, which drops nothing, when dropout is off; an evaluation need not say what its samples are.
 */
static inline uint64_t layer_dropout_key(const struct work *w, int layer, int image)
{
    const struct batch *batch = w->run->batch;
    if (!w->training || !w->run->dropout)
        return 0;
    return rng_key(batch->seed, batch->epoch, batch->samples[image], RNG_DROPOUT + (uint32_t)layer);
}

static inline struct ref_linear layer_linear(const struct work *w, int layer, struct span images)
{
    int from = w->model->layers[layer].inputs[0];
    return (struct ref_linear){images.last - images.first, (int)place_floats(w, from),
                               w->model->layers[layer].c, place_stride(w, from),
                               w->plan->image_floats};
}

static inline struct ref_set_norm layer_set_norm(const struct layer *l)
{
    return ref_set_norm_of(l->norm, l->over_image, l->c, layer_pixels(l), l->eps);
}

/* What the logits of an image should be in training. */
static inline struct ref_target layer_target(const struct run *run, int image)
{
    const struct batch *batch = run->batch;
    const bool mixed = batch->others != NULL;
    return (struct ref_target){.label = batch->labels[image],
                               .other = mixed ? batch->others[image] : batch->labels[image],
                               .part = mixed ? (double)batch->part[image] : 1,
                               .smoothing = (double)run->label_smoothing};
}

#endif
