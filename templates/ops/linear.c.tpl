@ -- The three passes of a linear layer. x is read in place, with its border, in rows of pixels;
@ -- weights are packed in the same order, so a pass walks both once.
@ assert(k_pitch % vl == 0 and c_pitch % vl == 0, "channels must fill vectors")
@ local blocks = k_pitch // vl
/* ${formula}
 * ${shapes}
 * ${loops}
 * ${cost} templates/ops/linear.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    for (int image = 0; image < n; ${next_image}) {
        @ if pass == "fwd" then
            for (int k = 0; k < ${k_pitch}; k += ${block * vl}) {
                @ for n = 0, block - 1 do
                    ${vec} acc${n} = ${bias and mm .. "_loadu_ps(" .. c.add("bias + k", n * vl) .. ")" or mm .. "_setzero_ps()"};
                @ end
                for (int row = 0; row < ${h}; row++) {
                    for (int col = 0; col < ${w}; col++) {
                        const ${real} *in = x + (${c.index("row", x_border)} * ${x_cols} + ${c.add("col", x_border)}) * ${x_pitch};
                        const ${real} *weight = w + (row * ${w} + col) * ${channels * k_pitch} + k;
                        for (int i = 0; i < ${channels}; i++, weight += ${k_pitch}) {
                            const ${vec} x0 = ${mm}_set1_ps(in[i]);
                            @ for n = 0, block - 1 do
                                acc${n} = ${mm}_fmadd_ps(x0, ${mm}_loadu_ps(${c.add("weight", n * vl)}), acc${n});
                            @ end
                        }
                    }
                }
                @ if relu then
                    @ for n = 0, block - 1 do
                        acc${n} = ${mm}_max_ps(${mm}_setzero_ps(), acc${n});
                    @ end
                @ end
                @ if stats then
                    @ for n = 0, block - 1 do
                        ${mm}_storeu_ps(${c.add("sums + k", n * vl)}, acc${n});
                        ${mm}_storeu_ps(${c.add("sums + k", k_pitch + n * vl)}, ${mm}_setzero_ps());
                        ${mm}_storeu_ps(${c.add("sums + k", 2 * k_pitch + n * vl)}, ${mm}_setzero_ps());
                    @ end
                @ end
                @ for n = 0, block - 1 do
                    ${mm}_storeu_ps(${c.add(c.add("y", y_at) .. " + k", n * vl)}, acc${n});
                @ end
            }
        @ elseif pass == "bwd_data" then
            for (int row = 0; row < ${h}; row++) {
                for (int col = 0; col < ${w}; col++) {
                    ${real} *out = dx + (${c.index("row", dx_border)} * ${dx_cols} + ${c.add("col", dx_border)}) * ${c_pitch};
                    for (int i = 0; i < ${c_pitch}; i += ${vl}) {
                        const ${real} *weight = w + (row * ${w} + col) * ${k * c_pitch} + i;
                        ${vec} acc = ${adds and mm .. "_loadu_ps(out + i)" or mm .. "_setzero_ps()"};
                        for (int k = 0; k < ${k}; k++, weight += ${c_pitch}) {
                            acc = ${mm}_fmadd_ps(${mm}_set1_ps(${c.add("dy", dy_offset)}[k]), ${mm}_loadu_ps(weight), acc);
                        }
                        ${mm}_storeu_ps(out + i, acc);
                    }
                }
            }
        @ else
            for (int row = 0; row < ${h}; row++) {
                for (int col = 0; col < ${w}; col++) {
                    const ${real} *in = x + (${c.index("row", x_border)} * ${x_cols} + ${c.add("col", x_border)}) * ${x_pitch};
                    ${real} *out = dw + (row * ${w} + col) * ${channels * k_pitch};
                    for (int i = 0; i < ${channels}; i++, out += ${k_pitch}) {
                        const ${vec} x0 = ${mm}_set1_ps(in[i]);
                        for (int k = 0; k < ${k_pitch}; k += ${vl}) {
                            ${mm}_storeu_ps(out + k, ${mm}_fmadd_ps(x0, ${mm}_loadu_ps(${c.add("dy", dy_offset)} + k), ${mm}_loadu_ps(out + k)));
                        }
                    }
                }
            }
            @ if bias then
                for (int k = 0; k < ${k_pitch}; k += ${vl}) {
                    ${mm}_storeu_ps(db + k, ${mm}_add_ps(${mm}_loadu_ps(db + k), ${mm}_loadu_ps(${c.add("dy", dy_offset)} + k)));
                }
            @ end
        @ end
        @ assert(blocks % block == 0, "blocks must fill the output channels")
    }
}
