@ -- The loops of forward 3 x 3 convolutions of stride 2 by F(2, 2) along both axes, of kernels with one
@ -- register tile.
@ assert(#sums == 9, "a tile of 2 x 2 outputs has nine sums")
/* Winograd's F(2 x 2) of stride 2: y = ${relu and "relu(" or ""}x * w${bias and " + bias" or ""}${relu and ")" or ""}, in blocks of ${block} tiles; for each sum a register tile of
 * all of them x ${c.count(nr, "vector")}. Along an axis, of two outputs that see x0 .. x4:
 *
 *     y0 = (x0 - x2) w0 + x1 w1 + x2 (w0 + w2)
 *     y1 = (x4 - x2) w2 + x3 w1 + x2 (w0 + w2)
 *
 * Along both, 25 products for 2 x 2 outputs make nine sums, where direct convolution has 36. w: for each
 * sum blocks of ${nr * vl} outputs, in each [product][input][output]. templates/ops/conv/strided.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image from, int padding)
{
    const int part = ${block} * from.c; /* ${real}s of one product of the inputs of a block */
    ${real} *const v = scratch; /* [sum][tile][product][input] */
    ${real} *const m = scratch + 25 * part + ${#sums * gap}; /* the sums: m_step ${real}s each, [tile][output] */
    const int m_step = ${block} * to.pitch + ${gap};
    const int wide = to.w / 2; /* tiles a row: divides those of an image */
    const int image_tiles = to.h / 2 * wide;
    const int tiles = n * image_tiles;

    for (int first = 0; first < tiles; first += ${block}) {
        const int count = tiles - first < ${block} ? tiles - first : ${block};

        /* Rows of v past the last tile keep old numbers: nobody reads their products. */
        for (int t = 0; t < count; t++) {
            const int image = (first + t) / image_tiles;
            const int row = (first + t) % image_tiles / wide * 4;
            const int col = (first + t) % wide * 4;
            @ uses "row_of"
            @ uses "pixel_of"
            const ${real} *in = x + image * floats_of(from) + pixel_of(from, row - padding, col - padding);
            for (int i = 0; i < from.c; i += ${vl}) {
                ${vec} made[25];
                @ uses "strided_input"
                strided_input(made, in + i, row_of(from), from.pitch);
                @ for place = 0, 24 do
                    @ local at = place_of[place]
                    ${mm}_storeu_ps(v + ${at.sum.first} * part + (${#at.sum} * t + ${at.at}) * from.c + i${at.sum.gap > 0 and " + " .. at.sum.gap or ""}, made[${place}]);
                @ end
            }
        }

        /* m = v w, sum by sum. */
        @ for s, sum in ipairs(sums) do
            ${product}(m + ${s - 1} * m_step, to.pitch, v + ${sum.first} * part${sum.gap > 0 and " + " .. sum.gap or ""}, ${#sum} * from.c, w + ${sum.first} * from.c * to.pitch, ${#sum} * from.c);
        @ end

        for (int t = 0; t < count; t++) {
            const int image = (first + t) / image_tiles;
            const int row = (first + t) % image_tiles / wide * 2;
            const int col = (first + t) % wide * 2;
            ${real} *out = y + image * floats_of(to) + pixel_of(to, row, col);
            for (int k = 0; k < to.pitch; k += ${vl}) {
                ${vec} made[4];
                @ uses "strided_output"
                strided_output(made, m + t * to.pitch + k, m_step);
                @ if bias then
                    const ${vec} b = ${mm}_loadu_ps(bias + k);
                @ end
                for (int i = 0; i < 4; i++) {
                    @ if bias then
                        made[i] = ${mm}_add_ps(made[i], b);
                    @ end
                    @ if relu then
                        made[i] = ${mm}_max_ps(${mm}_setzero_ps(), made[i]);
                    @ end
                    ${mm}_storeu_ps(out + i / 2 * row_of(to) + i % 2 * to.pitch + k, made[i]);
                }
            }
        }
    }
}
