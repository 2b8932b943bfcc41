@ -- Weights between PyTorch's layout and the layouts of the kernels.
@ if what == "unpack" then
    /* dw of ${kernel} (rows of channels, ${k_pitch} outputs each) -> canonical, outputs first. templates/ops/conv/pack.c.tpl */
    static void ${name}(float *restrict canonical, const float *restrict packed)
    {
        for (int k = 0; k < ${k}; k++) {
            for (int i = 0; i < ${channels}; i++) {
                for (int tap = 0; tap < ${taps}; tap++) {
                    canonical[(k * ${channels} + i) * ${taps} + tap] = packed[(tap * ${channels} + i) * ${k_pitch} + k];
                }
            }
        }
    }
@ else
    @ local outputs, inputs = what == "pack" and k or channels, what == "pack" and channels or k
    @ local pitch = what == "pack" and k_pitch or c_pitch
    @ local into, from = what == "pack" and "k" or "i", what == "pack" and "i" or "k"
    /* Canonical weights -> w of ${kernel}${what == "pack" and "" or ", its data gradient"}: blocks of ${block} outputs, in each
     * [tap][input][output]${tap_order and ", the taps in the order in which the kernel reads them" or ""}; pad outputs zero. templates/ops/conv/pack.c.tpl */
    static void ${name}(float *restrict packed, const float *restrict canonical)
    {
        @ if tap_order then
            static const int tap_of[${taps}] = {${tap_order}};
        @ end
        for (int first = 0; first < ${pitch}; first += ${block}) {
            for (int tap = 0; tap < ${taps}; tap++) {
                for (int ${from} = 0; ${from} < ${inputs}; ${from}++) {
                    for (int ${into} = first; ${into} < first + ${block}; ${into}++) {
                        *packed++ = ${into} < ${outputs} ? canonical[(k * ${channels} + i) * ${taps} + ${tap_order and "tap_of[tap]" or "tap"}] : 0.0f;
                    }
                }
            }
        }
    }
@ end
