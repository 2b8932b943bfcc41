@ -- The loops of max pooling, forward.
/* Max pooling: y = the largest x of each window${winners and "; winner: its place there, row by row, in bytes, or NULL" or ""}.
 * templates/ops/plain/maxpool_fwd.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image from, struct geometry window)
{
    for (int image = 0; image < n; image++, y += floats_of(to), x += floats_of(from)) {
        for (int row = 0; row < to.h; row++) {
            for (int col = 0; col < to.w; col++) {
                ${real} *out = y + pixel_of(to, row, col);
                @ uses "inside"
                const struct span rows = inside(row, window.h, from.h);
                const struct span cols = inside(col, window.w, from.w);
                for (int r = rows.first; r < rows.last; r++) {
                    for (int s = cols.first; s < cols.last; s++) {
                        const ${real} *in = x + pixel_of(from, r, s);
                        const bool is_first = r == rows.first && s == cols.first;
                        @ if winners then
                            @ uses "place_of"
                            const int place = place_of(window, r, row, s, col);
                        @ end
                        for (int k = 0; k < to.pitch; k++) {
                            if (is_first || in[k] > out[k]) {
                                out[k] = in[k];
                                @ if winners then
                                    if (winner != NULL) {
                                        winner[k] = (uint8_t)place;
                                    }
                                @ end
                            }
                        }
                    }
                }
                @ if winners then
                    winner = winner == NULL ? NULL : winner + to.pitch;
                @ end
            }
        }
    }
}
