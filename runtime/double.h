/* double.h - included before every other header of the runtime: its numbers are double.
 *
 * `burin gen --real double` writes programs in double, to compare their gradients with difference
 * quotients. They share with the runtime the structs of run.h and model.h, whose numbers are float
 * where networks are trained. What they call, weights.c, update.c, tree.c, optim.c and muon.c, must
 * be compiled with -include double.h; there is no trainer in double, so no program_main.
 */
#ifndef BURIN_DOUBLE_H
#define BURIN_DOUBLE_H

/* A keyword may become a macro only behind the last header of the system. */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define float double

#endif
