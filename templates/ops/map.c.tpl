@ -- The line of a norm, ReLU and dropout, each where present, over the pixels of one image: forward,
@ -- the two sums of the gradient, and the gradient itself.
@ assert(pitch % (block * vl) == 0, "blocks must fill the channels")
/* ${formula}
 * ${shapes}
 * Blocks of ${block} vectors of channels; rows, pixels.
 * ${cost} templates/ops/map.c.tpl */
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
                @ if affine and (pass == "fwd" or relu) then
                    const ${vec} a${n} = ${mm}_loadu_ps(${c.add("coef + k", n * vl)});
                    const ${vec} b${n} = ${mm}_loadu_ps(${c.add("coef + k", pitch + n * vl)});
                @ end
                @ if affine then
                    const ${vec} m${n} = ${mm}_loadu_ps(${c.add("coef + k", 2 * pitch + n * vl)});
                @ end
                @ if affine and pass == "bwd_data" then
                    const ${vec} da${n} = ${mm}_loadu_ps(${c.add("dcoef + k", n * vl)});
                    const ${vec} db${n} = ${mm}_loadu_ps(${c.add("dcoef + k", pitch + n * vl)});
                    const ${vec} dd${n} = ${mm}_loadu_ps(${c.add("dcoef + k", 2 * pitch + n * vl)});
                @ end
                @ if pass == "bwd_reduce" then
                    ${vec} sum${n} = ${mm}_setzero_ps();
                    ${vec} product${n} = ${mm}_setzero_ps();
                @ end
            @ end
            for (int row = 0; row < ${h}; row++) {
                @ if pass == "bwd_reduce" then
                    @ for n = 0, block - 1 do
                        ${vec} row_sum${n} = ${mm}_setzero_ps();
                        ${vec} row_product${n} = ${mm}_setzero_ps();
                    @ end
                @ end
                for (int col = 0; col < ${w}; col++) {
                    @ if reads_x then
                        const float *in = x + (${c.index("row", x_border)} * ${x_cols} + ${c.add("col", x_border)}) * ${x_pitch} + k;
                    @ end
                    @ if pass ~= "fwd" then
                        const float *grad = dy + (${c.index("row", dy_border)} * ${dy_cols} + ${c.add("col", dy_border)}) * ${pitch} + k;
                    @ end
                    @ if pass ~= "bwd_reduce" then
                        float *out = ${target} + (${c.index("row", out_border)} * ${out_cols} + ${c.add("col", out_border)}) * ${pitch} + k;
                    @ end
                    @ if dropout then
                        const int position = (row * ${w} + col) * ${drop_pitch} + k;
                    @ end
                    @ for n = 0, block - 1 do
                        @ if reads_x and (masks_x or not affine) then
                            const ${vec} x${n} = ${mm}_loadu_ps(${c.add("in", n * vl)});
                        @ end
                        @ if affine then
                            const ${vec} d${n} = ${mm}_sub_ps(${masks_x and "x" .. n or mm .. "_loadu_ps(" .. c.add("in", n * vl) .. ")"}, m${n});
                        @ end
                        @ if pass == "fwd" then
                            @ if affine then
                                ${vec} v${n} = ${mm}_fmadd_ps(a${n}, d${n}, b${n});
                            @ else
                                ${vec} v${n} = x${n};
                            @ end
                            @ if relu then
                                v${n} = ${mm}_max_ps(${mm}_setzero_ps(), v${n});
                            @ end
                        @ else
                            ${vec} v${n} = ${mm}_loadu_ps(${c.add("grad", n * vl)});
                        @ end
                        @ if dropout then
                            v${n} = kept(${mm}_mul_ps(v${n}, scale), bits, ${c.add("position", n * vl)});
                        @ end
                        @ if pass ~= "fwd" and relu then
                            @ if affine then
                                v${n} = where_positive(v${n}, ${mm}_fmadd_ps(a${n}, d${n}, b${n}));
                            @ else
                                v${n} = where_positive(v${n}, x${n});
                            @ end
                        @ end
                        @ if pass == "bwd_reduce" then
                            row_sum${n} = ${mm}_add_ps(row_sum${n}, v${n});
                            row_product${n} = ${mm}_fmadd_ps(v${n}, d${n}, row_product${n});
                        @ end
                        @ if pass == "bwd_data" and affine then
                            v${n} = ${mm}_fmadd_ps(da${n}, v${n}, ${mm}_fmadd_ps(db${n}, d${n}, dd${n}));
                        @ end
                        @ if pass == "bwd_data" and masks_x then
                            v${n} = where_positive(v${n}, x${n});
                        @ end
                        @ if pass == "bwd_data" and adds then
                            v${n} = ${mm}_add_ps(v${n}, ${mm}_loadu_ps(${c.add("out", n * vl)}));
                        @ end
                        @ if pass ~= "bwd_reduce" then
                            ${mm}_storeu_ps(${c.add("out", n * vl)}, v${n});
                        @ end
                    @ end
                }
                @ if pass == "bwd_reduce" then
                    @ for n = 0, block - 1 do
                        sum${n} = ${mm}_add_ps(sum${n}, row_sum${n});
                        product${n} = ${mm}_add_ps(product${n}, row_product${n});
                    @ end
                @ end
            }
            @ if pass == "bwd_reduce" then
                @ for n = 0, block - 1 do
                    ${mm}_storeu_ps(${c.add("sums + k", n * vl)}, sum${n});
                    ${mm}_storeu_ps(${c.add("sums + k", pitch + n * vl)}, product${n});
                @ end
            @ end
        }
    }
}
