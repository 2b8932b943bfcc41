@ -- The loops of a convolution's data gradient.
/* Gradient of a convolution's input: dx ${adds and "+=" or "="} sum of dy * w over the outputs that read it, where output p reads
 * input seen(p, tap); taps run backward, so dy in rising order. w: [tap][output][input].
 * templates/ops/plain/conv_bwd_data.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image grads, struct geometry window${grouped and ", int groups" or ""})
{
    @ if grouped then
        const int inputs = to.c / groups, outputs = grads.c / groups;
    @ end
    for (int image = 0; image < n; image++, dx += floats_of(to), dy += floats_of(grads)) {
        for (int row = 0; row < to.h; row++) {
            for (int col = 0; col < to.w; col++) {
                ${real} sum[MOST_CHANNELS] = {0.0${f}};
                for (int tap = window.h.taps * window.w.taps - 1; tap >= 0; tap--) {
                    const int down = row - seen(window.h, 0, tap / window.w.taps);
                    const int right = col - seen(window.w, 0, tap % window.w.taps);
                    if (down % window.h.stride != 0 || right % window.w.stride != 0) {
                        continue;
                    }
                    const ${real} *grad = dy + pixel_of(grads, down / window.h.stride, right / window.w.stride);
                    const ${real} *weight = w + tap * ${grouped and "outputs" or "grads.c"} * to.pitch;
                    for (int k = 0; k < ${grouped and "outputs" or "grads.c"}; k++, weight += to.pitch) {
                        @ if grouped then
                            for (int i = 0; i < to.c; i++) {
                                sum[i] += grad[i / inputs * outputs + k] * weight[i];
                            }
                        @ else
                            for (int i = 0; i < to.pitch; i++) {
                                sum[i] += grad[k] * weight[i];
                            }
                        @ end
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
