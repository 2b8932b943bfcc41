@ -- Operations of one instruction set that intrinsics do not name alike, and the vector type of
@ -- portable C. Only what the kernels use is written.
@ if vec == "vec4" and not plain then
    @ if isa == "neon" then
        /* Four ${real}s in a register of NEON, which is a vector of gcc's and clang's extension, too. */
        typedef float32x4_t vec4;
        typedef uint32x4_t lanes4;
    @ else
        /* Four ${real}s, by the vector extension of gcc and clang: SSE, NEON or scalar code. */
        typedef ${real} vec4 __attribute__((vector_size(${4 * bytes})));
        typedef uint${8 * bytes}_t lanes4 __attribute__((vector_size(${4 * bytes})));
    @ end

    /* Not every network uses all of them, of which clang would warn. */
    #if defined(__clang__)
    #pragma clang diagnostic push
    #pragma clang diagnostic ignored "-Wunused-function"
    #endif

    static inline vec4 vec4_setzero_ps(void)
    {
        const vec4 v = {0.0${f}, 0.0${f}, 0.0${f}, 0.0${f}};
        return v;
    }

    static inline vec4 vec4_set1_ps(${real} x)
    {
        const vec4 v = {x, x, x, x};
        return v;
    }

    static inline vec4 vec4_loadu_ps(const ${real} *p)
    {
        vec4 v;
        memcpy(&v, p, sizeof v);
        return v;
    }

    static inline void vec4_storeu_ps(${real} *p, vec4 v)
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

    @ if isa == "neon" then
        static inline vec4 vec4_fmadd_ps(vec4 a, vec4 b, vec4 c)
        {
            return vfmaq_f32(c, a, b);
        }

        static inline vec4 vec4_fmsub_ps(vec4 a, vec4 b, vec4 c)
        {
            return vfmaq_f32(-c, a, b);
        }

        static inline vec4 vec4_fnmadd_ps(vec4 a, vec4 b, vec4 c)
        {
            return vfmsq_f32(c, a, b);
        }
    @ else
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
    @ end

    static inline vec4 vec4_select(lanes4 mask, vec4 v)
    {
        return (vec4)((lanes4)v & mask);
    }
    @ if wanted.vec4_div_ps then

        static inline vec4 vec4_div_ps(vec4 a, vec4 b)
        {
            return a / b;
        }
    @ end

    static inline vec4 vec4_max_ps(vec4 a, vec4 b)
    {
        @ if isa == "neon" then
            return vmaxq_f32(a, b);
        @ else
            const lanes4 greater = (lanes4)(a > b);
            return (vec4)(((lanes4)a & greater) | ((lanes4)b & ~greater));
        @ end
    }
    @ if wanted.vec4_min_ps then

        static inline vec4 vec4_min_ps(vec4 a, vec4 b)
        {
            const lanes4 less = (lanes4)(a < b);
            return (vec4)(((lanes4)a & less) | ((lanes4)b & ~less));
        }
    @ end

    #if defined(__clang__)
    #pragma clang diagnostic pop
    #endif
@ end
@ if wanted.read_anew then

    /* The same address, which the compiler cannot know: it would keep what the tile before has read of this one in
     * registers that sums need. */
    static inline const ${real} *read_anew(const ${real} *p)
    {
        __asm__("" : "+r"(p));
        return p;
    }
@ end
@ if wanted.where_positive then

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
@ if wanted.where_equal then

    /* v where a = b, else 0. */
    static inline ${vec} where_equal(${vec} v, ${vec} a, ${vec} b)
    {
        @ if isa == "avx512" then
            return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ), v);
        @ elseif isa == "avx2" then
            return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ), v);
        @ else
            return vec4_select((lanes4)(a == b), v);
        @ end
    }
@ end
@ if wanted.where_greater then

    /* v where a > b, else w. */
    static inline ${vec} where_greater(${vec} v, ${vec} w, ${vec} a, ${vec} b)
    {
        @ if isa == "avx512" then
            return _mm512_mask_mov_ps(w, _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), v);
        @ elseif isa == "avx2" then
            return _mm256_blendv_ps(w, v, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
        @ else
            const lanes4 greater = (lanes4)(a > b);
            return (vec4)(((lanes4)v & greater) | ((lanes4)w & ~greater));
        @ end
    }
