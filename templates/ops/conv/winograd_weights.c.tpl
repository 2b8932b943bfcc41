@ -- The loops of weight gradients of a 3 x 3 convolution by Winograd's F(3 x 3, 4 x 4), of kernels with
@ -- one register tile.
/* Winograd's F(3 x 3, 4 x 4): dw += x correlated with dy${bias and ", db += sum of dy" or ""}, in blocks of ${block} tiles; in each frequency a
 * register tile of up to ${c.count(spans[1].mr, "channel")} x ${c.count(nr, "vector")}. dw: 9 x inputs x outputs. templates/ops/conv/winograd_weights.c.tpl */
static INLINE void ${name}(${signature},
    struct image from, struct image grads, int padding)
{
    /* What lies behind each frequency keeps the 36 from sharing cache sets. */
    const int v_step = ${block} * from.pitch + WINOGRAD_GAP;
    const int m_step = ${block} * grads.pitch + WINOGRAD_GAP;
    const int du_step = from.c * grads.pitch + WINOGRAD_GAP;
    ${real} *const v = scratch; /* transformed inputs of a block: v_step ${real}s a frequency */
    ${real} *const m = v + 36 * v_step; /* transformed gradients: m_step ${real}s */
    ${real} *const du = m + 36 * m_step; /* their products, summed over all tiles: du_step ${real}s */
    const int wide = (grads.w + 3) / 4;
    const int image_tiles = (grads.h + 3) / 4 * wide;
    const int tiles = n * image_tiles;

    for (int first = 0; first < tiles; first += ${block}) {
        const int count = tiles - first < ${block} ? tiles - first : ${block};

        @ uses "row_of"
        /* v = B'xB, m = A dy A'. */
        for (int t = 0; t < count; t++) {
            const int image = (first + t) / image_tiles;
            const int row = (first + t) % image_tiles / wide * 4;
            const int col = (first + t) % wide * 4;
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

        /* du += v'm, frequency by frequency; the first block sets it. */
        for (int f = 0; f < 36; f++) {
            @ if fetches then
                @ uses "fetch_ahead"
                fetch_ahead(ahead);
            @ end
            @ for _, span in ipairs(spans) do
                for (int j = ${span.first}; j < ${span.last}; j += ${span.mr}) {
                    for (int k = 0; k < grads.pitch; k += ${nr * vl}) {
                        ${span.product}(du + f * du_step + j * grads.pitch + k, v + f * v_step + j, from.pitch, m + f * m_step + k, grads.pitch, count, first == 0);
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
