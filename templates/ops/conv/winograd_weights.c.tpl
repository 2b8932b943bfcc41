@ -- Weight gradient of a 3 x 3 convolution by Winograd's F(3 x 3, 4 x 4).
@ assert(source_pitch % vl == 0 and target_pitch % (nr * vl) == 0, "blocks must fill the channels")
/* ${formula}
 * ${shapes}
 * Winograd's F(3 x 3, 4 x 4): blocks of ${block} tiles; tile of up to ${c.count(spans[1].mr, "channel")} x ${c.count(nr, "vector")} in each frequency.
 * ${cost} templates/ops/conv/winograd_weights.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    /* What lies behind each frequency keeps the 36 from sharing cache sets. */
    float *const v = scratch; /* ${v_shape}: transformed inputs of a block */
    float *const m = scratch + ${36 * v_step}; /* ${m_shape}: transformed gradients */
    float *const du = scratch + ${36 * (v_step + m_step)}; /* ${du_shape}: their products, summed over all tiles */
    const int tiles = n * ${tiles};

    for (int first = 0; first < tiles; first += ${block}) {
        const int count = tiles - first < ${block} ? tiles - first : ${block};

        /* v = B'xB, m = A dy A'. */
        for (int t = 0; t < count; t++) {
            const int image = (first + t) / ${tiles};
            const int row = (first + t) % ${tiles} / ${wide} * 4;
            const int col = (first + t) % ${wide} * 4;
            const float *in = x + image * ${source_image} + ${c.index("row", source_at)} * ${source_row} + ${c.index("col", source_at)} * ${source_pitch};
            const float *grad = dy + image * ${target_image} + ${c.index("row", target_border)} * ${target_row} + ${c.index("col", target_border)} * ${target_pitch};
            @ if ragged then
                float patch[${36 * source_pitch}];
                float grad_patch[${16 * target_pitch}];
                const bool inside = row <= ${last_row} && col <= ${last_col};
                const bool whole = row + 4 <= ${target_h} && col + 4 <= ${target_w};
                if (!inside) {
                    @ uses "winograd_patch"
                    winograd_patch(patch, 6, in, ${source_rows} - row, ${source_cols} - col, ${source_row}, ${source_pitch});
                }
                if (!whole) {
                    @ uses "winograd_patch"
                    winograd_patch(grad_patch, 4, grad, ${target_h} - row, ${target_w} - col, ${target_row}, ${target_pitch});
                }
                for (int i = 0; i < ${source_pitch}; i += ${vl}) {
                    @ uses "winograd_input"
                    winograd_input(v + t * ${source_pitch} + i, ${v_step}, (inside ? in : patch) + i, inside ? ${source_row} : ${6 * source_pitch}, ${source_pitch});
                }
                for (int k = 0; k < ${target_pitch}; k += ${vl}) {
                    @ uses "winograd_gradient"
                    winograd_gradient(m + t * ${target_pitch} + k, ${m_step}, (whole ? grad : grad_patch) + k, whole ? ${target_row} : ${4 * target_pitch}, ${target_pitch});
                }
            @ else
                for (int i = 0; i < ${source_pitch}; i += ${vl}) {
                    @ uses "winograd_input"
                    winograd_input(v + t * ${source_pitch} + i, ${v_step}, in + i, ${source_row}, ${source_pitch});
                }
                for (int k = 0; k < ${target_pitch}; k += ${vl}) {
                    @ uses "winograd_gradient"
                    winograd_gradient(m + t * ${target_pitch} + k, ${m_step}, grad + k, ${target_row}, ${target_pitch});
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
                    for (int k = 0; k < ${target_pitch}; k += ${nr * vl}) {
                        ${span.product}(du + f * ${du_step} + j * ${target_pitch} + k, v + f * ${v_step} + j, ${source_pitch}, m + f * ${m_step} + k, ${target_pitch}, count, first == 0);
                    }
                }
            @ end
        }
    }

    /* dw += G'du G. */
    for (int i = 0; i < ${channels * target_pitch}; i += ${vl}) {
        winograd_weights(dw + i, ${channels * target_pitch}, du + i, ${du_step});
    }
    @ if bias then
        for (int image = 0; image < n; image++) {
            for (int row = 0; row < ${target_h}; row++) {
                const float *grad = dy + image * ${target_image} + ${c.index("row", target_border)} * ${target_row}${c.add("", target_border * target_pitch)};
                for (int k = 0; k < ${target_pitch}; k += ${vl}) {
                    ${vec} sum = ${mm}_setzero_ps();
                    for (int col = 0; col < ${target_w}; col++) {
                        sum = ${mm}_add_ps(sum, ${mm}_loadu_ps(grad + col * ${target_pitch} + k));
                    }
                    ${mm}_storeu_ps(db + k, ${mm}_add_ps(${mm}_loadu_ps(db + k), sum));
                }
            }
        }
    @ end
}
