@ -- Transforms the weights of a 3 x 3 convolution for Winograd's F(4 x 4, 3 x 3), in blocks of one length.
@ local forward = what == "pack"
@ local into, from = forward and "k" or "i", forward and "i" or "k"
@ local made, read = forward and "outputs" or "inputs", forward and "inputs" or "outputs"
/* Canonical weights -> G w G'${forward and "" or ", the window turned around for the data gradient"}: 36 frequencies, in each blocks of ${block} ${made}, in
 * each [${read}][${made}]; zeros where there are fewer ${made} than `pitch`. templates/ops/conv/winograd_pack_loops.c.tpl */
static INLINE void ${name}(${real} *restrict packed, const ${real} *restrict canonical, int inputs, int outputs, int pitch)
{
    for (int first = 0; first < pitch; first += ${block}) {
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
    }
}
#define ${macro}(NAME, INPUTS, OUTPUTS, PITCH) \
    static void NAME(${real} *restrict packed, const ${real} *restrict canonical) \
    { \
        ${name}(packed, canonical, INPUTS, OUTPUTS, PITCH); \
    }