@ end
@ if wanted.first_lanes then

    /* The first `count` numbers of v, or all, and zeros behind them. */
    static inline ${vec} first_lanes(${vec} v, int count)
    {
        @ if isa == "avx512" then
            const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
            return _mm512_maskz_mov_ps(_mm512_cmplt_epi32_mask(lane, _mm512_set1_epi32(count)), v);
        @ elseif isa == "avx2" then
            const __m256i lane = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
            return _mm256_and_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane)), v);
        @ else
            for (int i = 0; i < 4; i++) {
                v[i] = i < count ? v[i] : 0.0${f};
            }
            return v;
        @ end
    }
@ end
@ if wanted.dot_pairs or wanted.store_pairs or wanted.store_neighbours then

    /* bf16 is the upper half of a ${real}: its sign, its exponent and 7 bits behind the point. Two of them lie side by
     * side in 32 bits, the first one in the low half. What is rounded goes to the nearest, of two as near to the even
     * one; numbers below the normal ones are zero. */
@ end
@ if wanted.dot_pairs then

    static inline ${pair_vec} load_pairs(const uint32_t *p)
    {
        @ if isa == "avx512" then
            return _mm512_loadu_si512(p);
        @ elseif isa == "avx2" then
            return _mm256_loadu_si256((const void *)p);
        @ else
            lanes4 v;
            memcpy(&v, p, sizeof v);
            return v;
        @ end
    }

    static inline ${pair_vec} set1_pairs(uint32_t x)
    {
        @ if isa == "c" then
            return (lanes4){x, x, x, x};
        @ else
            return ${mm}_set1_epi32((int)x);
        @ end
    }

    /* sum + the products of the second of each pair, then of the first: each is exact and rounded with its sum, as the
     * instruction vdpbf16ps does it. */
    static inline ${vec} dot_pairs(${pair_vec} a, ${pair_vec} b, ${vec} sum)
    {
        @ if isa == "avx512" then
            return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
        @ elseif isa == "avx2" then
            const __m256i second = _mm256_set1_epi32((int)UINT32_C(0xffff0000));
            const __m256 a1 = _mm256_castsi256_ps(_mm256_and_si256(a, second));
            const __m256 b1 = _mm256_castsi256_ps(_mm256_and_si256(b, second));
            const __m256 a0 = _mm256_castsi256_ps(_mm256_slli_epi32(a, 16));
            const __m256 b0 = _mm256_castsi256_ps(_mm256_slli_epi32(b, 16));
            return _mm256_fmadd_ps(a0, b0, _mm256_fmadd_ps(a1, b1, sum));
        @ else
            const lanes4 second = {0xffff0000, 0xffff0000, 0xffff0000, 0xffff0000};
            sum = vec4_fmadd_ps((vec4)(a & second), (vec4)(b & second), sum);
            return vec4_fmadd_ps((vec4)(a << 16), (vec4)(b << 16), sum);
        @ end
    }
@ end
@ if isa ~= "avx512" and (wanted.store_pairs or wanted.store_neighbours) then

    /* v in bf16, in the low halves of the lanes. */
    static inline ${pair_vec} bf16_of(${vec} v)
    {
        @ if isa == "avx2" then
            const __m256i bits = _mm256_castps_si256(v);
            const __m256i even = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
            const __m256i nearest = _mm256_add_epi32(bits, _mm256_add_epi32(even, _mm256_set1_epi32(0x7fff)));
            const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
            const __m256i zero = _mm256_and_si256(bits, _mm256_set1_epi32((int)UINT32_C(0x80000000)));
            const __m256i exponent = _mm256_and_si256(bits, _mm256_set1_epi32(0x7f800000));
            const __m256i is_zero = _mm256_cmpeq_epi32(exponent, _mm256_setzero_si256());
            const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
            const __m256i number = _mm256_blendv_epi8(nearest, quiet, is_nan);
            return _mm256_srli_epi32(_mm256_blendv_epi8(number, zero, is_zero), 16);
        @ else
            const lanes4 bits = (lanes4)v;
            const lanes4 nearest = bits + 0x7fff + (bits >> 16 & 1);
            const lanes4 is_zero = (lanes4)((bits & 0x7f800000) == 0);
            const lanes4 is_nan = (lanes4)(v != v);
            const lanes4 number = (nearest & ~is_nan) | ((bits | 0x400000) & is_nan);
            return ((number & ~is_zero) | (bits & 0x80000000 & is_zero)) >> 16;
        @ end
    }
