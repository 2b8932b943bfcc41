@ -- The loops of the sums of a gradient that a norm needs, through dropout and an activation where present.
/* Backward, first: sums: rows sum of g, sum of g * (x - m), over the pixels, where g is ${gradient}.
 * coef: rows a, b, m, ..${each and ", those of each image" or ", of all images"}. templates/ops/plain/pointwise_bwd_reduce.c.tpl */
static INLINE void ${name}(${signature},
        struct image from, struct image grads${dropout and ", struct drop_bits drop" or ""})
{
    for (int image = 0; image < n; image++, x += floats_of(from), dy += floats_of(grads)) {
        @ if activation then
            const ${real} *a = coef${each and " + image * 5 * grads.pitch" or ""}, *b = a + grads.pitch, *m = b + grads.pitch;
        @ else
            const ${real} *m = coef + ${each and "(5 * image + 2)" or "2"} * grads.pitch;
        @ end
        ${real} *image_sums = sums + image * 2 * grads.pitch;
        @ if dropout then
            const uint8_t *bits = keep == NULL ? NULL : keep + image * drop.bytes;
        @ end
        zero(image_sums, 2 * (size_t)grads.pitch);
        for (int row = 0; row < grads.h; row++) {
            ${real} sum[MOST_CHANNELS] = {0.0${f}};
            ${real} product[MOST_CHANNELS] = {0.0${f}};
            for (int col = 0; col < grads.w; col++) {
                const ${real} *in = x + pixel_of(from, row, col);
                const ${real} *grad = dy + pixel_of(grads, row, col);
                @ if dropout then
                    const int position = (row * grads.w + col) * drop.pitch;
                @ end
                for (int k = 0; k < grads.pitch; k++) {
                    ${real} g = grad[k];
                    @ if dropout then
                        @ uses "dropped"
                        g = dropped(g, bits, position + k, drop.scale);
                    @ end
                    @ if activation then
                        @ if activation.backward_helper then uses(activation.backward_helper) end
                        g = ${c.fill(activation.backward, { V = affine and "a[k] * (in[k] - m[k]) + b[k]" or "in[k]", G = "g" })};
                    @ end
                    sum[k] += g;
                    product[k] += g * (in[k] - m[k]);
                }
            }
            for (int k = 0; k < grads.pitch; k++) {
                image_sums[k] += sum[k];
                image_sums[grads.pitch + k] += product[k];
            }
        }
    }
}
