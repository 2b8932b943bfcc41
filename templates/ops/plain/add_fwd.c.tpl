@ -- The loops of a sum of two values (a skip).
/* Sum: y = ${relu and "relu(x + x2)" or "x + x2"}. templates/ops/plain/add_fwd.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image from, struct image from2)
{
    for (int image = 0; image < n; image++) {
        for (int row = 0; row < to.h; row++) {
            ${real} *out = y + image * floats_of(to) + pixel_of(to, row, 0);
            const ${real} *in = x + image * floats_of(from) + pixel_of(from, row, 0);
            const ${real} *in2 = x2 + image * floats_of(from2) + pixel_of(from2, row, 0);
            for (int i = 0; i < to.w * to.pitch; i++) {
                const ${real} sum = in[i] + in2[i];
                @ if relu then
                    out[i] = sum < 0.0${f} ? 0.0${f} : sum;
                @ else
                    out[i] = sum;
                @ end
            }
        }
    }
}
