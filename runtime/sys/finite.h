/* finite.h - whether all of many numbers are finite, fast enough to be asked after every step. */
#ifndef BURIN_FINITE_H
#define BURIN_FINITE_H

#include <stdbool.h>
#include <stddef.h>

#include "real.h"

bool finite_all(const real *values, size_t count);

#endif
