@ -- Sum of two values (a skip) with an optional ReLU, and its gradient for one of them.
/* ${formula}
 * ${shapes}
 * Rows, then the ${real}s of a row in vectors.
 * ${cost} templates/ops/add.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    for (int image = 0; image < n; ${next_image}) {
        for (int row = 0; row < ${h}; row++) {
            @ if pass == "fwd" then
                const ${real} *in = x + (${c.index("row", x_border)} * ${x_cols}${c.add("", x_border)}) * ${pitch};
                const ${real} *in2 = x2 + (${c.index("row", x2_border)} * ${x2_cols}${c.add("", x2_border)}) * ${pitch};
                ${real} *out = y + (${c.index("row", y_border)} * ${y_cols}${c.add("", y_border)}) * ${pitch};
            @ else
                const ${real} *grad = dy + (${c.index("row", dy_border)} * ${dy_cols}${c.add("", dy_border)}) * ${pitch};
                ${real} *out = dx + (${c.index("row", dx_border)} * ${dx_cols}${c.add("", dx_border)}) * ${pitch};
                @ if relu then
                    const ${real} *sum = yin + (${c.index("row", y_border)} * ${y_cols}${c.add("", y_border)}) * ${pitch};
                @ end
            @ end
            for (int i = 0; i < ${w * pitch}; i += ${vl}) {
                @ if pass == "fwd" then
                    ${vec} v = ${mm}_add_ps(${mm}_loadu_ps(in + i), ${mm}_loadu_ps(in2 + i));
                    @ if relu then
                        v = ${mm}_max_ps(${mm}_setzero_ps(), v);
                    @ end
                @ else
                    ${vec} v = ${mm}_loadu_ps(grad + i);
                    @ if relu then
                        @ uses "where_positive"
                        v = where_positive(v, ${mm}_loadu_ps(sum + i));
                    @ end
                    @ if adds then
                        v = ${mm}_add_ps(v, ${mm}_loadu_ps(out + i));
                    @ end
                @ end
                ${mm}_storeu_ps(out + i, v);
            }
        }
    }
}
