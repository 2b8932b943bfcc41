@ -- Weights of a depthwise convolution between PyTorch's layout and that of its kernels.
/* ${what == "unpack" and "dw" or "Canonical weights -> w"} of a depthwise ${window} convolution${what == "pack_transposed" and ", its data gradient" or ""}: for each vector of channels
 * [tap][channel]${tap_order and ", the taps in the order in which the kernel reads them" or ""}${what == "unpack" and " -> canonical, channels first" or "; pad channels zero"}. templates/ops/conv/pack_depthwise.c.tpl */
@ if what == "unpack" then
    static void ${name}(${real} *restrict canonical, const ${real} *restrict packed)
    {
        for (int k = 0; k < ${channels}; k++) {
            for (int tap = 0; tap < ${taps}; tap++) {
                canonical[k * ${taps} + tap] = packed[(k / ${vl} * ${taps} + tap) * ${vl} + k % ${vl}];
            }
        }
    }
@ else
    static void ${name}(${real} *restrict packed, const ${real} *restrict canonical)
    {
        @ if tap_order then
            static const int tap_of[${taps}] = {${tap_order}};
        @ end
        for (int first = 0; first < ${pitch}; first += ${vl}) {
            for (int tap = 0; tap < ${taps}; tap++) {
                for (int k = first; k < first + ${vl}; k++) {
                    *packed++ = k < ${channels} ? canonical[k * ${taps} + ${tap_order and "tap_of[tap]" or "tap"}] : 0.0${f};
                }
            }
        }
    }
@ end
