/* generic.h - the backend that trains any model from its table of layers, on the kernels of ref.h.
 *
 *     run_open(&run, &model, &generic_backend, threads, &err)
 *
 * It is what `--backend generic` selects, and the rival in the bench. Layouts are C,H,W and
 * parameters are read where the store keeps them, so that there is nothing to pack.
 */
#ifndef BURIN_GENERIC_H
#define BURIN_GENERIC_H

#include "run.h"

/* Layers of the largest model it trains. */
enum { GENERIC_MAX_LAYERS = 1024 };

extern const struct backend generic_backend;

/* The first tensor of a step that is not finite. */
struct generic_finding {
    int layer;
    int param;     /* its gradient, an index into params; -1: the layer's output, or its gradient */
    bool backward; /* the gradient of the output, not the output */
    int image;     /* of the batch, where it is no parameter's */
    float value;   /* the first that is not finite */
};

/* Makes a training step without its update on a run of this backend with one thread, and looks at
 * every tensor as it is computed. False when all are finite. */
bool generic_find(struct run *run, const struct batch *batch, struct generic_finding *found);

#endif
