@ -- Average pooling, forward and backward.
/* ${formula}
 * ${shapes}
 * Loops: images, output pixels, vectors of channels, window.
 * ${cost} templates/ops/avgpool.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    for (int image = 0; image < n; ${next_image}) {
        @ if pass == "bwd_data" and clears then
            for (int row = 0; row < ${h}; row++) {
                ${real} *out = dx + (${c.index("row", dx_border)} * ${dx_cols}${c.add("", dx_border)}) * ${pitch};
                for (int i = 0; i < ${w * pitch}; i += ${vl}) {
                    ${mm}_storeu_ps(out + i, ${mm}_setzero_ps());
                }
            }
        @ end
        for (int row = 0; row < ${out_h}; row++) {
            @ if clips then
                const int top = row * ${stride_h}${minus_padding_h};
                const int row_first = top > 0 ? top : 0;
                const int row_last = top + ${window_h} < ${h} ? top + ${window_h} : ${h};
            @ else
                const int row_first = row * ${stride_h};
                const int row_last = row_first + ${window_h};
            @ end
            for (int col = 0; col < ${out_w}; col++) {
                @ if clips then
                    const int left = col * ${stride_w}${minus_padding_w};
                    const int col_first = left > 0 ? left : 0;
                    const int col_last = left + ${window_w} < ${w} ? left + ${window_w} : ${w};
                @ else
                    const int col_first = col * ${stride_w};
                    const int col_last = col_first + ${window_w};
                @ end
                for (int k = 0; k < ${pitch}; k += ${vl}) {
                    @ if pass == "fwd" then
                        ${vec} acc = ${mm}_setzero_ps();
                        for (int r = row_first; r < row_last; r++) {
                            const ${real} *in = x + (${c.index("r", x_border)} * ${x_cols}${c.add("", x_border)}) * ${pitch} + k;
                            for (int s = col_first; s < col_last; s++) {
                                acc = ${mm}_add_ps(acc, ${mm}_loadu_ps(in + s * ${pitch}));
                            }
                        }
                        acc = ${mm}_mul_ps(acc, ${mm}_set1_ps(${share}));
                        ${mm}_storeu_ps(y + (${c.index("row", y_border)} * ${y_cols} + ${c.add("col", y_border)}) * ${pitch} + k, acc);
                    @ else
                        const ${vec} grad = ${mm}_mul_ps(${mm}_set1_ps(${share}), ${mm}_loadu_ps(dy + (${c.index("row", dy_border)} * ${dy_cols} + ${c.add("col", dy_border)}) * ${pitch} + k));
                        for (int r = row_first; r < row_last; r++) {
                            ${real} *out = dx + (${c.index("r", dx_border)} * ${dx_cols}${c.add("", dx_border)}) * ${pitch} + k;
                            for (int s = col_first; s < col_last; s++) {
                                @ if sets then
                                    ${mm}_storeu_ps(out + s * ${pitch}, grad);
                                @ else
                                    ${mm}_storeu_ps(out + s * ${pitch}, ${mm}_add_ps(${mm}_loadu_ps(out + s * ${pitch}), grad));
                                @ end
                            }
                        }
                    @ end
                }
            }
        }
    }
}
