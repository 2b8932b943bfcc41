/* diagnose.h - where the numbers of a step stopped being finite.
 *
 *     char where[DIAGNOSE_SIZE];
 *     diagnose(&run, params, &batch, where);
 *     ("layer norm1: its output is nan first, for image 3 of the batch")
 *
 * A training step checks its loss and its gradients and no more. When they are not finite, the step
 * is made again here, with the parameters it began with, on the same kernels, and every tensor is
 * looked at as soon as it is computed: by the generic backend itself, or by watch.h.
 */
#ifndef BURIN_DIAGNOSE_H
#define BURIN_DIAGNOSE_H

#include "run.h"

enum { DIAGNOSE_SIZE = 320 };

/* `run` gives the model and the flags of the step and stays as it is; params [param_floats] are
 * those from before the step. Text says in any case what was found. */
void diagnose(const struct run *run, const float *params, const struct batch *batch,
              char text[DIAGNOSE_SIZE]);

#endif
