@ -- The loops of average pooling, forward.
/* Average pooling: y = share * the sum of x over each window.
 * templates/ops/plain/avgpool_fwd.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image from, struct geometry window, ${real} share)
{
    for (int image = 0; image < n; image++, y += floats_of(to), x += floats_of(from)) {
        for (int row = 0; row < to.h; row++) {
            for (int col = 0; col < to.w; col++) {
                ${real} sum[MOST_CHANNELS] = {0.0${f}};
                @ uses "inside"
                const struct span rows = inside(row, window.h, from.h);
                const struct span cols = inside(col, window.w, from.w);
                for (int r = rows.first; r < rows.last; r++) {
                    for (int s = cols.first; s < cols.last; s++) {
                        const ${real} *in = x + pixel_of(from, r, s);
                        for (int k = 0; k < to.pitch; k++) {
                            sum[k] += in[k];
                        }
                    }
                }
                ${real} *out = y + pixel_of(to, row, col);
                for (int k = 0; k < to.pitch; k++) {
                    out[k] = sum[k] * share;
                }
            }
        }
    }
}
