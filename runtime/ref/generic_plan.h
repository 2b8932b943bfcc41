/* generic_plan.h - where the generic backend keeps what a model computes.
 *
 *     struct generic_plan plan;
 *     generic_plan_make(&plan, model);
 *
 * A pure function of the model; every thread makes its own copy. All offsets count floats and are
 * multiples of a cache line. Three memories: one arena for each image of the batch, which only the
 * thread that owns the image touches; what the threads exchange, before those in the shared block;
 * and the block of each thread.
 */
#ifndef BURIN_GENERIC_PLAN_H
#define BURIN_GENERIC_PLAN_H

#include "ref/generic.h"

/* The places of one layer; those that it does not use are zero. */
struct generic_node {
    size_t value;   /* image: output; ReLU and dropout may share that of their input */
    size_t grad;    /* image: gradient of the output, shared by layers at different times */
    size_t moments; /* struct ref_moments [groups]; image: group norm, thread: batch norm */
    size_t sums[2]; /* shared: batch norm, double [chunks][2][c], forward and backward;
                       with ghosts one for each image instead of each chunk */
    bool has_grad;  /* the loss depends on the output, and a parameter depends on the gradient */
    bool grad_adds[MODEL_INPUTS]; /* the gradient of that input has been started already */
};

struct generic_plan {
    struct generic_node nodes[GENERIC_MAX_LAYERS];
    size_t images; /* shared: the arenas of the images, [recipe.batch][image_floats] */
    size_t image_floats;
    size_t parts; /* shared: parameter gradients of each chunk, [chunks][part_floats] */
    size_t part_floats;
    size_t coef;        /* thread: float [3][c] of the widest layer */
    size_t dcoef;       /* thread: float [4][c], of the norm under way */
    size_t batch_dcoef; /* thread: the same of a batch norm, while all chunks go through it */
    size_t sums;        /* thread: double [2][c] */
    size_t scratch;     /* thread: columns of the largest convolution */
    size_t shared_floats, thread_floats;
};

void generic_plan_make(struct generic_plan *plan, const struct model *model);

/* The window of a conv or pool layer. */
struct ref_window generic_window(const struct model *model, int layer);

#endif
