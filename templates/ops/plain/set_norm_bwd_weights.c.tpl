@ -- The loops of the gradients of weight and bias of layer norm and RMS norm, over the channels of each pixel or
@ -- over the image.
@ local mean = centred and "true" or "false"
/* dw += sum of dy * x-hat${centred and ", db += sum of dy" or ""}, where x-hat is x normalized over ${of_image and "its image (see image_moments)" or "the channels of its pixel (see pixel_moments)"}.
 * ${of_image and "" or "Row by row: shorter sums round less. "}templates/ops/plain/set_norm_bwd_weights.c.tpl */
static INLINE void ${name}(${signature},
        struct image from, struct image grads, ${real} eps)
{
    @ uses(of_image and "image_moments" or "pixel_moments")
    for (int image = 0; image < n; image++, x += floats_of(from), dy += floats_of(grads)) {
        @ if of_image then
            const struct moments of = image_moments(x, from, eps, ${mean});
            for (int row = 0; row < grads.h; row++) {
                for (int col = 0; col < grads.w; col++) {
                    const ${real} *in = x + pixel_of(from, row, col);
                    const ${real} *grad = dy + pixel_of(grads, row, col);
                    const int element = (row * from.w + col) * from.pitch;
                    for (int k = 0; k < from.c; k++) {
                        dw[element + k] += grad[k] * ((in[k] - of.near - of.rest) * of.scale);
                        @ if centred then
                            db[element + k] += grad[k];
                        @ end
                    }
                }
            }
        @ else
            for (int row = 0; row < grads.h; row++) {
                ${real} dw_row[MOST_CHANNELS] = {0.0${f}};
                @ if centred then
                    ${real} db_row[MOST_CHANNELS] = {0.0${f}};
                @ end
                for (int col = 0; col < grads.w; col++) {
                    const ${real} *in = x + pixel_of(from, row, col);
                    const ${real} *grad = dy + pixel_of(grads, row, col);
                    const struct moments of = pixel_moments(in, from.c, eps, ${mean});
                    for (int k = 0; k < from.c; k++) {
                        dw_row[k] += grad[k] * ((in[k] - of.near - of.rest) * of.scale);
                        @ if centred then
                            db_row[k] += grad[k];
                        @ end
                    }
                }
                for (int k = 0; k < from.c; k++) {
                    dw[k] += dw_row[k];
                    @ if centred then
                        db[k] += db_row[k];
                    @ end
                }
            }
        @ end
    }
}
