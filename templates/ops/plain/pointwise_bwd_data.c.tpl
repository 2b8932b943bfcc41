@ -- The loops of the gradient through what a norm applies, an activation and dropout, each where present.
/* Backward: dx ${adds and "+=" or "="} ${result}, where g is ${gradient}.
@ if affine then
     * coef: rows a, b, m, ..; dcoef: rows A, B, D${each and "; those of each image" or "; of all images"}.
@ end
 * templates/ops/plain/pointwise_bwd_data.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image grads${reads_x and ", struct image from" or ""}${dropout and ", struct drop_bits drop" or ""})
{
    for (int image = 0; image < n; image++, dx += floats_of(to), dy += floats_of(grads)${reads_x and ", x += floats_of(from)" or ""}) {
        @ if affine and activation then
            const ${real} *a = coef${each and " + image * 5 * grads.pitch" or ""}, *b = a + grads.pitch, *m = b + grads.pitch;
        @ elseif affine then
            const ${real} *m = coef + ${each and "(5 * image + 2)" or "2"} * grads.pitch;
        @ end
        @ if affine then
            const ${real} *A = dcoef${each and " + image * 3 * grads.pitch" or ""}, *B = A + grads.pitch, *D = B + grads.pitch;
        @ end
        @ if dropout then
            const uint8_t *bits = keep == NULL ? NULL : keep + image * drop.bytes;
        @ end
        for (int row = 0; row < grads.h; row++) {
            for (int col = 0; col < grads.w; col++) {
                @ if reads_x then
                    const ${real} *in = x + pixel_of(from, row, col);
                @ end
                const ${real} *grad = dy + pixel_of(grads, row, col);
                ${real} *out = dx + pixel_of(to, row, col);
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
                    @ if affine then
                        g = A[k] * g + (B[k] * (in[k] - m[k]) + D[k]);
                    @ end
                    @ if masks_x then
                        g = in[k] > 0.0${f} ? g : 0.0${f};
                    @ end
                    out[k] ${adds and "+=" or "="} g;
                }
            }
        }
    }
}
