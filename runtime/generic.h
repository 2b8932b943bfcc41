/* generic.h - the backend that trains any model from its table of layers, on the kernels of ref.h.
 *
 *     run_open(&run, &model, &generic_backend, threads, &err)
 *
 * It is what `--backend generic` selects, and the rival in the bench. Layouts are C,H,W and
 * parameters are read where the store keeps them, so that there is nothing to pack.
 */
#ifndef BURIN_GENERIC_H
#define BURIN_GENERIC_H

#include "model.h"

/* Layers of the largest model it trains. */
enum { GENERIC_MAX_LAYERS = 1024 };

extern const struct backend generic_backend;

/* Whether training needs this backend: a batch norm takes statistics over less than the batch. */
bool generic_only(const struct model *model);

#endif
