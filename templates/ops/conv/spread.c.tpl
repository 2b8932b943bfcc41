@ -- What kernels of a depthwise convolution with a multiplier read of x: see spread.lua.
@ if parts > 1 then
    /* ${parts} numbers, each ${each} times side by side: p0 p0 ... p1 p1 ... templates/ops/conv/spread.c.tpl */
@ else
    /* One number in all lanes. templates/ops/conv/spread.c.tpl */
@ end
static INLINE ${vec} ${name}(const ${real} *p)
{
    @ if parts == 1 then
        return ${mm}_set1_ps(*p);
    @ elseif vec == "vec4" then
        const vec4 v = {p[0], p[0], p[1], p[1]};
        return v;
    @ else
        const ${vec}i channel = ${mm}_set_epi32(${lanes});
        @ if parts == 8 then
            return _mm512_permutexvar_ps(channel, _mm512_castps256_ps512(_mm256_loadu_ps(p)));
        @ else
            @ if parts == 4 then
                const __m128 numbers = _mm_loadu_ps(p);
            @ else
                const __m128 numbers = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)p));
            @ end
            @ if isa == "avx2" then
                return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(numbers), channel);
            @ else
                return _mm512_permutexvar_ps(channel, _mm512_castps128_ps512(numbers));
            @ end
        @ end
    @ end
}
