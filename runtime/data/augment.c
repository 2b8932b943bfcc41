/* augment.c - one pass: every output float is looked up by the byte it comes from, or computed from
 * a float.
 *
 * Crop and mirror only say which source row and column an output pixel has. The columns are the
 * same for all rows and channels, so they are worked out once an image, as places in a row. What
 * becomes of a pixel there, levels.h says. Only a rotation asks for places between pixels.
 */
#include "data/augment.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "rng.h"

enum draw_position {
    DRAW_MIRROR,
    DRAW_DOWN,
    DRAW_RIGHT,
    DRAW_ROW,
    DRAW_COLUMN,
    DRAW_UPSIDE,
    DRAW_ANGLE,
    DRAW_BRIGHTNESS,
    DRAW_CONTRAST
};

void augment_init(struct augment *augment, const struct data_stats *stats, const struct data *data)
{
    const int c = data->c, h = data->h, w = data->w;
    assert(c == stats->channels && c <= DATA_MAX_CHANNELS && h >= 1 && w >= 1);
    assert(h <= DATA_MAX_SIDE && w <= DATA_MAX_SIDE);
    *augment = (struct augment){
        .form = {c, h, w, data->type, data->strides}, .stats = *stats, .flip = FLIP_NONE};
    levels_of_data(&augment->plain, stats);
}

/* -- Draws ------------------------------------------------------------------------------------- */

/* Uniform in middle - most .. middle + most. */
static double draw_around(uint64_t key, uint32_t position, double middle, double most)
{
    return middle + most * (((double)rng_bits(key, position) + 0.5) * 0x1p-31 - 1);
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
    const double pi = 3.14159265358979323846;
    uint64_t key = rng_key(seed, epoch, sample, RNG_AUGMENT);
    uint32_t offsets = 2 * (uint32_t)augment->crop + 1;
    return (struct augment_draw){
        .down = (int)rng_below(key, DRAW_DOWN, offsets) - augment->crop,
        .right = (int)rng_below(key, DRAW_RIGHT, offsets) - augment->crop,
        .mirror = draws_mirror(augment->flip, seed, epoch, sample),
        .upside = augment->flip_vertical && rng_bits(key, DRAW_UPSIDE) >> 31 != 0,
        .row = (int)rng_below(key, DRAW_ROW, (uint32_t)augment->form.h),
        .column = (int)rng_below(key, DRAW_COLUMN, (uint32_t)augment->form.w),
        .angle = draw_around(key, DRAW_ANGLE, 0, (double)augment->rotate * (pi / 180)),
        .brightness = draw_around(key, DRAW_BRIGHTNESS, 1, (double)augment->brightness),
        .contrast = draw_around(key, DRAW_CONTRAST, 1, (double)augment->contrast),
    };
}

/* -- Crops and mirror images ------------------------------------------------------------------- */

