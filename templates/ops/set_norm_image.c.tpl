@ -- Layer norm and RMS norm over an image, with a weight (and of layer norm a bias) an element: the result, the
@ -- gradient of the input, and those of weight and bias.
@ assert(pitch % vl == 0 and run % (block * vl) == 0, "vectors must fill what a loop goes along")
@ uses "sum_of_lanes"
@ local fwd, data, weights = pass == "fwd", pass == "bwd_data", pass == "bwd_weights"
@ local function load(from, b)
    @ return mm .. "_loadu_ps(" .. c.add(from .. " + k", b * vl) .. ")"
@ end
@ local function masked(value, b)
    @ if channels == pitch then return value end
    @ uses "first_lanes"
    @ return "first_lanes(" .. value .. ", " .. channels .. " - " .. (b > 0 and "(k + " .. b * vl .. ")" or "k") .. ")"
@ end
@ local function place(from, prefix)
    @ local row = { x = x_row, y = y_row, dx = dx_row, elements = elements_row }
    @ local at = { x = x_at, y = y_at, dx = dx_at, elements = 0 }
    @ return from .. " + " .. c.add("row * " .. row[prefix] .. (columns > 1 and " + col * " .. pitch or ""), at[prefix])
@ end
@ local function of_image(from, prefix)
    @ local floats = { x = x_floats, y = y_floats, dx = dx_floats }
    @ return place(from .. " + i * " .. floats[prefix], prefix)
