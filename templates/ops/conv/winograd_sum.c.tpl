@ -- The sum over tiles of one frequency, shared by all weight gradients of one register tile.
@ local number = in_pairs and "uint32_t" or real
@ local operand, load, set1, multiply = vec, mm .. "_loadu_ps", mm .. "_set1_ps", mm .. "_fmadd_ps"
@ if in_pairs then
    @ operand, load, set1, multiply = pair_vec, "load_pairs", "set1_pairs", "dot_pairs"
    @ uses "dot_pairs"
    /* One frequency of a block of tiles: du += v'm, a register tile of ${c.count(mr, "channel")} x ${c.count(nr, "vector")}; the first block
     * sets it. v, m: a row of v_pitch, m_pitch pairs of tiles for each of `count` pairs; du: rows of m_pitch ${real}s.
     * templates/ops/conv/winograd_sum.c.tpl */
@ else
    /* One frequency of a block of tiles: du += v'm, a register tile of ${c.count(mr, "channel")} x ${c.count(nr, "vector")}; the first block
     * sets it. v, m: a row of v_pitch, m_pitch ${real}s for each tile; du: rows of m_pitch ${real}s.
     * templates/ops/conv/winograd_sum.c.tpl */
@ end
static INLINE void ${name}(${real} *restrict du, const ${number} *restrict v, int v_pitch, const ${number} *restrict m, int m_pitch, int count, bool is_first)
{
    @ for i = 0, mr - 1 do
        @ for r = 0, nr - 1 do
            ${vec} acc${i}_${r} = is_first ? ${mm}_setzero_ps() : ${mm}_loadu_ps(${c.add("du" .. (i > 0 and " + m_pitch" .. c.times(i) or ""), r * vl)});
        @ end
    @ end

    for (int t = 0; t < count; t++, v += v_pitch, m += m_pitch) {
        ${operand} x0;
        @ for r = 0, nr - 1 do
            const ${operand} m${r} = ${load}(${c.add("m", r * vl)});
        @ end
        @ for i = 0, mr - 1 do
            x0 = ${set1}(v[${i}]);
            @ for r = 0, nr - 1 do
                acc${i}_${r} = ${multiply}(x0, m${r}, acc${i}_${r});
            @ end
        @ end
    }

    @ for i = 0, mr - 1 do
        @ for r = 0, nr - 1 do
            ${mm}_storeu_ps(${c.add("du" .. (i > 0 and " + m_pitch" .. c.times(i) or ""), r * vl)}, acc${i}_${r});
        @ end
    @ end
}
