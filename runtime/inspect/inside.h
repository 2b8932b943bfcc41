/* inside.h - a look inside a network in training: steps that change nothing, on the generic
 * kernels, after which every value, gradient and statistic can be read.
 *
 *     struct inside inside = {0};
 *     if (!inside_open(&inside, &model, threads, &err)) ...
 *     inside_set(&inside, &run.store);                 (copies parameters and running statistics)
 *     struct step_result r = inside_step(&inside, &batch);
 *     const float *x = inside_input(&inside, layer, image);
 *     inside_close(&inside);
 *
 * A step goes forward with the statistics of its batch, as training does, and backward; dropout is
 * off and parameters stay. What can be read is of the last step and lives until the next, and as
 * long as its batch does. The struct is large: a static or heap object, not one of the stack.
 */
#ifndef BURIN_INSIDE_H
#define BURIN_INSIDE_H

#include "ref/generic_place.h"

struct inside {
    struct run run;
    struct generic_plan plan;
    struct work work; /* of the last step, as the first thread sees it */
    struct batch batch;
};

bool inside_open(struct inside *inside, const struct model *model, int threads, struct err *err);

/* Accepts a zeroed struct. */
void inside_close(struct inside *inside);

void inside_set(struct inside *inside, const struct store *store);

/* Mean loss and hits; the gradients are in inside->run.store.grad. */
struct step_result inside_step(struct inside *inside, const struct batch *batch);

/* Input number 0 of a layer, [c][h][w] of its shape. */
static inline const float *inside_input(const struct inside *inside, int layer, int image)
{
    return place_input(&inside->work, layer, 0, image);
}

/* Output of a norm layer, made anew from its input and statistics: a ReLU behind it may have
 * overwritten it. out is room for [c][h][w]. */
void inside_norm_output(const struct inside *inside, int layer, int image, float *out);

/* The logits of all images, [n][classes]. */
void inside_logits(const struct inside *inside, float *out);

#endif