@ end
@ if wanted.store_pairs then

    /* Stores pairs of a lane of both. */
    static inline void store_pairs(uint32_t *p, ${vec} first, ${vec} second)
    {
        @ if isa == "avx512" then
            @ -- Words of both in turns.
            const __m512i order = _mm512_set_epi32(0x1f000f, 0x1e000e, 0x1d000d, 0x1c000c, 0x1b000b, 0x1a000a, 0x190009, 0x180008, 0x170007, 0x160006, 0x150005, 0x140004, 0x130003, 0x120002, 0x110001, 0x100000);
            _mm512_storeu_si512(p, _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(second, first)));
        @ elseif isa == "avx2" then
            const __m256i high = _mm256_slli_epi32(bf16_of(second), 16);
            _mm256_storeu_si256((void *)p, _mm256_or_si256(bf16_of(first), high));
        @ else
            const lanes4 pairs = bf16_of(first) | bf16_of(second) << 16;
            memcpy(p, &pairs, sizeof pairs);
        @ end
    }
@ end
@ if wanted.store_neighbours then

    /* Stores pairs of neighbouring lanes, half as many as lanes. */
    static inline void store_neighbours(void *p, ${vec} v)
    {
        @ if isa == "avx512" then
            _mm256_storeu_si256(p, (__m256i)_mm512_cvtneps_pbh(v));
        @ elseif isa == "avx2" then
            const __m256i words = bf16_of(v);
            const __m256i halves = _mm256_packus_epi32(words, words);
            _mm_storeu_si128(p, _mm256_castsi256_si128(_mm256_permute4x64_epi64(halves, 0xd8)));
        @ else
            const lanes4 words = bf16_of(v);
            const uint32_t pairs[2] = {words[0] | words[1] << 16, words[2] | words[3] << 16};
            memcpy(p, pairs, sizeof pairs);
        @ end
    }
@ end
@ if wanted.round_numbers then

    /* Stores so many numbers in bf16, in their order, and a zero behind them; up to ${vl - 1} more are written. */
    static INLINE void round_numbers(uint16_t *restrict to, const ${real} *restrict from, int count)
    {
        @ uses "store_neighbours"
        int i = 0;
        for (; i + ${vl} <= count; i += ${vl}) {
            store_neighbours(to + i, ${mm}_loadu_ps(from + i));
        }
        if (i < count) {
            ${real} rest[${vl}] = {0.0${f}};
            memcpy(rest, from + i, (size_t)(count - i) * sizeof *from);
            store_neighbours(to + i, ${mm}_loadu_ps(rest));
        }
        to[count] = 0;
    }
@ end
@ if wanted.turn_numbers then
    @ assert(isa == "avx512", "kernels in tiles of AMX alone turn images")

    /* Stores the first numbers of so many pixels, `from_step` ${real}s apart, in bf16, channel by channel: `to_step` words apart. */
    static INLINE void turn_numbers(uint16_t *restrict to, int to_step, const ${real} *restrict from, int from_step, int pixels, int channels)
    {
        const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        for (int i = 0; i < pixels; i += 16) {
            const int rows = pixels - i < 16 ? pixels - i : 16;
            for (int c = 0; c < channels; c += 16) {
                const int lanes = channels - c < 16 ? channels - c : 16;
                __m512 v[16];
                for (int r = 0; r < 16; r++) {
                    v[r] = r < rows ? _mm512_maskz_loadu_ps((__mmask16)((1u << lanes) - 1), from + (i + r) * from_step + c) : _mm512_setzero_ps();
                }
                /* The numbers of row r and lane l whose numbers differ in a bit change places, bit by bit. */
                for (int bit = 8; bit > 0; bit /= 2) {
                    const __m512i bits = _mm512_set1_epi32(bit);
                    const __mmask16 is_set = _mm512_test_epi32_mask(lane, bits);
                    const __m512i low = _mm512_mask_add_epi32(lane, is_set, lane, _mm512_sub_epi32(_mm512_set1_epi32(16), bits));
                    const __m512i high = _mm512_mask_add_epi32(_mm512_add_epi32(lane, bits), is_set, lane, _mm512_set1_epi32(16));
                    for (int r = 0; r < 16; r++) {
                        if ((r & bit) == 0) {
                            const __m512 first = v[r];
                            v[r] = _mm512_permutex2var_ps(first, low, v[r + bit]);
                            v[r + bit] = _mm512_permutex2var_ps(first, high, v[r + bit]);
                        }
                    }
                }
                for (int r = 0; r < lanes; r++) {
                    _mm256_mask_storeu_epi16(to + (c + r) * to_step + i, (__mmask16)((1u << rows) - 1), (__m256i)_mm512_cvtneps_pbh(v[r]));
                }
            }
        }
    }
