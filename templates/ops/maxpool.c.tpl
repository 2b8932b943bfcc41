@ -- Max pooling. Forward notes where in its window each maximum was found, so that backward needs
@ -- neither the input nor the maximum.
@ if any_size then
    /* ${formula} Images of any height and width.
     * Loops: images, output pixels, vectors of channels, window. templates/ops/maxpool.c.tpl */
    static INLINE void ${name}(${signature}, struct image ${target_image}, struct image ${source_image})
@ else
    /* ${formula}
     * ${shapes}
     * Loops: images, output pixels, vectors of channels, window.
     * ${cost} templates/ops/maxpool.c.tpl */
    @ prototype()
    static NOINLINE void ${name}(${signature})
@ end
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
            const int top = row * ${stride_h}${minus_padding_h};
            const int row_first = ${clips and "top > 0 ? top : 0" or "top"};
            const int row_last = ${clips and ("top + %d < %d ? top + %d : %d"):format(window_h, h, window_h, h) or "top + " .. window_h};
            for (int col = 0; col < ${out_w}; col++) {
                const int left = col * ${stride_w}${minus_padding_w};
                const int col_first = ${clips and "left > 0 ? left : 0" or "left"};
                const int col_last = ${clips and ("left + %d < %d ? left + %d : %d"):format(window_w, w, window_w, w) or "left + " .. window_w};
                for (int k = 0; k < ${pitch}; k += ${vl}) {
                    @ if pass == "fwd" then
                        ${vec} acc = ${mm}_loadu_ps(x + (${c.index("row_first", x_border)} * ${x_cols} + ${c.add("col_first", x_border)}) * ${pitch} + k);
                        @ if winners then
                            ${vec} place = ${mm}_set1_ps((${real})((row_first - top) * ${window_w} + col_first - left));
                        @ end
                        for (int r = row_first; r < row_last; r++) {
                            const ${real} *in = x + (${c.index("r", x_border)} * ${x_cols}${c.add("", x_border)}) * ${pitch} + k;
                            for (int s = col_first; s < col_last; s++) {
                                const ${vec} value = ${mm}_loadu_ps(in + s * ${pitch});
                                @ if winners then
                                    @ uses "where_greater"
                                    place = where_greater(${mm}_set1_ps((${real})((r - top) * ${window_w} + s - left)), place, value, acc);
                                @ end
                                acc = ${mm}_max_ps(acc, value);
                            }
                        }
                        ${mm}_storeu_ps(y + (${c.index("row", y_border)} * ${y_cols} + ${c.add("col", y_border)}) * ${pitch} + k, acc);
                        @ if winners then
                            @ uses "store_bytes"
                            store_bytes(winner + (row * ${out_w} + col) * ${pitch} + k, place);
                        @ end
                    @ else
                        const ${vec} grad = ${mm}_loadu_ps(dy + (${c.index("row", dy_border)} * ${dy_cols} + ${c.add("col", dy_border)}) * ${pitch} + k);
                        @ uses "load_bytes"
                        const ${vec} place = load_bytes(winner + (row * ${out_w} + col) * ${pitch} + k);
                        for (int r = row_first; r < row_last; r++) {
                            ${real} *out = dx + (${c.index("r", dx_border)} * ${dx_cols}${c.add("", dx_border)}) * ${pitch} + k;
                            for (int s = col_first; s < col_last; s++) {
                                @ uses "where_equal"
                                const ${vec} part = where_equal(grad, place, ${mm}_set1_ps((${real})((r - top) * ${window_w} + s - left)));
                                @ if sets then
                                    ${mm}_storeu_ps(out + s * ${pitch}, part);
                                @ else
                                    ${mm}_storeu_ps(out + s * ${pitch}, ${mm}_add_ps(${mm}_loadu_ps(out + s * ${pitch}), part));
                                @ end
                            }
                        }
                    @ end
                }
            }
        }
    }
}
