@ -- The loops of forward convolutions: of grouped ones, each output reads the inputs of its own group.
/* Convolution: y = ${relu and "relu(" or ""}sum of x * w over the window and the inputs${bias and " + bias" or ""}${relu and ")" or ""}. w: [tap][input][output].
@ if stats then
     * Leaves the sums of y that a norm needs (see sum_pixels).
@ end
 * templates/ops/plain/conv_fwd.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image from, struct geometry window${grouped and ", int groups" or ""})
{
    @ if grouped then
        const int inputs = from.c / groups, outputs = to.c / groups;
    @ end
    for (int image = 0; image < n; image++, x += floats_of(from), y += floats_of(to)) {
        for (int row = 0; row < to.h; row++) {
            for (int col = 0; col < to.w; col++) {
                ${real} sum[MOST_CHANNELS] = {0.0${f}};
                @ if grouped then
                    const ${real} *weight = w;
                    for (int r = 0; r < window.h.taps; r++) {
                        const int down = seen(window.h, row, r);
                        for (int s = 0; s < window.w.taps; s++) {
                            const ${real} *in = x + pixel_of(from, down, seen(window.w, col, s));
                            for (int i = 0; i < inputs; i++, weight += to.pitch) {
                                for (int k = 0; k < to.c; k++) {
                                    sum[k] += in[k / outputs * inputs + i] * weight[k];
                                }
                            }
                        }
                    }
                @ else
                    @ uses "add_window"
                    add_window(sum, to.pitch, x, from, w, window, row, col);
                @ end
                ${real} *out = y + pixel_of(to, row, col);
                for (int k = 0; k < to.pitch; k++) {
                    @ if relu then
                        const ${real} value = sum[k]${bias and " + bias[k]" or ""};
                        out[k] = value < 0.0${f} ? 0.0${f} : value;
                    @ else
                        out[k] = sum[k]${bias and " + bias[k]" or ""};
                    @ end
                }
            }
        }
        @ if stats then
            @ uses "sum_pixels"
            sum_pixels(sums, y, to);
            sums += 3 * to.pitch;
        @ end
    }
}
