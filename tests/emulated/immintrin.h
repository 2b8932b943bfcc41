/* immintrin.h - AVX-512 in software, for processors without it.
 *
 * The tests compile AVX-512 programs a second time with this folder first on the include path.
 * SIMDe gives the intrinsics their own names back; it defines no alias for the type of a mask, and
 * not every conversion. */
#ifndef BURIN_TEST_EMULATED_IMMINTRIN_H
#define BURIN_TEST_EMULATED_IMMINTRIN_H

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

typedef simde__mmask16 __mmask16;

typedef int lanes16 __attribute__((vector_size(64)));
typedef float floats16 __attribute__((vector_size(64)));
typedef unsigned char bytes16 __attribute__((vector_size(16)));

#ifndef _mm512_cvtepu8_epi32
#define _mm512_cvtepu8_epi32(bytes)                                                                \
    ((__m512i) __builtin_convertvector((bytes16)(__m128i)(bytes), lanes16))
#endif
#ifndef _mm512_cvtepi32_epi8
#define _mm512_cvtepi32_epi8(lanes)                                                                \
    ((__m128i) __builtin_convertvector((lanes16)(__m512i)(lanes), bytes16))
#endif
#ifndef _mm512_cvtepi32_ps
#define _mm512_cvtepi32_ps(lanes)                                                                  \
    ((__m512) __builtin_convertvector((lanes16)(__m512i)(lanes), floats16))
#endif
#ifndef _mm512_cvttps_epi32
#define _mm512_cvttps_epi32(floats)                                                                \
    ((__m512i) __builtin_convertvector((floats16)(__m512)(floats), lanes16))
#endif

#endif
