@ -- The sums of a norm whose input no convolution makes.
/* The sums of x that a norm needs (see sum_pixels). templates/ops/plain/sums_fwd.c.tpl */
static INLINE void ${name}(${signature}, struct image from)
{
    for (int image = 0; image < n; image++, x += floats_of(from), sums += 3 * from.pitch) {
        @ uses "sum_pixels"
        sum_pixels(sums, x, from);
    }
}
