@ -- Transforms the weights of a 3 x 3 convolution for Winograd's F(4 x 4, 3 x 3), in blocks of one length.
@ local forward = what == "pack"
@ local into, from = forward and "k" or "i", forward and "i" or "k"
@ local made, read = forward and "outputs" or "inputs", forward and "inputs" or "outputs"
@ local what_read = in_pairs and "pair of " .. read or read
/* Canonical weights -> G w G'${forward and "" or ", the window turned around for the data gradient"}: 36 frequencies, in each blocks of ${block} ${made}, in
 * each [${what_read}][${made}]${in_pairs and ", in bf16" or ""}; zeros where there are fewer ${made} than `pitch`. templates/ops/conv/winograd_pack_loops.c.tpl */
static INLINE void ${name}(${real} *restrict packed, const ${real} *restrict canonical, int inputs, int outputs, int pitch)
{
    for (int first = 0; first < pitch; first += ${block}) {
        @ if in_pairs then
            @ local at = forward and "(k * inputs + 2 * pair + half) * 9 + tap" or "((2 * pair + half) * inputs + i) * 9 + 8 - tap"
            for (int pair = 0; pair < ${read} / 2; pair++) {
                ${real} taps[2][9 * ${block}] = {{0.0${f}}};
                for (int half = 0; half < 2; half++) {
                    for (int ${into} = first; ${into} < first + ${block} && ${into} < ${made}; ${into}++) {
                        for (int tap = 0; tap < 9; tap++) {
                            taps[half][tap * ${block} + ${into} - first] = canonical[${at}];
                        }
                    }
                }
                for (int lane = 0; lane < ${block}; lane += ${vl}) {
                    @ uses "winograd_filter"
                    @ uses "store_pairs"
                    ${real} filtered[2][36 * ${vl}];
                    winograd_filter(filtered[0], ${vl}, taps[0] + lane, ${block});
                    winograd_filter(filtered[1], ${vl}, taps[1] + lane, ${block});
                    for (int f = 0; f < 36; f++) {
                        uint32_t *to = (uint32_t *)packed + f * (${read} / 2) * pitch + first * (${read} / 2) + pair * ${block} + lane;
                        store_pairs(to, ${mm}_loadu_ps(filtered[0] + f * ${vl}), ${mm}_loadu_ps(filtered[1] + f * ${vl}));
                    }
                }
            }
        @ else
            for (int ${from} = 0; ${from} < ${read}; ${from}++) {
                ${real} taps[9 * ${block}] = {0.0${f}};
                for (int ${into} = first; ${into} < first + ${block} && ${into} < ${made}; ${into}++) {
                    for (int tap = 0; tap < 9; tap++) {
                        taps[tap * ${block} + ${into} - first] = canonical[(k * inputs + i) * 9 + ${forward and "tap" or "8 - tap"}];
                    }
                }
                for (int lane = 0; lane < ${block}; lane += ${vl}) {
                    @ uses "winograd_filter"
                    winograd_filter(packed + first * ${read} + ${from} * ${block} + lane, ${read} * pitch, taps + lane, ${block});
                }
            }
        @ end
    }
}
#define ${macro}(NAME, INPUTS, OUTPUTS, PITCH) \
    static void NAME(${real} *restrict packed, const ${real} *restrict canonical) \
    { \
        ${name}(packed, canonical, INPUTS, OUTPUTS, PITCH); \
    }
