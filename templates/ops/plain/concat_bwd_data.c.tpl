@ -- The loops of the gradient of a concatenation for one of its values.
/* Gradient of a concatenation: dx ${adds and "+=" or "="} channels `first` .. of dy. templates/ops/plain/concat_bwd_data.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image grads, int first)
{
    for (int image = 0; image < n; image++, dx += floats_of(to), dy += floats_of(grads)) {
        for (int row = 0; row < to.h; row++) {
            for (int col = 0; col < to.w; col++) {
                ${real} *out = dx + pixel_of(to, row, col);
                const ${real} *grad = dy + pixel_of(grads, row, col) + first;
                for (int k = 0; k < to.c; k++) {
                    out[k] ${adds and "+=" or "="} grad[k];
                }
                @ if not adds then
                    for (int k = to.c; k < to.pitch; k++) {
                        out[k] = 0.0${f};
                    }
                @ end
            }
        }
    }
}
