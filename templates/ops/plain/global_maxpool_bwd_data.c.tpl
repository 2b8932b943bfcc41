@ -- The loops of the gradient of the largest pixel of each channel.
/* Gradient of global max pooling: dx ${adds and "+=" or "="} dy for the largest pixel of a channel${adds and "" or ", else 0"}.
 * templates/ops/plain/global_maxpool_bwd_data.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image grads)
{
    for (int image = 0; image < n; image++, dx += floats_of(to), dy += floats_of(grads)) {
        @ if not adds then
            for (int row = 0; row < to.h; row++) {
                zero(dx + pixel_of(to, row, 0), (size_t)(to.w * to.pitch));
            }
        @ end
        const ${real} *grad = dy + pixel_of(grads, 0, 0);
        for (int k = 0; k < grads.c; k++) {
            const int pixel = (int)place[k];
            dx[pixel_of(to, pixel / to.w, pixel % to.w) + k] += grad[k];
        }
        place += grads.pitch;
    }
}