@ end
@ local totals = { square = true, sum = centred, product = data, level = data and centred }
@ local names = {}
@ for _, total in ipairs { "square", "sum", "product", "level" } do
    @ if totals[total] then names[#names + 1] = total end
@ end
/* ${formula}
 * ${shapes}
 * Sums of each image, row by row so that long ones stay exact; then what follows from them, for ${together} images at once.
 * ${cost} templates/ops/set_norm_image.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    for (int image = 0; image < n; ${next_image}) {
        const int images = n - image < ${together} ? n - image : ${together};
        ${real} scale[${together}];
        @ if centred then
            ${real} near[${together}];
        @ end
        @ if centred or data then
            ${real} ${centred and "shift" or "along"}[${together}];
        @ end
        @ if centred and data then
            ${real} along[${together}];
        @ end
        for (int i = 0; i < images; i++) {
            @ if centred then
                /* Distances to a number near the mean: a mean far above the deviation takes no digits from them. */
                near[i] = 0.0${f};
                for (int k = 0; k < ${channels}; k++) {
                    near[i] += x[${c.add("i * " .. x_floats .. " + k", x_at)}];
                }
                near[i] /= ${channels}.0${f};
                const ${vec} m = ${mm}_set1_ps(near[i]);
            @ end
            @ for _, total in ipairs(names) do
                ${vec} ${total} = ${mm}_setzero_ps();
            @ end
            for (int row = 0; row < ${h}; row++) {
                @ for _, total in ipairs(names) do
                    @ for b = 0, block - 1 do
                        ${vec} ${total}${b} = ${mm}_setzero_ps();
                    @ end
                @ end
                for (int col = 0; col < ${columns}; col++) {
                    const ${real} *in = ${of_image("x", "x")};
                    @ if data then
                        const ${real} *grad = ${of_image("dy", "y")};
                        const ${real} *factors = ${place("w", "elements")};
                    @ end
                    for (int k = 0; k < ${run}; k += ${block * vl}) {
                        @ for b = 0, block - 1 do
                            @ local distance = centred and mm .. "_sub_ps(" .. load("in", b) .. ", m)" or load("in", b)
                            const ${vec} d${b} = ${masked(distance, b)};
                            square${b} = ${mm}_fmadd_ps(d${b}, d${b}, square${b});
                            @ if centred then
                                sum${b} = ${mm}_add_ps(sum${b}, d${b});
                            @ end
                            @ if data then
                                const ${vec} u${b} = ${masked(mm .. "_mul_ps(" .. load("grad", b) .. ", " .. load("factors", b) .. ")", b)};
                                product${b} = ${mm}_fmadd_ps(u${b}, d${b}, product${b});
                                @ if centred then
                                    level${b} = ${mm}_add_ps(level${b}, u${b});
                                @ end
                            @ end
                        @ end
                    }
                }
                @ for _, total in ipairs(names) do
                    @ for b = 0, block - 1 do
                        ${total} = ${mm}_add_ps(${total}, ${total}${b});
                    @ end
                @ end
            }

            @ if centred then
                const double rest = sum_of_lanes(sum) / ${values}.0; /* the mean is near + rest */
                const double variance = sum_of_lanes(square) / ${values}.0 - rest * rest;
            @ else
                const double variance = sum_of_lanes(square) / ${values}.0;
            @ end
            const double s = 1.0 / sqrt((variance > 0.0 ? variance : 0.0) + (double)${eps});
            scale[i] = (${real})s;
            @ if centred and not data then
                shift[i] = (${real})(-rest * s);
            @ elseif data then
                /* u = w * dy; means over the image in angle brackets: dx = s * (u - ${centred and "<u> - " or ""}x-hat * <u * x-hat>) = s * u + b * (x - m)${centred and " + level" or ""}. */
                @ if centred then
                    const double mean = sum_of_lanes(level) / ${values}.0;
                    const double b = -s * s * s * (sum_of_lanes(product) / ${values}.0 - rest * mean);
                    shift[i] = (${real})(-s * mean - b * rest);
                @ else
                    const double b = -s * s * s * (sum_of_lanes(product) / ${values}.0);
                @ end
                along[i] = (${real})b;
            @ end
        }
        for (int row = 0; row < ${h}; row++) {
            for (int col = 0; col < ${columns}; col++) {
                @ if weights then
                    ${real} *dfactors = ${place("dw", "elements")};
                    @ if centred then
                        ${real} *dshifts = ${place("db", "elements")};
                    @ end
                @ else
                    const ${real} *factors = ${place("w", "elements")};
                    @ if fwd and centred then
                        const ${real} *shifts = ${place("bias", "elements")};
                    @ end
                @ end
                for (int k = 0; k < ${run}; k += ${block * vl}) {
                    @ for b = 0, block - 1 do
                        ${weights and "" or "const "}${vec} w${b} = ${load(weights and "dfactors" or "factors", b)};
                        @ if centred and not data then
                            ${weights and "" or "const "}${vec} bias${b} = ${load(weights and "dshifts" or "shifts", b)};
                        @ end
                    @ end
                    for (int i = 0; i < images; i++) {
                        const ${real} *in = ${of_image("x", "x")};
                        @ if fwd then
                            ${real} *out = ${of_image("y", "y")};
                        @ else
                            const ${real} *grad = ${of_image("dy", "y")};
                        @ end
                        @ if data then
                            ${real} *out = ${of_image("dx", "dx")};
                            const ${vec} b = ${mm}_set1_ps(along[i]);
                        @ end
                        const ${vec} s = ${mm}_set1_ps(scale[i]);
                        @ if centred then
                            const ${vec} m = ${mm}_set1_ps(near[i]);
                            const ${vec} level = ${mm}_set1_ps(shift[i]);
                        @ end
                        @ for b = 0, block - 1 do
                            @ local d = centred and mm .. "_sub_ps(" .. load("in", b) .. ", m)" or load("in", b)
                            @ if data then
                                const ${vec} x${b} = ${load("in", b)};
                                @ local from_m = centred and mm .. "_sub_ps(x" .. b .. ", m)" or "x" .. b
                                @ local rest = centred and mm .. "_fmadd_ps(b, " .. from_m .. ", level)" or mm .. "_mul_ps(b, " .. from_m .. ")"
                                const ${vec} u${b} = ${mm}_mul_ps(${load("grad", b)}, w${b});
                                ${vec} g${b} = ${masked(mm .. "_fmadd_ps(s, u" .. b .. ", " .. rest .. ")", b)};
                                @ if masks_x then
                                    @ uses "where_positive"
                                    g${b} = where_positive(g${b}, x${b});
                                @ end
                                @ if adds then
                                    g${b} = ${mm}_add_ps(g${b}, ${load("out", b)});
                                @ end
                                ${mm}_storeu_ps(${c.add("out + k", b * vl)}, g${b});
                            @ else
                                const ${vec} hat${b} = ${centred and mm .. "_fmadd_ps(" .. d .. ", s, level)" or mm .. "_mul_ps(" .. d .. ", s)"};
                                @ if fwd then
                                    @ local y = centred and "_fmadd_ps(hat" .. b .. ", w" .. b .. ", bias" .. b .. ")" or "_mul_ps(hat" .. b .. ", w" .. b .. ")"
                                    ${mm}_storeu_ps(${c.add("out + k", b * vl)}, ${masked(mm .. y, b)});
                                @ else
                                    const ${vec} g${b} = ${load("grad", b)};
                                    w${b} = ${mm}_fmadd_ps(g${b}, hat${b}, w${b});
                                    @ if centred then
                                        bias${b} = ${mm}_add_ps(g${b}, bias${b});
                                    @ end
                                @ end
                            @ end
                        @ end
                    }
                    @ for b = 0, weights and block - 1 or -1 do
                        ${mm}_storeu_ps(${c.add("dfactors + k", b * vl)}, ${masked("w" .. b, b)});
                        @ if centred then
                            ${mm}_storeu_ps(${c.add("dshifts + k", b * vl)}, ${masked("bias" .. b, b)});
                        @ end
                    @ end
                }
            }
        }
    }
}
