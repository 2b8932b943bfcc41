/* finite.h - whether all of many floats are finite, fast enough to be asked after every step. */
#ifndef BURIN_FINITE_H
#define BURIN_FINITE_H

#include <stdbool.h>
#include <stddef.h>

bool finite_all(const float *values, size_t count);

#endif
