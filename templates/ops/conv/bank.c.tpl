@ -- Forward convolution with few inputs: all its weights stay in registers while the pixels pass.
@ assert(k_pitch == vl, "the bank holds one vector of outputs")
/* ${formula}
 * ${shapes}
 * All ${entries} vectors of weights and up to ${c.count(mr, "vector")} of sums in registers. Loops: images, rows, tiles of up to ${mr} pixels, window.
 * ${cost} templates/ops/conv/bank.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    @ for e = 0, entries - 1 do
        const ${vec} w${e} = ${mm}_loadu_ps(${c.add("w", e * vl)});
    @ end

    for (int image = 0; image < n; ${next_image}) {
        for (int row = 0; row < ${out_h}; row++) {
            ${real} *const out = y + (${c.add(c.index("row", target_border) .. " * " .. target_cols, target_border)}) * ${k_pitch};
            @ for _, span in ipairs(spans) do
                for (int col = ${span.first}; col < ${span.last}; col += ${span.mr}) {
                    const ${real} *in;
                    @ for m = 0, span.mr - 1 do
                        ${vec} acc${m} = ${bias and mm .. "_loadu_ps(bias)" or mm .. "_setzero_ps()"};
                    @ end
                    @ for r = 0, window_h - 1 do

                        in = x + (${rows[r + 1]} * ${source_cols} + ${col}) * ${source_pitch};
                        @ for s = 0, window_w - 1 do
                            @ for i = 0, channels - 1 do
                                @ for m = 0, span.mr - 1 do
                                    acc${m} = ${mm}_fmadd_ps(${mm}_set1_ps(in[${m * pixel + s * source_pitch + i}]), w${(r * window_w + s) * channels + i}, acc${m});
                                @ end
                            @ end
                        @ end
                    @ end

                    @ for m = 0, span.mr - 1 do
                        ${mm}_storeu_ps(out + ${c.index("col", m)} * ${k_pitch}, ${relu and mm .. "_max_ps(" .. mm .. "_setzero_ps(), acc" .. m .. ")" or "acc" .. m});
                    @ end
                }
            @ end
            @ if stats then

                /* The sums of this row for the norm, of what its pixels differ from the first of the image. */
                if (row == 0) {
                    ${mm}_storeu_ps(sums, ${mm}_loadu_ps(out));
                    ${mm}_storeu_ps(sums + ${k_pitch}, ${mm}_setzero_ps());
                    ${mm}_storeu_ps(sums + ${2 * k_pitch}, ${mm}_setzero_ps());
                }
                const ${vec} shift = ${mm}_loadu_ps(sums);
                ${vec} sum = ${mm}_setzero_ps();
                ${vec} squares = ${mm}_setzero_ps();
                for (int col = 0; col < ${out_w}; col++) {
                    const ${vec} d = ${mm}_sub_ps(${mm}_loadu_ps(out + col * ${k_pitch}), shift);
                    sum = ${mm}_add_ps(sum, d);
                    squares = ${mm}_fmadd_ps(d, d, squares);
                }
                ${mm}_storeu_ps(sums + ${k_pitch}, ${mm}_add_ps(${mm}_loadu_ps(sums + ${k_pitch}), sum));
                ${mm}_storeu_ps(sums + ${2 * k_pitch}, ${mm}_add_ps(${mm}_loadu_ps(sums + ${2 * k_pitch}), squares));
            @ end
        }
    }
}
