@ -- What the data gradient of a depthwise convolution with a multiplier stores: see spread.lua.
@ local of = count > 1 and "each v" or "v"
@ local to = count > 1 and "its p" or "p0"
@ local four = count > 1
/* Sums of ${each < vl and each or vl} neighbours of ${of}: sets ${c.count(parts, "number")} from ${to} on, or adds to them. templates/ops/conv/store_sums.c.tpl */
@ if four then
    static INLINE void ${name}(${real} *p0, ${real} *p1, ${real} *p2, ${real} *p3, ${vec} v0, ${vec} v1, ${vec} v2, ${vec} v3, int adding)
@ else
    static INLINE void ${name}(${real} *p0, ${vec} v, int adding)
@ end
{
    @ if vec == "vec4" then
        @ if parts > 1 then
            p0[0] = (adding ? p0[0] : 0.0${f}) + (v[0] + v[1]);
            p0[1] = (adding ? p0[1] : 0.0${f}) + (v[2] + v[3]);
        @ else
            *p0 = (adding ? *p0 : 0.0${f}) + ((v[0] + v[1]) + (v[2] + v[3]));
        @ end
    @ else
        @ if four then
            /* Of each four numbers of v two are sums of v0 and two of v1; of u, of v2 and v3. */
            ${vec} v = ${mm}_add_ps(${mm}_shuffle_ps(v0, v1, 0x88), ${mm}_shuffle_ps(v0, v1, 0xdd));
            ${vec} u = ${mm}_add_ps(${mm}_shuffle_ps(v2, v3, 0x88), ${mm}_shuffle_ps(v2, v3, 0xdd));
        @ else
            v = ${mm}_add_ps(v, ${mm}_permute_ps(v, 0xb1));
        @ end
        @ if each > 2 and four then
            /* Of each four numbers of v one is a sum of v0, of v1, of v2 and of v3. */
            v = ${mm}_add_ps(${mm}_shuffle_ps(v, u, 0x88), ${mm}_shuffle_ps(v, u, 0xdd));
        @ elseif each > 2 then
            v = ${mm}_add_ps(v, ${mm}_permute_ps(v, 0x4e));
        @ end
        @ if each > 4 and isa == "avx2" then
            v = _mm256_add_ps(v, _mm256_permute2f128_ps(v, v, 1));
        @ elseif each > 4 then
            v = _mm512_add_ps(v, _mm512_shuffle_f32x4(v, v, 0xb1));
            @ if each > 8 then
                v = _mm512_add_ps(v, _mm512_shuffle_f32x4(v, v, 0x4e));
            @ end
        @ end
        @ if parts > 1 then
            const ${vec}i place = ${mm}_set_epi32(${lanes});
            @ for _, sums in ipairs(vectors) do
                ${sums} = ${isa == "avx2" and "_mm256_permutevar8x32_ps(" .. sums .. ", place)" or "_mm512_permutexvar_ps(place, " .. sums .. ")"};
            @ end
        @ end
        @ for i, sums in ipairs(pieces) do
            ${parts == 2 and "" or "const "}${half_vec} s${i - 1} = ${sums};
        @ end
        @ if parts >= 4 then
            @ for i = 0, count - 1 do
                ${half}_storeu_ps(p${i}, adding ? ${half}_add_ps(${half}_loadu_ps(p${i}), s${i}) : s${i});
            @ end
        @ elseif parts == 2 and four then
            @ for i = 0, 1 do
                if (adding) {
                    const __m128 before = _mm_loadl_pi(_mm_setzero_ps(), (const __m64 *)p${2 * i});
                    s${i} = _mm_add_ps(s${i}, _mm_loadh_pi(before, (const __m64 *)p${2 * i + 1}));
                }
                _mm_storel_pi((__m64 *)p${2 * i}, s${i});
                _mm_storeh_pi((__m64 *)p${2 * i + 1}, s${i});
            @ end
        @ elseif parts == 2 then
            if (adding) {
                s0 = _mm_add_ps(s0, _mm_loadl_pi(_mm_setzero_ps(), (const __m64 *)p0));
            }
            _mm_storel_pi((__m64 *)p0, s0);
        @ else
            ${real} sums[4];
            _mm_storeu_ps(sums, s0);
            @ for i = 0, count - 1 do
                *p${i} = (adding ? *p${i} : 0.0${f}) + sums[${i}];
            @ end
        @ end
    @ end
}
