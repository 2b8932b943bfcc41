@ -- The product of one frequency, shared by all forward and data-gradient kernels of one register tile.
@ local number = in_pairs and "uint32_t" or real
@ local operand, load, set1, multiply = vec, mm .. "_loadu_ps", mm .. "_set1_ps", mm .. "_fmadd_ps"
@ if in_pairs then
    @ operand, load, set1, multiply = pair_vec, "load_pairs", "set1_pairs", "dot_pairs"
    @ uses "dot_pairs"
    /* One frequency of a block of tiles: m = v w, a register tile of ${c.count(block, "tile")} x ${c.count(nr, "vector")}. m: a row of
     * m_pitch ${real}s for each tile; v: one of v_pitch pairs of channels; w: blocks of ${nr * vl} outputs, in each
     * [pair of channels][output]; channels: their pairs. templates/ops/conv/winograd_product.c.tpl */
@ else
    /* One frequency of a block of tiles: m = v w, a register tile of ${c.count(block, "tile")} x ${c.count(nr, "vector")}. m, v: a row of
     * m_pitch, v_pitch ${real}s for each tile; w: blocks of ${nr * vl} outputs, in each [channel][output].
     * templates/ops/conv/winograd_product.c.tpl */
@ end
static INLINE void ${name}(${real} *restrict m, int m_pitch, const ${number} *restrict v, int v_pitch, const ${number} *restrict w, int channels)
{
    for (int k = 0; k < m_pitch; k += ${nr * vl}) {
        @ for t = 0, block - 1 do
            @ for r = 0, nr - 1 do
                ${vec} acc${t}_${r} = ${mm}_setzero_ps();
            @ end
        @ end

        for (int j = 0; j < channels; ${unroll == 1 and "j++" or "j += " .. unroll}, w += ${unroll * nr * vl}) {
            ${operand} x0;
            @ for u = 0, unroll - 1 do
                @ for r = 0, nr - 1 do
                    const ${operand} w${r}_${u} = ${load}(${c.add("w", (u * nr + r) * vl)});
                @ end
                @ for t = 0, block - 1 do
                    x0 = ${set1}(v[${c.add("j" .. (t > 0 and " + v_pitch" .. c.times(t) or ""), u)}]);
                    @ for r = 0, nr - 1 do
                        acc${t}_${r} = ${multiply}(x0, w${r}_${u}, acc${t}_${r});
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
