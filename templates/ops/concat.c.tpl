@ -- One of the values that lie side by side: into its channels, or its gradient out of them. The only
@ -- value of a padding sets the channels around it to zero, too.
/* ${formula}
 * ${shapes}
 * Pixels; vectors of channels${whole < channels and ", the rest one by one" or ""}.
 * ${cost} templates/ops/concat.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    @ local to, from = pass == "fwd" and "y" or "dx", pass == "fwd" and "x" or "dy"
    for (int image = 0; image < n; ${next_image}) {
        for (int row = 0; row < ${h}; row++) {
            const ${real} *in = ${from} + ${c.add("row * " .. from_row, from_at)};
            ${real} *out = ${to} + ${c.add("row * " .. to_row, to_at)};
            for (int col = 0; col < ${w}; col++, in += ${from_pitch}, out += ${to_pitch}) {
                @ if ahead > 0 then
                    for (int k = 0; k < ${ahead}; k++) {
                        out[k - ${ahead}] = 0.0${f};
                    }
                @ end
                @ if whole > 0 then
                    for (int k = 0; k < ${whole}; k += ${vl}) {
                        @ if adds then
                            ${mm}_storeu_ps(out + k, ${mm}_add_ps(${mm}_loadu_ps(in + k), ${mm}_loadu_ps(out + k)));
                        @ else
                            ${mm}_storeu_ps(out + k, ${mm}_loadu_ps(in + k));
                        @ end
                    }
                @ end
                @ if whole < channels then
                    for (int k = ${whole}; k < ${channels}; k++) {
                        out[k] ${adds and "+=" or "="} in[k];
                    }
                @ end
                @ if channels < filled then
                    for (int k = ${channels}; k < ${filled}; k++) {
                        out[k] = 0.0${f};
                    }
                @ end
            }
        }
    }
}
