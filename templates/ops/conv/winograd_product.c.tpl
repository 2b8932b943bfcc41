@ -- The product of one frequency, shared by all forward and data-gradient kernels of one register tile.
/* One frequency of a block of tiles: m = v w, a register tile of ${c.count(block, "tile")} x ${c.count(nr, "vector")}. m, v: a row of
 * m_pitch, v_pitch ${real}s for each tile; w: blocks of ${nr * vl} outputs, in each [channel][output].
 * templates/ops/conv/winograd_product.c.tpl */
static INLINE void ${name}(${real} *restrict m, int m_pitch, const ${real} *restrict v, int v_pitch, const ${real} *restrict w, int channels)
{
    for (int k = 0; k < m_pitch; k += ${nr * vl}) {
        @ for t = 0, block - 1 do
            @ for r = 0, nr - 1 do
                ${vec} acc${t}_${r} = ${mm}_setzero_ps();
            @ end
        @ end

        for (int j = 0; j < channels; j += ${unroll}, w += ${unroll * nr * vl}) {
            ${vec} x0;
            @ for u = 0, unroll - 1 do
                @ for r = 0, nr - 1 do
                    const ${vec} w${r}_${u} = ${mm}_loadu_ps(${c.add("w", (u * nr + r) * vl)});
                @ end
                @ for t = 0, block - 1 do
                    x0 = ${mm}_set1_ps(v[${c.add("j" .. (t > 0 and " + v_pitch" .. c.times(t) or ""), u)}]);
                    @ for r = 0, nr - 1 do
                        acc${t}_${r} = ${mm}_fmadd_ps(x0, w${r}_${u}, acc${t}_${r});
                    @ end
                @ end
            @ end
        }

        @ for t = 0, block - 1 do
            @ for r = 0, nr - 1 do
                ${mm}_storeu_ps(${c.add("m + k" .. (t > 0 and " + m_pitch" .. c.times(t) or ""), r * vl)}, acc${t}_${r});
            @ end
        @ end
    }
}
