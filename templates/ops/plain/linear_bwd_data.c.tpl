@ -- The loops of a linear layer's data gradient.
/* Gradient of a linear layer's input: dx ${adds and "+=" or "="} sum of dy * w over the outputs. w: [pixel][output][input].
 * templates/ops/plain/linear_bwd_data.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image grads)
{
    for (int image = 0; image < n; image++, dx += floats_of(to), dy += floats_of(grads)) {
        const ${real} *grad = dy + pixel_of(grads, 0, 0);
        const ${real} *weight = w;
        for (int row = 0; row < to.h; row++) {
            for (int col = 0; col < to.w; col++) {
                ${real} sum[MOST_CHANNELS] = {0.0${f}};
                for (int k = 0; k < grads.c; k++, weight += to.pitch) {
                    for (int i = 0; i < to.pitch; i++) {
                        sum[i] += grad[k] * weight[i];
                    }
                }
                ${real} *out = dx + pixel_of(to, row, col);
                for (int i = 0; i < to.pitch; i++) {
                    out[i] ${adds and "+=" or "="} sum[i];
                }
            }
        }
    }
}
