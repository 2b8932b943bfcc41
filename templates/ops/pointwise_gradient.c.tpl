@ -- The gradient back through dropout, an activation, scale and shift, each where present, and the mask of a
@ -- ReLU before them, over the pixels of one image.
/* Backward: dx ${adds and "+=" or "="} ${result}, where g is ${gradient}; ${c.count(block, "vector")} of channels at once.
@ if affine then
     * coef: rows a, b, m, ..; dcoef: rows A, B, D${each and "; those of each image" or "; of all images"}.
@ end
 * templates/ops/pointwise_gradient.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image grads${reads_x and ", struct image from" or ""}${dropout and ", struct drop_bits drop" or ""})
{
    @ if dropout then
        const ${vec} scale = ${mm}_set1_ps(keep != NULL ? drop.scale : 1.0${f});
    @ end
    for (int image = 0; image < n; image++, dx += floats_of(to), dy += floats_of(grads)${reads_x and ", x += floats_of(from)" or ""}${affine and each and ", dcoef += 3 * grads.pitch, coef += 5 * grads.pitch" or ""}) {
        @ if dropout then
            const uint8_t *bits = keep != NULL ? keep + image * drop.bytes : NULL;
        @ end
        for (int k = 0; k < grads.pitch; k += ${block * vl}) {
            @ for n = 0, affine and block - 1 or -1 do
                @ if activation then
                    const ${vec} a${n} = ${mm}_loadu_ps(${c.add("coef + k", n * vl)});
                    const ${vec} b${n} = ${mm}_loadu_ps(${c.add("coef + grads.pitch + k", n * vl)});
                @ end
                const ${vec} m${n} = ${mm}_loadu_ps(${c.add("coef + 2 * grads.pitch + k", n * vl)});
                const ${vec} A${n} = ${mm}_loadu_ps(${c.add("dcoef + k", n * vl)});
                const ${vec} B${n} = ${mm}_loadu_ps(${c.add("dcoef + grads.pitch + k", n * vl)});
                const ${vec} D${n} = ${mm}_loadu_ps(${c.add("dcoef + 2 * grads.pitch + k", n * vl)});
            @ end
            for (int row = 0; row < grads.h; row++) {
                for (int col = 0; col < grads.w; col++) {
                    @ uses "pixel_of"
                    @ if reads_x then
                        const ${real} *in = x + pixel_of(from, row, col) + k;
                    @ end
                    const ${real} *grad = dy + pixel_of(grads, row, col) + k;
                    ${real} *out = dx + pixel_of(to, row, col) + k;
                    @ if dropout then
                        const int position = (row * grads.w + col) * drop.pitch + k;
                    @ end
                    @ for n = 0, block - 1 do
                        @ if reads_x then
                            const ${vec} x${n} = ${mm}_loadu_ps(${c.add("in", n * vl)});
                        @ end
                        @ if affine then
                            const ${vec} d${n} = ${mm}_sub_ps(x${n}, m${n});
                        @ end
                        ${vec} g${n} = ${mm}_loadu_ps(${c.add("grad", n * vl)});
                        @ if dropout then
                            @ uses "kept"
                            g${n} = kept(${mm}_mul_ps(g${n}, scale), bits, ${c.add("position", n * vl)});
                        @ end
                        @ if activation then
                            @ uses(activation.backward_helper)
                            g${n} = ${c.fill(activation.backward, { V = affine and c.call(mm .. "_fmadd_ps", "a" .. n, "d" .. n, "b" .. n) or "x" .. n, G = "g" .. n })};
                        @ end
                        @ if affine then
                            g${n} = ${mm}_fmadd_ps(A${n}, g${n}, ${mm}_fmadd_ps(B${n}, d${n}, D${n}));
                        @ end
                        @ if masks_x then
                            @ uses "where_positive"
                            g${n} = where_positive(g${n}, x${n});
                        @ end
                        @ if adds then
                            g${n} = ${mm}_add_ps(g${n}, ${mm}_loadu_ps(${c.add("out", n * vl)}));
                        @ end
                        ${mm}_storeu_ps(${c.add("out", n * vl)}, g${n});
                    @ end
                }
            }
        }
    }
}
