/* steps.h - some training steps of a program, written down for compare_twin.py. */
#ifndef BURIN_TESTS_STEPS_H
#define BURIN_TESTS_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

/* Takes TWIN_STEPS steps on one batch, without dropout and at a small learning rate, evaluates, and
 * writes a safetensors file; says what fails.
 *
 *     images, labels       what every step is given
 *     lr                   [1]
 *     noise                [1], how far rounding may be off: see inputs.h
 *     start.<name>         parameters and running statistics before the first step
 *     loss                 [TWIN_STEPS]
 *     gradient.<name>      of the first step, without weight decay
 *     end.<name>           parameters and running statistics after the last step
 *     momentum.<name>      after the last step
 *     logits               of the batch, in evaluation, after the last step
 */
bool write_steps(const struct model *model, const char *path, uint64_t seed);

#endif
