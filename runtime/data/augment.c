/* augment.c - one pass: every output float is looked up by the byte it comes from.
 *
 * Crop and mirror only say which source row and column an output pixel has. The columns are the
 * same for all rows and channels, so they are worked out once an image. The table of 256 floats a
 * channel replaces the arithmetic of the normalisation, and is rounded once, from double.
 */
#include "data/augment.h"

#include <assert.h>
#include <string.h>

#include "rng.h"

enum draw_position { DRAW_MIRROR, DRAW_DOWN, DRAW_RIGHT, DRAW_ROW, DRAW_COLUMN };

void augment_init(struct augment *augment, const struct data_stats *stats, int c, int h, int w)
{
    assert(c == stats->channels && c <= DATA_MAX_CHANNELS && h >= 1 && w >= 1);
    assert(h <= DATA_MAX_SIDE && w <= DATA_MAX_SIDE);
    *augment = (struct augment){.c = c, .h = h, .w = w, .flip = FLIP_NONE};
    for (int k = 0; k < c; k++) {
        for (int byte = 0; byte < 256; byte++)
            augment->normalised[k][byte] = (float)((byte / 255.0 - stats->mean[k]) / stats->std[k]);
    }
}

static bool draws_mirror(enum flip_mode flip, uint64_t seed, uint32_t epoch, uint32_t sample)
{
    if (flip == FLIP_NONE)
        return false;
    uint32_t toss = flip == FLIP_ALTERNATING ? 1 : epoch;
    bool coin = rng_bits(rng_key(seed, toss, sample, RNG_AUGMENT), DRAW_MIRROR) >> 31;
    return coin ^ ((epoch - toss) % 2 == 1);
}

struct augment_draw augment_draw(const struct augment *augment, uint64_t seed, uint32_t epoch,
                                 uint32_t sample)
{
    uint64_t key = rng_key(seed, epoch, sample, RNG_AUGMENT);
    uint32_t offsets = 2 * (uint32_t)augment->crop + 1;
    return (struct augment_draw){
        .down = (int)rng_below(key, DRAW_DOWN, offsets) - augment->crop,
        .right = (int)rng_below(key, DRAW_RIGHT, offsets) - augment->crop,
        .mirror = draws_mirror(augment->flip, seed, epoch, sample),
        .row = (int)rng_below(key, DRAW_ROW, (uint32_t)augment->h),
        .column = (int)rng_below(key, DRAW_COLUMN, (uint32_t)augment->w),
    };
}

/* The index inside 0 .. n-1 that an index -n < i < 2n-1 is the mirror image of. */
static int reflect(int i, int n)
{
    return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

/* The part of [first, first + side) inside 0 .. n-1. */
static void clip(int *from, int *to, int first, int side, int n)
{
    *from = first < 0 ? 0 : first;
    *to = first + side > n ? n : first + side;
}

static void cut_out(float *out, const struct augment *a, const struct augment_draw *draw)
{
    int top, bottom, left, right;
    clip(&top, &bottom, draw->row - a->cutout / 2, a->cutout, a->h);
    clip(&left, &right, draw->column - a->cutout / 2, a->cutout, a->w);
    if (left >= right)
        return;
    for (int c = 0; c < a->c; c++) {
        for (int y = top; y < bottom; y++)
            memset(out + (c * a->h + y) * a->w + left, 0, (size_t)(right - left) * sizeof *out);
    }
}

void augment_apply(float *restrict out, const uint8_t *restrict pixels,
                   const struct augment *augment, const struct augment_draw *draw)
{
    const int h = augment->h, w = augment->w;
    assert(augment->crop < h && augment->crop < w);
    int column[DATA_MAX_SIDE];
    for (int x = 0; x < w; x++)
        column[x] = reflect((draw->mirror ? w - 1 - x : x) + draw->right, w);

    for (int c = 0; c < augment->c; c++) {
        const float *normalised = augment->normalised[c];
        for (int y = 0; y < h; y++) {
            const uint8_t *row = pixels + (c * h + reflect(y + draw->down, h)) * w;
            float *to = out + (c * h + y) * w;
            for (int x = 0; x < w; x++)
                to[x] = normalised[row[column[x]]];
        }
    }
    if (augment->cutout > 0)
        cut_out(out, augment, draw);
}

void augment_image(float *restrict out, const uint8_t *restrict pixels,
                   const struct augment *augment, uint64_t seed, uint32_t epoch, uint32_t sample)
{
    struct augment_draw draw = augment_draw(augment, seed, epoch, sample);
    augment_apply(out, pixels, augment, &draw);
}
