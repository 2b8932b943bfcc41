@ -- Weight gradient of a convolution by the direct algorithm with products of bf16: direct_weights.c.tpl
@ -- with pairs of neighbouring pixels for pixels, which are made for some rows of outputs before they
@ -- are multiplied, so that they stay in the nearest cache. Inputs that several outputs read are paired
@ -- for all of the image.
@ assert(k_pitch % vl == 0 and (k_pitch // vl) % nr == 0, "blocks must fill the output channels")
@ uses "dot_pairs"
@ uses "pair_numbers"
@ local grad_at = "dy + image * " .. dy_image .. " + (" .. c.index("row", dy_border) .. " * " .. dy_cols .. c.add("", dy_border) .. ") * " .. k_pitch
@ local in_row = "(row" .. times_stride .. (is_pointwise and "" or " + r" .. times_dilation) .. c.add("", row_at) .. ") * " .. x_cols .. c.add("", col_at)
/* ${formula}
 * ${shapes}
 * Tile of up to ${mr} entries of a window row (columns x channels) x ${c.count(nr, "vector")}, products of bf16. Loops: images, blocks of ${c.count(chunk_rows, "row")}, window rows, tiles, blocks of ${nr * vl} channels, pairs of pixels.
 * ${cost} templates/ops/conv/direct_weights_bf16.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    uint32_t *const x_pairs = (uint32_t *)scratch; /* of x, [${is_pointwise and "row][pair" or "row][pixel"}][input] */
    uint32_t *const dy_pairs = x_pairs + ${x_pairs}; /* of dy, [row][pair][output] */

    for (int image = 0; image < n; image++) {
        @ if not is_pointwise then
            /* Each pixel of x paired with ${next == x_pitch and "the next one" or "that of the next output"}; the last ones of a row, with zeros. */
            for (int row = 0; row < ${x_rows}; row++) {
                const ${real} *in = x + image * ${x_image} + row * ${x_row};
                pair_numbers(x_pairs + row * ${x_row}, in, in + ${next}, ${x_row - next});
                pair_numbers(x_pairs + row * ${x_row} + ${x_row - next}, in + ${x_row - next}, NULL, ${next});
            }
        @ end
        for (int first = 0; first < ${out_h}; first += ${chunk_rows}) {
            const int last = first + ${chunk_rows} < ${out_h} ? first + ${chunk_rows} : ${out_h};
            for (int row = first; row < last; row++) {
                @ if is_pointwise then
                    const ${real} *in = x + image * ${x_image} + (${in_row}) * ${x_pitch};
                @ end
                const ${real} *grad = ${grad_at};
                for (int pair = 0; pair < ${row_pairs}; pair++) {
                    const int at = (row - first) * ${row_pairs} + pair;
                    @ local second = out_w % 2 == 0 and "" or "2 * pair + 1 == " .. out_w .. " ? NULL : "
                    @ if is_pointwise then
                        pair_numbers(x_pairs + at * ${x_pitch}, in + pair * ${2 * pixel}, ${second}in + pair * ${2 * pixel} + ${pixel}, ${x_pitch});
                    @ end
                    pair_numbers(dy_pairs + at * ${k_pitch}, grad + pair * ${2 * k_pitch}, ${second}grad + pair * ${2 * k_pitch} + ${k_pitch}, ${k_pitch});
                }
            }

            for (int r = 0; r < ${window_h}; r++) {
                @ for s = 0, runs - 1 do
                    @ for _, span in ipairs(spans) do
                        for (int j = ${span.first}; j < ${span.last}; j += ${span.mr}) {
                            for (int k = 0; k < ${k_pitch}; k += ${nr * vl}) {
                                ${real} *out = dw + (r * ${runs * run} + ${c.add("j", s * run)}) * ${k_pitch} + k;
                                @ for m = 0, span.mr - 1 do
                                    @ for n = 0, nr - 1 do
                                        ${vec} acc${m}_${n} = ${mm}_loadu_ps(${c.add("out", m * k_pitch + n * vl)});
                                    @ end
                                @ end

                                for (int row = first; row < last; row++) {
                                    @ if is_pointwise then
                                        const uint32_t *in = x_pairs + (row - first) * ${row_pairs * x_pitch} + j;
                                    @ else
                                        const uint32_t *in = x_pairs + (${in_row}) * ${x_pitch} + ${c.add("j", s * tap_pixel)};
                                    @ end
                                    const uint32_t *grad = dy_pairs + (row - first) * ${row_pairs * k_pitch} + k;
                                    for (int pair = 0; pair < ${row_pairs}; pair++, in += ${is_pointwise and x_pitch or 2 * pixel}, grad += ${k_pitch}) {
                                        @ for n = 0, nr - 1 do
                                            const ${pair_vec} g${n} = load_pairs(${c.add("grad", n * vl)});
                                        @ end
                                        ${pair_vec} x0;
                                        @ for m = 0, span.mr - 1 do
                                            x0 = set1_pairs(in[${m}]);
                                            @ for n = 0, nr - 1 do
                                                acc${m}_${n} = dot_pairs(x0, g${n}, acc${m}_${n});
                                            @ end
                                        @ end
                                    }
                                }

                                @ for m = 0, span.mr - 1 do
                                    @ for n = 0, nr - 1 do
                                        ${mm}_storeu_ps(${c.add("out", m * k_pitch + n * vl)}, acc${m}_${n});
                                    @ end
                                @ end
                            }
                        }
                    @ end
                @ end
            }
        }
    }
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
