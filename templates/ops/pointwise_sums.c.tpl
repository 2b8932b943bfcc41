@ -- What the gradient of a norm needs of the gradients of the outputs behind it: their sum, and that
@ -- of their products with x - m, over the pixels of one image.
/* Backward, first: sums: rows sum of g, sum of g * (x - m), over the pixels, where g is ${gradient}; ${c.count(block, "vector")} of channels at once, row by row.
 * coef: rows a, b, m, ..${each and ", those of each image" or ", of all images"}. templates/ops/pointwise_sums.c.tpl */
static INLINE void ${name}(${signature},
        struct image from, struct image grads${dropout and ", struct drop_bits drop" or ""})
{
    @ if dropout then
        const ${vec} scale = ${mm}_set1_ps(keep != NULL ? drop.scale : 1.0${f});
    @ end
    for (int image = 0; image < n; image++, sums += 2 * grads.pitch, x += floats_of(from), dy += floats_of(grads)${each and ", coef += 5 * grads.pitch" or ""}) {
        @ if dropout then
            const uint8_t *bits = keep != NULL ? keep + image * drop.bytes : NULL;
        @ end
        for (int k = 0; k < grads.pitch; k += ${block * vl}) {
            @ for n = 0, block - 1 do
                @ if activation then
                    const ${vec} a${n} = ${mm}_loadu_ps(${c.add("coef + k", n * vl)});
                    const ${vec} b${n} = ${mm}_loadu_ps(${c.add("coef + grads.pitch + k", n * vl)});
                @ end
                const ${vec} m${n} = ${mm}_loadu_ps(${c.add("coef + 2 * grads.pitch + k", n * vl)});
                ${vec} sum${n} = ${mm}_setzero_ps();
                ${vec} product${n} = ${mm}_setzero_ps();
            @ end
            for (int row = 0; row < grads.h; row++) {
                @ for n = 0, block - 1 do
                    ${vec} row_sum${n} = ${mm}_setzero_ps();
                    ${vec} row_product${n} = ${mm}_setzero_ps();
                @ end
                for (int col = 0; col < grads.w; col++) {
                    @ uses "pixel_of"
                    const ${real} *in = x + pixel_of(from, row, col) + k;
                    const ${real} *grad = dy + pixel_of(grads, row, col) + k;
                    @ if dropout then
                        const int position = (row * grads.w + col) * drop.pitch + k;
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
                ${mm}_storeu_ps(${c.add("sums + grads.pitch + k", n * vl)}, product${n});
            @ end
        }
    }
}
