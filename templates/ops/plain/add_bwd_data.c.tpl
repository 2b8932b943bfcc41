@ -- The loops of the gradient of a sum for one of its values.
/* Gradient of a sum: dx ${adds and "+=" or "="} dy${relu and " where the sum is positive" or ""}. templates/ops/plain/add_bwd_data.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image grads${relu and ", struct image sums" or ""})
{
    for (int image = 0; image < n; image++) {
        for (int row = 0; row < to.h; row++) {
            ${real} *out = dx + image * floats_of(to) + pixel_of(to, row, 0);
            const ${real} *grad = dy + image * floats_of(grads) + pixel_of(grads, row, 0);
            @ if relu then
                const ${real} *sum = yin + image * floats_of(sums) + pixel_of(sums, row, 0);
            @ end
            for (int i = 0; i < to.w * to.pitch; i++) {
                @ if relu then
                    out[i] ${adds and "+=" or "="} sum[i] > 0.0${f} ? grad[i] : 0.0${f};
                @ else
                    out[i] ${adds and "+=" or "="} grad[i];
                @ end
            }
        }
    }
}
