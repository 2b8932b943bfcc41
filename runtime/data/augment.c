/* augment.c - one pass: every output float is looked up by the byte it comes from, or computed from
 * a float.
 *
 * Crop and mirror only say which source row and column an output pixel has. The columns are the
 * same for all rows and channels, so they are worked out once an image, as places in a row. The
 * table of 256 floats a channel replaces the arithmetic of the normalisation, and is rounded once,
 * from double.
 */
#include "data/augment.h"

#include <assert.h>
#include <string.h>

#include "rng.h"

enum draw_position { DRAW_MIRROR, DRAW_DOWN, DRAW_RIGHT, DRAW_ROW, DRAW_COLUMN, DRAW_UPSIDE };

void augment_init(struct augment *augment, const struct data_stats *stats, const struct data *data)
{
    const int c = data->c, h = data->h, w = data->w;
    assert(c == stats->channels && c <= DATA_MAX_CHANNELS && h >= 1 && w >= 1);
    assert(h <= DATA_MAX_SIDE && w <= DATA_MAX_SIDE);
    *augment = (struct augment){
        .c = c, .h = h, .w = w, .type = data->type, .strides = data->strides, .flip = FLIP_NONE};
    for (int k = 0; k < c; k++) {
        for (int byte = 0; byte < 256; byte++)
            augment->normalised[k][byte] = (float)((byte / 255.0 - stats->mean[k]) / stats->std[k]);
        augment->mean[k] = (float)stats->mean[k];
        augment->scale[k] = (float)(1 / stats->std[k]);
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
        .upside = augment->flip_vertical && rng_bits(key, DRAW_UPSIDE) >> 31 != 0,
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

/* One row of an output from one row of channel c: pixel x comes from place[x]. */
static void read_row(float *restrict to, const void *restrict pixels, size_t row,
                     const size_t *restrict place, const struct augment *a, int c)
{
    if (a->type == DATA_FLOATS) {
        for (int x = 0; x < a->w; x++)
            to[x] = (data_float(pixels, row + place[x]) - a->mean[c]) * a->scale[c];
    } else {
        const uint8_t *from = (const uint8_t *)pixels + row;
        for (int x = 0; x < a->w; x++)
            to[x] = a->normalised[c][from[place[x]]];
    }
}

/* Sets to the mean what the window shows of the border. */
static void clear_border(float *out, const struct augment *a, const struct augment_draw *draw)
{
    for (int c = 0; c < a->c; c++) {
        for (int y = 0; y < a->h; y++) {
            const int row = (draw->upside ? a->h - 1 - y : y) + draw->down;
            for (int x = 0; x < a->w; x++) {
                const int column = (draw->mirror ? a->w - 1 - x : x) + draw->right;
                if (row < 0 || row >= a->h || column < 0 || column >= a->w)
                    out[(c * a->h + y) * a->w + x] = 0;
            }
        }
    }
}

void augment_apply(float *restrict out, const void *restrict pixels, const struct augment *augment,
                   const struct augment_draw *draw)
{
    const int h = augment->h, w = augment->w;
    const struct data_strides *strides = &augment->strides;
    assert(augment->crop < h && augment->crop < w);
    size_t place[DATA_MAX_SIDE];
    for (int x = 0; x < w; x++)
        place[x] =
            (size_t)reflect((draw->mirror ? w - 1 - x : x) + draw->right, w) * strides->column;

    for (int c = 0; c < augment->c; c++) {
        for (int y = 0; y < h; y++) {
            int from = reflect((draw->upside ? h - 1 - y : y) + draw->down, h);
            size_t row = (size_t)c * strides->channel + (size_t)from * strides->row;
            read_row(out + (c * h + y) * w, pixels, row, place, augment, c);
        }
    }
    if (augment->crop_border == CROP_ZERO && (draw->down != 0 || draw->right != 0))
        clear_border(out, augment, draw);
    if (augment->cutout > 0)
        cut_out(out, augment, draw);
}

void augment_image(float *restrict out, const void *restrict pixels, const struct augment *augment,
                   uint64_t seed, uint32_t epoch, uint32_t sample)
{
    struct augment_draw draw = augment_draw(augment, seed, epoch, sample);
    augment_apply(out, pixels, augment, &draw);
}
