@ -- Transforms the weights of a 3 x 3 convolution for Winograd's F(4 x 4, 3 x 3).
@ local forward = what == "pack"
@ local outputs, inputs, pitch = forward and k or channels, forward and channels or k, forward and k_pitch or c_pitch
@ local into, from = forward and "k" or "i", forward and "i" or "k"
/* Canonical weights -> G w G' of ${kernel}${forward and "" or ", its window turned around for the data gradient"}: 36 frequencies, in each blocks
 * of ${block} outputs, in each [input][output]; pad outputs zero. templates/ops/conv/winograd_pack.c.tpl */
static void ${name}(float *restrict packed, const float *restrict canonical)
{
    for (int first = 0; first < ${pitch}; first += ${block}) {
        for (int ${from} = 0; ${from} < ${inputs}; ${from}++) {
            float taps[${9 * block}] = {0.0f};
            for (int ${into} = first; ${into} < first + ${block} && ${into} < ${outputs}; ${into}++) {
                for (int tap = 0; tap < 9; tap++) {
                    taps[tap * ${block} + ${into} - first] = canonical[(k * ${channels} + i) * 9 + ${forward and "tap" or "8 - tap"}];
                }
            }
            for (int lane = 0; lane < ${block}; lane += ${vl}) {
                @ uses "winograd_filter"
                winograd_filter(packed + first * ${inputs} + ${from} * ${block} + lane, ${inputs * pitch}, taps + lane, ${block});
            }
        }
    }
}