/* The index inside 0 .. n-1 that an index -n < i < 2n-1 is the mirror image of. */
static int reflect(int i, int n)
{
    return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

/* Row and column of the window's pixel (y, x), seen from the image. */
static int row_of(const struct augment *a, const struct augment_draw *draw, int y)
{
    return (draw->upside ? a->form.h - 1 - y : y) + draw->down;
}

static int column_of(const struct augment *a, const struct augment_draw *draw, int x)
{
    return (draw->mirror ? a->form.w - 1 - x : x) + draw->right;
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
    clip(&top, &bottom, draw->row - a->cutout / 2, a->cutout, a->form.h);
    clip(&left, &right, draw->column - a->cutout / 2, a->cutout, a->form.w);
    if (left >= right)
        return;
    for (int c = 0; c < a->form.c; c++) {
        for (int y = top; y < bottom; y++)
            memset(out + (c * a->form.h + y) * a->form.w + left, 0,
                   (size_t)(right - left) * sizeof *out);
    }
}

/* One row of an output from one row of channel c: pixel x comes from place[x]. */
static void read_row(float *restrict to, const void *restrict pixels, size_t row,
                     const size_t *restrict place, const struct augment *a,
                     const struct levels *levels, int c)
{
    for (int x = 0; x < a->form.w; x++)
        to[x] = levels_at(levels, a->form.type, pixels, row + place[x], c);
}

/* Sets to the mean what the window shows of the border. */
static void clear_border(float *out, const struct augment *a, const struct augment_draw *draw)
{
    const struct form *form = &a->form;
    for (int c = 0; c < form->c; c++) {
        for (int y = 0; y < form->h; y++) {
            const int row = row_of(a, draw, y);
            for (int x = 0; x < form->w; x++) {
                const int column = column_of(a, draw, x);
                if (row < 0 || row >= form->h || column < 0 || column >= form->w)
                    out[(c * form->h + y) * form->w + x] = 0;
            }
        }
    }
}

static void read_window(float *restrict out, const void *restrict pixels, const struct augment *a,
                        const struct augment_draw *draw, const struct levels *levels)
{
    const struct form *form = &a->form;
    size_t place[DATA_MAX_SIDE];
    for (int x = 0; x < form->w; x++)
        place[x] = (size_t)reflect(column_of(a, draw, x), form->w) * form->strides.column;
    for (int c = 0; c < form->c; c++) {
        for (int y = 0; y < form->h; y++) {
            size_t row = (size_t)c * form->strides.channel +
                         (size_t)reflect(row_of(a, draw, y), form->h) * form->strides.row;
            read_row(out + (c * form->h + y) * form->w, pixels, row, place, a, levels, c);
        }
    }
    if (a->crop_border == CROP_ZERO && (draw->down != 0 || draw->right != 0))
        clear_border(out, a, draw);
}

/* -- Rotation ---------------------------------------------------------------------------------- */

/* The index inside 0 .. n-1 that any index is the mirror image of, also of a mirror image. */
static int reflect_far(int i, int n)
{
    const int period = 2 * (n - 1);
    if (n == 1)
        return 0;
    i = i % period + (i % period < 0 ? period : 0);
    return i < n ? i : period - i;
}

/* The four pixels around a place between them, and their parts. */
struct corners {
    size_t place[4];
    float part[4];
};

static struct corners corners_of(const struct augment *a, double y, double x)
{
    struct corners corners;
    const double top = floor(y), left = floor(x);
    for (int i = 0; i < 4; i++) {
        const int row = (int)top + i / 2, column = (int)left + i % 2;
        const double near_y = i / 2 == 0 ? 1 - (y - top) : y - top;
        const double near_x = i % 2 == 0 ? 1 - (x - left) : x - left;
        const bool outside = row < 0 || row >= a->form.h || column < 0 || column >= a->form.w;
        corners.part[i] = outside && a->crop_border == CROP_ZERO ? 0.0f : (float)(near_y * near_x);
        corners.place[i] = (size_t)reflect_far(row, a->form.h) * a->form.strides.row +
                           (size_t)reflect_far(column, a->form.w) * a->form.strides.column;
    }
    return corners;
}

/* A pixel of the window is where a turn with the clock about the image's middle leads. */
static void read_turned(float *out, const void *pixels, const struct augment *a,
                        const struct augment_draw *draw, const struct levels *levels)
{
    const struct form *form = &a->form;
    const double cosine = cos(draw->angle), sine = sin(draw->angle);
    const double middle_y = (form->h - 1) / 2.0, middle_x = (form->w - 1) / 2.0;
    for (int y = 0; y < form->h; y++) {
        const double from_y = row_of(a, draw, y) - middle_y;
        for (int x = 0; x < form->w; x++) {
            const double from_x = column_of(a, draw, x) - middle_x;
            const struct corners corners = corners_of(a, middle_y + cosine * from_y + sine * from_x,
                                                      middle_x + cosine * from_x - sine * from_y);
            for (int c = 0; c < form->c; c++) {
                const size_t channel = (size_t)c * form->strides.channel;
                float sum = 0;
                for (int i = 0; i < 4; i++)
                    sum += corners.part[i] *
                           levels_at(levels, form->type, pixels, channel + corners.place[i], c);
                out[(c * form->h + y) * form->w + x] = sum;
            }
        }
    }
}

/* -- An image ---------------------------------------------------------------------------------- */

void augment_apply(float *restrict out, const void *restrict pixels, const struct augment *augment,
                   const struct augment_draw *draw)
{
    assert(augment->crop < augment->form.h && augment->crop < augment->form.w);
    const struct levels *levels = &augment->plain;
    struct levels changed;
    if (augment->brightness > 0 || augment->contrast > 0) {
        levels_change(&changed, &augment->stats, &augment->form, pixels, draw->brightness,
                      draw->contrast);
        levels = &changed;
    }
    if (augment->rotate > 0)
        read_turned(out, pixels, augment, draw, levels);
    else
        read_window(out, pixels, augment, draw, levels);
    if (augment->cutout > 0)
        cut_out(out, augment, draw);
}

void augment_image(float *restrict out, const void *restrict pixels, const struct augment *augment,
                   uint64_t seed, uint32_t epoch, uint32_t sample)
{
    struct augment_draw draw = augment_draw(augment, seed, epoch, sample);
    augment_apply(out, pixels, augment, &draw);
}
