@ -- Forward convolution and data gradient of a 3 x 3 window by Winograd's F(4 x 4, 3 x 3).
@ assert(source_pitch % vl == 0 and target_pitch % (nr * vl) == 0, "blocks must fill the channels")
/* ${formula}
 * ${shapes}
 * Winograd's F(4 x 4, 3 x 3): blocks of ${block} tiles; in each frequency a register tile of all of them x ${c.count(nr, "vector")}.
 * ${cost} templates/ops/conv/winograd.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    /* What lies behind each frequency keeps the 36 from sharing cache sets. */
    float *const v = scratch; /* ${v_shape}: transformed inputs of a block */
    float *const m = scratch + ${36 * v_step}; /* ${m_shape}: their products with the weights */
    const int tiles = n * ${tiles};

    for (int first = 0; first < tiles; first += ${block}) {
        const int count = tiles - first < ${block} ? tiles - first : ${block};

        /* v = B'xB. The lanes of tiles past the last one keep what they hold: nobody reads their products. */
        for (int t = 0; t < count; t++) {
            const int image = (first + t) / ${tiles};
            const int row = (first + t) % ${tiles} / ${wide} * 4;
            const int col = (first + t) % ${wide} * 4;
            const float *in = ${source} + image * ${source_image} + ${c.index("row", source_at)} * ${source_row} + ${c.index("col", source_at)} * ${source_pitch};
            @ if ragged then
                float patch[${36 * source_pitch}];
                const bool inside = row <= ${last_row} && col <= ${last_col};
                if (!inside) {
                    @ uses "winograd_patch"
                    winograd_patch(patch, 6, in, ${source_rows} - row, ${source_cols} - col, ${source_row}, ${source_pitch});
                }
                for (int i = 0; i < ${source_pitch}; i += ${vl}) {
                    @ uses "winograd_input"
                    winograd_input(v + t * ${source_pitch} + i, ${v_step}, (inside ? in : patch) + i, inside ? ${source_row} : ${6 * source_pitch}, ${source_pitch});
                }
            @ else
                for (int i = 0; i < ${source_pitch}; i += ${vl}) {
                    @ uses "winograd_input"
                    winograd_input(v + t * ${source_pitch} + i, ${v_step}, in + i, ${source_row}, ${source_pitch});
                }
            @ end
        }

        /* m = v w, frequency by frequency. */
        for (int f = 0; f < 36; f++) {
            @ if fetches then
                @ uses "fetch_ahead"
                fetch_ahead(ahead);
            @ end
            ${product}(m + f * ${m_step}, ${target_pitch}, v + f * ${v_step}, ${source_pitch}, w + f * ${channels * target_pitch}, ${channels});
        }

        /* ${target} = A'mA${relu and ", cut off at zero" or ""}${stats and ", and its sums" or ""}. */
        for (int t = 0; t < count; t++) {
            const int image = (first + t) / ${tiles};
            const int row = (first + t) % ${tiles} / ${wide} * 4;
            const int col = (first + t) % ${wide} * 4;
            float *out = ${target} + image * ${target_image} + ${c.index("row", target_border)} * ${target_row} + ${c.index("col", target_border)} * ${target_pitch};
            @ if stats then
                float *const image_sums = sums + image * ${3 * target_pitch};
            @ end
            for (int k = 0; k < ${target_pitch}; k += ${vl}) {
                ${vec} made[16];
                @ uses "winograd_output"
                winograd_output(made, m + t * ${target_pitch} + k, ${m_step});
                @ if bias then
                    const ${vec} b = ${mm}_loadu_ps(bias + k);
                @ end
                @ if bias then
                    for (int i = 0; i < 16; i++) {
                        made[i] = ${mm}_add_ps(made[i], b);
                    }
                @ end
                @ if relu then
                    @ uses "winograd_relu"
                    winograd_relu(made);
                @ end
                @ if stats then
                    const ${vec} shift = winograd_shift(image_sums + k, ${target_pitch}, made[0], (first + t) % ${tiles} == 0);
                @ end
                @ if ragged then
                    const int rows = ${target_h} - row < 4 ? ${target_h} - row : 4;
                    const int cols = ${target_w} - col < 4 ? ${target_w} - col : 4;
                    for (int i = 0; i < rows; i++) {
                        for (int j = 0; j < cols; j++) {
                            float *pixel = out + i * ${target_row} + j * ${target_pitch} + k;
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
                    ${adds and "winograd_add" or "winograd_store"}(out + k, ${target_row}, ${target_pitch}, made);
                @ end
                @ if stats then
                    @ uses "winograd_sums"
                    winograd_sums(image_sums + k, ${target_pitch}, made, shift);
                @ end
            }
        }
    }
}
