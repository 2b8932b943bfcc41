@ -- The loops of weight gradients of a 3 x 3 convolution by Winograd's F(3 x 3, 4 x 4), of kernels with
@ -- one register tile.
@ local rows = in_pairs and block // 2 or block
/* Winograd's F(3 x 3, 4 x 4)${in_pairs and " with products of bf16" or ""}: dw += x correlated with dy${bias and ", db += sum of dy" or ""}, in blocks of ${block} tiles; in each frequency a
 * register tile of up to ${c.count(spans[1].mr, "channel")} x ${c.count(nr, "vector")}. dw: 9 x inputs x outputs. templates/ops/conv/winograd_weights.c.tpl */
static INLINE void ${name}(${signature},
        struct image from, struct image grads, int padding)
{
    /* What lies behind each frequency keeps the 36 from sharing cache sets. */
    const int v_step = ${rows} * from.pitch + WINOGRAD_GAP;
    const int m_step = ${rows} * grads.pitch + WINOGRAD_GAP;
    const int du_step = from.c * grads.pitch + WINOGRAD_GAP;
    @ if in_pairs then
        uint32_t *const v = (uint32_t *)scratch; /* transformed inputs of a block: v_step pairs of tiles a frequency */
        uint32_t *const m = v + 36 * v_step; /* transformed gradients: m_step pairs */
        ${real} *const du = scratch + 36 * (v_step + m_step); /* their products, summed over all tiles: du_step ${real}s */
    @ else
        ${real} *const v = scratch; /* transformed inputs of a block: v_step ${real}s a frequency */
        ${real} *const m = v + 36 * v_step; /* transformed gradients: m_step ${real}s */
        ${real} *const du = m + 36 * m_step; /* their products, summed over all tiles: du_step ${real}s */
    @ end
    @ if ragged then
        const int wide = (grads.w + 3) / 4; /* tiles a row: divides those of an image */
        const int image_tiles = (grads.h + 3) / 4 * wide;
    @ else
        const int wide = grads.w / 4; /* tiles a row: divides those of an image */
        const int image_tiles = grads.h / 4 * wide;
    @ end
    const int tiles = n * image_tiles;

