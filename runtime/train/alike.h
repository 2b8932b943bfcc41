/* alike.h - whether all ranks are about to make the same training, or to ask the same model.
 *
 *     if (!alike_check(&trainer, &err)) ...        (on every rank, when all have read all there is)
 *
 * The same bits need the same program, the same images, settings and parameters on every machine.
 */
#ifndef BURIN_ALIKE_H
#define BURIN_ALIKE_H

#include "train/trainer.h"

/* EXIT_USAGE on all ranks, with the first difference and the rank and host that has it. True where
 * this process is alone. */
bool alike_check(struct trainer *trainer, struct err *err);

/* The same of whether the first rank alone reads images, --data-from-root: before any of them does,
 * as it decides what they say to each other. */
bool alike_reading(struct ranks *ranks, bool from_root, struct err *err);

/* The same of the kernels' instruction set and of the parameters and statistics of a run. */
bool alike_model(struct ranks *ranks, const struct run *run, struct err *err);

#endif
