@ -- The loops of a concatenation, for one of its values.
@ local set = pads and ", the others = 0" or "; behind the last channel zeros"
/* ${pads and "Channels between zeros" or "Concatenation"}: channels `first` .. of y = x${set}. templates/ops/plain/concat_fwd.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image from, int first)
{
    for (int image = 0; image < n; image++, y += floats_of(to), x += floats_of(from)) {
        for (int row = 0; row < to.h; row++) {
            for (int col = 0; col < to.w; col++) {
                ${real} *out = y + pixel_of(to, row, col);
                const ${real} *in = x + pixel_of(from, row, col);
                for (int k = 0; k < from.c; k++) {
                    out[first + k] = in[k];
                }
                @ if pads then
                    for (int k = 0; k < to.pitch; k++) {
                        out[k] = k < first || k >= first + from.c ? 0.0${f} : out[k];
                    }
                @ else
                    for (int k = to.c; first + from.c == to.c && k < to.pitch; k++) {
                        out[k] = 0.0${f};
                    }
                @ end
            }
        }
    }
}
