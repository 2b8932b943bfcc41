@ -- Weights of a convolution for kernels that multiply in bf16, from PyTorch's layout. One text for all
@ -- shapes: pack.c.tpl makes functions of it.
@ local forward = what == "pack"
@ local into, made, read = forward and "k" or "i", forward and "outputs" or "inputs", forward and "inputs" or "outputs"
/* Canonical weights -> w${forward and "" or ", of a data gradient"}, in bf16: blocks of `block` ${made} (by<block>), in each [pair][${made}], pairs of neighbours
 * among each `run` of [tap][${read}]${orders and ", the taps in the kernel's order, the last arguments" or ""}: the last one of an odd run has a zero beside it. Zeros where there are
 * fewer ${made} than `pitch`. templates/ops/conv/pack_pairs.c.tpl */
static INLINE void ${name}(${real} *restrict packed, const ${real} *restrict canonical, int taps, int inputs, int outputs, int pitch, int block, int run${orders and ", const int *tap_of" or ""})
{
    uint32_t *to = (uint32_t *)packed;
    for (int first = 0; first < pitch; first += block) {
        for (int start = 0; start < taps * ${read}; start += run) {
            for (int j = start; j < start + run; j += 2) {
                for (int lane = first; lane < first + block; lane += ${vl}) {
                    ${real} both[2][${vl}] = {{0.0${f}}};
                    for (int half = 0; half < 2 && j + half < start + run; half++) {
                        const int tap = ${orders and "tap_of[(j + half) / " .. read .. "]" or "(j + half) / " .. read};
                        const int ${forward and "i" or "k"} = (j + half) % ${read};
                        for (int ${into} = lane; ${into} < lane + ${vl} && ${into} < ${made}; ${into}++) {
                            both[half][${into} - lane] = canonical[(k * inputs + i) * taps + tap];
                        }
                    }
                    @ uses "store_pairs"
                    store_pairs(to, ${mm}_loadu_ps(both[0]), ${mm}_loadu_ps(both[1]));
                    to += ${vl};
                }
            }
        }
    }
}
@ local order = orders and "static const int tap_of[TAP_COUNT] = {__VA_ARGS__}; " or ""
#define ${macro}(NAME, TAP_COUNT, INPUTS, OUTPUTS, PITCH, BLOCK, RUN${orders and ", ..." or ""}) \
    static void NAME(${real} *restrict packed, const ${real} *restrict canonical) \
    { \
        ${order}${name}(packed, canonical, TAP_COUNT, INPUTS, OUTPUTS, PITCH, BLOCK, RUN${orders and ", tap_of" or ""}); \
    }
