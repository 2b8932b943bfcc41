@ -- The loops of forward convolutions and data gradients of a 3 x 3 window by Winograd's
@ -- F(4 x 4, 3 x 3), of kernels with one register tile.
@ local input = in_pairs and "winograd_input_neighbours" or "winograd_input"
@ local made, read = target == "dx" and "inputs" or "outputs", target == "dx" and "output" or "input"
@ local weights = "36 frequencies, in each blocks of " .. nr * vl .. " " .. made .. ", in each [" .. (in_pairs and "pair of " .. read .. "s" or read) .. "][" .. made:sub(1, -2) .. "]" .. (target == "dx" and ", of the layer's window turned around" or "")
@ local half = in_pairs and " / 2" or "" -- of channels, in pairs of them
@ local at = in_pairs and "(t * from.pitch + i) / 2" or "t * from.pitch + i"
/* Winograd's F(4 x 4, 3 x 3)${in_pairs and " with products of bf16" or ""}: ${target} = ${relu and "relu(" or ""}${source} * w${bias and " + bias" or ""}${relu and ")" or ""}, in blocks of ${block} tiles; in each frequency a register tile of
 * all of them x ${c.count(nr, "vector")}. w: ${weights}.${stats and " Leaves sums of y (see take_image_sums)." or ""} templates/ops/conv/winograd.c.tpl */
static INLINE void ${name}(${signature},
        struct image to, struct image from, int padding)
{
    /* What lies behind each frequency keeps the 36 from sharing cache sets. */
    const int v_step = ${block} * from.pitch${half} + WINOGRAD_GAP;
    const int m_step = ${block} * to.pitch + WINOGRAD_GAP;
    @ if in_pairs then
        uint32_t *const v = (uint32_t *)scratch; /* transformed inputs of a block: v_step pairs of channels a frequency */
        const uint32_t *const pairs = (const uint32_t *)w;
    @ else
        ${real} *const v = scratch; /* transformed inputs of a block: v_step ${real}s a frequency */
    @ end
    ${real} *const m = scratch + 36 * v_step; /* their products with the weights: m_step ${real}s */
    @ if ragged then
        const int wide = (to.w + 3) / 4; /* tiles a row: divides those of an image */
        const int image_tiles = (to.h + 3) / 4 * wide;
    @ else
        const int wide = to.w / 4; /* tiles a row: divides those of an image */
        const int image_tiles = to.h / 4 * wide;
    @ end
    const int tiles = n * image_tiles;

    for (int first = 0; first < tiles; first += ${block}) {
        const int count = tiles - first < ${block} ? tiles - first : ${block};

        /* v = B'xB. Rows of v past the last tile keep old numbers: nobody reads their products. */
        for (int t = 0; t < count; t++) {
            const int image = (first + t) / image_tiles;
            const int row = (first + t) % image_tiles / wide * 4;
            const int col = (first + t) % wide * 4;
            @ uses "row_of"
            @ uses "pixel_of"
            const ${real} *in = ${source} + image * floats_of(from) + pixel_of(from, row - padding, col - padding);
            @ if ragged then
                @ uses "winograd_patch"
                @ uses(input)
                ${real} patch[36 * ${ragged}];
                const int rows = from.h + from.border + padding - row; /* from this tile to the end */
                const int cols = from.w + from.border + padding - col;
                const bool inside = rows >= 6 && cols >= 6;
                if (!inside) {
                    winograd_patch(patch, 6, in, rows, cols, row_of(from), from.pitch);
                }
                for (int i = 0; i < from.pitch; i += ${vl}) {
                    ${input}(v + ${at}, v_step, (inside ? in : patch) + i, inside ? row_of(from) : 6 * from.pitch, from.pitch);
                }
            @ else
                for (int i = 0; i < from.pitch; i += ${vl}) {
                    @ uses(input)
                    ${input}(v + ${at}, v_step, in + i, row_of(from), from.pitch);
                }
            @ end
        }

        /* m = v w, frequency by frequency. */
        for (int f = 0; f < 36; f++) {
            @ if fetches then
                @ uses "fetch_ahead"
                fetch_ahead(ahead);
            @ end
            ${product}(m + f * m_step, to.pitch, v + f * v_step, from.pitch${half}, ${in_pairs and "pairs" or "w"} + f * ${in_pairs and "(from.c / 2)" or "from.c"} * to.pitch, from.c${half});
        }

        /* ${target} = A'mA${relu and ", cut off at zero" or ""}${stats and ", and its sums" or ""}. */
        for (int t = 0; t < count; t++) {
            const int image = (first + t) / image_tiles;
            const int row = (first + t) % image_tiles / wide * 4;
            const int col = (first + t) % wide * 4;
            ${real} *out = ${target} + image * floats_of(to) + pixel_of(to, row, col);
            @ if stats then
                ${real} *const image_sums = sums + image * 3 * to.pitch;
            @ end
            for (int k = 0; k < to.pitch; k += ${vl}) {
                ${vec} made[16];
                @ uses "winograd_output"
                winograd_output(made, m + t * to.pitch + k, m_step);
                @ if bias then
                    const ${vec} b = ${mm}_loadu_ps(bias + k);
                    for (int i = 0; i < 16; i++) {
                        made[i] = ${mm}_add_ps(made[i], b);
                    }
                @ end
                @ if relu then
                    @ uses "winograd_relu"
                    winograd_relu(made);
                @ end
                @ if stats then
                    @ uses "winograd_sums"
                    const ${vec} shift = winograd_shift(image_sums + k, to.pitch, made[0], (first + t) % image_tiles == 0);
                @ end
                @ if ragged then
                    const int rows = to.h - row < 4 ? to.h - row : 4;
                    const int cols = to.w - col < 4 ? to.w - col : 4;
                    for (int i = 0; i < rows; i++) {
                        for (int j = 0; j < cols; j++) {
                            ${real} *pixel = out + i * row_of(to) + j * to.pitch + k;
                            @ if adds then
                                made[4 * i + j] = ${mm}_add_ps(${mm}_loadu_ps(pixel), made[4 * i + j]);
                            @ end
                            ${mm}_storeu_ps(pixel, made[4 * i + j]);
                        }
                    }
                    @ if stats then
                        for (int i = 0; i < 16; i++) {
                            made[i] = i / 4 < rows && i % 4 < cols ? made[i] : shift;
                        }
                    @ end
                @ else
                    @ uses(adds and "winograd_add" or "winograd_store")
                    ${adds and "winograd_add" or "winograd_store"}(out + k, row_of(to), to.pitch, made);
                @ end
                @ if stats then
                    winograd_sums(image_sums + k, to.pitch, made, shift);
                @ end
            }
        }
    }
}
