@ -- The three passes of a linear layer. x is read in place, with its border, in rows of pixels;
@ -- weights are packed in the same order, so a pass walks both once for the images of a tile.
@ assert(k_pitch % vl == 0 and c_pitch % vl == 0, "channels must fill vectors")
@ assert((pass == "bwd_data" and c_pitch or k_pitch) // vl % block == 0, "blocks must fill the channels")
/* ${formula}
 * ${shapes}
 * ${loops}
 * ${cost} templates/ops/linear.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    int image = 0;
    @ for _, loop in ipairs(loops_of_images) do
        for (; ${loop.condition}; ${loop.step}) {
            @ if pass == "fwd" then
                for (int k = 0; k < ${k_pitch}; k += ${block * vl}) {
                    @ for m = 0, loop.images - 1 do
                        @ for n = 0, block - 1 do
                            ${vec} acc${m}_${n} = ${bias and mm .. "_loadu_ps(" .. c.add("bias + k", n * vl) .. ")" or mm .. "_setzero_ps()"};
                        @ end
                    @ end
                    for (int row = 0; row < ${h}; row++) {
                        for (int col = 0; col < ${w}; col++) {
                            const ${real} *in = x + (${c.index("row", x_border)} * ${x_cols} + ${c.add("col", x_border)}) * ${x_pitch};
                            const ${real} *weight = w + (row * ${w} + col) * ${channels * k_pitch} + k;
                            for (int i = 0; i < ${channels}; i++, weight += ${k_pitch}) {
                                @ for n = 0, block - 1 do
                                    const ${vec} w${n} = ${mm}_loadu_ps(${c.add("weight", n * vl)});
                                @ end
                                @ for m = 0, loop.images - 1 do
                                    const ${vec} x${m} = ${mm}_set1_ps(in[${c.add("i", m * x_image)}]);
                                    @ for n = 0, block - 1 do
                                        acc${m}_${n} = ${mm}_fmadd_ps(x${m}, w${n}, acc${m}_${n});
                                    @ end
                                @ end
                            }
                        }
                    }

                    @ for m = 0, loop.images - 1 do
                        @ if relu then
                            @ for n = 0, block - 1 do
                                acc${m}_${n} = ${mm}_max_ps(${mm}_setzero_ps(), acc${m}_${n});
                            @ end
                        @ end
                        @ if stats then
                            @ for n = 0, block - 1 do
                                ${mm}_storeu_ps(${c.add("sums + k", m * 3 * k_pitch + n * vl)}, acc${m}_${n});
                                ${mm}_storeu_ps(${c.add("sums + k", (m * 3 + 1) * k_pitch + n * vl)}, ${mm}_setzero_ps());
                                ${mm}_storeu_ps(${c.add("sums + k", (m * 3 + 2) * k_pitch + n * vl)}, ${mm}_setzero_ps());
                            @ end
                        @ end
                        @ for n = 0, block - 1 do
                            ${mm}_storeu_ps(${c.add(c.add("y", m * y_image + y_at) .. " + k", n * vl)}, acc${m}_${n});
                        @ end
                    @ end
                }
            @ elseif pass == "bwd_data" then
                for (int row = 0; row < ${h}; row++) {
                    for (int col = 0; col < ${w}; col++) {
                        ${real} *out = dx + (${c.index("row", dx_border)} * ${dx_cols} + ${c.add("col", dx_border)}) * ${c_pitch};
                        for (int i = 0; i < ${c_pitch}; i += ${block * vl}, out += ${block * vl}) {
                            const ${real} *weight = w + (row * ${w} + col) * ${k * c_pitch} + i;
                            @ for m = 0, loop.images - 1 do
                                @ for n = 0, block - 1 do
                                    ${vec} acc${m}_${n} = ${adds and mm .. "_loadu_ps(" .. c.add("out", m * dx_image + n * vl) .. ")" or mm .. "_setzero_ps()"};
                                @ end
                            @ end
                            for (int k = 0; k < ${k}; k++, weight += ${c_pitch}) {
                                @ for n = 0, block - 1 do
                                    const ${vec} w${n} = ${mm}_loadu_ps(${c.add("weight", n * vl)});
                                @ end
                                @ for m = 0, loop.images - 1 do
                                    const ${vec} dy${m} = ${mm}_set1_ps(dy[${c.add("k", m * y_image + dy_offset)}]);
                                    @ for n = 0, block - 1 do
                                        acc${m}_${n} = ${mm}_fmadd_ps(dy${m}, w${n}, acc${m}_${n});
                                    @ end
                                @ end
                            }
                            @ for m = 0, loop.images - 1 do
                                @ for n = 0, block - 1 do
                                    ${mm}_storeu_ps(${c.add("out", m * dx_image + n * vl)}, acc${m}_${n});
                                @ end
                            @ end
                        }
                    }
                }
            @ else
                for (int row = 0; row < ${h}; row++) {
                    for (int col = 0; col < ${w}; col++) {
                        const ${real} *in = x + (${c.index("row", x_border)} * ${x_cols} + ${c.add("col", x_border)}) * ${x_pitch};
                        ${real} *out = dw + (row * ${w} + col) * ${channels * k_pitch};
                        for (int i = 0; i < ${channels}; i++, out += ${k_pitch}) {
                            @ for m = 0, loop.images - 1 do
                                const ${vec} x${m} = ${mm}_set1_ps(in[${c.add("i", m * x_image)}]);
                            @ end
                            for (int k = 0; k < ${k_pitch}; k += ${vl}) {
                                ${vec} acc = ${mm}_loadu_ps(out + k);
                                @ for m = 0, loop.images - 1 do
                                    acc = ${mm}_fmadd_ps(x${m}, ${mm}_loadu_ps(${c.add("dy", m * y_image + dy_offset)} + k), acc);
                                @ end
                                ${mm}_storeu_ps(out + k, acc);
                            }
                        }
                    }
                }
                @ if bias then
                    for (int k = 0; k < ${k_pitch}; k += ${vl}) {
                        ${vec} acc = ${mm}_loadu_ps(db + k);
                        @ for m = 0, loop.images - 1 do
                            acc = ${mm}_add_ps(acc, ${mm}_loadu_ps(${c.add("dy", m * y_image + dy_offset)} + k));
                        @ end
                        ${mm}_storeu_ps(db + k, acc);
                    }
                @ end
            @ end
        }
    @ end
}