@ end
@ if wanted.tile_shapes then

    /* What _tile_loadconfig reads: how many rows each tile of AMX has, and bytes in each. */
    struct tile_shapes {
        uint8_t palette, start_row, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    };

    /* What was stored before is in memory behind it. Of gcc's _tile_loadd the compiler does not know that it reads. */
    static inline void finish_stores(void)
    {
        __asm__ volatile("" ::: "memory");
    }
@ end
@ if wanted.pair_at then

    /* A number in bf16 and the next one. */
    static inline uint32_t pair_at(const uint16_t *p)
    {
        uint32_t pair;
        memcpy(&pair, p, sizeof pair);
        return pair;
    }
@ end
@ if wanted.pair_numbers then

    /* Stores pairs of a number of both, so many; zeros where there is no second. Up to ${vl - 1} more are written. */
    static INLINE void pair_numbers(uint32_t *restrict to, const ${real} *restrict first, const ${real} *restrict second, int count)
    {
        @ uses "store_pairs"
        int i = 0;
        for (; i + ${vl} <= count; i += ${vl}) {
            store_pairs(to + i, ${mm}_loadu_ps(first + i), second != NULL ? ${mm}_loadu_ps(second + i) : ${mm}_setzero_ps());
        }
        if (i < count) {
            ${real} rest[2][${vl}] = {{0.0${f}}};
            memcpy(rest[0], first + i, (size_t)(count - i) * sizeof *first);
            if (second != NULL) {
                memcpy(rest[1], second + i, (size_t)(count - i) * sizeof *second);
            }
            store_pairs(to + i, ${mm}_loadu_ps(rest[0]), ${mm}_loadu_ps(rest[1]));
        }
    }
@ end
@ if wanted.load_bytes then

    /* Small whole numbers from bytes. */
    static inline ${vec} load_bytes(const uint8_t *p)
    {
        @ if isa == "avx512" then
            return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)p)));
        @ elseif isa == "avx2" then
            return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)p)));
        @ else
            return (vec4){(${real})p[0], (${real})p[1], (${real})p[2], (${real})p[3]};
        @ end
    }
@ end
@ if wanted.store_bytes then

    /* Stores small whole numbers as bytes. */
    static inline void store_bytes(uint8_t *p, ${vec} v)
    {
        @ if isa == "avx512" then
            _mm_storeu_si128((void *)p, _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(v)));
        @ elseif isa == "avx2" then
            const __m256i wide = _mm256_cvttps_epi32(v);
            const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
            _mm_storel_epi64((void *)p, _mm_packus_epi16(words, words));
        @ else
            for (int i = 0; i < 4; i++) {
                p[i] = (uint8_t)v[i];
            }
        @ end
    }
@ end
@ if wanted.draw_bits and vec ~= "vec4" then

    /* rng_bits(key, position + i) of rng.h, with its constants, in lane i. */
    static inline ${vec}i random_bits(uint64_t key, uint32_t position)
    {
        @ local lanes = isa == "avx512" and "15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0" or "7, 6, 5, 4, 3, 2, 1, 0"
        @ local si = isa == "avx512" and "si512" or "si256"
        const ${vec}i at = ${mm}_add_epi32(${mm}_set1_epi32((int)position), ${mm}_set_epi32(${lanes}));
        ${vec}i x = ${mm}_mullo_epi32(at, ${mm}_set1_epi32((int)UINT32_C(0x9e3779b9)));
        x = ${mm}_add_epi32(x, ${mm}_set1_epi32((int)(uint32_t)key));
        x = ${mm}_xor_${si}(x, ${mm}_srli_epi32(x, 16));
        x = ${mm}_mullo_epi32(x, ${mm}_set1_epi32(0x7feb352d));
        x = ${mm}_xor_${si}(x, ${mm}_srli_epi32(x, 15));
        x = ${mm}_xor_${si}(x, ${mm}_set1_epi32((int)(uint32_t)(key >> 32)));
        x = ${mm}_mullo_epi32(x, ${mm}_set1_epi32((int)UINT32_C(0x846ca68b)));
        return ${mm}_xor_${si}(x, ${mm}_srli_epi32(x, 16));
    }
