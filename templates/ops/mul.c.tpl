@ -- The product of two values, and its gradient for one of them, which is made of the other.
/* ${formula}
 * ${shapes}
 * ${sums and "Vectors of channels; rows, pixels. Sums over a row are made first." or "Pixels; vectors of channels."}
 * ${cost} templates/ops/mul.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    @ local to, from = pass == "fwd" and "y" or "dx", pass == "fwd" and "x" or "dy"
    for (int image = 0; image < n; ${next_image}) {
        @ if sums then
            for (int k = 0; k < ${pitch}; k += ${vl}) {
                ${real} *out = ${c.add(to, to_at)} + k;
                ${vec} sum = ${adds and mm .. "_loadu_ps(out)" or mm .. "_setzero_ps()"};
                for (int row = 0; row < ${h}; row++) {
                    const ${real} *in = ${from} + ${c.add("row * " .. from_row, from_at)} + k;
                    const ${real} *in2 = x2 + ${c.add("row * " .. x2_row, x2_at)} + k;
                    ${vec} row_sum = ${mm}_setzero_ps();
                    for (int i = 0; i < ${w * pitch}; i += ${pitch}) {
                        row_sum = ${mm}_fmadd_ps(${mm}_loadu_ps(in + i), ${mm}_loadu_ps(in2 + i), row_sum);
                    }
                    sum = ${mm}_add_ps(sum, row_sum);
                }
                ${mm}_storeu_ps(out, sum);
            }
        @ else
            @ if gate then
                const ${real} *in2 = ${c.add("x2", x2_at)};
            @ end
            for (int row = 0; row < ${h}; row++) {
                const ${real} *in = ${from} + ${c.add("row * " .. from_row, from_at)};
                ${real} *out = ${to} + ${c.add("row * " .. to_row, to_at)};
                @ if not gate then
                    const ${real} *in2 = x2 + ${c.add("row * " .. x2_row, x2_at)};
                @ end
                for (int col = 0; col < ${w}; col++, in += ${pitch}, out += ${pitch}${gate and "" or ", in2 += " .. pitch}) {
                    for (int k = 0; k < ${pitch}; k += ${vl}) {
                        @ if adds then
                            ${mm}_storeu_ps(out + k, ${mm}_fmadd_ps(${mm}_loadu_ps(in + k), ${mm}_loadu_ps(in2 + k), ${mm}_loadu_ps(out + k)));
                        @ else
                            ${mm}_storeu_ps(out + k, ${mm}_mul_ps(${mm}_loadu_ps(in + k), ${mm}_loadu_ps(in2 + k)));
                        @ end
                    }
                }
            }
        @ end
    }
}
