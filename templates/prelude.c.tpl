@ -- Operations of one instruction set that intrinsics do not name alike, and the vector type of
@ -- portable C. Only what the kernels use is written.
@ if isa == "c" then
    /* Four floats, by the vector extension of gcc and clang: SSE, NEON or scalar code. */
    typedef float vec4 __attribute__((vector_size(16)));
    typedef uint32_t lanes4 __attribute__((vector_size(16)));

    static inline vec4 vec4_setzero_ps(void)
    {
        return (vec4){0.0f, 0.0f, 0.0f, 0.0f};
    }

    static inline vec4 vec4_set1_ps(float x)
    {
        return (vec4){x, x, x, x};
    }

    static inline vec4 vec4_loadu_ps(const float *p)
    {
        vec4 v;
        memcpy(&v, p, sizeof v);
        return v;
    }

    static inline void vec4_storeu_ps(float *p, vec4 v)
    {
        memcpy(p, &v, sizeof v);
    }

    static inline vec4 vec4_add_ps(vec4 a, vec4 b)
    {
        return a + b;
    }

    static inline vec4 vec4_mul_ps(vec4 a, vec4 b)
    {
        return a * b;
    }

    static inline vec4 vec4_sub_ps(vec4 a, vec4 b)
    {
        return a - b;
    }

    /* A product rounded before the sum: portable C has no cheap fused operation. */
    static inline vec4 vec4_fmadd_ps(vec4 a, vec4 b, vec4 c)
    {
        return a * b + c;
    }

    static inline vec4 vec4_fmsub_ps(vec4 a, vec4 b, vec4 c)
    {
        return a * b - c;
    }

    static inline vec4 vec4_fnmadd_ps(vec4 a, vec4 b, vec4 c)
    {
        return c - a * b;
    }

    static inline vec4 vec4_select(lanes4 mask, vec4 v)
    {
        return (vec4)((lanes4)v & mask);
    }

    static inline vec4 vec4_max_ps(vec4 a, vec4 b)
    {
        const lanes4 greater = (lanes4)(a > b);
        return (vec4)(((lanes4)a & greater) | ((lanes4)b & ~greater));
    }
@ end
@ if uses.where_positive then

    /* v where x > 0, else 0. */
    static inline ${vec} where_positive(${vec} v, ${vec} x)
    {
        @ if isa == "avx512" then
            return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ), v);
        @ elseif isa == "avx2" then
            return _mm256_and_ps(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ), v);
        @ else
            return vec4_select((lanes4)(x > vec4_setzero_ps()), v);
        @ end
    }
@ end
@ if uses.claim then

    /* The lanes of *grad whose x is the maximum; they are taken out of *grad, so that only the
     * first maximum of a window gets them. */
    static inline ${vec} claim(${vec} *grad, ${vec} x, ${vec} maximum)
    {
        @ if isa == "avx512" then
            const __mmask16 hit = _mm512_cmp_ps_mask(x, maximum, _CMP_EQ_OQ);
            const __m512 part = _mm512_maskz_mov_ps(hit, *grad);
            *grad = _mm512_mask_mov_ps(*grad, hit, _mm512_setzero_ps());
        @ elseif isa == "avx2" then
            const __m256 hit = _mm256_cmp_ps(x, maximum, _CMP_EQ_OQ);
            const __m256 part = _mm256_and_ps(hit, *grad);
            *grad = _mm256_andnot_ps(hit, *grad);
        @ else
            const lanes4 hit = (lanes4)(x == maximum);
            const vec4 part = vec4_select(hit, *grad);
            *grad = vec4_select(~hit, *grad);
        @ end
        return part;
    }
@ end
@ if uses.drop then

    /* v through dropout: lane i is rng_bits(key, position + i) of rng.h, dropped when its upper 24
     * bits are below the threshold, else multiplied by scale. */
    static inline ${vec} drop(${vec} v, uint64_t key, uint32_t position, uint32_t threshold, ${vec} scale)
    {
        @ if isa == "avx512" then
            const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
            const __m512i at = _mm512_add_epi32(_mm512_set1_epi32((int)position), lane);
            __m512i x = _mm512_mullo_epi32(at, _mm512_set1_epi32((int)UINT32_C(0x9e3779b9)));
            x = _mm512_add_epi32(x, _mm512_set1_epi32((int)(uint32_t)key));
            x = _mm512_xor_si512(x, _mm512_srli_epi32(x, 16));
            x = _mm512_mullo_epi32(x, _mm512_set1_epi32(0x7feb352d));
            x = _mm512_xor_si512(x, _mm512_srli_epi32(x, 15));
            x = _mm512_xor_si512(x, _mm512_set1_epi32((int)(uint32_t)(key >> 32)));
            x = _mm512_mullo_epi32(x, _mm512_set1_epi32((int)UINT32_C(0x846ca68b)));
            x = _mm512_xor_si512(x, _mm512_srli_epi32(x, 16));
            const __mmask16 dropped = _mm512_cmpgt_epi32_mask(_mm512_set1_epi32((int)threshold), _mm512_srli_epi32(x, 8));
            return _mm512_mask_mov_ps(_mm512_mul_ps(v, scale), dropped, _mm512_setzero_ps());
        @ elseif isa == "avx2" then
            const __m256i lane = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
            const __m256i at = _mm256_add_epi32(_mm256_set1_epi32((int)position), lane);
            __m256i x = _mm256_mullo_epi32(at, _mm256_set1_epi32((int)UINT32_C(0x9e3779b9)));
            x = _mm256_add_epi32(x, _mm256_set1_epi32((int)(uint32_t)key));
            x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 16));
            x = _mm256_mullo_epi32(x, _mm256_set1_epi32(0x7feb352d));
            x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 15));
            x = _mm256_xor_si256(x, _mm256_set1_epi32((int)(uint32_t)(key >> 32)));
            x = _mm256_mullo_epi32(x, _mm256_set1_epi32((int)UINT32_C(0x846ca68b)));
            x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 16));
            const __m256i dropped = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)threshold), _mm256_srli_epi32(x, 8));
            return _mm256_andnot_ps(_mm256_castsi256_ps(dropped), _mm256_mul_ps(v, scale));
        @ else
            float kept[4];
            for (uint32_t i = 0; i < 4; i++) {
                kept[i] = rng_bits(key, position + i) >> 8 < threshold ? 0.0f : scale[i];
            }
            /* A dropped lane is zero whatever its value, as a product with 0 would not be. */
            const vec4 factor = vec4_loadu_ps(kept);
            return vec4_select((lanes4)(factor > vec4_setzero_ps()), v * factor);
        @ end
    }
@ end
