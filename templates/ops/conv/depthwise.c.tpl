@ -- Forward depthwise convolution and data gradient. The data gradient of a strided convolution makes
@ -- each residue of the output pixel by itself, which has its own taps: bands of rows, parts of these.
@ assert(pitch % vl == 0, "vectors must fill the channels")
@ assert(#bands == 1 or not stats, "sums are made in one band")
@ assert(not adds_up or not relu and not stats, "what is stored are sums of what is in a vector")
/* ${formula}
 * ${shapes}
 * Tile of up to ${mr} x ${nr} pixels of one vector of channels; rows of tiles, tiles, channels.
 * ${cost} templates/ops/conv/depthwise.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    for (int image = 0; image < n; ${next_image}) {
        @ for _, band in ipairs(bands) do
            @ if #bands > 1 then
                /* Rows ${band.row_residue} + ${band.step_h} i. */
            @ end
            @ for _, span in ipairs(band.spans) do
                for (int row = ${span.first}; row < ${span.last}; row += ${span.mr}) {
                    @ for _, part in ipairs(span.parts) do
                        @ if #span.parts > 1 then

                            /* Columns ${part.col_residue} + ${band.step_w} j. */
                        @ end
                        @ for _, cols in ipairs(part.cols) do
                            for (int col = ${cols.first}; col < ${cols.last}; col += ${cols.mr}) {
                                for (int k = 0; k < ${pitch}; k += ${vl}) {
                                    @ if fetches then
                                        @ uses "fetch_ahead"
                                        fetch_ahead(ahead);
                                    @ end
                                    ${real} *out = ${target} + (${band.out_row} * ${target_cols} + ${part.out_col}) * ${target_pitch} + ${of_target};
                                    @ if bias then
                                        const ${vec} bias0 = ${mm}_loadu_ps(bias + k);
                                    @ end
                                    @ for m = 0, span.mr - 1 do
                                        @ for n = 0, cols.mr - 1 do
                                            ${vec} acc${m}_${n} = ${bias and "bias0" or mm .. "_setzero_ps()"};
                                        @ end
                                    @ end
                                    @ if part.reads then

                                        const ${real} *weight = w + k * ${taps};
                                        @ for tap = part.first_tap, part.first_tap + part.taps - 1 do
                                            const ${vec} w${tap} = ${mm}_loadu_ps(${c.add("weight", tap * vl)});
                                        @ end
                                        const ${real} *in = ${source} + (${part.row} * ${source_cols} + ${part.col}) * ${source_pitch} + ${of_source};
                                        ${vec} x0;
                                    @ end
                                    @ for _, line in ipairs(cols.source) do

                                        /* Row ${line.at} of the source, each pixel once for all taps. */
                                        @ for _, pixel in ipairs(line.cols) do
                                            x0 = ${load}(${c.add("in", (line.at * source_cols + pixel.at) * source_pitch)});
                                            @ for _, term in ipairs(pixel.terms) do
                                                acc${term.m}_${term.n} = ${mm}_fmadd_ps(x0, w${term.tap}, acc${term.m}_${term.n});
                                            @ end
                                        @ end
                                    @ end

                                    @ if relu then
                                        @ for m = 0, span.mr - 1 do
                                            @ for n = 0, cols.mr - 1 do
                                                acc${m}_${n} = ${mm}_max_ps(${mm}_setzero_ps(), acc${m}_${n});
                                            @ end
                                        @ end
                                    @ end
                                    @ if stats then
                                        @ if span.first == 0 and cols.first == 0 then
                                            if (row == 0 && col == 0) {
                                                ${mm}_storeu_ps(sums + k, acc0_0);
                                                ${mm}_storeu_ps(sums + k + ${pitch}, ${mm}_setzero_ps());
                                                ${mm}_storeu_ps(sums + k + ${2 * pitch}, ${mm}_setzero_ps());
                                            }
                                        @ end
                                        const ${vec} shift = ${mm}_loadu_ps(sums + k);
                                        ${vec} sum = ${mm}_setzero_ps();
                                        ${vec} squares = ${mm}_setzero_ps();
                                        ${vec} d;
                                    @ end
                                    @ for _, store in ipairs(adds_up and cols.stores or {}) do
                                        ${store.fn}(${store.arguments}, ${adding});
                                    @ end
                                    @ for m = 0, adds_up and -1 or span.mr - 1 do
                                        @ for n = 0, cols.mr - 1 do
                                            @ local at = c.add("out", (m * target_cols * band.step_h + n * band.step_w) * target_pitch)
                                            @ if stats then
                                                d = ${mm}_sub_ps(acc${m}_${n}, shift);
                                                sum = ${mm}_add_ps(sum, d);
                                                squares = ${mm}_fmadd_ps(d, d, squares);
                                            @ end
                                            @ if adds then
                                                ${mm}_storeu_ps(${at}, ${mm}_add_ps(${mm}_loadu_ps(${at}), acc${m}_${n}));
                                            @ else
                                                ${mm}_storeu_ps(${at}, acc${m}_${n});
                                            @ end
                                        @ end
                                    @ end
                                    @ if stats then
                                        ${mm}_storeu_ps(sums + k + ${pitch}, ${mm}_add_ps(${mm}_loadu_ps(sums + k + ${pitch}), sum));
                                        ${mm}_storeu_ps(sums + k + ${2 * pitch}, ${mm}_add_ps(${mm}_loadu_ps(sums + k + ${2 * pitch}), squares));
                                    @ end
                                }
                            }
                        @ end
                    @ end
                }
            @ end
        @ end
        @ if adds_up and pads_from then
            for (int row = ${target_border}; row < ${target_h + target_border}; row++) {
                for (int col = ${target_border}; col < ${target_w + target_border}; col++) {
                    for (int k = ${pads_from}; k < ${target_pitch}; k++) {
                        ${target}[(row * ${target_cols} + col) * ${target_pitch} + k] = 0.0${f};
                    }
                }
            }
        @ end
    }
}
