@ -- Scale and shift, an activation and dropout, each where present, over the pixels of one image.
@ assert(pitch % (block * vl) == 0, "blocks must fill the channels")
/* ${formula}
 * ${shapes}
 * Blocks of ${block} vectors of channels; rows, pixels.
 * ${cost} templates/ops/pointwise.c.tpl */
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
                const ${vec} a${n} = ${mm}_loadu_ps(${c.add("coef + k", n * vl)});
                const ${vec} b${n} = ${mm}_loadu_ps(${c.add("coef + k", pitch + n * vl)});
                const ${vec} m${n} = ${mm}_loadu_ps(${c.add("coef + k", 2 * pitch + n * vl)});
            @ end
            for (int row = 0; row < ${h}; row++) {
                for (int col = 0; col < ${w}; col++) {
                    const float *in = x + (${c.index("row", x_border)} * ${x_cols} + ${c.add("col", x_border)}) * ${x_pitch} + k;
                    float *out = y + (${c.index("row", out_border)} * ${out_cols} + ${c.add("col", out_border)}) * ${pitch} + k;
                    @ if dropout then
                        const int position = (row * ${w} + col) * ${drop_pitch} + k;
                    @ end
                    @ for n = 0, block - 1 do
                        @ if affine then
                            const ${vec} d${n} = ${mm}_sub_ps(${mm}_loadu_ps(${c.add("in", n * vl)}), m${n});
                            ${vec} v${n} = ${mm}_fmadd_ps(a${n}, d${n}, b${n});
                        @ else
                            ${vec} v${n} = ${mm}_loadu_ps(${c.add("in", n * vl)});
                        @ end
                        @ if activation then
                            @ if activation.forward_helper then uses(activation.forward_helper) end
                            v${n} = ${c.fill(activation.forward, { V = "v" .. n })};
                        @ end
                        @ if clips then
                            @ uses "first_lanes"
                            v${n} = first_lanes(v${n}, ${channels} - ${n > 0 and "(k + " .. n * vl .. ")" or "k"});
                        @ end
                        @ if dropout then
                            @ uses "kept"
                            v${n} = kept(${mm}_mul_ps(v${n}, scale), bits, ${c.add("position", n * vl)});
                        @ end
                        ${mm}_storeu_ps(${c.add("out", n * vl)}, v${n});
                    @ end
                }
            }
        }
    }
}
