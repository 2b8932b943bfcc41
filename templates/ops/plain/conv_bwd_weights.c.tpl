@ -- The loops of a convolution's weight gradient.
/* Gradient of a convolution's weights: dw += sum of x * dy over the pixels${bias and ", db += sum of dy" or ""}. dw: [tap][input][output].
 * templates/ops/plain/conv_bwd_weights.c.tpl */
static INLINE void ${name}(${signature},
        struct image from, struct image grads, struct geometry window${grouped and ", int groups" or ""})
{
    @ if grouped then
        const int inputs = from.c / groups, outputs = grads.c / groups;
    @ end
    for (int image = 0; image < n; image++, x += floats_of(from), dy += floats_of(grads)) {
        for (int row = 0; row < grads.h; row++) {
            for (int col = 0; col < grads.w; col++) {
                const ${real} *grad = dy + pixel_of(grads, row, col);
                ${real} *out = dw;
                for (int r = 0; r < window.h.taps; r++) {
                    const int down = seen(window.h, row, r);
                    for (int s = 0; s < window.w.taps; s++) {
                        const ${real} *in = x + pixel_of(from, down, seen(window.w, col, s));
                        for (int i = 0; i < ${grouped and "inputs" or "from.c"}; i++, out += grads.pitch) {
                            @ if grouped then
                                for (int k = 0; k < grads.c; k++) {
                                    out[k] += in[k / outputs * inputs + i] * grad[k];
                                }
                            @ else
                                for (int k = 0; k < grads.pitch; k++) {
                                    out[k] += in[i] * grad[k];
                                }
                            @ end
                        }
                    }
                }
                @ if bias then
                    for (int k = 0; k < grads.pitch; k++) {
                        db[k] += grad[k];
                    }
                @ end
            }
        }
    }
}
