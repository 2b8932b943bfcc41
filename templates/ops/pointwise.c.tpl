@ -- Scale and shift, an activation and dropout, each where present, over the pixels of one image.
/* Forward: y = ${value}, ${c.count(block, "vector")} of channels at once.
@ if affine then
     * coef: rows a, b, m, ..${each and ", those of each image" or ", of all images"}.
@ end
 * templates/ops/pointwise.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image from${dropout and ", struct drop_bits drop" or ""})
{
    @ if dropout then
        const ${vec} scale = ${mm}_set1_ps(keep != NULL ? drop.scale : 1.0${f});
    @ end
    for (int image = 0; image < n; image++, y += floats_of(to), x += floats_of(from)${each and ", coef += 5 * to.pitch" or ""}) {
        @ if dropout then
            const uint8_t *bits = keep != NULL ? keep + image * drop.bytes : NULL;
        @ end
        for (int k = 0; k < to.pitch; k += ${block * vl}) {
            @ for n = 0, affine and block - 1 or -1 do
                const ${vec} a${n} = ${mm}_loadu_ps(${c.add("coef + k", n * vl)});
                const ${vec} b${n} = ${mm}_loadu_ps(${c.add("coef + to.pitch + k", n * vl)});
                const ${vec} m${n} = ${mm}_loadu_ps(${c.add("coef + 2 * to.pitch + k", n * vl)});
            @ end
            for (int row = 0; row < to.h; row++) {
                for (int col = 0; col < to.w; col++) {
                    @ uses "pixel_of"
                    const ${real} *in = x + pixel_of(from, row, col) + k;
                    ${real} *out = y + pixel_of(to, row, col) + k;
                    @ if dropout then
                        const int position = (row * to.w + col) * drop.pitch + k;
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
                            v${n} = first_lanes(v${n}, to.c - ${n > 0 and "(k + " .. n * vl .. ")" or "k"});
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
