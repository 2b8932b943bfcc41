/* mixup.c - see mixup.h. Powers are kept as logarithms: u to the power of 1 / alpha may be too
 * small for a double.
 */
#include "data/mixup.h"

#include <math.h>
#include <string.h>

#include "rng.h"

enum { FIRST_POSITION = 16 };

/* The logarithm of a power of a uniform number, above 0 and below 1. */
static double log_power(uint64_t key, uint32_t position, double alpha)
{
    return log(((double)rng_bits(key, position) + 0.5) * 0x1p-32) / alpha;
}

float mixup_part(double alpha, uint64_t seed, uint32_t epoch, uint32_t sample)
{
    const uint64_t key = rng_key(seed, epoch, sample, RNG_AUGMENT);
    double one, other;
    uint32_t position = FIRST_POSITION;
    do {
        one = log_power(key, position++, alpha);
        other = log_power(key, position++, alpha);
    } while (exp(one) + exp(other) > 1);
    return (float)(1 / (1 + exp(-fabs(one - other))));
}

static void mix(float *restrict image, const float *restrict next, size_t floats, float part)
{
    for (size_t i = 0; i < floats; i++)
        image[i] = part * image[i] + (1 - part) * next[i];
}

void mixup_images(float *images, size_t floats, const float *part, int n, float *room)
{
    memcpy(room, images, floats * sizeof *room);
    for (int i = 0; i < n; i++, images += floats)
        mix(images, i + 1 < n ? images + floats : room, floats, part[i]);
}
