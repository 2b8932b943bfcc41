@ -- The loops of the gradient through layer norm and RMS norm, over the channels of each pixel or over the image.
@ local set, mean = of_image and "image" or "pixel", centred and "true" or "false"
@ local at = of_image and "element + k" or "k"
@ local values = of_image and "(from.h * from.w * from.c)" or "from.c"
@ local sums = centred and { "level", "along" } or { "along" }
/* dx ${adds and "+=" or "="} scale * (u - ${centred and "<u> - " or ""}x-hat * <u * x-hat>)${masks_x and " where x > 0" or ""}, where u = w * dy, x-hat is x normalized over ${of_image and "its image" or "the channels of\n * its pixel"} (see ${set}_moments), and <> are means over them. templates/ops/plain/set_norm_bwd_data.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image grads, struct image from, ${real} eps)
{
    @ uses(set .. "_moments")
    for (int image = 0; image < n; image++, dx += floats_of(to), dy += floats_of(grads), x += floats_of(from)) {
        @ if of_image then
            const struct moments of = image_moments(x, from, eps, ${mean});
            @ for _, sum in ipairs(sums) do
                ${real} ${sum} = 0.0${f};
            @ end
            for (int row = 0; row < grads.h; row++) {
                @ for _, sum in ipairs(sums) do
                    ${real} row_${sum} = 0.0${f};
                @ end
                for (int col = 0; col < grads.w; col++) {
                    const ${real} *in = x + pixel_of(from, row, col);
                    const ${real} *grad = dy + pixel_of(grads, row, col);
                    const int element = (row * from.w + col) * from.pitch;
                    for (int k = 0; k < from.c; k++) {
                        @ if centred then
                            row_level += w[element + k] * grad[k];
                        @ end
                        row_along += w[element + k] * grad[k] * ((in[k] - of.near - of.rest) * of.scale);
                    }
                }
                @ for _, sum in ipairs(sums) do
                    ${sum} += row_${sum};
                @ end
            }
        @ end
        for (int row = 0; row < grads.h; row++) {
            for (int col = 0; col < grads.w; col++) {
                const ${real} *in = x + pixel_of(from, row, col);
                const ${real} *grad = dy + pixel_of(grads, row, col);
                ${real} *out = dx + pixel_of(to, row, col);
                @ if of_image then
                    const int element = (row * from.w + col) * from.pitch;
                @ else
                    const struct moments of = pixel_moments(in, from.c, eps, ${mean});
                    @ if centred then
                        ${real} level = 0.0${f};
                    @ end
                    ${real} along = 0.0${f};
                    for (int k = 0; k < from.c; k++) {
                        @ if centred then
                            level += w[k] * grad[k];
                        @ end
                        along += w[k] * grad[k] * ((in[k] - of.near - of.rest) * of.scale);
                    }
                @ end
                for (int k = 0; k < from.c; k++) {
                    const ${real} hat = (in[k] - of.near - of.rest) * of.scale;
                    const ${real} gradient = of.scale * (w[${at}] * grad[k] - (${centred and "level + " or ""}hat * along) / (${real})${values});
                    @ if masks_x then
                        out[k] ${adds and "+=" or "="} in[k] > 0.0${f} ? gradient : 0.0${f};
                    @ else
                        out[k] ${adds and "+=" or "="} gradient;
                    @ end
                }
                @ if not adds then
                    for (int k = from.c; k < to.pitch; k++) {
                        out[k] = 0.0${f};
                    }
                @ end
            }
        }
    }
}
