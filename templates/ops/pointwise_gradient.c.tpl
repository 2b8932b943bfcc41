@ -- The gradient back through dropout, an activation, scale and shift, each where present, and the mask of a
@ -- ReLU before them, over the pixels of one image.
@ assert(pitch % (block * vl) == 0, "blocks must fill the channels")
/* ${formula}
 * ${shapes}
 * Blocks of ${block} vectors of channels; rows, pixels.
 * ${cost} templates/ops/pointwise_gradient.c.tpl */
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
            @ for n = 0, affine and block - 1 or -1 do
                @ if activation then
                    const ${vec} a${n} = ${mm}_loadu_ps(${c.add("coef + k", n * vl)});
                    const ${vec} b${n} = ${mm}_loadu_ps(${c.add("coef + k", pitch + n * vl)});
                @ end
                const ${vec} m${n} = ${mm}_loadu_ps(${c.add("coef + k", 2 * pitch + n * vl)});
                const ${vec} da${n} = ${mm}_loadu_ps(${c.add("dcoef + k", n * vl)});
                const ${vec} db${n} = ${mm}_loadu_ps(${c.add("dcoef + k", pitch + n * vl)});
                const ${vec} dd${n} = ${mm}_loadu_ps(${c.add("dcoef + k", 2 * pitch + n * vl)});
            @ end
            for (int row = 0; row < ${h}; row++) {
                for (int col = 0; col < ${w}; col++) {
                    @ if reads_x then
                        const float *in = x + (${c.index("row", x_border)} * ${x_cols} + ${c.add("col", x_border)}) * ${x_pitch} + k;
                    @ end
                    const float *grad = dy + (${c.index("row", dy_border)} * ${dy_cols} + ${c.add("col", dy_border)}) * ${pitch} + k;
                    float *out = dx + (${c.index("row", out_border)} * ${out_cols} + ${c.add("col", out_border)}) * ${pitch} + k;
                    @ if dropout then
                        const int position = (row * ${w} + col) * ${drop_pitch} + k;
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
                            g${n} = ${mm}_fmadd_ps(da${n}, g${n}, ${mm}_fmadd_ps(db${n}, d${n}, dd${n}));
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
