/* immintrin.h - AVX-512 in software, for processors without it.
 *
 * The tests compile AVX-512 programs a second time with this folder first on the include path. SIMDe
 * gives the intrinsics their own names back; it defines no alias for the type of a mask. */
#ifndef BURIN_TEST_EMULATED_IMMINTRIN_H
#define BURIN_TEST_EMULATED_IMMINTRIN_H

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

typedef simde__mmask16 __mmask16;

#endif
