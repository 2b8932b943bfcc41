@ -- Weight gradient of a depthwise convolution: a sum for each tap of some filter rows stays in a
@ -- register over a row of tiles, while the gradients of a tile of outputs meet the inputs that they
@ -- saw.
@ assert(pitch % vl == 0, "vectors must fill the channels")
/* ${formula}
 * ${shapes}
 * Tile of up to ${mr} x ${nr} pixels of one vector of channels; rows of tiles, channels, filter rows, tiles.
 * ${cost} templates/ops/conv/depthwise_weights.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    for (int image = 0; image < n; ${next_image}) {
        @ for _, span in ipairs(spans) do
            for (int row = ${span.first}; row < ${span.last}; row += ${span.mr}) {
                for (int k = 0; k < ${pitch}; k += ${vl}) {
                    ${real} *out = dw + k * ${taps};
                    @ if bias then
                        ${vec} bias0 = ${mm}_loadu_ps(db + k);
                    @ end
                    @ for i, chunk in ipairs(span.chunks) do

                        /* Filter rows ${chunk.first} to ${chunk.last - 1}. */
                        @ for tap = chunk.first * window_w, chunk.last * window_w - 1 do
                            ${vec} acc${tap} = ${mm}_loadu_ps(${c.add("out", tap * vl)});
                        @ end
                        @ for _, cols in ipairs(chunk.cols) do
                            for (int col = ${cols.first}; col < ${cols.last}; col += ${cols.mr}) {
                                @ if fetches then
                                    @ uses "fetch_ahead"
                                    fetch_ahead(ahead);
                                @ end
                                @ uses "read_anew"
                                const ${real} *in = read_anew(x + (${chunk.row} * ${x_cols} + ${col}) * ${x_pitch} + ${of_source});
                                const ${real} *grad = dy + (${c.index("row", dy_border)} * ${dy_cols} + ${c.add("col", dy_border)}) * ${pitch} + k;
                                @ for m = 0, span.mr - 1 do
                                    @ for n = 0, cols.mr - 1 do
                                        const ${vec} g${m}_${n} = ${mm}_loadu_ps(${c.add("grad", (m * dy_cols + n) * pitch)});
                                        @ if bias and i == 1 then
                                            bias0 = ${mm}_add_ps(bias0, g${m}_${n});
                                        @ end
                                    @ end
                                @ end

                                ${vec} x0;
                                @ for _, line in ipairs(cols.source) do
                                    @ for _, pixel in ipairs(line.cols) do
                                        x0 = ${load}(${c.add("in", (line.at * x_cols + pixel.at) * x_pitch)});
                                        @ for _, term in ipairs(pixel.terms) do
                                            acc${term.tap} = ${mm}_fmadd_ps(x0, g${term.m}_${term.n}, acc${term.tap});
                                        @ end
                                    @ end
                                @ end
                            }
                        @ end
                        @ for tap = chunk.first * window_w, chunk.last * window_w - 1 do
                            ${mm}_storeu_ps(${c.add("out", tap * vl)}, acc${tap});
                        @ end
                    @ end
                    @ if bias then

                        ${mm}_storeu_ps(db + k, bias0);
                    @ end
                }
            }
        @ end
    }
}
