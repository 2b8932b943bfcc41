@ -- What the data gradient of a depthwise convolution with a multiplier stores: sums over the outputs
@ -- of each channel.
@ local parts = vl // each
@ local function first_lanes()
    @ local list = {}
    @ for i = 0, vl - 1 do
        @ list[vl - i] = i < parts and i * each or 0
    @ end
    @ return table.concat(list, ", ")
@ end
@ if parts > 1 then
    /* Sums of ${each} neighbours of v each: sets ${parts} numbers, or adds to them. templates/ops/conv/store_sums.c.tpl */
@ else
    /* The sum of the ${vl} numbers of v: sets p, or adds to it. templates/ops/conv/store_sums.c.tpl */
@ end
static INLINE void ${name}(${real} *p, ${vec} v, int adding)
{
    @ if vec == "vec4" then
        @ if parts > 1 then
            p[0] = (adding ? p[0] : 0.0${f}) + (v[0] + v[1]);
            p[1] = (adding ? p[1] : 0.0${f}) + (v[2] + v[3]);
        @ else
            *p = (adding ? *p : 0.0${f}) + ((v[0] + v[1]) + (v[2] + v[3]));
        @ end
    @ else
        v = ${mm}_add_ps(v, ${mm}_permute_ps(v, 0xb1));
        @ if each > 2 then
            v = ${mm}_add_ps(v, ${mm}_permute_ps(v, 0x4e));
        @ end
        @ if isa == "avx2" then
            @ if each > 4 then
                v = _mm256_add_ps(v, _mm256_permute2f128_ps(v, v, 1));
            @ end
            @ if parts > 1 then
                v = _mm256_permutevar8x32_ps(v, _mm256_set_epi32(${first_lanes()}));
            @ end
            const __m128 sums = _mm256_castps256_ps128(v);
        @ else
            @ if each > 4 then
                v = _mm512_add_ps(v, _mm512_shuffle_f32x4(v, v, 0xb1));
            @ end
            @ if each > 8 then
                v = _mm512_add_ps(v, _mm512_shuffle_f32x4(v, v, 0x4e));
            @ end
            @ if parts > 1 then
                v = _mm512_permutexvar_ps(_mm512_set_epi32(${first_lanes()}), v);
            @ end
            @ if parts == 8 then
                const __m256 sums = _mm512_castps512_ps256(v);
            @ else
                const __m128 sums = _mm512_castps512_ps128(v);
            @ end
        @ end
        @ if parts == 8 then
            _mm256_storeu_ps(p, adding ? _mm256_add_ps(_mm256_loadu_ps(p), sums) : sums);
        @ elseif parts == 4 then
            _mm_storeu_ps(p, adding ? _mm_add_ps(_mm_loadu_ps(p), sums) : sums);
        @ elseif parts == 2 then
            const __m128 before = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)p));
            _mm_storel_epi64((__m128i *)p, _mm_castps_si128(adding ? _mm_add_ps(before, sums) : sums));
        @ else
            *p = (adding ? *p : 0.0${f}) + _mm_cvtss_f32(sums);
        @ end
    @ end
}
