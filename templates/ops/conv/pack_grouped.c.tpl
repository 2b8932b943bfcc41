@ -- Weights of a convolution in groups between PyTorch's layout, which has only the inputs of an
@ -- output's own group, and that of the kernels, which has all of its bundle: see grouped.lua.
@ if what == "unpack" then
    /* dw of ${kernel} in ${groups} groups (rows of ${read} channels, ${made_pitch} outputs each) ->
     * canonical, outputs first. templates/ops/conv/pack_grouped.c.tpl */
    static void ${name}(${real} *restrict canonical, const ${real} *restrict packed)
    {
        for (int k = 0; k < ${k}; k++) {
            const int first = k / ${group_k} * ${group_c} % ${read}; /* input of its group in the bundle */
            for (int i = 0; i < ${group_c}; i++) {
                for (int tap = 0; tap < ${taps}; tap++) {
                    canonical[(k * ${group_c} + i) * ${taps} + tap] = packed[(tap * ${read} + first + i) * ${made_pitch} + k];
                }
            }
        }
    }
@ else
    @ local into, from = what == "pack" and "k" or "i", what == "pack" and "i" or "k"
    @ local outputs = what == "pack" and k or channels
    /* Canonical weights -> w of ${kernel} in ${groups} groups${what == "pack" and "" or ", its data gradient"}: blocks of ${block} outputs,
     * in each [tap][input][output] of ${c.count(bundles, "bundle")} of groups${tap_order and ", the taps in the order in which the kernel reads them" or ""}; zeros
     * between groups and for pad outputs. templates/ops/conv/pack_grouped.c.tpl */
    static void ${name}(${real} *restrict packed, const ${real} *restrict canonical)
    {
        @ if tap_order then
            static const int tap_of[${taps}] = {${tap_order}};
        @ end
        for (int first = 0; first < ${made_pitch}; first += ${block}) {
            for (int tap = 0; tap < ${taps}; tap++) {
                for (int j = 0; j < ${read}; j++) {
                    for (int ${into} = first; ${into} < first + ${block}; ${into}++) {
                        const int ${from} = ${into} / ${made} * ${read} + j;
                        const int inside = ${into} < ${outputs} && k / ${group_k} == i / ${group_c};
                        *packed++ = inside ? canonical[(k * ${group_c} + i % ${group_c}) * ${taps} + ${tap_order and "tap_of[tap]" or "tap"}] : 0.0${f};
                    }
                }
            }
        }
    }
@ end
