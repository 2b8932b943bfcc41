@ -- Layer norm and RMS norm over the channels of each pixel: the result, the gradient of the input, and
@ -- those of weight and bias. Statistics: set_norm_sums.c.tpl.
@ assert(pitch % vl == 0, "vectors must fill the channels")
@ local room = (pixels + vl - 1) // vl * vl
@ local norm = centred and "layer" or "rms"
@ uses(norm .. (pass == "bwd_data" and "_gradients" or "_statistics"))
/* ${formula}
 * ${shapes}
 * Rows; ${pixels} pixels whose statistics are made together; their channels.
 * ${cost} templates/ops/set_norm.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    ${real} scale[${room}];
    @ if centred then
        ${real} near[${room}];
    @ end
    @ if pass == "bwd_data" then
        ${real} along[${room}];
    @ end
    @ if centred then
        ${real} ${pass == "bwd_data" and "level" or "rest"}[${room}];
    @ end
    for (int image = 0; image < n; ${next_image}) {
        for (int row = 0; row < ${h}; row++) {
            for (int col = 0; col < ${w}; col += ${pixels}) {
                @ if w % pixels == 0 then
                    const int pixels = ${pixels};
                @ else
                    const int pixels = ${w} - col < ${pixels} ? ${w} - col : ${pixels};
                @ end
                const ${real} *in = x + ${c.add("row * " .. x_row .. " + col * " .. pitch, x_at)};
                @ if pass == "fwd" then
                    ${real} *out = y + ${c.add("row * " .. y_row .. " + col * " .. pitch, y_at)};
                @ else
                    const ${real} *grad = dy + ${c.add("row * " .. y_row .. " + col * " .. pitch, y_at)};
                @ end
                @ if pass == "bwd_data" then
                    ${real} *out = dx + ${c.add("row * " .. dx_row .. " + col * " .. pitch, dx_at)};
                @ end
                @ if pass == "bwd_data" then
                    @ local made = centred and "near, scale, along, level" or "scale, along"
                    ${norm}_gradients(${made}, in, grad, w, pixels, ${channels}, ${pitch}, ${eps});
                @ else
                    @ local made = centred and "near, rest, scale" or "scale"
                    ${norm}_statistics(${made}, in, pixels, ${channels}, ${pitch}, ${eps});
                @ end
                @ if pass == "fwd" then
                    for (int k = 0; k < ${pitch}; k += ${block * vl}) {
                        @ for b = 0, block - 1 do
                            const ${vec} w${b} = ${mm}_loadu_ps(${c.add("w + k", b * vl)});
                            @ if centred then
                                const ${vec} bias${b} = ${mm}_loadu_ps(${c.add("bias + k", b * vl)});
                            @ end
                        @ end
                        for (int i = 0; i < pixels; i++) {
                            const ${vec} s = ${mm}_set1_ps(scale[i]);
                            @ if centred then
                                const ${vec} m = ${mm}_set1_ps(near[i]);
                                const ${vec} shift = ${mm}_set1_ps(-rest[i] * scale[i]);
                            @ end
                            @ for b = 0, block - 1 do
                                @ local x0 = mm .. "_loadu_ps(" .. c.add("in + i * " .. pitch .. " + k", b * vl) .. ")"
                                @ local at = c.add("out + i * " .. pitch .. " + k", b * vl)
                                @ if centred then
                                    const ${vec} hat${b} = ${mm}_fmadd_ps(${mm}_sub_ps(${x0}, m), s, shift);
                                    ${vec} y${b} = ${mm}_fmadd_ps(hat${b}, w${b}, bias${b});
                                @ else
                                    ${vec} y${b} = ${mm}_mul_ps(${mm}_mul_ps(${x0}, s), w${b});
                                @ end
                                @ if channels < pitch then
                                    @ uses "first_lanes"
                                    y${b} = first_lanes(y${b}, ${channels} - ${b > 0 and "(k + " .. b * vl .. ")" or "k"});
                                @ end
                                ${mm}_storeu_ps(${at}, y${b});
                            @ end
                        }
                    }
                @ elseif pass == "bwd_data" then
                    for (int k = 0; k < ${pitch}; k += ${block * vl}) {
                        @ for b = 0, block - 1 do
                            const ${vec} w${b} = ${mm}_loadu_ps(${c.add("w + k", b * vl)});
                        @ end
                        for (int i = 0; i < pixels; i++) {
                            const ${vec} s = ${mm}_set1_ps(scale[i]);
                            const ${vec} b = ${mm}_set1_ps(along[i]);
                            @ if centred then
                                const ${vec} m = ${mm}_set1_ps(near[i]);
                                const ${vec} d = ${mm}_set1_ps(level[i]);
                            @ end
                            @ for b = 0, block - 1 do
                                @ local at = c.add("out + i * " .. pitch .. " + k", b * vl)
                                const ${vec} x${b} = ${mm}_loadu_ps(${c.add("in + i * " .. pitch .. " + k", b * vl)});
                                const ${vec} u${b} = ${mm}_mul_ps(${mm}_loadu_ps(${c.add("grad + i * " .. pitch .. " + k", b * vl)}), w${b});
                                @ if centred then
                                    ${vec} g${b} = ${mm}_fmadd_ps(s, u${b}, ${mm}_fmadd_ps(b, ${mm}_sub_ps(x${b}, m), d));
                                @ else
                                    ${vec} g${b} = ${mm}_fmadd_ps(s, u${b}, ${mm}_mul_ps(b, x${b}));
                                @ end
                                @ if masks_x then
                                    @ uses "where_positive"
                                    g${b} = where_positive(g${b}, x${b});
                                @ end
                                @ if channels < pitch then
                                    @ uses "first_lanes"
                                    g${b} = first_lanes(g${b}, ${channels} - ${b > 0 and "(k + " .. b * vl .. ")" or "k"});
                                @ end
                                @ if adds then
                                    g${b} = ${mm}_add_ps(g${b}, ${mm}_loadu_ps(${at}));
                                @ end
                                ${mm}_storeu_ps(${at}, g${b});
                            @ end
                        }
                    }
                @ else
                    for (int k = 0; k < ${pitch}; k += ${block * vl}) {
                        @ for b = 0, block - 1 do
                            ${vec} dw${b} = ${mm}_setzero_ps();
                            @ if centred then
                                ${vec} db${b} = ${mm}_setzero_ps();
                            @ end
                        @ end
                        for (int i = 0; i < pixels; i++) {
                            const ${vec} s = ${mm}_set1_ps(scale[i]);
                            @ if centred then
                                const ${vec} m = ${mm}_set1_ps(near[i]);
                                const ${vec} shift = ${mm}_set1_ps(-rest[i] * scale[i]);
                            @ end
                            @ for b = 0, block - 1 do
                                const ${vec} g${b} = ${mm}_loadu_ps(${c.add("grad + i * " .. pitch .. " + k", b * vl)});
                                @ local x0 = mm .. "_loadu_ps(" .. c.add("in + i * " .. pitch .. " + k", b * vl) .. ")"
                                @ if centred then
                                    const ${vec} hat${b} = ${mm}_fmadd_ps(${mm}_sub_ps(${x0}, m), s, shift);
                                    db${b} = ${mm}_add_ps(db${b}, g${b});
                                @ else
                                    const ${vec} hat${b} = ${mm}_mul_ps(${x0}, s);
                                @ end
                                dw${b} = ${mm}_fmadd_ps(g${b}, hat${b}, dw${b});
                            @ end
                        }
                        @ for b = 0, block - 1 do
                            @ if channels < pitch then
                                @ uses "first_lanes"
                                @ local inside = channels .. " - " .. (b > 0 and "(k + " .. b * vl .. ")" or "k")
                                dw${b} = first_lanes(dw${b}, ${inside});
                                @ if centred then
                                    db${b} = first_lanes(db${b}, ${inside});
                                @ end
                            @ end
                            @ local at = c.add("dw + k", b * vl)
                            ${mm}_storeu_ps(${at}, ${mm}_add_ps(${mm}_loadu_ps(${at}), dw${b}));
                            @ if centred then
                                @ local db_at = c.add("db + k", b * vl)
                                ${mm}_storeu_ps(${db_at}, ${mm}_add_ps(${mm}_loadu_ps(${db_at}), db${b}));
                            @ end
                        @ end
                    }
                @ end
            }
        }
    }
}
