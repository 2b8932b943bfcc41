@ -- Forward convolution and data gradient by the direct algorithm in tiles of AMX: the loops of direct.c.tpl
@ -- around products of tiles. Their numbers are literals, of which intrinsics make names.
@ assert(k_pitch % vl == 0 and (k_pitch // vl) % nr == 0, "blocks must fill the output channels")
@ assert(sums + 1 + nr <= 8 and mr <= 16 and step <= 16, "there are eight tiles of 16 rows")
@ uses "round_numbers"
@ uses "tile_shapes"
/* ${formula}
 * ${shapes}
 * Sums in ${rows} x ${nr} tiles of AMX, each of ${c.count(mr, "pixel")} of a row x ${vl} outputs; products of bf16, ${2 * step} inputs at once. Loops: images, blocks of ${nr * vl} channels, rows, tiles, window.
 * ${cost} templates/ops/conv/direct_amx.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    /* Tiles: ${sums} of sums, [pixel][output]; one of inputs, [pixel][pair]; ${nr} of weights, [pair][output]. */
    static const struct tile_shapes shapes = {1, 0, {0}, {${tile_bytes}}, {${tile_rows}}};
    @ if not reads_weights then
        (void)w; /* every tap lies beside the image */
    @ end
    uint16_t *const words = (uint16_t *)scratch; /* ${source} in bf16 */
    ${real} made[${sums * mr * vl}]; /* the sums, [row][pixel][output] */

    _tile_loadconfig(&shapes);
    for (int image = 0; image < n; ${next_image}) {
        round_numbers(words, ${source}, ${source_floats});
        finish_stores();
        for (int k = 0; k < ${k_pitch}; k += ${nr * vl}) {
            @ local first_pixel = c.add("y + k", (target_border * target_cols + target_border) * k_pitch)
            @ if stats then
                /* Sums for the norm, of what pixels differ from the first one. */
                @ for r = 0, nr - 1 do
                    ${mm}_storeu_ps(${c.add("sums + k", k_pitch + r * vl)}, ${mm}_setzero_ps());
                    ${mm}_storeu_ps(${c.add("sums + k", 2 * k_pitch + r * vl)}, ${mm}_setzero_ps());
                @ end
            @ end
            @ for _, nest in ipairs(nests) do
                @ if #nests > 1 then
                    /* Pixels ${nest.row_residue} + ${nest.step_h} i, ${nest.col_residue} + ${nest.step_w} j. */
                @ end
                @ local last_row, last_col = nest.out_h - rows, nest.out_w - mr
                @ local row_made = nest.out_h % rows == 0 and 0 or "row_made"
                @ local col_made = nest.out_w % mr == 0 and 0 or "col_made"
                for (int row = 0; row < ${nest.out_h}; row += ${rows}) {
                    @ if row_made ~= 0 then
                        const int row_made = row > ${last_row} ? row - ${last_row} : 0; /* by the tiles before */
                        row -= row_made;
                    @ end
                    for (int col = 0; col < ${nest.out_w}; col += ${mr}) {
                        @ if col_made ~= 0 then
                            const int col_made = col > ${last_col} ? col - ${last_col} : 0; /* by the tile before */
                            col -= col_made;
                        @ end
                        @ if #nest.loops > 0 then
                            const uint16_t *in;
                            const uint32_t *weight = (const uint32_t *)w + k * ${entries}${c.add("", nest.first_tap * tap_entries * nr * vl)};
                        @ end
                        @ for sum = 0, sums - 1 do
                            _tile_zero(${sum});
                        @ end
                        @ for _, run in ipairs(nest.loops) do

                            /* ${run.note} */
                            in = words + (${run.row} * ${source_cols} + ${run.col}) * ${source_pitch};
                            @ if run.count > 1 then
                                for (int r = 0; r < ${run.count}; r++, in += ${run.down == 1 and "" or run.down .. " * "}${source_cols} * ${source_pitch})
                            @ end
                            for (int j = 0; j < ${run.length}; j += ${step}, weight += ${step * nr * vl}) {
                                @ for r = 0, nr - 1 do
                                    _tile_loadd(${sums + 1 + r}, ${c.add("weight", r * vl)}, ${4 * nr * vl});
                                @ end
                                @ for m = 0, rows - 1 do
                                    _tile_loadd(${sums}, ${c.add("in + 2 * j", m * nest.stride_h * source_cols * source_pitch)}, ${2 * nest.pixel});
                                    @ for r = 0, nr - 1 do
                                        _tile_dpbf16ps(${m * nr + r}, ${sums}, ${sums + 1 + r});
                                    @ end
                                @ end
                            }
                        @ end

                        @ for m = 0, rows - 1 do
                            @ for r = 0, nr - 1 do
                                _tile_stored(${m * nr + r}, ${c.add("made", m * mr * nr * vl + r * vl)}, ${4 * nr * vl});
                            @ end
                        @ end
                        for (int m = ${row_made}; m < ${rows}; m++) {
                            const ${real} *sum = made + (m * ${mr}${col_made ~= 0 and " + col_made" or ""}) * ${nr * vl};
                            ${real} *out = ${target} + ((${nest.out_row} + m${c.times(nest.step_h)}) * ${target_cols} + ${nest.out_col}) * ${k_pitch} + k;
                            @ if col_made ~= 0 then
                                out += col_made * ${nest.step_w * k_pitch};
                            @ end
                            @ if stats then
                                @ for r = 0, nr - 1 do
                                    ${vec} row_sum${r} = ${mm}_setzero_ps();
                                    ${vec} row_squares${r} = ${mm}_setzero_ps();
                                @ end
                            @ end
                            for (int j = ${col_made}; j < ${mr}; j++, sum += ${nr * vl}, out += ${nest.step_w * k_pitch}) {
                                @ for r = 0, nr - 1 do
                                    ${vec} v${r} = ${mm}_loadu_ps(${c.add("sum", r * vl)});
                                    @ if bias then
                                        v${r} = ${mm}_add_ps(v${r}, ${mm}_loadu_ps(${c.add("bias + k", r * vl)}));
                                    @ end
                                    @ if relu then
                                        v${r} = ${mm}_max_ps(${mm}_setzero_ps(), v${r});
                                    @ end
                                    @ if adds then
                                        v${r} = ${mm}_add_ps(${mm}_loadu_ps(${c.add("out", r * vl)}), v${r});
                                    @ end
                                    ${mm}_storeu_ps(${c.add("out", r * vl)}, v${r});
                                    @ if stats then
                                        v${r} = ${mm}_sub_ps(v${r}, ${mm}_loadu_ps(${c.add(first_pixel, r * vl)}));
                                        row_sum${r} = ${mm}_add_ps(row_sum${r}, v${r});
                                        row_squares${r} = ${mm}_fmadd_ps(v${r}, v${r}, row_squares${r});
                                    @ end
                                @ end
                            }
                            @ if stats then
                                @ for r = 0, nr - 1 do
                                    @ local sum_at, squares_at = c.add("sums + k", k_pitch + r * vl), c.add("sums + k", 2 * k_pitch + r * vl)
                                    ${mm}_storeu_ps(${sum_at}, ${mm}_add_ps(${mm}_loadu_ps(${sum_at}), row_sum${r}));
                                    ${mm}_storeu_ps(${squares_at}, ${mm}_add_ps(${mm}_loadu_ps(${squares_at}), row_squares${r}));
                                @ end
                            @ end
                        }
                    }
                }
            @ end
            @ if stats then
                @ for r = 0, nr - 1 do
                    ${mm}_storeu_ps(${c.add("sums + k", r * vl)}, ${mm}_loadu_ps(${c.add(first_pixel, r * vl)}));
                @ end
            @ end
        }
    }
    _tile_release();
}
