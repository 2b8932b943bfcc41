@ -- The loops of the largest pixel of each channel.
/* Global max pooling: y = the largest pixel of x${winners and "; place: the first that is it, row by row, or NULL" or ""}.
 * templates/ops/plain/global_maxpool_fwd.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image from)
{
    for (int image = 0; image < n; image++, y += floats_of(to), x += floats_of(from)) {
        ${real} *out = y + pixel_of(to, 0, 0);
        for (int pixel = 0; pixel < from.h * from.w; pixel++) {
            const ${real} *in = x + pixel_of(from, pixel / from.w, pixel % from.w);
            for (int k = 0; k < to.pitch; k++) {
                if (pixel == 0 || in[k] > out[k]) {
                    out[k] = in[k];
                    @ if winners then
                        if (place != NULL) {
                            place[k] = (${real})pixel;
                        }
                    @ end
                }
            }
        }
        @ if winners then
            place = place == NULL ? NULL : place + to.pitch;
        @ end
    }
}
