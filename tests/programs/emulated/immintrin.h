/* immintrin.h - AVX-512 in halves, for processors that have AVX2 and FMA alone.
 *
 * The tests compile AVX-512 programs a second time with this folder first on the include path. A
 * vector is two of AVX2, and every intrinsic that generated programs use is done on one half and
 * then on the other, so that it rounds as on a processor that has it. What is missing here does not
 * compile. (A library for all of AVX-512 takes compilers minutes for each program: this, seconds.)
 */
#ifndef BURIN_TEST_EMULATED_IMMINTRIN_H
#define BURIN_TEST_EMULATED_IMMINTRIN_H

#pragma GCC system_header
#include_next <immintrin.h>

typedef struct {
    __m256 lo, hi;
} halves_ps;

typedef struct {
    __m256i lo, hi;
} halves_epi32;

#define __m512 halves_ps
#define __m512i halves_epi32

#define EMULATED static inline __attribute__((always_inline, unused))

/* -- Floats ------------------------------------------------------------------------------------ */

#define EMULATED_BINARY(name)                                                                      \
    EMULATED halves_ps emulated_##name(halves_ps a, halves_ps b)                                   \
    {                                                                                              \
        return (halves_ps){_mm256_##name(a.lo, b.lo), _mm256_##name(a.hi, b.hi)};                  \
    }

#define EMULATED_TERNARY(name)                                                                     \
    EMULATED halves_ps emulated_##name(halves_ps a, halves_ps b, halves_ps c)                      \
    {                                                                                              \
        return (halves_ps){_mm256_##name(a.lo, b.lo, c.lo), _mm256_##name(a.hi, b.hi, c.hi)};      \
    }

EMULATED_BINARY(add_ps)
EMULATED_BINARY(sub_ps)
EMULATED_BINARY(mul_ps)
EMULATED_BINARY(max_ps)
EMULATED_TERNARY(fmadd_ps)
EMULATED_TERNARY(fmsub_ps)
EMULATED_TERNARY(fnmadd_ps)

#define _mm512_add_ps emulated_add_ps
#define _mm512_sub_ps emulated_sub_ps
#define _mm512_mul_ps emulated_mul_ps
#define _mm512_max_ps emulated_max_ps
#define _mm512_fmadd_ps emulated_fmadd_ps
#define _mm512_fmsub_ps emulated_fmsub_ps
#define _mm512_fnmadd_ps emulated_fnmadd_ps

#define _mm512_set1_ps emulated_set1_ps
EMULATED halves_ps emulated_set1_ps(float a)
{
    return (halves_ps){_mm256_set1_ps(a), _mm256_set1_ps(a)};
}

#define _mm512_setzero_ps emulated_setzero_ps
EMULATED halves_ps emulated_setzero_ps(void)
{
    return emulated_set1_ps(0);
}

#define _mm512_loadu_ps emulated_loadu_ps
EMULATED halves_ps emulated_loadu_ps(const float *p)
{
    return (halves_ps){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

#define _mm512_storeu_ps emulated_storeu_ps
EMULATED void emulated_storeu_ps(float *p, halves_ps a)
{
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}

/* -- Masks ------------------------------------------------------------------------------------- */

/* The comparison has to be a constant, which it is not in a function that is compiled at -O0. */
#undef _mm512_cmp_ps_mask
#define _mm512_cmp_ps_mask(a, b, comparison)                                                       \
    emulated_mask(_mm256_cmp_ps((a).lo, (b).lo, comparison),                                       \
                  _mm256_cmp_ps((a).hi, (b).hi, comparison))

EMULATED __mmask16 emulated_mask(__m256 lo, __m256 hi)
{
    return (__mmask16)(_mm256_movemask_ps(lo) | _mm256_movemask_ps(hi) << 8);
}

/* All bits of lane i where bit i of the mask is set. */
EMULATED __m256 emulated_lanes(int mask)
{
    const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i set = _mm256_and_si256(_mm256_set1_epi32(mask), bits);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, bits));
}

#define _mm512_mask_mov_ps emulated_mask_mov_ps
EMULATED halves_ps emulated_mask_mov_ps(halves_ps otherwise, __mmask16 mask, halves_ps a)
{
    return (halves_ps){_mm256_blendv_ps(otherwise.lo, a.lo, emulated_lanes(mask)),
                       _mm256_blendv_ps(otherwise.hi, a.hi, emulated_lanes(mask >> 8))};
}

#define _mm512_maskz_mov_ps emulated_maskz_mov_ps
EMULATED halves_ps emulated_maskz_mov_ps(__mmask16 mask, halves_ps a)
{
    return emulated_mask_mov_ps(emulated_setzero_ps(), mask, a);
}

/* -- Integers ---------------------------------------------------------------------------------- */

#define EMULATED_INTEGER(name, suffix)                                                             \
    EMULATED halves_epi32 emulated_##name(halves_epi32 a, halves_epi32 b)                          \
    {                                                                                              \
        return (halves_epi32){_mm256_##name##suffix(a.lo, b.lo),                                   \
                              _mm256_##name##suffix(a.hi, b.hi)};                                  \
    }

EMULATED_INTEGER(add, _epi32)
EMULATED_INTEGER(mullo, _epi32)
EMULATED_INTEGER(xor, _si256)

#define _mm512_add_epi32 emulated_add
#define _mm512_mullo_epi32 emulated_mullo
#define _mm512_xor_si512 emulated_xor

#define _mm512_set1_epi32 emulated_set1_epi32
EMULATED halves_epi32 emulated_set1_epi32(int a)
{
    return (halves_epi32){_mm256_set1_epi32(a), _mm256_set1_epi32(a)};
}

#define _mm512_set1_epi16 emulated_set1_epi16
EMULATED halves_epi32 emulated_set1_epi16(short a)
{
    return (halves_epi32){_mm256_set1_epi16(a), _mm256_set1_epi16(a)};
}

#undef _mm512_set_epi32
#define _mm512_set_epi32 emulated_set_epi32
EMULATED halves_epi32 emulated_set_epi32(int p, int o, int n, int m, int l, int k, int j, int i,
                                         int h, int g, int f, int e, int d, int c, int b, int a)
{
    return (halves_epi32){_mm256_set_epi32(h, g, f, e, d, c, b, a),
                          _mm256_set_epi32(p, o, n, m, l, k, j, i)};
}

#undef _mm512_srli_epi32
#define _mm512_srli_epi32 emulated_srli_epi32
EMULATED halves_epi32 emulated_srli_epi32(halves_epi32 a, unsigned by)
{
    const __m128i count = _mm_cvtsi32_si128((int)by);
    return (halves_epi32){_mm256_srl_epi32(a.lo, count), _mm256_srl_epi32(a.hi, count)};
}

/* Unsigned, of 32 lanes of 16 bits: a bit each. Packing takes 128 bits of each half in turns. */
#undef _mm512_cmpge_epu16_mask
#define _mm512_cmpge_epu16_mask emulated_cmpge_epu16_mask
EMULATED __mmask32 emulated_cmpge_epu16_mask(halves_epi32 a, halves_epi32 b)
{
    const __m256i lo = _mm256_cmpeq_epi16(_mm256_max_epu16(a.lo, b.lo), a.lo);
    const __m256i hi = _mm256_cmpeq_epi16(_mm256_max_epu16(a.hi, b.hi), a.hi);
    const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(lo, hi), 0xd8);
    return (__mmask32)_mm256_movemask_epi8(bytes);
}

/* -- Conversions ------------------------------------------------------------------------------- */

#define _mm512_cvtepu8_epi32 emulated_cvtepu8_epi32
EMULATED halves_epi32 emulated_cvtepu8_epi32(__m128i bytes)
{
    return (halves_epi32){_mm256_cvtepu8_epi32(bytes),
                          _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))};
}

/* The low byte of each lane. */
#define _mm512_cvtepi32_epi8 emulated_cvtepi32_epi8
EMULATED __m128i emulated_cvtepi32_epi8(halves_epi32 a)
{
    const __m256i low = _mm256_set1_epi32(0xff);
    const __m256i words =
        _mm256_packus_epi32(_mm256_and_si256(a.lo, low), _mm256_and_si256(a.hi, low));
    const __m256i ordered = _mm256_permute4x64_epi64(words, 0xd8);
    return _mm_packus_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1));
}

#define _mm512_cvtepi32_ps emulated_cvtepi32_ps
EMULATED halves_ps emulated_cvtepi32_ps(halves_epi32 a)
{
    return (halves_ps){_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)};
}

#define _mm512_cvttps_epi32 emulated_cvttps_epi32
EMULATED halves_epi32 emulated_cvttps_epi32(halves_ps a)
{
    return (halves_epi32){_mm256_cvttps_epi32(a.lo), _mm256_cvttps_epi32(a.hi)};
}

#endif
