@ -- The loops of the gradient of a product for one of its factors.
/* Gradient of a product: dx ${adds and "+=" or "="} dy * x2, the other factor; summed over the pixels where dx is one
 * of them. templates/ops/plain/mul_bwd_data.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image grads, struct image factors)
{
    const bool gate = factors.h * factors.w < grads.h * grads.w;
    const bool sums = to.h * to.w < grads.h * grads.w;
    for (int image = 0; image < n; image++, dx += floats_of(to), dy += floats_of(grads), x2 += floats_of(factors)) {
        @ if not adds then
            for (int row = 0; row < to.h; row++) {
                zero(dx + pixel_of(to, row, 0), (size_t)(to.w * to.pitch));
            }
        @ end
        for (int row = 0; row < grads.h; row++) {
            for (int col = 0; col < grads.w; col++) {
                ${real} *out = dx + (sums ? pixel_of(to, 0, 0) : pixel_of(to, row, col));
                const ${real} *grad = dy + pixel_of(grads, row, col);
                const ${real} *in2 = x2 + (gate ? pixel_of(factors, 0, 0) : pixel_of(factors, row, col));
                for (int k = 0; k < to.pitch; k++) {
                    out[k] += grad[k] * in2[k];
                }
            }
        }
    }
}
