/* levels.h - what the network sees in place of a pixel: its value after brightness, contrast and
 * normalisation, channel by channel.
 *
 *     struct levels levels;
 *     levels_of_data(&levels, &stats);                              (nothing is changed)
 *     levels_change(&levels, &stats, &form, pixels, 1.2, 0.9);      (of one image)
 *
 * A byte is looked up in a table of 256 floats a channel, which replaces the arithmetic and is
 * rounded once, from double. A float is computed: (x * gain - centre) * scale.
 */
#ifndef BURIN_LEVELS_H
#define BURIN_LEVELS_H

#include <stddef.h>

#include "data/data.h"

/* How the pixels of an image lie. */
struct form {
    int c, h, w;
    enum data_type type;
    struct data_strides strides;
};

struct levels {
    float of_byte[DATA_MAX_CHANNELS][256];
    float gain;
    float centre[DATA_MAX_CHANNELS], scale[DATA_MAX_CHANNELS];
};

/* Normalisation alone: of a byte (byte / 255 - mean) / std, of a float (x - mean) / std. */
void levels_of_data(struct levels *levels, const struct data_stats *stats);

/* The levels of one image of this form: values, bytes as 0 .. 1, are multiplied by brightness, then
 * what they differ from the image's mean grey is multiplied by contrast, and they are normalised.
 * Grey is 0.299, 0.587 and 0.114 of three channels, as of red, green and blue (Rec. 601), and the
 * mean of all channels of any other number. Bytes are cut off at 0 and 1 after either; the range of
 * floats is not known. So does torchvision's ColorJitter, in this order and without rounding. */
void levels_change(struct levels *levels, const struct data_stats *stats, const struct form *form,
                   const void *pixels, double brightness, double contrast);

/* What becomes of the pixel at this place of a channel. */
static inline float levels_at(const struct levels *levels, enum data_type type, const void *pixels,
                              size_t place, int c)
{
    if (type == DATA_FLOATS)
        return (data_float(pixels, place) * levels->gain - levels->centre[c]) * levels->scale[c];
    return levels->of_byte[c][((const uint8_t *)pixels)[place]];
}

#endif
