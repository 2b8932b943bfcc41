@ -- Weights between PyTorch's layout, canonical, and the layouts of the kernels, of convolutions without
@ -- channel groups and of linear layers. One text for all shapes: pack.c.tpl makes functions of them.
@ local strip = math.min(8, vl) -- which divides every block
@ if what == "unpack" then
    /* dw as kernels leave it, [tap][input][output] with `pitch` outputs, -> canonical, [output][input][tap]; by<pitch>.
     * Takes ${strip} outputs at a time, whose lines stay in the nearest cache on both sides. templates/ops/conv/pack_loops.c.tpl */
    static INLINE void unpack_taps(${real} *restrict canonical, const ${real} *restrict packed, int taps, int inputs, int outputs, int pitch)
    {
        for (int first = 0; first < outputs; first += ${strip}) {
            const int last = first + ${strip} < outputs ? first + ${strip} : outputs;
            for (int i = 0; i < inputs; i++) {
                for (int tap = 0; tap < taps; tap++) {
                    for (int k = first; k < last; k++) {
                        canonical[(k * inputs + i) * taps + tap] = packed[(tap * inputs + i) * pitch + k];
                    }
                }
            }
        }
    }
    #define UNPACK(NAME, TAP_COUNT, INPUTS, OUTPUTS, PITCH) \
        static void NAME(${real} *restrict canonical, const ${real} *restrict packed) \
        { \
            unpack_taps(canonical, packed, TAP_COUNT, INPUTS, OUTPUTS, PITCH); \
        }
@ else
    @ local forward = what == "pack"
    @ local into, from = forward and "k" or "i", forward and "i" or "k"
    @ local made, read = forward and "outputs" or "inputs", forward and "inputs" or "outputs"
    @ local macro = forward and "PACK" or "PACK_TRANSPOSED"
    /* Canonical weights -> w${forward and "" or ", of a data gradient"}: blocks of `block` ${made} (by<block>), in each [tap][${read}][${made}]${orders and ", the taps in the kernel's order, the last arguments" or ""};
     * zeros where there are fewer ${made} than `pitch`. Takes ${strip} of them at a time, whose lines stay in the nearest cache on both sides. templates/ops/conv/pack_loops.c.tpl */
    static INLINE void ${name}(${real} *restrict packed, const ${real} *restrict canonical, int taps, int inputs, int outputs, int pitch, int block${orders and ", const int *tap_of" or ""})
    {
        for (int first = 0; first < pitch; first += ${strip}) {
            ${real} *to = packed + first / block * block * taps * ${read} + first % block;
            for (int tap = 0; tap < taps; tap++) {
                for (int ${from} = 0; ${from} < ${read}; ${from}++, to += block) {
                    for (int ${into} = first; ${into} < first + ${strip}; ${into}++) {
                        to[${into} - first] = ${into} < ${made} ? canonical[(k * inputs + i) * taps + ${orders and "tap_of[tap]" or "tap"}] : 0.0${f};
                    }
                }
            }
        }
    }
    @ if orders then
        #define ${macro}_IN_ORDER(NAME, TAP_COUNT, INPUTS, OUTPUTS, PITCH, BLOCK, ...) \
            static void NAME(${real} *restrict packed, const ${real} *restrict canonical) \
            { \
                static const int tap_of[TAP_COUNT] = {__VA_ARGS__}; \
                ${name}(packed, canonical, TAP_COUNT, INPUTS, OUTPUTS, PITCH, BLOCK, tap_of); \
            }
    @ else
        #define ${macro}(NAME, TAP_COUNT, INPUTS, OUTPUTS, PITCH, BLOCK) \
            static void NAME(${real} *restrict packed, const ${real} *restrict canonical) \
            { \
                ${name}(packed, canonical, TAP_COUNT, INPUTS, OUTPUTS, PITCH, BLOCK); \
            }
    @ end
@ end
