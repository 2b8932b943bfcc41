@ -- The loops of a sum of two values (a skip).
/* Sum: y = ${relu and "relu(x + x2)" or "x + x2"}. templates/ops/plain/add_fwd.c.tpl */
static INLINE void ${name}(${signature},
    struct image to, struct image from, struct image from2)
{
    for (int image = 0; image < n; image++) {
        for (int row = 0; row < to.h; row++) {
            float *out = y + image * floats_of(to) + pixel_of(to, row, 0);
            const float *in = x + image * floats_of(from) + pixel_of(from, row, 0);
            const float *in2 = x2 + image * floats_of(from2) + pixel_of(from2, row, 0);
            for (int i = 0; i < to.w * to.pitch; i++) {
                const float sum = in[i] + in2[i];
                out[i] = ${relu and "sum < 0.0f ? 0.0f : sum" or "sum"};
            }
        }
    }
}
