@ -- The largest pixel of each channel of an image. Forward notes where it was found, so that backward
@ -- needs neither the input nor the maximum.
/* ${formula}
 * ${shapes}
 * ${pass == "fwd" and "Vectors of channels, " .. block .. " at once; pixels." or "Channels."}
 * ${cost} templates/ops/global_maxpool.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    for (int image = 0; image < n; ${next_image}) {
        @ if pass == "fwd" then
            for (int k = 0; k < ${pitch}; k += ${block * vl}) {
                const ${real} *first = ${c.add("x", image_at)} + k;
                @ for i = 0, block - 1 do
                    ${vec} largest${i} = ${mm}_loadu_ps(${c.add("first", i * vl)});
                    @ if winners then
                        ${vec} place${i} = ${mm}_setzero_ps();
                    @ end
                @ end
                @ if winners then
                    ${vec} here = ${mm}_setzero_ps();
                @ end
                for (int row = 0; row < ${h}; row++) {
                    const ${real} *in = first + row * ${image_row};
                    for (int col = 0; col < ${w}; col++, in += ${pitch}) {
                        @ for i = 0, block - 1 do
                            const ${vec} value${i} = ${mm}_loadu_ps(${c.add("in", i * vl)});
                            @ if winners then
                                @ uses "where_greater"
                                place${i} = where_greater(here, place${i}, value${i}, largest${i});
                            @ end
                            largest${i} = ${mm}_max_ps(largest${i}, value${i});
                        @ end
                        @ if winners then
                            here = ${mm}_add_ps(here, ${mm}_set1_ps(1.0${f}));
                        @ end
                    }
                }
                @ for i = 0, block - 1 do
                    ${mm}_storeu_ps(${c.add("y", pixel_at + i * vl)} + k, largest${i});
                    @ if winners then
                        ${mm}_storeu_ps(${c.add("place + k", i * vl)}, place${i});
                    @ end
                @ end
            }
        @ else
            @ if not adds then
                for (int row = 0; row < ${h}; row++) {
                    ${real} *out = ${c.add("dx", image_at)} + row * ${image_row};
                    for (int i = 0; i < ${w * pitch}; i += ${vl}) {
                        ${mm}_storeu_ps(out + i, ${mm}_setzero_ps());
                    }
                }
            @ end
            const ${real} *grad = ${c.add("dy", pixel_at)};
            for (int k = 0; k < ${channels}; k++) {
                const int pixel = (int)place[k];
                ${real} *out = ${c.add("dx", image_at)} + pixel / ${w} * ${image_row} + pixel % ${w} * ${pitch};
                out[k] ${adds and "+=" or "="} grad[k];
            }
        @ end
    }
}
