@ -- What the gradient of a norm needs of the gradients of the outputs behind it: their sum, and that
@ -- of their products with x - m, over the pixels of one image.
@ assert(pitch % (block * vl) == 0, "blocks must fill the channels")
/* ${formula}
 * ${shapes}
 * Blocks of ${block} vectors of channels; rows, pixels.
 * ${cost} templates/ops/pointwise_sums.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    @ if dropout then
        const ${vec} scale = ${mm}_set1_ps(keep != NULL ? ${keep_scale} : 1.0f);
    @ end
    for (int image = 0; image < n; ${next_image}) {
        @ if dropout then
            const uint8_t *bits = keep != NULL ? keep + image * ${keep_bytes} : NULL;
        @ end
        for (int k = 0; k < ${pitch}; k += ${block * vl}) {
            @ for n = 0, block - 1 do
                @ if activation then
                    const ${vec} a${n} = ${mm}_loadu_ps(${c.add("coef + k", n * vl)});
                    const ${vec} b${n} = ${mm}_loadu_ps(${c.add("coef + k", pitch + n * vl)});
                @ end
                const ${vec} m${n} = ${mm}_loadu_ps(${c.add("coef + k", 2 * pitch + n * vl)});
                ${vec} sum${n} = ${mm}_setzero_ps();
                ${vec} product${n} = ${mm}_setzero_ps();
            @ end
            for (int row = 0; row < ${h}; row++) {
                @ for n = 0, block - 1 do
                    ${vec} row_sum${n} = ${mm}_setzero_ps();
                    ${vec} row_product${n} = ${mm}_setzero_ps();
                @ end
                for (int col = 0; col < ${w}; col++) {
                    const float *in = x + (${c.index("row", x_border)} * ${x_cols} + ${c.add("col", x_border)}) * ${x_pitch} + k;
                    const float *grad = dy + (${c.index("row", dy_border)} * ${dy_cols} + ${c.add("col", dy_border)}) * ${pitch} + k;
                    @ if dropout then
                        const int position = (row * ${w} + col) * ${drop_pitch} + k;
                    @ end
                    @ for n = 0, block - 1 do
                        const ${vec} d${n} = ${mm}_sub_ps(${mm}_loadu_ps(${c.add("in", n * vl)}), m${n});
                        ${vec} g${n} = ${mm}_loadu_ps(${c.add("grad", n * vl)});
                        @ if dropout then
                            @ uses "kept"
                            g${n} = kept(${mm}_mul_ps(g${n}, scale), bits, ${c.add("position", n * vl)});
                        @ end
                        @ if activation then
                            @ uses(activation.backward_helper)
                            g${n} = ${c.fill(activation.backward, { V = c.call(mm .. "_fmadd_ps", "a" .. n, "d" .. n, "b" .. n), G = "g" .. n })};
                        @ end
                        row_sum${n} = ${mm}_add_ps(row_sum${n}, g${n});
                        row_product${n} = ${mm}_fmadd_ps(g${n}, d${n}, row_product${n});
                    @ end
                }
                @ for n = 0, block - 1 do
                    sum${n} = ${mm}_add_ps(sum${n}, row_sum${n});
                    product${n} = ${mm}_add_ps(product${n}, row_product${n});
                @ end
            }
            @ for n = 0, block - 1 do
                ${mm}_storeu_ps(${c.add("sums + k", n * vl)}, sum${n});
                ${mm}_storeu_ps(${c.add("sums + k", pitch + n * vl)}, product${n});
            @ end
        }
    }
}