@ end
@ if wanted.kept then

    /* v where the bits of `keep` from `position` on are set, else 0; without bits v. */
    static inline ${vec} kept(${vec} v, const uint8_t *keep, int position)
    {
        @ if isa == "avx512" then
            uint16_t bits = UINT16_C(0xffff);
            if (keep != NULL) {
                memcpy(&bits, keep + position / 8, sizeof bits);
            }
            return _mm512_maskz_mov_ps((__mmask16)bits, v);
        @ elseif isa == "avx2" then
            const __m256i lane = _mm256_set_epi32(128, 64, 32, 16, 8, 4, 2, 1);
            const __m256i bits = _mm256_and_si256(_mm256_set1_epi32(keep != NULL ? keep[position / 8] : 0xff), lane);
            return _mm256_and_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(bits, lane)), v);
        @ else
            const uint32_t bits = (keep != NULL ? keep[position / 8] : 0xffu) >> position % 8;
            const lanes4 lane = {1, 2, 4, 8};
            return vec4_select((lanes4)(((lanes4){bits, bits, bits, bits} & lane) == lane), v);
        @ end
    }
@ end
@ if wanted.draw_bits then

    /* Which elements of n images a dropout layer keeps: bit i is set unless rng_drops(key, i, threshold) of rng.h: when 16 random bits of
     * position i are at least the threshold, 65536 * p rounded: 655 for a probability p of 0.01.
     * layer: its index in layers[] of section 8. words: of 32 bits, an image. batch->samples: the number of each image in the data set. keep: NULL where nothing is dropped. */
    @ prototype()
    static NOINLINE void draw_bits(uint8_t *restrict keep, const struct net *net, int image, int n, uint32_t layer, uint32_t threshold, int words)
    {
        const struct batch *batch = net->run->batch;
        if (keep == NULL) {
            return;
        }
        for (int i = 0; i < n; i++) {
            const uint64_t key = rng_key(batch->seed, batch->epoch, batch->samples[image + i], RNG_DROPOUT + layer);
            for (int word = 0; word < words; word++, keep += 4) {
                @ if isa == "avx512" then
                    const __m512i drawn = random_bits(key, (uint32_t)(16 * word));
                    const uint32_t bits = _mm512_cmpge_epu16_mask(drawn, _mm512_set1_epi16((short)threshold));
                @ elseif isa == "avx2" then
                    const __m256i least = _mm256_set1_epi16((short)threshold);
                    const __m256i low = random_bits(key, (uint32_t)(16 * word));
                    const __m256i high = random_bits(key, (uint32_t)(16 * word + 8));
                    const __m256i both = _mm256_packs_epi16(_mm256_cmpeq_epi16(_mm256_max_epu16(low, least), low), _mm256_cmpeq_epi16(_mm256_max_epu16(high, least), high));
                    const uint32_t bits = (uint32_t)_mm256_movemask_epi8(_mm256_permute4x64_epi64(both, 0xd8));
                @ else
                    uint32_t bits = 0;
                    for (uint32_t j = 0; j < 32; j++) {
                        bits |= (uint32_t)!rng_drops(key, (uint32_t)(32 * word) + j, threshold) << j;
                    }
                @ end
                for (int byte = 0; byte < 4; byte++) {
                    keep[byte] = (uint8_t)(bits >> 8 * byte);
                }
            }
        }
    }
@ end
@ if wanted.draw_image_bits then

    /* The same of a dropout of images: the random bits of position 0 decide for all of an image. */
    @ prototype()
    static NOINLINE void draw_image_bits(uint8_t *restrict keep, const struct net *net, int image, int n, uint32_t layer, uint32_t threshold, int words)
    {
        const struct batch *batch = net->run->batch;
        if (keep == NULL) {
            return;
        }
        for (int i = 0; i < n; i++, keep += 4 * words) {
            const uint64_t key = rng_key(batch->seed, batch->epoch, batch->samples[image + i], RNG_DROPOUT + layer);
            memset(keep, rng_drops(key, 0, threshold) ? 0 : 0xff, 4 * (size_t)words);
        }
    }
@ end
