@ -- Forward convolution and data gradient by the direct algorithm. The data gradient of a strided
@ -- convolution is one stride-1 nest for each residue of the output pixel, each with its own taps.
@ assert(k_pitch % vl == 0 and (k_pitch // vl) % nr == 0, "blocks must fill the output channels")
@ assert(#nests >= 1, "a convolution needs a loop nest")
@ local number, operand, load, set1, multiply = real, vec, mm .. "_loadu_ps", mm .. "_set1_ps", mm .. "_fmadd_ps"
@ if in_pairs then
    @ number, operand, load, set1, multiply = "uint32_t", pair_vec, "load_pairs", "set1_pairs", "dot_pairs"
    @ uses "dot_pairs"
    @ uses "pair_at"
    @ uses "round_numbers"
@ end
@ if any_size then
    /* ${formula} Images of any height, and of a width of whole tiles.
     * Tile of ${c.count(mr, "pixel")} x ${c.count(nr, "vector")}. Loops: images, blocks of ${nr * vl} channels, rows, tiles, window. templates/ops/conv/direct.c.tpl */
    static INLINE void ${name}(${signature}, struct image ${target_image}, struct image ${source_image})
@ else
    /* ${formula}
     * ${shapes}
     * Tile of up to ${c.count(mr, "pixel")} x ${c.count(nr, "vector")}${in_pairs and ", products of bf16" or ""}. Loops: images, blocks of ${nr * vl} channels, rows, tiles, window.
     * ${cost} templates/ops/conv/direct.c.tpl */
    @ prototype()
    static NOINLINE void ${name}(${signature})
@ end
{
    @ if not reads_weights then
        (void)w; /* every tap lies beside the image */
    @ end
    @ if in_pairs then
        uint16_t *const words = (uint16_t *)scratch; /* ${source} in bf16${is_pointwise and ", a row of it" or ""} */

    @ end
    for (int image = 0; image < n; ${next_image}) {
        @ if in_pairs and not is_pointwise then
            round_numbers(words, ${source}, ${source_floats});
        @ end
        for (int k = 0; k < ${k_pitch}; k += ${nr * vl}) {
            @ for _, nest in ipairs(nests) do
                @ if #nests > 1 then
                    /* Pixels ${nest.row_residue} + ${nest.step_h} i, ${nest.col_residue} + ${nest.step_w} j. */
                @ end
                for (int row = 0; row < ${nest.out_h}; row++) {
                    @ if in_pairs and is_pointwise and #nest.runs > 0 then
                        round_numbers(words, ${source} + ${nest.runs[1].row} * ${source_cols * source_pitch}, ${source_cols * source_pitch});
                    @ end
                    @ for _, span in ipairs(nest.spans) do
                        for (int col = ${span.first}; col < ${span.last}; col += ${span.mr}) {
                            @ if #nest.runs > 0 then
                                const ${in_pairs and "uint16_t" or real} *in;
                                const ${number} *weight = ${in_pairs and "(const uint32_t *)w" or "w"} + k * ${entries}${c.add("", nest.first_tap * tap_entries * nr * vl)};
                            @ end
                            ${real} *out = ${target} + (${nest.out_row} * ${target_cols} + ${nest.out_col}) * ${k_pitch} + k;
                            @ for m = 0, span.mr - 1 do
                                @ for n = 0, nr - 1 do
                                    ${vec} acc${m}_${n} = ${mm}_setzero_ps();
                                @ end
                            @ end
                            @ for _, run in ipairs(nest.loops) do

                                /* ${run.note} */
                                @ if in_pairs and is_pointwise then
                                    in = words + (${run.col}) * ${source_pitch};
                                @ else
                                    in = ${in_pairs and "words" or source} + (${run.row} * ${source_cols} + ${run.col}) * ${source_pitch}${slice};
                                @ end
                                @ if run.count > 1 then
                                    for (int r = 0; r < ${run.count}; r++, in += ${run.down == 1 and "" or run.down .. " * "}${source_cols} * ${source_pitch})
                                @ end
                                for (int j = 0; j < ${run.length}; ${nest.unroll == 1 and "j++" or "j += " .. nest.unroll}, weight += ${nest.unroll * nr * vl}) {
                                    ${operand} x0;
                                    @ for u = 0, nest.unroll - 1 do
                                        @ for n = 0, nr - 1 do
                                            const ${operand} w${n}_${u} = ${load}(${c.add("weight", (u * nr + n) * vl)});
                                        @ end
                                        @ for m = 0, span.mr - 1 do
                                            @ local at = in_pairs and "pair_at(" .. c.add("in + 2 * j", m * nest.pixel + 2 * u) .. ")" or "in[" .. c.add("j", m * nest.pixel + u) .. "]"
                                            x0 = ${set1}(${at});
                                            @ for n = 0, nr - 1 do
                                                acc${m}_${n} = ${multiply}(x0, w${n}_${u}, acc${m}_${n});
                                            @ end
                                        @ end
                                    @ end
                                }
                            @ end

                            @ if bias then
                                @ for n = 0, nr - 1 do
                                    const ${vec} bias${n} = ${mm}_loadu_ps(${c.add("bias + k", n * vl)});
                                @ end
                                @ for m = 0, span.mr - 1 do
                                    @ for n = 0, nr - 1 do
                                        acc${m}_${n} = ${mm}_add_ps(acc${m}_${n}, bias${n});
                                    @ end
                                @ end
                            @ end
                            @ if relu then
                                @ for m = 0, span.mr - 1 do
                                    @ for n = 0, nr - 1 do
                                        acc${m}_${n} = ${mm}_max_ps(${mm}_setzero_ps(), acc${m}_${n});
                                    @ end
                                @ end
                            @ end
                            @ for m = 0, span.mr - 1 do
                                @ for n = 0, nr - 1 do
                                    @ local at = c.add("out", m * nest.step_w * k_pitch + n * vl)
                                    @ if adds then
                                        ${mm}_storeu_ps(${at}, ${mm}_add_ps(${mm}_loadu_ps(${at}), acc${m}_${n}));
                                    @ else
                                        ${mm}_storeu_ps(${at}, acc${m}_${n});
                                    @ end
                                @ end
                            @ end
                        }
                    @ end
                }
            @ end
            @ if stats then

                /* The sums of this block for the norm, row by row, of what its pixels differ from the first
                 * one. A loop of its own: inside the one above, compilers would keep the sums in registers
                 * that the tile needs. */
                @ for n = 0, nr - 1 do
                    const ${vec} shift${n} = ${mm}_loadu_ps(${c.add("y + k", (target_border * target_cols + target_border) * k_pitch + n * vl)});
                    ${vec} sum${n} = ${mm}_setzero_ps();
                    ${vec} squares${n} = ${mm}_setzero_ps();
                @ end
                for (int row = 0; row < ${nests[1].out_h}; row++) {
                    const ${real} *made = y + (${nests[1].out_row} * ${target_cols}${c.add("", target_border)}) * ${k_pitch} + k;
                    @ for n = 0, nr - 1 do
                        ${vec} row_sum${n} = ${mm}_setzero_ps();
                        ${vec} row_squares${n} = ${mm}_setzero_ps();
                    @ end
                    for (int col = 0; col < ${nests[1].out_w}; col++, made += ${k_pitch}) {
                        @ for n = 0, nr - 1 do
                            const ${vec} d${n} = ${mm}_sub_ps(${mm}_loadu_ps(${c.add("made", n * vl)}), shift${n});
                            row_sum${n} = ${mm}_add_ps(row_sum${n}, d${n});
                            row_squares${n} = ${mm}_fmadd_ps(d${n}, d${n}, row_squares${n});
                        @ end
                    }
                    @ for n = 0, nr - 1 do
                        sum${n} = ${mm}_add_ps(sum${n}, row_sum${n});
                        squares${n} = ${mm}_add_ps(squares${n}, row_squares${n});
                    @ end
                }
                @ for n = 0, nr - 1 do
                    ${mm}_storeu_ps(${c.add("sums + k", n * vl)}, shift${n});
                    ${mm}_storeu_ps(${c.add("sums + k", k_pitch + n * vl)}, sum${n});
                    ${mm}_storeu_ps(${c.add("sums + k", 2 * k_pitch + n * vl)}, squares${n});
                @ end
            @ end
        }
    }
}
