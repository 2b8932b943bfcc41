@ -- Weight gradient of a convolution by the direct algorithm. A row of the window is a run of columns x
@ -- channels entries that lie side by side in x, so a tile takes mr entries of it, whichever tap
@ -- they belong to; accumulators stay in registers over the whole image. Image by image: two images
@ -- may be more than the cache holds, and every tile reads all of both tensors.
@ assert(k_pitch % vl == 0 and (k_pitch // vl) % nr == 0, "blocks must fill the output channels")
@ if any_size then
    /* ${formula} Images of any height and width; from: x, to: dy.
     * Tile of up to ${mr} entries of a window row (columns x channels) x ${c.count(nr, "vector")}. Loops: images, window rows, tiles, blocks of ${nr * vl} channels, pixels. templates/ops/conv/direct_weights.c.tpl */
    static INLINE void ${name}(${signature}, struct image ${target_image}, struct image ${source_image})
@ else
    /* ${formula}
     * ${shapes}
     * Tile of up to ${mr} entries of a window row (columns x channels) x ${c.count(nr, "vector")}. Loops: images, window rows, tiles, blocks of ${nr * vl} channels, pixels.
     * ${cost} templates/ops/conv/direct_weights.c.tpl */
    @ prototype()
    static NOINLINE void ${name}(${signature})
@ end
{
    for (int image = 0; image < n; image++) {
        for (int r = 0; r < ${window_h}; r++) {
            @ for s = 0, runs - 1 do
                @ for _, span in ipairs(spans) do
                    for (int j = ${span.first}; j < ${span.last}; j += ${span.mr}) {
                        for (int k = 0; k < ${k_pitch}; k += ${nr * vl}) {
                            ${real} *out = dw + (r * ${runs * run} + ${c.add("j", s * run)}) * ${k_pitch} + k;
                            @ for m = 0, span.mr - 1 do
                                @ for n = 0, nr - 1 do
                                    ${vec} acc${m}_${n} = ${mm}_loadu_ps(${c.add("out", m * k_pitch + n * vl)});
                                @ end
                            @ end

                            for (int row = 0; row < ${out_h}; row++) {
                                const ${real} *in = x + image * ${x_image} + ((row${times_stride} + r${times_dilation}${c.add("", row_at)}) * ${x_cols}${c.add("", col_at)}) * ${x_pitch} + ${c.add("j", s * tap_pixel)}${slice};
                                const ${real} *grad = dy + image * ${dy_image} + (${c.index("row", dy_border)} * ${dy_cols}${c.add("", dy_border)}) * ${k_pitch} + k;
                                for (int col = 0; col < ${out_w}; col++, in += ${pixel}, grad += ${k_pitch}) {
                                    @ for n = 0, nr - 1 do
                                        const ${vec} g${n} = ${mm}_loadu_ps(${c.add("grad", n * vl)});
                                    @ end
                                    ${vec} x0;
                                    @ for m = 0, span.mr - 1 do
                                        x0 = ${mm}_set1_ps(in[${m}]);
                                        @ for n = 0, nr - 1 do
                                            acc${m}_${n} = ${mm}_fmadd_ps(x0, g${n}, acc${m}_${n});
                                        @ end
                                    @ end
                                }
                            }

                            @ for m = 0, span.mr - 1 do
                                @ for n = 0, nr - 1 do
                                    ${mm}_storeu_ps(${c.add("out", m * k_pitch + n * vl)}, acc${m}_${n});
                                @ end
                            @ end
                        }
                    }
                @ end
            @ end
        }
    }
    @ if bias then
        for (int k = 0; k < ${k_pitch}; k += ${vl}) {
            ${vec} sum = ${mm}_loadu_ps(db + k);
            for (int image = 0; image < n; image++) {
                for (int row = 0; row < ${out_h}; row++) {
                    const ${real} *grad = dy + image * ${dy_image} + (${c.index("row", dy_border)} * ${dy_cols}${c.add("", dy_border)}) * ${k_pitch} + k;
                    for (int col = 0; col < ${out_w}; col++, grad += ${k_pitch}) {
                        sum = ${mm}_add_ps(sum, ${mm}_loadu_ps(grad));
                    }
                }
            }
            ${mm}_storeu_ps(db + k, sum);
        }
    @ end
}
