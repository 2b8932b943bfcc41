@ -- The loops of layer norm and RMS norm over the channels of each pixel.
/* y = w * x-hat${centred and " + bias" or ""}, where x-hat is x normalized over the channels of its pixel (see pixel_moments).
 * templates/ops/plain/set_norm_fwd.c.tpl */
static INLINE void ${name}(${signature},
    struct image to, struct image from, ${real} eps)
{
    @ uses "pixel_moments"
    for (int image = 0; image < n; image++, y += floats_of(to), x += floats_of(from)) {
        for (int row = 0; row < to.h; row++) {
            for (int col = 0; col < to.w; col++) {
                const ${real} *in = x + pixel_of(from, row, col);
                ${real} *out = y + pixel_of(to, row, col);
                const struct moments of = pixel_moments(in, from.c, eps, ${centred and "true" or "false"});
                for (int k = 0; k < from.c; k++) {
                    out[k] = w[k] * ((in[k] - of.near - of.rest) * of.scale)${centred and " + bias[k]" or ""};
                }
                for (int k = from.c; k < to.pitch; k++) {
                    out[k] = 0.0${f};
                }
            }
        }
    }
}
