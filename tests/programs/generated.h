/* generated.h - the model inside a generated program, for tests.
 *
 * A generated file shows nothing but its main function, which hands its model to program_main. The
 * build compiles it for the tests with main called generated_main and program_main called
 * generated_program_main, so that calling the one brings the model to the other, and its recipe by
 * a name of its own, so that several can be linked. On a processor that has AVX2 and no AVX-512 it
 * compiles programs for the latter with emulated intrinsics, and everywhere the tiles of AMX.
 */
#ifndef BURIN_TEST_GENERATED_H
#define BURIN_TEST_GENERATED_H

#include "model.h"

enum { GENERATED_SKIPPED = 77 }; /* the exit code that ctest counts as skipped */

/* The model of the generated file that this test is linked with, or NULL, after saying so, when
 * this processor cannot run its kernels. */
const struct model *generated_model(void);

#endif
