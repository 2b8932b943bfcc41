@ -- The loops of max pooling, backward.
/* Gradient of max pooling: dx ${adds and "+=" or "="} dy for the winner of its window, else 0.
 * templates/ops/plain/maxpool_bwd_data.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image grads, struct geometry window)
{
    for (int image = 0; image < n; image++, dx += floats_of(to), dy += floats_of(grads)) {
        @ if not adds then
            for (int row = 0; row < to.h; row++) {
                zero(dx + pixel_of(to, row, 0), (size_t)(to.w * to.pitch));
            }
        @ end
        for (int row = 0; row < grads.h; row++) {
            for (int col = 0; col < grads.w; col++) {
                const ${real} *grad = dy + pixel_of(grads, row, col);
                @ uses "inside"
                const struct span rows = inside(row, window.h, to.h);
                const struct span cols = inside(col, window.w, to.w);
                for (int r = rows.first; r < rows.last; r++) {
                    for (int s = cols.first; s < cols.last; s++) {
                        ${real} *out = dx + pixel_of(to, r, s);
                        @ uses "place_of"
                        const int place = place_of(window, r, row, s, col);
                        for (int k = 0; k < to.pitch; k++) {
                            out[k] += winner[k] == place ? grad[k] : 0.0${f};
                        }
                    }
                }
                winner += to.pitch;
            }
        }
    }
}
