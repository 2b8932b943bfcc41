@ -- The loops of what a norm applies, an activation and dropout, each where present.
/* Forward: y = ${value}.
@ if affine then
     * coef: rows a, b, m, ..${each and ", those of each image" or ", of all images"}.
@ end
 * templates/ops/plain/pointwise_fwd.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image from${dropout and ", struct drop_bits drop" or ""})
{
    for (int image = 0; image < n; image++, y += floats_of(to), x += floats_of(from)) {
        @ if affine then
            const ${real} *a = coef${each and " + image * 5 * to.pitch" or ""}, *b = a + to.pitch, *m = b + to.pitch;
        @ end
        @ if dropout then
            const uint8_t *bits = keep == NULL ? NULL : keep + image * drop.bytes;
        @ end
        for (int row = 0; row < to.h; row++) {
            for (int col = 0; col < to.w; col++) {
                const ${real} *in = x + pixel_of(from, row, col);
                ${real} *out = y + pixel_of(to, row, col);
                @ if dropout then
                    const int position = (row * to.w + col) * drop.pitch;
                @ end
                for (int k = 0; k < to.pitch; k++) {
                    ${real} value = ${affine and "a[k] * (in[k] - m[k]) + b[k]" or "in[k]"};
                    @ if activation then
                        @ if activation.forward_helper then uses(activation.forward_helper) end
                        value = ${c.fill(activation.forward, { V = "value" })};
                    @ end
                    @ if clips then
                        value = k < to.c ? value : 0.0${f};
                    @ end
                    @ if dropout then
                        @ uses "dropped"
                        value = dropped(value, bits, position + k, drop.scale);
                    @ end
                    out[k] = value;
                }
            }
        }
    }
}
