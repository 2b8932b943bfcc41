@ -- Weight gradient of a convolution by the direct algorithm in tiles of AMX. The image is laid channel by
@ -- channel, so that what a tap reads for neighbouring outputs lies side by side; outputs are numbered
@ -- through all rows, with the gaps that a row of the image is longer. Tiles' numbers are literals, of which
@ -- intrinsics make names.
@ assert(k_pitch % vl == 0 and (k_pitch // vl) % nr == 0, "blocks must fill the output channels")
@ assert(mr * nr + 1 + nr <= 8 and lines <= 16 and step <= 16 and #units % mr == 0, "there are eight tiles of 16 rows")
@ uses "pair_numbers"
@ uses "tile_shapes"
@ uses "turn_numbers"
@ local sums = mr * nr
@ local grad_at = "dy + image * " .. dy_image .. " + (" .. c.index("row", dy_border) .. " * " .. dy_cols .. c.add("", dy_border) .. ") * " .. k_pitch
/* ${formula}
 * ${shapes}
 * Sums in ${mr} x ${nr} tiles of AMX, each of ${c.count(lines, "input")} of a tap x ${vl} outputs; products of bf16, ${2 * step} pixels at once. Loops: images, taps and inputs, blocks of ${nr * vl} channels, pixels.
 * ${cost} templates/ops/conv/direct_weights_amx.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    /* Tiles: ${sums} of sums, [input][output]; one of inputs, [input][pair]; ${nr} of gradients, [pair][output]. */
    static const struct tile_shapes shapes = {1, 0, {0}, {${tile_bytes}}, {${tile_rows}}};
    /* Where each ${lines} inputs of a tap begin in planes. */
    static const int begins[${#units}] = {${table.concat(units, ", ")}};
    uint16_t *const planes = (uint16_t *)scratch; /* x in bf16, [input][row][pixel]${#phases > 1 and ", each residue of the stride by itself" or ""} */
    uint32_t *const pairs = (uint32_t *)(scratch + ${planes_floats}); /* of dy, [row][pair of pixels][output] */

    memset(scratch, 0, ${floats} * sizeof *scratch); /* the gaps, which nothing else writes to */
    _tile_loadconfig(&shapes);
    for (int image = 0; image < n; image++) {
        @ for _, phase in ipairs(phases) do
            for (int row = 0; row < ${phase.rows}; row++) {
                turn_numbers(planes + ${c.add("row * " .. row_words, phase.begins)}, ${plane}, x + image * ${x_image} + (${phase.at}) * ${x_pitch}, ${pixel}, ${phase.cols}, ${inputs});
            }
        @ end
        for (int row = 0; row < ${out_h}; row++) {
            const ${real} *grad = ${grad_at};
            for (int pair = 0; pair < ${(out_w + 1) // 2}; pair++) {
                @ local second = out_w % 2 == 0 and "" or "2 * pair + 1 == " .. out_w .. " ? NULL : "
                pair_numbers(pairs + (row * ${row_words // 2} + pair) * ${k_pitch}, grad + pair * ${2 * k_pitch}, ${second}grad + pair * ${2 * k_pitch} + ${k_pitch}, ${k_pitch});
            }
        }
        finish_stores();

        for (int unit = 0; unit < ${#units}; unit += ${mr}) {
            for (int k = 0; k < ${k_pitch}; k += ${nr * vl}) {
                ${real} *out = dw + unit * ${lines * k_pitch} + k;
                @ for m = 0, mr - 1 do
                    @ for r = 0, nr - 1 do
                        _tile_loadd(${m * nr + r}, ${c.add("out", m * lines * k_pitch + r * vl)}, ${4 * k_pitch});
                    @ end
                @ end
                for (int pair = 0; pair < ${all_pairs}; pair += ${step}) {
                    @ for r = 0, nr - 1 do
                        _tile_loadd(${sums + 1 + r}, pairs + pair * ${k_pitch} + ${c.add("k", r * vl)}, ${4 * k_pitch});
                    @ end
                    @ for m = 0, mr - 1 do
                        _tile_loadd(${sums}, planes + begins[${c.add("unit", m)}] + 2 * pair, ${2 * plane});
                        @ for r = 0, nr - 1 do
                            _tile_dpbf16ps(${m * nr + r}, ${sums}, ${sums + 1 + r});
                        @ end
                    @ end
                }
                @ for m = 0, mr - 1 do
                    @ for r = 0, nr - 1 do
                        _tile_stored(${m * nr + r}, ${c.add("out", m * lines * k_pitch + r * vl)}, ${4 * k_pitch});
                    @ end
                @ end
            }
        }
    }
    _tile_release();
    @ if bias then
        for (int k = 0; k < ${k_pitch}; k += ${vl}) {
            ${vec} sum = ${mm}_loadu_ps(db + k);
            for (int image = 0; image < n; image++) {
                for (int row = 0; row < ${out_h}; row++) {
                    const ${real} *grad = ${grad_at} + k;
                    for (int col = 0; col < ${out_w}; col++, grad += ${k_pitch}) {
                        sum = ${mm}_add_ps(sum, ${mm}_loadu_ps(grad));
                    }
                }
            }
            ${mm}_storeu_ps(db + k, sum);
        }
    @ end
}