    for (int first = 0; first < tiles; first += ${block}) {
        const int count = tiles - first < ${block} ? tiles - first : ${block};

        @ if in_pairs then
            @ uses "row_of"
            @ uses "winograd_input_pairs"
            @ uses "winograd_gradient_pairs"
            /* v = B'xB, m = A dy A', of two tiles at a time. */
            for (int t = 0; t < count; t += 2) {
                const ${real} *in[2], *grad[2];
                int in_row[2] = {row_of(from), row_of(from)};
                int grad_row[2] = {row_of(grads), row_of(grads)};
                @ if ragged then
                    ${real} patch[2][36 * ${ragged}];
                    ${real} grad_patch[2][16 * ${ragged_grads}];
                @ end
                for (int i = 0; i < 2; i++) {
                    const int tile = first + (t + i < count ? t + i : t); /* the last one may have no second */
                    const int image = tile / image_tiles;
                    const int row = tile % image_tiles / wide * 4;
                    const int col = tile % wide * 4;
                    @ uses "pixel_of"
                    in[i] = x + image * floats_of(from) + pixel_of(from, row - padding, col - padding);
                    grad[i] = dy + image * floats_of(grads) + pixel_of(grads, row, col);
                    @ if ragged then
                        @ uses "winograd_patch"
                        const int rows = from.h + from.border + padding - row; /* from this tile to the end */
                        const int cols = from.w + from.border + padding - col;
                        if (rows < 6 || cols < 6) {
                            winograd_patch(patch[i], 6, in[i], rows, cols, row_of(from), from.pitch);
                            in[i] = patch[i];
                            in_row[i] = 6 * from.pitch;
                        }
                        if (row + 4 > grads.h || col + 4 > grads.w) {
                            winograd_patch(grad_patch[i], 4, grad[i], grads.h - row, grads.w - col, row_of(grads), grads.pitch);
                            grad[i] = grad_patch[i];
                            grad_row[i] = 4 * grads.pitch;
                        }
                    @ end
                }
                for (int i = 0; i < from.pitch; i += ${vl}) {
                    winograd_input_pairs(v + t / 2 * from.pitch + i, v_step, in[0] + i, in_row[0], in[1] + i, in_row[1], from.pitch);
                }
                for (int k = 0; k < grads.pitch; k += ${vl}) {
                    winograd_gradient_pairs(m + t / 2 * grads.pitch + k, m_step, grad[0] + k, grad_row[0], grad[1] + k, grad_row[1], grads.pitch);
                }
            }
            if (count % 2 != 0) { /* what stands for the missing second tile has no gradient */
                for (int f = 0; f < 36; f++) {
                    for (int k = 0; k < grads.pitch; k++) {
                        m[f * m_step + count / 2 * grads.pitch + k] &= 0xffff;
                    }
                }
            }
        @ else
            @ uses "row_of"
            /* v = B'xB, m = A dy A'. */
            for (int t = 0; t < count; t++) {
                const int image = (first + t) / image_tiles;
                const int row = (first + t) % image_tiles / wide * 4;
                const int col = (first + t) % wide * 4;
                @ uses "pixel_of"
                const ${real} *in = x + image * floats_of(from) + pixel_of(from, row - padding, col - padding);
                const ${real} *grad = dy + image * floats_of(grads) + pixel_of(grads, row, col);
                @ if ragged then
                    ${real} patch[36 * ${ragged}];
                    ${real} grad_patch[16 * ${ragged_grads}];
                    const int rows = from.h + from.border + padding - row; /* from this tile to the end */
                    const int cols = from.w + from.border + padding - col;
                    const bool inside = rows >= 6 && cols >= 6;
                    const bool whole = row + 4 <= grads.h && col + 4 <= grads.w;
                    if (!inside) {
                        @ uses "winograd_patch"
                        winograd_patch(patch, 6, in, rows, cols, row_of(from), from.pitch);
                    }
                    if (!whole) {
                        @ uses "winograd_patch"
                        winograd_patch(grad_patch, 4, grad, grads.h - row, grads.w - col, row_of(grads), grads.pitch);
                    }
                    for (int i = 0; i < from.pitch; i += ${vl}) {
                        @ uses "winograd_input"
                        winograd_input(v + t * from.pitch + i, v_step, (inside ? in : patch) + i, inside ? row_of(from) : 6 * from.pitch, from.pitch);
                    }
                    for (int k = 0; k < grads.pitch; k += ${vl}) {
                        @ uses "winograd_gradient"
                        winograd_gradient(m + t * grads.pitch + k, m_step, (whole ? grad : grad_patch) + k, whole ? row_of(grads) : 4 * grads.pitch, grads.pitch);
                    }
                @ else
                    for (int i = 0; i < from.pitch; i += ${vl}) {
                        @ uses "winograd_input"
                        winograd_input(v + t * from.pitch + i, v_step, in + i, row_of(from), from.pitch);
                    }
                    for (int k = 0; k < grads.pitch; k += ${vl}) {
                        @ uses "winograd_gradient"
                        winograd_gradient(m + t * grads.pitch + k, m_step, grad + k, row_of(grads), grads.pitch);
                    }
                @ end
            }
        @ end

        /* du += v'm, frequency by frequency; the first block sets it. */
        for (int f = 0; f < 36; f++) {
            @ if fetches then
                @ uses "fetch_ahead"
                fetch_ahead(ahead);
            @ end
            @ for _, span in ipairs(spans) do
                for (int j = ${span.first}; j < ${span.last}; j += ${span.mr}) {
                    for (int k = 0; k < grads.pitch; k += ${nr * vl}) {
                        ${span.product}(du + f * du_step + j * grads.pitch + k, v + f * v_step + j, from.pitch, m + f * m_step + k, grads.pitch, ${in_pairs and "(count + 1) / 2" or "count"}, first == 0);
                    }
                }
            @ end
        }
    }

    /* dw += G'du G. */
    for (int i = 0; i < from.c * grads.pitch; i += ${vl}) {
        winograd_weights(dw + i, from.c * grads.pitch, du + i, du_step);
    }
    @ if bias then
        for (int image = 0; image < n; image++) {
            for (int row = 0; row < grads.h; row++) {
                @ uses "pixel_of"
                const ${real} *grad = dy + image * floats_of(grads) + pixel_of(grads, row, 0);
                for (int k = 0; k < grads.pitch; k += ${vl}) {
                    ${vec} sum = ${mm}_setzero_ps();
                    for (int col = 0; col < grads.w; col++) {
                        sum = ${mm}_add_ps(sum, ${mm}_loadu_ps(grad + col * grads.pitch + k));
                    }
                    ${mm}_storeu_ps(db + k, ${mm}_add_ps(${mm}_loadu_ps(db + k), sum));
                }
            }
        }
    @ end
}
