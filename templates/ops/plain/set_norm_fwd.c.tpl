@ -- The loops of layer norm and RMS norm over the channels of each pixel, or over the image.
@ local set, mean = of_image and "image" or "pixel", centred and "true" or "false"
@ local at = of_image and "element + k" or "k"
/* y = w * x-hat${centred and " + bias" or ""}, where x-hat is x normalized over ${of_image and "its image" or "the channels of its pixel"} (see ${set}_moments).
 * templates/ops/plain/set_norm_fwd.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image from, ${real} eps)
{
    @ uses(set .. "_moments")
    for (int image = 0; image < n; image++, y += floats_of(to), x += floats_of(from)) {
        @ if of_image then
            const struct moments of = image_moments(x, from, eps, ${mean});
        @ end
        for (int row = 0; row < to.h; row++) {
            for (int col = 0; col < to.w; col++) {
                const ${real} *in = x + pixel_of(from, row, col);
                ${real} *out = y + pixel_of(to, row, col);
                @ if of_image then
                    const int element = (row * from.w + col) * from.pitch;
                @ else
                    const struct moments of = pixel_moments(in, from.c, eps, ${mean});
                @ end
                for (int k = 0; k < from.c; k++) {
                    out[k] = w[${at}] * ((in[k] - of.near - of.rest) * of.scale)${centred and " + bias[" .. at .. "]" or ""};
                }
                for (int k = from.c; k < to.pitch; k++) {
                    out[k] = 0.0${f};
                }
            }
        }
    }
}
