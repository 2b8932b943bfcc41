/* levels.c - an image of bytes has at most 256 values a channel, so that its mean grey is that of a
 * count, and its levels are those of 256 bytes.
 */
#include "data/levels.h"

#include <assert.h>

static double cut(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* The part of a channel in grey. */
static double grey_part(int c, int channels)
{
    static const double rec_601[] = {0.299, 0.587, 0.114};
    return channels == 3 ? rec_601[c] : 1.0 / channels;
}

void levels_of_data(struct levels *levels, const struct data_stats *stats)
{
    levels->gain = 1;
    for (int c = 0; c < stats->channels; c++) {
        for (int byte = 0; byte < 256; byte++)
            levels->of_byte[c][byte] = (float)((byte / 255.0 - stats->mean[c]) / stats->std[c]);
        levels->centre[c] = (float)stats->mean[c];
        levels->scale[c] = (float)(1 / stats->std[c]);
    }
}

/* How often each byte occurs in a channel. */
static void count_bytes(int counts[256], const struct form *form, const uint8_t *channel)
{
    for (int byte = 0; byte < 256; byte++)
        counts[byte] = 0;
    for (int y = 0; y < form->h; y++) {
        for (int x = 0; x < form->w; x++)
            counts[channel[(size_t)y * form->strides.row + (size_t)x * form->strides.column]]++;
    }
}

static double sum_of_bytes(const struct form *form, const uint8_t *channel, double brightness)
{
    int counts[256];
    double sum = 0;
    count_bytes(counts, form, channel);
    for (int byte = 0; byte < 256; byte++)
        sum += counts[byte] * cut(byte / 255.0 * brightness);
    return sum;
}

static double sum_of_floats(const struct form *form, const void *pixels, size_t channel,
                            double brightness)
{
    double sum = 0;
    for (int y = 0; y < form->h; y++) {
        const size_t row = channel + (size_t)y * form->strides.row;
        for (int x = 0; x < form->w; x++)
            sum += (double)data_float(pixels, row + (size_t)x * form->strides.column);
    }
    return sum * brightness;
}

/* The mean grey of an image that has been brightened. */
static double mean_grey(const struct form *form, const void *pixels, double brightness)
{
    double sum = 0;
    for (int c = 0; c < form->c; c++) {
        const size_t channel = (size_t)c * form->strides.channel;
        sum += grey_part(c, form->c) *
               (form->type == DATA_FLOATS
                    ? sum_of_floats(form, pixels, channel, brightness)
                    : sum_of_bytes(form, (const uint8_t *)pixels + channel, brightness));
    }
    return sum / (form->h * form->w);
}

void levels_change(struct levels *levels, const struct data_stats *stats, const struct form *form,
                   const void *pixels, double brightness, double contrast)
{
    const double grey = mean_grey(form, pixels, brightness);
    assert(stats->channels == form->c);
    levels->gain = (float)(brightness * contrast);
    for (int c = 0; c < form->c; c++) {
        const double mean = stats->mean[c], std = stats->std[c];
        for (int byte = 0; byte < 256; byte++) {
            const double bright = cut(byte / 255.0 * brightness);
            levels->of_byte[c][byte] =
                (float)((cut(grey + contrast * (bright - grey)) - mean) / std);
        }
        levels->centre[c] = (float)(mean - (1 - contrast) * grey);
        levels->scale[c] = (float)(1 / std);
    }
}
