/* real.h - the type of a network's numbers: float, or double where BURIN_DOUBLE is defined.
 *
 * `burin gen --real double` writes programs in double, to compare their gradients with difference
 * quotients. They define BURIN_DOUBLE before they include a header of the runtime, whose structs
 * they share. What they call, and finite.c, meet.c, muon.c, optim.c, standard.c, tree.c, update.c
 * and weights.c with it, must be compiled with -DBURIN_DOUBLE, too; all else in the runtime is written
 * for float, so there is no trainer in double and no program_main.
 */
#ifndef BURIN_REAL_H
#define BURIN_REAL_H

#if defined(BURIN_DOUBLE)
typedef double real;
#else
typedef float real;
#endif

#endif

