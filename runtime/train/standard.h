/* standard.h - weights that kernels see standardized.
 *
 * Each of `outputs` rows of n weights w is seen as (w - mean) / sqrt(variance + eps), where the
 * variance is the mean square of the distances to the mean, as in timm's StdConv2d: Qiao, Wang,
 * Liu, Shen and Yuille, "Micro-Batch Training with Batch-Channel Normalization and Weight
 * Standardization", arXiv:1903.10520. Rows lie one after another, as in a canonical parameter, and
 * all sums are made in double and in their order.
 */
#ifndef BURIN_STANDARD_H
#define BURIN_STANDARD_H

#include <stddef.h>

#include "real.h"

/* Sets `seen`. */
void standard_weights(real *restrict seen, const real *restrict w, size_t outputs, size_t n,
                      real eps);

/* Turns the gradient for what is seen into that for w, in place: with the seen weight v and s = 1 /
 * sqrt(variance + eps), s * (g - mean of g - v * mean of g * v). */
void standard_gradient(real *restrict grad, const real *restrict w, size_t outputs, size_t n,
                       real eps);

#endif
