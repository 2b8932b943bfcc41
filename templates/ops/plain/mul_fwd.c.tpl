@ -- The loops of a product.
/* Product: y = x * x2, where x2 may be one pixel. templates/ops/plain/mul_fwd.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image from, struct image factors)
{
    const bool gate = factors.h * factors.w < to.h * to.w;
    for (int image = 0; image < n; image++, y += floats_of(to), x += floats_of(from), x2 += floats_of(factors)) {
        for (int row = 0; row < to.h; row++) {
            for (int col = 0; col < to.w; col++) {
                ${real} *out = y + pixel_of(to, row, col);
                const ${real} *in = x + pixel_of(from, row, col);
                const ${real} *in2 = x2 + (gate ? pixel_of(factors, 0, 0) : pixel_of(factors, row, col));
                for (int k = 0; k < to.pitch; k++) {
                    out[k] = in[k] * in2[k];
                }
            }
        }
    }
}
