/* median.h - the middle of a few measurements. */
#ifndef BURIN_MEDIAN_H
#define BURIN_MEDIAN_H

#include <stddef.h>

/* Sorts the values; n is at least 1. The mean of the middle two when n is even. */
double median_of(double *values, size_t n);

#endif
